"""Corrections as constraints of the linking problem.

In: a problem, and corrections whose regions are known. Out: the same problem, in which an answer
outweighs all else: what it forces is worth more than a whole component can be, and what it excludes
is worth nothing. Solved from the optimum without corrections, so the lineage depends on the set of
answers alone. Answers that the lineage obeys already change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sam4ct.corrections import Correction, Kind
from sam4ct.stages.associate.features import Divisions, Ends, Features
from sam4ct.stages.associate.solver import Problem, Solved, solved_again
from sam4ct.tables import Detections, Flags, Links, row_numbers

CERTAIN = 1000.0
"""Log odds of what was answered: far more than the few that a link can have."""


def resolve(base: Solved, detections: Detections, corrections: Iterable[Correction]) -> Solved:
    """Return the optimum that obeys corrections; only what they touch is solved again.

    Args:
        base: The optimum without corrections.
        detections: The regions of its problem.
        corrections: Every label is that of a region of `detections`; they do not contradict each
            other. Kinds that change masks are ignored here.
    """
    return solved_again(base, constrained(base.problem, detections, corrections))


def constrained(
    problem: Problem, detections: Detections, corrections: Iterable[Correction]
) -> Problem:
    """Return the problem with costs that enforce corrections; see `resolve`.

    Links and divisions that are forced and were no candidates stand after the others.
    """
    said = _Said.of(detections, corrections)
    links, splits = _with_forced(problem, said)
    link_cost, split_cost = (
        np.pad(cost, (0, len(candidates.u) - len(cost)))
        for cost, candidates in ((problem.link_cost, links), (problem.split_cost, splits))
    )
    link_cost[said.no_out[links.u] | said.no_in[links.v] | _among(links, said.apart)] = CERTAIN
    sure = _among(links, said.links)
    link_cost[sure] = -CERTAIN
    u, v, w = splits.u, splits.v, splits.w
    out = said.no_out[u] | said.no_in[v] | said.no_in[w] | said.no_split[u]
    out |= _among(Ends(u, v), said.apart) | _among(Ends(u, w), said.apart)
    split_cost[out] = CERTAIN
    divided = _are(splits, said.splits)
    split_cost[divided] = -CERTAIN
    return replace(
        problem,
        links=links,
        link_cost=link_cost,
        splits=splits,
        split_cost=split_cost,
        forced=np.flatnonzero(np.concatenate([sure, divided])),
    )


def answered(links: Links, corrections: Iterable[Correction]) -> Links:
    """Return links in which those that were answered are marked, with confidence 1."""
    said = {
        (first.t, first.label, later.t, later.label)
        for kind, (first, *others) in ((c.kind, c.ends) for c in corrections)
        if kind in (Kind.SAME_CELL, Kind.DIVIDES)
        for later in others
    }
    if not said:
        return links
    columns = (links.t, links.label, links.t2, links.label2)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    marked = np.array([row in said for row in rows], dtype=bool)
    return replace(links, answered=marked, confidence=np.where(marked, 1.0, links.confidence))


def regions_said(
    corrections: Iterable[Correction],
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Return which regions (t, label) were said to be cells, and which to be none."""
    cells, others = set[tuple[int, int]](), set[tuple[int, int]]()
    for correction in corrections:
        if correction.kind is not Kind.NOT_SAME_CELL:
            found = others if correction.kind is Kind.NO_CELL else cells
            found.update((end.t, end.label) for end in correction.ends)
    return cells, others


@dataclass(frozen=True)
class _Said:
    """What corrections say about the rows of detections."""

    links: set[tuple[int, int]]
    """That must be."""
    splits: set[tuple[int, int, int]]
    """That must be; the second daughter's row is the larger one."""
    apart: set[tuple[int, int]]
    """Neither linked nor mother and daughter."""
    no_out: Flags
    """By region: no other link or division may leave it."""
    no_in: Flags
    """By region: no other may reach it."""
    no_split: Flags

    @classmethod
    def of(cls, detections: Detections, corrections: Iterable[Correction]) -> _Said:
        none = np.zeros(len(detections), bool)
        said = cls(set(), set(), set(), none.copy(), none.copy(), none.copy())
        for correction in corrections:
            said._take(correction.kind, _rows(detections, correction))
        return said

    def _take(self, kind: Kind, rows: Sequence[int]) -> None:
        first, *others = rows
        match kind:
            case Kind.SAME_CELL:
                self.links.add((first, others[0]))
            case Kind.DIVIDES:
                self.splits.add((first, min(others), max(others)))
            case Kind.NOT_SAME_CELL:
                self.apart.add((first, others[0]))
            case Kind.DOES_NOT_DIVIDE:
                self.no_split[first] = True
        if kind in (Kind.SAME_CELL, Kind.DIVIDES, Kind.ENDS, Kind.NO_CELL):
            self.no_out[first] = True
        if kind in (Kind.SAME_CELL, Kind.DIVIDES):
            self.no_in[others] = True
        if kind in (Kind.BEGINS, Kind.NO_CELL):
            self.no_in[first] = True


def _rows(detections: Detections, correction: Correction) -> list[int]:
    """Return the row of each region that a correction names."""
    t = np.array([end.t for end in correction.ends], np.int64)
    label = np.array([end.label for end in correction.ends], np.int64)
    return list(map(int, row_numbers(detections, t, label)))


def _with_forced(problem: Problem, said: _Said) -> tuple[Ends, Divisions]:
    """Return the candidates, and after them those forced that are not among them."""
    links, splits = problem.links, problem.splits
    known = np.flatnonzero(_among(links, said.links))
    there = set(zip(links.u[known].tolist(), links.v[known].tolist(), strict=True))
    if more := sorted(said.links - there):
        links = Ends.concat([links, Ends(*np.array(more, np.int64).T)])
    known = np.flatnonzero(_are(splits, said.splits))
    families = {_family(splits, row) for row in known.tolist()}
    if others := sorted(said.splits - families):
        u, v, w = np.array(others, np.int64).T
        splits = splits.without_features()
        splits = Divisions.concat([splits, Divisions(u, v, w, Features.none(len(u)))])
    return links, splits


def _among(links: Ends, pairs: Iterable[tuple[int, int]]) -> Flags:
    """Return which links are some of the pairs (u, v)."""
    base = int(max(links.u.max(initial=0), links.v.max(initial=0))) + 1
    # A pair with a larger row is no link, and its number would be that of another one.
    keys = [u * base + v for u, v in pairs if max(u, v) < base]
    return np.isin(links.u * base + links.v, np.array(keys, dtype=np.int64))


def _are(splits: Divisions, families: set[tuple[int, int, int]]) -> Flags:
    """Return which divisions are some of the families."""
    found = np.isin(splits.u, [mother for mother, _, _ in families])
    for row in np.flatnonzero(found).tolist():
        found[row] = _family(splits, row) in families
    return found


def _family(splits: Divisions, row: int) -> tuple[int, int, int]:
    """Return mother and daughters, the second daughter's row the larger one."""
    v, w = int(splits.v[row]), int(splits.w[row])
    return int(splits.u[row]), min(v, w), max(v, w)
