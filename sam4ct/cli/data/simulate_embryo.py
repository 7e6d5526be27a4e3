"""`sam4ct simulate-embryo`: a simulated embryo in a large sparse volume, with seeds and truth."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.io.simulated import SEED_FORMATS
from sam4ct.simulate.embryo.movie import EmbryoLaw
from sam4ct.simulate.embryo.seeds import SeedErrors

_TYPICAL = EmbryoLaw()
_DETECTOR = SeedErrors()
_SHARE = click.FloatRange(0.0, 1.0)


@click.command("simulate-embryo")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed and options give the same files.",
)
@click.option(
    "--frames", type=click.IntRange(1, 10_000), default=_TYPICAL.frames, show_default=True
)
@click.option(
    "--cells",
    type=click.IntRange(min=1),
    default=_TYPICAL.cells,
    show_default=True,
    help="Cells at the start.",
)
@click.option(
    "--followed",
    type=click.IntRange(min=1),
    default=_TYPICAL.followed,
    show_default=True,
    help="Cells of the start that are to be followed, with all their descendants.",
)
@click.option(
    "--size",
    type=click.IntRange(min=8),
    nargs=3,
    metavar="Z Y X",
    default=_TYPICAL.shape,
    show_default=True,
    help="Frame in voxels. A larger one is emptier.",
)
@click.option(
    "--anisotropy",
    type=click.FloatRange(1.0, 20.0),
    default=_TYPICAL.anisotropy,
    show_default=True,
    help="Distance of the slices, in pixels.",
)
@click.option(
    "--distance",
    type=click.FloatRange(2.0, 1000.0),
    default=_TYPICAL.distance,
    show_default=True,
    help="Distance of neighbouring cells at the start, in radii (7 pixels).",
)
@click.option(
    "--flow",
    type=click.FloatRange(0.0, 2.0),
    default=_TYPICAL.flow,
    show_default=True,
    help="Speed of the tissue, in radii per frame.",
)
@click.option("--dataset", default="Embryo", show_default=True, help="Name of its folder.")
@click.option(
    "--missed",
    type=_SHARE,
    default=_DETECTOR.missed,
    show_default=True,
    help="Share of cells without a seed.",
)
@click.option(
    "--doubled",
    type=_SHARE,
    default=_DETECTOR.doubled,
    show_default=True,
    help="Share of cells with two seeds.",
)
@click.option(
    "--spurious",
    type=_SHARE,
    default=_DETECTOR.spurious,
    show_default=True,
    help="Seeds beside the cells, per cell.",
)
@click.option(
    "--noise",
    type=click.FloatRange(0.0, 1.0),
    default=_DETECTOR.noise,
    show_default=True,
    help="How far seeds are off their place along each axis, in radii (standard deviation).",
)
@click.option(
    "--seed-format",
    type=click.Choice(list(SEED_FORMATS)),
    default="plain",
    show_default=True,
    help="Columns z, y, x, or the files of the detector TWANG.",
)
@click.option("--tiff", is_flag=True, help="Write images as one TIFF a frame, not as a Zarr.")
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
    """Write a simulated embryo as OUT/DATASET: a large sparse movie in which to follow some cells.

    It holds images, the seeds of an imperfect detector, the cells to follow, and exact
    ground truth of them.
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
