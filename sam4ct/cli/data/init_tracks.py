"""`sam4ct init-tracks`: where the tracks to follow begin."""

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
    """Write the centroids of the cells labelled in a frame as the tracks to follow.

    Tracks have the labels of the file, 1 to 65535; centroids are in pixels, (z, y, x).
    They begin in the frame that the file's name says, e.g. 5 of man_track005.tif, else in 0.
    """
    found = init_tracks(labels, out, overwrite=overwrite)
    click.echo(f"{out}: written, {len(found.tracks)} tracks")
