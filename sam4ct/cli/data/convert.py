"""`sam4ct convert`: TIFF frames as one OME-Zarr movie."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.cli.options import OVERWRITE, VOXEL
from sam4ct.profile import Spacing


@click.command("convert")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.zarr", type=click.Path(path_type=Path))
@click.option(
    "--spacing",
    "spacing_um",
    type=VOXEL,
    metavar="Z Y X",
    help="Size of a voxel in micrometres.  [default: as in the profile named like the dataset,"
    " else as in the frames]",
)
@OVERWRITE
def convert_command(
    source: Path, target: Path, spacing_um: Spacing | None, overwrite: bool
) -> None:
    """Write the TIFF frames in folder IN as one OME-Zarr movie, in chunks for fast crops.

    IN holds t000.tif, t001.tif, ... or mask000.tif, man_seg000.tif and so on. The same
    command continues a conversion that was stopped.
    """
    from sam4ct.pipelines.tools.convert import convert  # zarr takes a moment to import

    movie = convert(source, target, spacing_um=spacing_um, overwrite=overwrite)
    shape = " x ".join(map(str, movie.shape))
    click.echo(f"{target}: written, {movie.frames} frames of {shape} {movie.dtype}")
