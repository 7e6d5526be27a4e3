"""`sam4ct package`: the SW folder of a submission to the Cell Tracking Challenge."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.cli.options import FOLDER
from sam4ct.pipelines.package import Submission, write_submission

_USUAL = Submission()


@click.command()
@click.argument("out", type=FOLDER)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME",
    help="A dataset with a shipped profile; may be repeated.  [default: all of them]",
)
@click.option(
    "--sequence",
    "sequences",
    multiple=True,
    metavar="SS",
    default=_USUAL.sequences,
    show_default=True,
    help="A sequence of each dataset; may be repeated.",
)
@click.option(
    "--weights",
    multiple=True,
    metavar="NAME",
    help="Weights in the scripts, one for each role of `sam4ct weights list`.  [default: none, so"
    " that `run` chooses]",
)
@click.option(
    "--image", metavar="REF", default=_USUAL.image, show_default=True, help="Docker image."
)
@click.option(
    "--sif",
    metavar="FILE",
    default=_USUAL.sif,
    show_default=True,
    help="Apptainer image; a relative path counts from SW.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing SW folder.")
def package(
    out: Path,
    datasets: tuple[str, ...],
    sequences: tuple[str, ...],
    weights: tuple[str, ...],
    image: str,
    sif: str,
    overwrite: bool,
) -> None:
    """Write OUT/SW: a script DATASET-SS.sh for each sequence, and a README.

    The scripts expect the datasets beside SW. They use an installed sam4ct, Apptainer or
    Docker, the first of these that they find.
    """
    chosen = Submission(
        datasets=datasets, sequences=sequences, weights=weights, image=image, sif=sif
    )
    folder = write_submission(out, chosen, overwrite=overwrite)
    count = len(list(folder.glob("*.sh")))
    click.echo(f"{folder}: written, {count} scripts")
