"""`sam4ct simulate`: a simulated CTC dataset with masks to link and exact ground truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from click.core import ParameterSource

from sam4ct.cli.options import FOLDER, NDIM, Command, number_option, seed_option
from sam4ct.io.simulated import write_dataset
from sam4ct.simulate import PRESETS, SLICE_SPACING, SegmentationErrors, movie_law

_TYPICAL = SegmentationErrors()


def _share(name: str, text: str) -> Callable[[Command], Command]:
    """Return an option for a share of the cells, 0 to 1."""
    return number_option(f"--{name}", getattr(_TYPICAL, name), text, most=1.0)


@click.command()
@click.argument("out", type=FOLDER)
@NDIM
@click.option(
    "--look",
    type=click.Choice(list(PRESETS)),
    default="nuclei",
    show_default=True,
    help="Kind of cells and microscope.",
)
@seed_option(0, "The same seed and options give the same files.")
@number_option("--frames", 30, "Number of frames.", 1, 10_000)
@click.option(
    "--cells",
    type=click.IntRange(min=1),
    help="Number of cells at the start, about.  [default: as many as the look has]",
)
@click.option(
    "--size",
    type=click.IntRange(min=16),
    nargs=2,
    metavar="Y X",
    help="Size of a frame in pixels.  [default: as the look has]",
)
@number_option("--slices", 24, "Slices of a volume.", 2)
@number_option("--anisotropy", SLICE_SPACING, "Distance of slices, in pixels.", 1.0, 20.0)
@click.option("--dataset", default="Simulated", show_default=True, help="Name of the dataset.")
@_share("missed", "Share of cells without a mask.")
@_share("burst", "Probability that a missed cell is missed in the next frame, too.")
@_share("split", "Share of cells whose mask is cut in two.")
@_share("merged", "Share of touching cells that share a mask with a neighbour.")
@_share("eroded", "Share of masks that are too small.")
@_share("dilated", "Share of masks that are too large.")
@_share("spurious", "Masks in the background, per cell.")
@click.pass_context
def simulate(
    ctx: click.Context,
    /,
    out: Path,
    ndim: str,
    look: str,
    seed: int,
    frames: int,
    cells: int | None,
    size: tuple[int, int] | None,
    slices: int,
    anisotropy: float,
    dataset: str,
    **shares: float,
) -> None:
    """Write a simulated movie as OUT/DATASET in the layout of the challenge.

    It has images, masks with the errors of a segmenter, and exact ground truth. Images of
    volumes state the voxel size, which `run` reads.
    """
    for option in ("slices", "anisotropy"):
        if ndim == "2" and ctx.get_parameter_source(option) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{option} is for volumes. Add --ndim 3, or leave it out.")
    if sum(shares[kind] for kind in ("split", "merged", "eroded", "dilated")) > 1.0:
        raise click.UsageError(
            "--split, --merged, --eroded and --dilated may add up to 1. Make one smaller."
        )
    plane = size or PRESETS[look].size
    shape = (slices, *plane) if ndim == "3" else plane
    law = movie_law(look, shape, frames, cells, anisotropy)
    digits = 3 if frames <= 1000 else 4
    path = write_dataset(out, dataset, law, SegmentationErrors(**shares), seed, digits)
    click.echo(path)
