"""`sam4ct export`: a result for napari, Fiji, R and other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import FOLDER, FORMATS, OVERWRITE, POSITIVE, VOXEL


@click.command("export")
@click.argument("res_dir", type=FOLDER)
@click.option(
    "--to",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    default=("geff",),
    show_default=True,
    help="A format to write; may be given several times.",
)
@click.option(
    "--out", type=FOLDER, help="Folder to write into.  [default: RES_DIR.export beside the result]"
)
@click.option(
    "--images",
    type=FOLDER,
    help="Images of the result, a folder or Zarr.  [default: SS or SS.zarr beside SS_RES,"
    " or what `run IMAGES MASKS` imported]",
)
@click.option(
    "--zarr-format",
    type=click.Choice(["2", "3"]),
    default="2",
    show_default=True,
    help="Zarr version of GEFF; programs in Java read 2 alone.",
)
@click.option(
    "--spacing",
    "spacing_um",
    type=VOXEL,
    metavar="Z Y X",
    help="Size of a voxel in micrometres; Z counts in volumes alone.  [default: as the import, the"
    " run or the images say]",
)
@click.option(
    "--interval",
    "interval_s",
    type=POSITIVE,
    metavar="SECONDS",
    help="Time between frames.  [default: as the import or the images say, else unknown]",
)
@OVERWRITE
def export_command(res_dir: Path, zarr_format: str, **chosen: Any) -> None:
    """Write the result RES_DIR in formats of other programs.

    geff: napari, Mastodon, TrackMate 9, funtracks and others. napari: masks, tracks and graph for
    napari without a plug-in. csv: tables for R and Excel. trackmate: XML for Fiji. ome-zarr: the
    images with the masks as labels. RES_DIR may come from any tool; only a run of sam4ct leaves
    confidences for the links.
    """
    from sam4ct.pipelines.tools.export import ExportOptions, export  # zarr takes a moment to import

    options = ExportOptions(zarr_format=2 if zarr_format == "2" else 3, **chosen)
    for place in export(res_dir, options):
        click.echo(f"{place}: written")
