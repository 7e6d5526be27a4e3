"""`sam4ct corrections`: answers of a person, from other programs."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def corrections() -> None:
    """Turn what was changed elsewhere into corrections; see docs/correcting.md."""


@corrections.command("from-geff")
@click.argument("edited", type=click.Path(path_type=Path))
@click.argument("res_dir", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.  [default: SS_CORRECTIONS.csv beside the result]",
)
def from_geff(edited: Path, res_dir: Path, out: Path | None) -> None:
    """Write the corrections that lead from the result RES_DIR to its edited lineage.

    EDITED is a GEFF that napari-track-edit, TrackMate or another editor wrote, of an export of this
    result. Answers that are there already stay, but those about regions that were edited.
    """
    from sam4ct.pipelines.correct.from_geff import corrections_from_geff  # zarr takes a moment

    path, counts = corrections_from_geff(edited, res_dir, out)
    said = ", ".join(f"{count} {kind!r}" for kind, count in sorted(counts.items()))
    click.echo(f"{path}: {said or 'nothing new'}; `sam4ct run` obeys it")
