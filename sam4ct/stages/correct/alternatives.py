"""All that regions could do instead of what the lineage has, in one table.

In: the linking problem, its solution, where regions are. Out: a table of alternatives, by slot.
Every region has two slots, as in the solver: where it goes, and where it comes from.

Besides the candidates of the problem there are *far* ones, which association did not consider:
the end of one track and the beginning of another up to `REACH` frames later, and a track that
begins beside a region that could be its mother.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from sam4ct.stages.associate.solver import Problem, Selection
from sam4ct.stages.correct.exchanges import NONE, Chosen, Costed, exchanges
from sam4ct.tables import Flags, Floats, Ints, Table

REACH = 4
"""Frames; the far end of a gap is looked for in so many."""
FAR = 3.0
"""Cell diameters; and no further away."""
IMPOSSIBLE = 500.0
"""Log odds; what answers exclude costs more than this."""
NEAREST = 3
"""Far alternatives of one region and frame."""


class Does(IntEnum):
    """What a region does by an alternative."""

    LINK = 0
    DIVISION = 1
    NOTHING = 2
    """It ends, or begins."""
    FAR_LINK = 3
    FAR_DIVISION = 4


@dataclass(frozen=True)
class Alternatives(Table):
    """One row an alternative of a slot. A link is in the slots of both of its regions."""

    slot: Ints
    """The row number of a region that goes on; `Problem.count` more for one that comes from."""
    does: Ints
    """One of `Does`."""
    u: Ints
    """The earlier region, -1 if there is none."""
    v: Ints
    """The later one, or a daughter."""
    w: Ints
    """The other daughter, -1 if there is none."""
    score: Floats
    """Log odds that the lineage loses by it; of far ones, the distance in cell diameters."""
    changes: Floats
    """Links that go or come if it is taken."""


@dataclass(frozen=True)
class Slots:
    """What the lineage has in each slot, and its region, (2 * count,) each."""

    does: Ints
    """`Does.LINK`, `DIVISION` or `NOTHING`."""
    may_end: Flags
    """At the edge of the frame, where cells come and go."""
    outermost: Flags
    """Of the first or the last frame: there is nothing to ask."""
    alone: Flags
    """Of a region without any link."""
    size: Floats
    """Logarithm of its size in median sizes."""
    length: Floats
    """Logarithm of the number of regions of its lineage."""


def alternatives(
    problem: Problem, selection: Selection, places_um: Floats, diameter_um: Floats
) -> Alternatives:
    """Return all alternatives to a lineage.

    Args:
        problem: Its candidates.
        selection: The lineage.
        places_um: Centroids without stage shifts, (N, 3).
        diameter_um: (N,).
    """
    found, count = exchanges(problem, selection), problem.count
    links, splits, rows = problem.links, problem.splits, np.arange(count)
    now, none = Chosen.of(problem, selection), np.full(count, NONE)
    near = [
        _rows(Does.LINK, (links.u, links.v, None), found.links, count),
        _rows(Does.DIVISION, (splits.u, splits.v, splits.w), found.splits, count),
        _one(Does.NOTHING, rows, (rows, none, none), found.ends),
        _one(Does.NOTHING, count + rows, (none, rows, none), found.begins),
    ]
    table = Alternatives.concat([*near, *_far(problem, now, places_um, diameter_um)])
    return table.take(table.score < IMPOSSIBLE)


def slots_of(problem: Problem, selection: Selection, size: Ints) -> Slots:
    """Return what the lineage has in each slot; `size` is that of the regions, (N,)."""
    now, t = Chosen.of(problem, selection), problem.t
    out = np.where(now.out_link >= 0, Does.LINK, Does.NOTHING)
    out[now.out_split >= 0] = Does.DIVISION
    into = np.where(now.source >= 0, Does.LINK, Does.NOTHING)
    into[now.sister >= 0] = Does.DIVISION
    costs = (problem.disappear, problem.appear)
    later = np.flatnonzero(now.source >= 0)
    pairs = coo_array((np.ones(len(later)), (now.source[later], later)), (problem.count,) * 2)
    lineage = connected_components(pairs, directed=False)[1]
    relative = np.log(size / max(1.0, float(np.median(size)))) if len(size) else np.zeros(0)
    return Slots(
        np.concatenate([out, into]).astype(np.int64),
        np.concatenate([cost < cost.max(initial=0.0) for cost in costs]),
        np.concatenate([t == t.max(initial=0), t == t.min(initial=0)]),
        np.tile(now.ends & now.begins, 2),
        np.tile(relative, 2),
        np.tile(np.log(np.bincount(lineage)[lineage]), 2),
    )


def _one(does: Does, slot: Ints, ends: tuple[Ints, Ints, Ints], costed: Costed) -> Alternatives:
    kinds = np.full(len(slot), does, np.int64)
    return Alternatives(slot, kinds, *ends, costed.cost, costed.changes)


def _rows(
    does: Does, ends: tuple[Ints, Ints, Ints | None], costed: Costed, count: int
) -> Alternatives:
    """Return candidates in all slots that they use."""
    u, v, w = ends
    whole = u, v, np.full(len(u), NONE) if w is None else w
    used = [u, count + v, *([] if w is None else [count + w])]
    return Alternatives.concat(_one(does, slot, whole, costed) for slot in used)


def _far(problem: Problem, now: Chosen, places: Floats, diameter: Floats) -> list[Alternatives]:
    """Return links over gaps, and divisions, that are no candidates."""
    t, count = problem.t, problem.count
    begins = np.flatnonzero(now.begins & (t > t.min(initial=0)))
    ends = np.flatnonzero(now.ends & (t < t.max(initial=0)))
    mothers = np.flatnonzero(now.out_link >= 0)
    u, v, far = _near(ends, begins, t, places, diameter, range(1, REACH + 1))
    known = _known(problem.links.u, problem.links.v, u, v, count)
    u, v, far = u[~known], v[~known], far[~known]
    found = [_rows(Does.FAR_LINK, (u, v, None), Costed(far, np.ones(len(u))), count)]
    u, v, far = _near(mothers, begins, t, places, diameter, range(1, 2))
    w = problem.links.v[now.out_link[u]]
    fits = t[w] == t[v]
    splits = problem.splits
    pairs = np.concatenate([splits.u, splits.u]), np.concatenate([splits.v, splits.w])
    fits &= ~_known(*pairs, u, v, count)
    u, v, w, far = u[fits], v[fits], w[fits], far[fits]
    return [*found, _rows(Does.FAR_DIVISION, (u, v, w), Costed(far, np.ones(len(u))), count)]


def _near(
    first: Ints, later: Ints, t: Ints, places: Floats, diameter: Floats, steps: range
) -> tuple[Ints, Ints, Floats]:
    """Return pairs of regions that are near each other, and how far, in diameters."""
    none = np.empty(0, np.int64)
    parts = [(none, none, np.empty(0))]
    scale = float(np.median(diameter)) if len(diameter) else 1.0
    by_frame = {int(f): first[t[first] == f] for f in np.unique(t[first])}
    for f in np.unique(t[later]).tolist():
        targets = later[t[later] == f]
        for step in steps:
            sources = by_frame.get(f - step, none)
            if not len(sources):
                continue
            far, which = KDTree(places[sources]).query(
                places[targets], k=NEAREST, distance_upper_bound=FAR * scale
            )
            row, column = np.nonzero(np.isfinite(far))
            parts.append((sources[which[row, column]], targets[row], far[row, column] / scale))
    u, v, far = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return u, v, far


def _known(u: Ints, v: Ints, u2: Ints, v2: Ints, count: int) -> Flags:
    """Return which pairs (u2, v2) are among the pairs (u, v)."""
    return np.isin(u2 * count + v2, u * count + v)
