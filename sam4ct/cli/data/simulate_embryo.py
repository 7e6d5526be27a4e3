"""`sam4ct simulate-embryo`: a simulated embryo in a large sparse volume, with seeds and truth."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import AT_LEAST_0, FOLDER, SHARE, Finite, setting
from sam4ct.io.simulated import SEED_FORMATS
from sam4ct.simulate.embryo.movie import EmbryoLaw
from sam4ct.simulate.embryo.seeds import SeedErrors

_LAW = EmbryoLaw()
_USUAL = SeedErrors()


@click.command("simulate-embryo")
@click.argument("out", type=FOLDER)
@setting("--seed", 0, "The same seed and options give the same files.", AT_LEAST_0)
@setting("--frames", _LAW.frames, None, click.IntRange(1, 10_000))
@setting("--cells", _LAW.cells, "Cells at the start.")
@setting(
    "--followed",
    _LAW.followed,
    "Cells of the start that are to be followed, with all their descendants.",
)
@setting(
    "--size",
    _LAW.shape,
    "Frame in voxels. A larger one is emptier.",
    click.IntRange(min=8),
    nargs=3,
    metavar="Z Y X",
)
@setting(
    "--anisotropy",
    _LAW.anisotropy,
    "Distance of the slices, in pixels.",
    Finite(1.0, 20.0),
)
@setting(
    "--distance",
    _LAW.distance,
    "Distance of neighbouring cells at the start, in radii (7 pixels).",
    Finite(2.0, 1000.0),
)
@setting("--flow", _LAW.flow, "Speed of the tissue, in radii per frame.", Finite(0.0, 2.0))
@setting("--dataset", "Embryo", "Name of its folder.", click.STRING)
@setting("--missed", _USUAL.missed, "Share of cells without a seed.", SHARE)
@setting("--doubled", _USUAL.doubled, "Share of cells with two seeds.", SHARE)
@setting("--spurious", _USUAL.spurious, "Seeds beside the cells, per cell.", SHARE)
@setting(
    "--noise",
    _USUAL.noise,
    "How far seeds are off their place along each axis, in radii (standard deviation).",
    SHARE,
)
@setting(
    "--seed-format",
    "plain",
    "Columns z, y, x, or the files of the detector TWANG.",
    click.Choice(list(SEED_FORMATS)),
)
@click.option("--tiff", is_flag=True, help="Write images as one TIFF a frame, not as a Zarr.")
def simulate_embryo_command(
    out: Path,
    seed: int,
    frames: int,
    size: tuple[int, int, int],
    dataset: str,
    seed_format: str,
    tiff: bool,
    **numbers: Any,
) -> None:
    """Write a simulated embryo as OUT/DATASET: a large movie in which to follow some cells.

    It has images, the seeds of an imperfect detector, the cells to follow, and their exact
    ground truth.
    """
    from sam4ct.io.simulated import EmbryoFiles, write_embryo

    errors = {field.name: numbers.pop(field.name) for field in fields(SeedErrors)}
    law = EmbryoLaw(shape=size, frames=frames, **numbers)
    files = EmbryoFiles(tiff=tiff, seeds=seed_format, digits=3 if frames <= 1000 else 4)
    click.echo(write_embryo(out, dataset, law, SeedErrors(**errors), seed, files))
