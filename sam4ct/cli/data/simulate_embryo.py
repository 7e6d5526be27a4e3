"""`sam4ct simulate-embryo`: a simulated embryo in a large sparse volume, with seeds and truth."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.cli.options import FOLDER, number_option, seed_option
from sam4ct.io.simulated import SEED_FORMATS
from sam4ct.simulate.embryo.movie import EmbryoLaw
from sam4ct.simulate.embryo.seeds import SeedErrors

_TYPICAL = EmbryoLaw()
_DETECTOR = SeedErrors()


@click.command("simulate-embryo")
@click.argument("out", type=FOLDER)
@seed_option(0, "The same seed and options give the same files.")
@number_option("--frames", _TYPICAL.frames, "Number of frames.", 1, 10_000)
@number_option("--cells", _TYPICAL.cells, "Number of cells at the start.", 1)
@number_option("--followed", _TYPICAL.followed, "Cells to follow, with all their descendants.", 1)
@click.option(
    "--size",
    type=click.IntRange(min=8),
    nargs=3,
    metavar="Z Y X",
    default=_TYPICAL.shape,
    show_default=True,
    help="Size of a frame in voxels; a larger frame is emptier.",
)
@number_option("--anisotropy", _TYPICAL.anisotropy, "Distance of slices, in pixels.", 1.0, 20.0)
@number_option(
    "--distance",
    _TYPICAL.distance,
    "Distance of neighbouring cells at the start, in radii (7 pixels).",
    2.0,
    1000.0,
)
@number_option("--flow", _TYPICAL.flow, "Speed of the tissue, in radii per frame.", most=2.0)
@click.option("--dataset", default="Embryo", show_default=True, help="Name of the dataset.")
@number_option("--missed", _DETECTOR.missed, "Share of cells without a seed.", most=1.0)
@number_option("--doubled", _DETECTOR.doubled, "Share of cells with two seeds.", most=1.0)
@number_option("--spurious", _DETECTOR.spurious, "Seeds outside of cells, per cell.", most=1.0)
@number_option(
    "--noise",
    _DETECTOR.noise,
    "Error of the seeds' positions along each axis, in radii (standard deviation).",
    most=1.0,
)
@click.option(
    "--seed-format",
    type=click.Choice(list(SEED_FORMATS)),
    default="plain",
    show_default=True,
    help="Columns z, y, x, or the files of the detector TWANG.",
)
@click.option("--tiff", is_flag=True, help="Write one TIFF for each frame, not a Zarr.")
def simulate_embryo_command(
    out: Path,
    seed: int,
    frames: int,
    cells: int,
    followed: int,
    size: tuple[int, int, int],
    anisotropy: float,
    distance: float,
    flow: float,
    dataset: str,
    seed_format: str,
    tiff: bool,
    **errors: float,
) -> None:
    """Write a simulated embryo as OUT/DATASET: a large movie in which to follow some cells.

    It has images, the seeds of an imperfect detector, the cells to follow, and their exact
    ground truth.
    """
    from sam4ct.io.simulated import EmbryoFiles, write_embryo

    law = EmbryoLaw(
        shape=size,
        frames=frames,
        cells=cells,
        followed=followed,
        anisotropy=anisotropy,
        distance=distance,
        flow=flow,
    )
    files = EmbryoFiles(tiff=tiff, seeds=seed_format, digits=3 if frames <= 1000 else 4)
    click.echo(write_embryo(out, dataset, law, SeedErrors(**errors), seed, files))
