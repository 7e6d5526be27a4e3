"""The exact CTC lineage of a simulated movie, frame by frame.

Cells become tracks while frames pass, so that a movie is never in memory as a whole: a track gets
its label in the first of a run of frames in which a cell is visible. Frames are ([z,] y, x), and
counted from 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.lineage import MAX_LABEL, Track
from sam4ct.regions import LabelFrame


class Truth:
    """Turns the cells of consecutive frames into tracks.

    A track is one run of frames in which a cell is visible. A cell that comes back gets a new
    track whose parent is its last one. A daughter's parent is the last track of her mother, or 0
    if the mother was never seen. If only one daughter is in view, no division is visible: she
    continues her mother's track, and her sister has no parent if she comes into view later.
    """

    def __init__(self) -> None:
        self._t = -1
        self._track_of: dict[int, int] = {}
        self._begin: list[int] = []
        self._end: list[int] = []
        self._parent: list[int] = []

    def add(self, cells: LabelFrame, mothers: Mapping[int, int]) -> NDArray[np.uint16]:
        """Take the next frame and return it with track labels.

        Args:
            cells: Cell labels, ([z,] y, x), 0 is background. A cell keeps its label for life.
            mothers: Mother's label of every cell in the frame; 0 if it has none.

        Returns:
            Track labels from 1 in order of appearance, of the frame's shape.

        Raises:
            SequenceError: There are more tracks than 16-bit labels.
        """
        seen = np.flatnonzero(np.bincount(cells.ravel(), minlength=1))
        seen = seen[seen > 0]
        tracks = self.number(seen.tolist(), mothers)
        table = np.zeros(int(seen.max(initial=0)) + 1, np.uint16)
        table[seen] = [tracks[cell] for cell in seen.tolist()]
        return table[cells]

    def number(self, seen: Iterable[int], mothers: Mapping[int, int]) -> dict[int, int]:
        """Take the next frame as a list of its visible cells; return the track of each.

        Like `add`, for frames that do not fit in memory.

        Args:
            seen: Labels of the visible cells.
            mothers: As in `add`.

        Raises:
            SequenceError: There are more tracks than 16-bit labels.
        """
        self._t += 1
        visible = set(seen)
        lasting = {cell for cell in visible if self._last_frame(cell) == self._t - 1}
        for cell in lasting:
            self._end[self._track_of[cell] - 1] = self._t
        new = sorted(visible - lasting)
        born = Counter(mothers[cell] for cell in new)
        for cell in new:
            mother = mothers[cell]
            if born[mother] == 1 and self._last_frame(mother) == self._t - 1:
                self._end[self._track_of[mother] - 1] = self._t
                self._track_of[cell] = self._track_of.pop(mother)
            else:
                self._begin_track(cell, mother)
        return {cell: self._track_of[cell] for cell in sorted(visible)}

    def _last_frame(self, cell: int) -> int | None:
        """Return the last frame in which a cell was seen; None if it never was."""
        track = self._track_of.get(cell)
        return None if track is None else self._end[track - 1]

    def _begin_track(self, cell: int, mother: int) -> None:
        if len(self._begin) == MAX_LABEL:
            raise SequenceError(
                f"The simulated movie has more than {MAX_LABEL} tracks by frame {self._t}, "
                "and CTC labels have 16 bits. Ask for fewer cells or frames."
            )
        origin = cell if cell in self._track_of else mother
        ended = self._last_frame(origin)
        # A mother has ended when her daughters appear; one that has not cannot be a parent.
        parent = self._track_of[origin] if ended is not None and ended < self._t else 0
        self._begin.append(self._t)
        self._end.append(self._t)
        self._parent.append(parent)
        self._track_of[cell] = len(self._begin)

    def tracks(self) -> list[Track]:
        """Return all tracks of the frames so far, by label."""
        rows = zip(self._begin, self._end, self._parent, strict=True)
        return [Track(label, *row) for label, row in enumerate(rows, start=1)]
