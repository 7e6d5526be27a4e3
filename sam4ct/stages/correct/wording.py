"""Puts doubts into words: the text of a question, its answers, and what each of them would write.

In: a slot with its alternatives. Out: a question. Cells are named by frame and label of the linked
regions; corrections have their places, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sam4ct.corrections import Correction, End, Kind
from sam4ct.questions import Answer, Question
from sam4ct.stages.associate.solver import Problem, Selection
from sam4ct.stages.correct.alternatives import Alternatives, Does
from sam4ct.stages.correct.doubt import Doubts
from sam4ct.stages.correct.exchanges import Chosen
from sam4ct.tables import Detections, Floats, Ints

OFFERED = 0.02
"""Probability of an answer that is offered, at least."""
MOST = 5
"""Alternatives in one question."""
PART = 0.4
"""Of the regions that are no cell, those that are a part of the cell beside them."""
LARGER = 1.3
"""A mask of two cells is so many times as large as the larger of them."""


class Wording:
    """Writes the questions about one lineage."""

    def __init__(
        self,
        problem: Problem,
        chosen: Selection,
        cells: Detections,
        places_um: Floats,
        diameter_um: float,
    ) -> None:
        """Take a lineage.

        Args:
            problem: Its candidates.
            chosen: The lineage.
            cells: The regions of the problem.
            places_um: Their centroids without stage shifts, (N, 3).
            diameter_um: Of a typical cell.
        """
        self._problem, self._cells = problem, cells
        self._now = Chosen.of(problem, chosen)
        self._places, self._diameter = places_um, diameter_um
        self._by_source = np.argsort(problem.links.u, kind="stable")
        self._axes = "zyx" if bool((cells.z1 > 1).any()) else "yx"

    def question(self, slot: int, table: Alternatives, doubt: Doubts, gain: float) -> Question:
        """Return the question about a slot.

        Args:
            slot: As in `Alternatives`.
            table: All alternatives.
            doubt: Their probabilities.
            gain: Of the question.
        """
        row, goes = slot % self._problem.count, slot < self._problem.count
        own = np.flatnonzero(table.slot == slot)
        own = own[np.argsort(-doubt.probability[own], kind="stable")]
        own = own[doubt.probability[own] >= OFFERED][:MOST]
        others = [self._alternative(table, i, float(doubt.probability[i])) for i in own.tolist()]
        others += self._no_cell(row, float(doubt.no_cell[slot]))
        if goes and self._now.ends[row]:
            others += self._merged(row, [a for i, a in zip(own, others, strict=False)], table, own)
        others.sort(key=lambda answer: -answer.probability)
        now = self._as_it_is(row, float(doubt.now[slot]), goes=goes)
        verb = "go" if goes else "come from"
        text = f"Where does {self._name(row)} {verb}?"
        return Question(text, self._end(row), (now, *others), gain)

    def _as_it_is(self, row: int, probability: float, *, goes: bool) -> Answer:
        now, problem = self._now, self._problem
        if goes and now.out_split[row] >= 0:
            s = int(now.out_split[row])
            ends = row, int(problem.splits.v[s]), int(problem.splits.w[s])
        elif goes and now.out_link[row] >= 0:
            ends = row, int(problem.links.v[now.out_link[row]]), -1
        elif goes:
            ends = row, -1, -1
        elif now.source[row] >= 0:
            ends = int(now.source[row]), row, int(now.sister[row])
        else:
            ends = -1, row, -1
        return self._answer(*ends, probability, goes=goes)

    def _alternative(self, table: Alternatives, i: int, probability: float) -> Answer:
        goes = bool(table.slot[i] < self._problem.count)
        u, v, w = (int(column[i]) for column in (table.u, table.v, table.w))
        if not goes and w >= 0 and table.slot[i] != self._problem.count + v:
            v, w = w, v  # the daughter in question first
        swap = self._swapped(u, v) if table.does[i] == Does.LINK else None
        return self._answer(u, v, w, probability, goes=goes, swap=swap)

    def _answer(
        self,
        u: int,
        v: int,
        w: int,
        probability: float,
        *,
        goes: bool,
        swap: tuple[int, int] | None = None,
    ) -> Answer:
        """Return an answer about where u goes, or where v comes from; -1 is nothing."""
        if v < 0:
            said, kind, rows = "ends here", Kind.ENDS, [u]
        elif u < 0:
            said, kind, rows = "begins here", Kind.BEGINS, [v]
        elif w >= 0:
            kind, rows = Kind.DIVIDES, [u, v, w]
            said = f"divides into {self._label(v)} and {self._label(w)} {self._frame(v)}"
            if not goes:
                said = f"is a daughter of {self._name(u)}, beside {self._label(w)}"
        else:
            kind, rows = Kind.SAME_CELL, [u, v]
            said = f"goes on in {self._name(v)}" if goes else f"comes from {self._name(u)}"
        corrections = [Correction(kind, tuple(map(self._end, rows)))]
        if swap is not None:
            other, target = swap
            said += f", and {self._label(other)} goes on in {self._label(target)}"
            corrections.append(Correction(Kind.SAME_CELL, (self._end(other), self._end(target))))
        return Answer(said, tuple(corrections), probability)

    def _swapped(self, u: int, v: int) -> tuple[int, int] | None:
        """Return the link that cells which swap partners get by a link u -> v, if they can."""
        now, links = self._now, self._problem.links
        source = int(now.source[v])
        if source < 0 or source == u or now.sister[v] >= 0 or now.out_link[u] < 0:
            return None
        target = int(links.v[now.out_link[u]])
        low, high = np.searchsorted(links.u, [source, source + 1], sorter=self._by_source)
        possible = target in links.v[self._by_source[low:high]]
        return (source, target) if possible else None

    def _no_cell(self, row: int, probability: float) -> Iterator[Answer]:
        """Yield that a region is no cell, or a part of the one beside it."""
        beside = self._beside(row)
        if beside is not None:
            ends = (self._end(row), self._end(beside))
            said = f"is a part of cell {self._label(beside)}"
            yield from _offered(said, Kind.ONE_CELL, ends, PART * probability)
            probability *= 1.0 - PART
        yield from _offered("is no cell", Kind.NO_CELL, (self._end(row),), probability)

    def _beside(self, row: int) -> int | None:
        """Return the nearest region of the same frame, if it is within a diameter."""
        t = self._problem.t
        low, high = np.searchsorted(t, [t[row], t[row] + 1]).tolist()
        far = np.linalg.norm(self._places[low:high] - self._places[row], axis=1)
        far[row - low] = np.inf
        nearest = int(np.argmin(far))
        return low + nearest if far[nearest] < self._diameter else None

    def _merged(
        self, row: int, answers: list[Answer], table: Alternatives, own: Ints
    ) -> Iterator[Answer]:
        """Yield that a cell that ends is under the mask of another one."""
        size = self._cells.size
        for i, answer in zip(own.tolist(), answers, strict=True):
            v = int(table.v[i])
            if table.does[i] != Does.LINK or self._now.source[v] < 0:
                continue
            if size[v] > LARGER * max(size[row], size[self._now.source[v]]):
                said = f"is under mask {self._label(v)} {self._frame(v)}, which covers two cells"
                probability = 0.5 * answer.probability
                yield from _offered(said, Kind.TWO_CELLS, (self._end(v),), probability)
                return

    def _label(self, row: int) -> int:
        return int(self._cells.label[row])

    def _frame(self, row: int) -> str:
        return f"of frame {int(self._cells.t[row])}"

    def _name(self, row: int) -> str:
        return f"cell {self._label(row)} {self._frame(row)}"

    def _end(self, row: int) -> End:
        place = tuple(round(float(getattr(self._cells, axis)[row]), 2) for axis in self._axes)
        return End(int(self._cells.t[row]), self._label(row), place)


def _offered(said: str, kind: Kind, ends: tuple[End, ...], probability: float) -> Iterator[Answer]:
    if probability >= OFFERED:
        yield Answer(said, (Correction(kind, ends),), probability)
