"""`sam4ct seeds`: where there are cells in every frame of a movie."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from sam4ct.cli.options import POSITIVE, VOXEL, frame_range
from sam4ct.profile import Spacing


def _diameters(
    _: click.Context, __: click.Parameter, value: str | None
) -> tuple[float, float] | None:
    """Read the diameter of a typical cell, or MIN:MAX of the smallest and largest."""
    if value is None:
        return None
    from sam4ct.pipelines.tools.find_seeds import SIZES

    first, colon, last = value.partition(":")
    try:
        smallest, largest = float(first), float(last if colon else first)
    except ValueError:
        smallest = largest = 0.0
    if not 0.0 < smallest <= largest < float("inf"):
        raise click.BadParameter(f"{value!r} is not a diameter. Give pixels, e.g. 15 or 10:24.")
    return (smallest, largest) if colon else (SIZES[0] * smallest, SIZES[1] * smallest)


@click.command("seeds")
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path))
@click.argument("out", metavar="[OUT]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--diameter",
    "diameter_px",
    metavar="D|MIN:MAX",
    callback=_diameters,
    help="Diameter of a typical cell, or of the smallest and largest, in pixels along x."
    "  [default: cell_diameter_px of the profile]",
)
@click.option(
    "--spacing",
    "spacing_um",
    type=VOXEL,
    metavar="Z Y X",
    help="Size of a voxel in micrometres.  [default: as in the profile, else as in the images]",
)
@click.option(
    "--profile",
    metavar="NAME|FILE",
    help="A shipped profile, or a .toml file.  [default: that named like the dataset's folder]",
)
@click.option(
    "--frames",
    default=":",
    metavar="A:B",
    callback=frame_range,
    help="Search frames A to B - 1 only; parts may run at the same time.  [default: all]",
)
@click.option(
    "--threshold",
    type=POSITIVE,
    help="Least contrast of a cell, in grey values.  [default: by the noise of each frame]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Threads, about 80 MB each.  [default: one a core, 4 at most]",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Format of the seed files.",
)
@click.option("--overwrite", is_flag=True, help="Replace seeds found with other settings.")
def seeds_command(
    source: Path,
    out: Path | None,
    diameter_px: tuple[float, float] | None,
    spacing_um: Spacing | None,
    profile: str | None,
    frames: slice,
    threshold: float | None,
    workers: int | None,
    file_format: Literal["csv", "parquet"],
    overwrite: bool,
) -> None:
    """Find the centres of bright cells in the movie SOURCE, DATASET/SS or an OME-Zarr folder.

    Writes a file a frame, places (z, y, x) in voxels and their contrast, to OUT, by default
    SS_SEEDS beside the movie. The same command continues a search that was stopped.
    """
    from sam4ct.pipelines.tools.find_seeds import (  # zarr takes a moment to import
        SeedOptions,
        find_seeds,
    )

    options = SeedOptions(
        diameter_px=diameter_px,
        spacing_um=spacing_um,
        profile=profile,
        frames=frames,
        threshold=threshold,
        workers=workers,
        file_format=file_format,
        overwrite=overwrite,
    )
    done = find_seeds(source, out, options)
    there = f"; {done.before} frames were there already" if done.before else ""
    click.echo(f"{done.folder}: {done.seeds} seeds found in {done.frames} frames{there}")
