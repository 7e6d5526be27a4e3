"""`sam4ct simulate`: a simulated CTC dataset with masks to link and exact ground truth."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from sam4ct.io.simulated import write_dataset
from sam4ct.simulate import PRESETS, SLICE_SPACING, SegmentationErrors, movie_law

_TYPICAL = SegmentationErrors()
_SHARE = click.FloatRange(0.0, 1.0)


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--ndim",
    type=click.Choice(["2", "3"]),
    default="2",
    show_default=True,
    help="Images or volumes.",
)
@click.option(
    "--look",
    type=click.Choice(list(PRESETS)),
    default="nuclei",
    show_default=True,
    help="Kind of cells and microscope.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed and options give the same files.",
)
@click.option("--frames", type=click.IntRange(1, 10_000), default=30, show_default=True)
@click.option(
    "--cells",
    type=click.IntRange(min=1),
    help="Cells in view at the start, about.  [default: the look's density]",
)
@click.option(
    "--size",
    type=click.IntRange(min=16),
    nargs=2,
    metavar="Y X",
    help="Frame in pixels.  [default: the look's]",
)
@click.option(
    "--slices",
    type=click.IntRange(min=2),
    default=24,
    show_default=True,
    help="Slices of a volume.",
)
@click.option(
    "--anisotropy",
    type=click.FloatRange(1.0, 20.0),
    default=SLICE_SPACING,
    show_default=True,
    help="Distance of the slices of a volume, in pixels.",
)
@click.option("--dataset", default="Simulated", show_default=True, help="Name of its folder.")
@click.option(
    "--missed",
    type=_SHARE,
    default=_TYPICAL.missed,
    show_default=True,
    help="Share of cells without a mask.",
)
@click.option(
    "--burst",
    type=_SHARE,
    default=_TYPICAL.burst,
    show_default=True,
    help="How likely a missed cell is missed in the next frame too.",
)
@click.option(
    "--split",
    type=_SHARE,
    default=_TYPICAL.split,
    show_default=True,
    help="Share of cells cut in two.",
)
@click.option(
    "--merged",
    type=_SHARE,
    default=_TYPICAL.merged,
    show_default=True,
    help="Share of touching cells under one mask with a neighbour.",
)
@click.option(
    "--eroded",
    type=_SHARE,
    default=_TYPICAL.eroded,
    show_default=True,
    help="Share of masks too small.",
)
@click.option(
    "--dilated",
    type=_SHARE,
    default=_TYPICAL.dilated,
    show_default=True,
    help="Share of masks too large.",
)
@click.option(
    "--spurious",
    type=_SHARE,
    default=_TYPICAL.spurious,
    show_default=True,
    help="Masks in the background, per cell.",
)
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
    """Write a simulated time-lapse as OUT/DATASET in the layout of the challenge.

    It holds images, masks to link with a segmenter's errors, and exact ground truth.
    The images of volumes state their voxel spacing, which `run` reads.
    """
    for option in ("slices", "anisotropy"):
        if ndim == "2" and ctx.get_parameter_source(option) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{option} is for volumes. Add --ndim 3, or leave it out.")
    if sum(shares[kind] for kind in ("split", "merged", "eroded", "dilated")) > 1.0:
        raise click.UsageError("--split, --merged, --eroded and --dilated may add up to 1.")
    plane = size or PRESETS[look].size
    shape = (slices, *plane) if ndim == "3" else plane
    law = movie_law(look, shape, frames, cells, anisotropy)
    digits = 3 if frames <= 1000 else 4
    path = write_dataset(out, dataset, law, SegmentationErrors(**shares), seed, digits)
    click.echo(path)
