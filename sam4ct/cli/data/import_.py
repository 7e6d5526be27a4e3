"""`sam4ct import`: a movie and its masks in any format as a CTC dataset."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.cli.options import OVERWRITE, frame_range, movie_options
from sam4ct.profile import Spacing


@click.command("import")
@click.argument("images", type=click.Path(path_type=Path))
@click.argument("masks", type=click.Path(path_type=Path))
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--sequence", default="01", show_default=True, help="Name of the sequence.")
@movie_options
@click.option(
    "--frames", default=":", metavar="A:B", callback=frame_range, help="Frames A to B - 1 only."
)
@OVERWRITE
def import_command(
    images: Path,
    masks: Path,
    dataset: Path,
    sequence: str,
    axes: str | None,
    channel: str | None,
    spacing_um: Spacing | None,
    interval_s: float | None,
    frames: slice,
    overwrite: bool,
) -> None:
    """Make DATASET/01 and DATASET/01_ERR_SEG of a movie, IMAGES, and its labels, MASKS.

    Each is one file (TIFF, OME-TIFF, ImageJ, NumPy, Cellpose's _seg.npy, ND2, LIF, CZI), a folder
    with one file a time point, or an OME-Zarr. Cellpose's masks may lie beside the images.
    """
    from sam4ct.pipelines.tools.importing.look import Wishes  # zarr takes a moment to import
    from sam4ct.pipelines.tools.importing.movie import import_movie

    wishes = Wishes(axes, channel, spacing_um, interval_s, frames)
    done = import_movie(images, masks, dataset, wishes, sequence=sequence, overwrite=overwrite)
    click.echo(done.words)
    click.echo(f"cells in the first frame: {done.cells}")
    how = "linked" if done.linked else "written"
    click.echo(f"{dataset / sequence}: {how}. Next: sam4ct run {dataset} {sequence}")
