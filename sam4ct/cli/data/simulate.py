"""`sam4ct simulate`: a simulated CTC dataset with masks to link and exact ground truth."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from sam4ct.cli.options import AT_LEAST_0, AT_LEAST_1, FOLDER, SHARE, Finite, setting
from sam4ct.io.simulated import write_dataset
from sam4ct.simulate import PRESETS, SLICE_SPACING, SegmentationErrors, movie_law

_USUAL = SegmentationErrors()


@click.command()
@click.argument("out", type=FOLDER)
@setting("--ndim", "2", "Images or volumes.", click.Choice(["2", "3"]))
@setting("--look", "nuclei", "Kind of cells and microscope.", click.Choice(list(PRESETS)))
@setting("--seed", 0, "The same seed and options give the same files.", AT_LEAST_0)
@setting("--frames", 30, None, click.IntRange(1, 10_000))
@click.option(
    "--cells",
    type=AT_LEAST_1,
    help="Cells in view at the start, about.  [default: the look's density]",
)
@click.option(
    "--size",
    type=click.IntRange(min=16),
    nargs=2,
    metavar="Y X",
    help="Frame in pixels.  [default: the look's]",
)
@setting("--slices", 24, "Slices of a volume.", click.IntRange(min=2))
@setting(
    "--anisotropy",
    SLICE_SPACING,
    "Distance of the slices of a volume, in pixels.",
    Finite(1.0, 20.0),
)
@setting("--dataset", "Simulated", "Name of its folder.", click.STRING)
@setting("--missed", _USUAL.missed, "Share of cells without a mask.", SHARE)
@setting(
    "--burst", _USUAL.burst, "How likely a missed cell is missed in the next frame too.", SHARE
)
@setting("--split", _USUAL.split, "Share of cells cut in two.", SHARE)
@setting(
    "--merged", _USUAL.merged, "Share of touching cells under one mask with a neighbour.", SHARE
)
@setting("--eroded", _USUAL.eroded, "Share of masks too small.", SHARE)
@setting("--dilated", _USUAL.dilated, "Share of masks too large.", SHARE)
@setting("--spurious", _USUAL.spurious, "Masks in the background, per cell.", SHARE)
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
