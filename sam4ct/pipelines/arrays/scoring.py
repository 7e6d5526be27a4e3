"""`sam4ct.evaluate`: a result against ground truth, both in memory or in folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.ctc import MASK, RESULT, TRACKS, write_tracks
from sam4ct.io.files import frame_name, refuse_label_type
from sam4ct.io.tiff import whole_numbers, write_image
from sam4ct.lineage import MAX_LABEL, Track
from sam4ct.pipelines.arrays.frames import Movie, digits, temporary
from sam4ct.pipelines.arrays.tracking import Tracking

if TYPE_CHECKING:
    from sam4ct.metrics import Scores

Rows = Sequence[Sequence[int]] | NDArray[np.integer]
"""A row a track: label, first frame, last frame, label of the mother (0: none)."""
Tracks = Tracking | tuple[Movie, Rows] | str | Path


def evaluate(result: Tracks, truth: Tracks) -> Scores:
    """Return the scores of the Cell Tracking Challenge, as `sam4ct evaluate` does.

    Args:
        result: A `Tracking`; or labels (t, [z,] y, x) and the rows of their tracks: label, first
            frame, last frame, label of the mother (0: none); or a folder `SS_RES`.
        truth: The same, or a folder `SS_GT`. In arrays every frame holds every true cell.

    Returns:
        Scores by name, 1 is best: DET, TRA, LNK, CT, TF, BC(0) to BC(3), CCA, BIO, OP_CLB and
        others. None where a score does not exist: SEG (of folders alone), CCA without a whole cell
        cycle, and all but Valid if the result breaks the rules of the challenge.

    Raises:
        ResultError: The result is incomplete, or of other frames than the truth.
        SequenceError: The truth cannot be used, or labels are no labels.

    Example:
        >>> import numpy as np
        >>> import sam4ct
        >>> masks = np.zeros((3, 64, 64), np.uint16)
        >>> for t in range(3):
        ...     masks[t, 10 : 20, 10 + t : 20 + t] = 1
        ...     masks[t, 40 : 50, 30 : 40] = 2
        >>> tracking = sam4ct.link(masks, masks, evidence="overlap")
        >>> scores = sam4ct.evaluate(tracking, (masks, [(1, 0, 2, 0), (2, 0, 2, 0)]))
        >>> scores["TRA"], scores["LNK"]
        (1.0, 1.0)
    """
    from sam4ct.metrics import evaluate as scores_of  # it takes seconds to load

    with temporary() as folder:
        found = _on_disk(result, folder / f"result{RESULT}", MASK, TRACKS)
        true = folder / "truth_GT"
        kept = _on_disk(truth, true / "TRA", "man_track", "man_track.txt")
        return scores_of(found, true if kept.parent == true else kept)


def _on_disk(tracks: Tracks, folder: Path, prefix: str, table: str) -> Path:
    """Return the folder of tracks: their own, or `folder`, to which arrays are written."""
    if isinstance(tracks, str | Path):
        return Path(tracks)
    if isinstance(tracks, Tracking):
        tracks = tracks.labels, tracks.tracks
    labels, rows = _refuse_unlike_tracks(tracks)
    folder.mkdir(parents=True)
    frames = labels.shape[0]
    for t in range(frames):
        name = frame_name(prefix, t, digits(frames))
        write_image(folder / name, _labels(folder / name, np.asarray(labels[t])))
    write_tracks(folder / table, [Track(*map(int, row)) for row in rows])
    return folder


def _refuse_unlike_tracks(tracks: object) -> tuple[Movie, Rows]:
    """Return labels and rows of tracks; refuse what is no pair of these."""
    if isinstance(tracks, tuple) and len(tracks) == 2:
        labels, rows = tracks
        shape = getattr(labels, "shape", ())
        if len(shape) in (3, 4) and all(len(row) == 4 for row in rows):
            return labels, rows
    raise SequenceError(
        "tracks: are given as something else. Give what sam4ct.link returned, a folder, or a pair:"
        " an array of labels (t, [z,] y, x), and rows of label, first frame, last frame, mother."
    )


def _labels(where: Path, frame: NDArray[np.generic]) -> NDArray[np.uint16]:
    """Return a frame as 16-bit labels; refuse what they cannot hold."""
    refuse_label_type(where, frame.dtype)
    labels = whole_numbers(where, frame)
    low, high = int(labels.min(initial=0)), int(labels.max(initial=0))
    if low < 0 or high > MAX_LABEL:
        raise SequenceError(
            f"{where}: has labels from {low} to {high}, but tracks are numbered from 1 to"
            f" {MAX_LABEL}. Renumber them."
        )
    return labels.astype(np.uint16)
