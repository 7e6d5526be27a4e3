"""`sam4ct init-tracks`: the cells to follow, from a labelled frame."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.cli.options import OVERWRITE
from sam4ct.pipelines.tools.init_tracks import init_tracks


@click.command("init-tracks")
@click.argument("labels", metavar="LABELS.tif", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT.json", type=click.Path(path_type=Path))
@OVERWRITE
def init_tracks_command(labels: Path, out: Path, overwrite: bool) -> None:
    """Write the cells that are labelled in a frame as the tracks to follow.

    A track has its cell's label, 1 to 65535, and its centroid in pixels, (z, y, x). Tracks begin
    in the frame of the file's name, e.g. 5 for man_track005.tif, else in frame 0.
    """
    found = init_tracks(labels, out, overwrite=overwrite)
    click.echo(f"{out}: written, {len(found.tracks)} tracks")
