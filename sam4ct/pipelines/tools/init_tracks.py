"""Initial tracks: the cells of one label frame as centroids in a file."""

from __future__ import annotations

from pathlib import Path

from sam4ct.errors import ResultError
from sam4ct.io.files import refuse_track_label
from sam4ct.io.follow import Centroids, frame_of, read_label_cells, write_centroids
from sam4ct.io.tiff import read_info


def init_tracks(labels: Path, out: Path, *, overwrite: bool = False) -> Centroids:
    """Write the centroids of a label frame, one track a label.

    Args:
        labels: TIFF, ([z,] y, x), integers from 1 to 65535; 0 is background. One plane is in
            memory at a time. Its frame is the number in its name (`frame_of`).
        out: The JSON file (see `io.centroids`).
        overwrite: Replace an older file.

    Returns:
        What was written.

    Raises:
        SequenceError: The file is not a label frame, looks like an image, has no labels, or
            one that a result cannot have.
        ResultError: `out` is there already.
        WorkError: The disk refuses.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        raise ResultError(
            f"{out}: is there already. Add --overwrite to replace the file, or choose another."
        )
    cells = read_label_cells(labels)
    refuse_track_label(labels, max(cells))
    ndim = len(read_info(labels).shape)
    tracks = {label: cell.centroid[-ndim:] for label, cell in cells.items()}
    found = Centroids(frame_of(labels), tracks)
    write_centroids(out, found)
    return found
