"""A simulated proofreader: answers questions about a lineage by the truth.

A mask that covers more than half of a true cell is that cell; of several cells, the one of which it
covers most pixels. A mask that is no cell, or a fragment beside the mask of its cell, is no cell.
What the truth does not tell is skipped, and so is a gap longer than a person would follow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from sam4ct.evaluate.files import find_truth, read_truth

from sam4ct.corrections import Correction, End, Kind
from sam4ct.questions import Question
from sam4ct.tables import Detections, row_numbers
from sam4ct.types import FrameReader

LONGEST = 4
"""Frames from a region to the next one of its cell that a person would find."""
GOES = (Kind.SAME_CELL, Kind.DIVIDES, Kind.ENDS)
_Rows = tuple[int, ...]


def is_about_leaving(question: Question) -> bool:
    """Whether a question is about where a region goes, not where it comes from."""
    now = question.answers[0].corrections[0]
    return now.kind in GOES and now.ends[0] == question.about


class Proofreader:
    """Knows the truth about the linked regions of one movie."""

    def __init__(self, cells: Detections, reader: FrameReader, gt_dir: Path) -> None:
        """Match regions with true cells.

        Args:
            cells: The regions, ordered by frame and label.
            reader: Reads their masks.
            gt_dir: Holds `TRA`.
        """
        self._cells, truth = cells, find_truth(gt_dir)
        self._ndim = reader.labels(0).ndim
        self._cell = np.full(len(cells), -1)
        self._within = np.full(len(cells), -1)
        for t, path in enumerate(truth.files):
            self._match(t, reader.labels(t), read_truth(path))
        by_cell = defaultdict(list)
        for row in np.flatnonzero(self._cell >= 0).tolist():
            by_cell[int(self._cell[row])].append(row)
        self._next: dict[int, _Rows] = {}
        self._before: dict[int, _Rows] = {}
        for rows in by_cell.values():
            self._next |= {a: (a, b) for a, b in pairwise(rows)}
        daughters = defaultdict(list)
        for track in truth.tracks:
            if track.parent in by_cell and track.label in by_cell:
                daughters[by_cell[track.parent][-1]].append(by_cell[track.label][0])
        for mother, born in daughters.items():
            born = sorted(row for row in born if cells.t[row] > cells.t[mother])
            # Two daughters that are first seen in different frames are no division of the file.
            both = len(born) > 1 and cells.t[born[0]] == cells.t[born[1]]
            if born:
                self._next[mother] = (mother, *born[: 2 if both else 1])
        for family in self._next.values():
            self._before |= dict.fromkeys(family[1:], family)

    def answer(self, question: Question) -> tuple[Correction, ...]:
        """Return what the proofreader writes: one of the answers, or the truth; () to skip."""
        (row,) = self._rows([question.about]).tolist()
        truth = self.says(row, leaving=is_about_leaving(question))
        for answer in question.answers:
            if truth and all(map(self._is_true, answer.corrections)):
                return answer.corrections
        return truth

    def says(self, row: int, *, leaving: bool, longest: int = LONGEST) -> tuple[Correction, ...]:
        """Return the truth about a region; () if it is not known."""
        t = self._cells.t
        if self._cell[row] < 0:
            main = (self._cell == self._within[row]) & (t == t[row])
            if self._within[row] >= 0 and not main.any():
                return ()
            return (self._correction(Kind.NO_CELL, row),)
        family = (self._next if leaving else self._before).get(row)
        if family is None:
            return (self._correction(Kind.ENDS if leaving else Kind.BEGINS, row),)
        if t[family[1]] - t[family[0]] > longest:
            return ()
        return (self._correction(Kind.DIVIDES if len(family) == 3 else Kind.SAME_CELL, *family),)

    def all(self) -> Iterator[Correction]:
        """Yield all that a perfect linker of these masks would know."""
        for row in range(len(self._cells)):
            for leaving in (True, False):
                yield from self.says(row, leaving=leaving, longest=len(self._cells))

    def _is_true(self, correction: Correction) -> bool:
        if correction.kind not in (*GOES, Kind.BEGINS, Kind.NO_CELL):
            return False  # masks are left as they are
        rows = self._rows(correction.ends).tolist()
        leaving = correction.kind is not Kind.BEGINS
        said = self.says(rows[0], leaving=leaving)
        return [one.kind for one in said] == [correction.kind] and set(
            self._rows(said[0].ends).tolist()
        ) == set(rows)

    def _match(self, t: int, masks: np.ndarray, cells: np.ndarray) -> None:
        masks, cells = masks.astype(np.int64), cells.astype(np.int64)
        base = int(masks.max()) + 1
        pairs, shared = np.unique(cells * base + masks, return_counts=True)
        cell_size, mask_size = np.bincount(cells.ravel()), np.bincount(masks.ravel())
        low, high = np.searchsorted(self._cells.t, [t, t + 1]).tolist()
        rows = {int(self._cells.label[row]): row for row in range(low, high)}
        order = np.argsort(-shared, kind="stable")
        for pair, count in zip(pairs[order].tolist(), shared[order].tolist(), strict=True):
            cell, label = divmod(pair, base)
            if not cell or label not in rows:
                continue
            row = rows[label]
            if 2 * count > mask_size[label]:
                self._within[row] = cell
            if 2 * count > cell_size[cell] and self._cell[row] < 0:
                self._cell[row] = cell

    def _rows(self, ends: Iterable[End]) -> np.ndarray:
        t, label = np.array([(end.t, end.label) for end in ends], np.int64).T
        return row_numbers(self._cells, t, label)

    def _correction(self, kind: Kind, *rows: int) -> Correction:
        return Correction(kind, tuple(map(self._end, rows)))

    def _end(self, row: int) -> End:
        cells = self._cells
        place = tuple(float(getattr(cells, axis)[row]) for axis in "zyx"[-self._ndim :])
        return End(int(cells.t[row]), int(cells.label[row]), place)
