"""What each region could do instead, and what that costs: local exchanges in a lineage.

In: the linking problem and the chosen lineage. Out: alternatives, each with the log odds that the
lineage loses by it and the links that it changes.

To take a link or a division that was not chosen, the regions at its ends give up what they do now.
The regions that lose a partner by that find the best one among those that have none, or that lose
theirs too (two cells swap), or begin and end. The cost is an upper bound of that of the best
lineage with the alternative, as longer chains of exchanges are not tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sam4ct.stages.associate.solver import Problem, Selection
from sam4ct.tables import Flags, Floats, Ints

T = TypeVar("T", np.int64, np.float64)
NONE = -1


@dataclass(frozen=True)
class Chosen:
    """What the regions of a problem do in a lineage, by region; -1 is nothing."""

    out_link: Ints
    out_split: Ints
    source: Ints
    """The region that it comes from."""
    sister: Ints
    """The other daughter, of a daughter."""
    out_cost: Floats
    """Of its link or division into later frames, or of its end."""
    in_cost: Floats
    """Of the same that leads to it, or of its beginning; all of a division's."""

    @classmethod
    def of(cls, problem: Problem, selection: Selection) -> Chosen:
        """Return what a selection chooses."""
        links, splits = problem.links, problem.splits
        out_link, out_split, source, sister = (
            np.full(problem.count, NONE, np.int64) for _ in range(4)
        )
        e, s = selection.links, selection.splits
        out_link[links.u[e]], source[links.v[e]] = e, links.u[e]
        out_split[splits.u[s]], source[splits.v[s]] = s, splits.u[s]
        source[splits.w[s]] = splits.u[s]
        sister[splits.v[s]], sister[splits.w[s]] = splits.w[s], splits.v[s]
        # A region without any link pays for being alone.
        lone = (out_link < 0) & (out_split < 0) & (source < 0)
        in_cost = np.where(lone, problem.alone - problem.disappear, problem.appear)
        out_cost = np.where(lone, problem.alone - problem.appear, problem.disappear)
        out_cost[links.u[e]] = in_cost[links.v[e]] = problem.link_cost[e]
        out_cost[splits.u[s]] = problem.split_cost[s]
        in_cost[splits.v[s]] = in_cost[splits.w[s]] = problem.split_cost[s]
        return cls(out_link, out_split, source, sister, out_cost, in_cost)

    @property
    def ends(self) -> Flags:
        """Which regions have no later one."""
        return np.asarray((self.out_link < 0) & (self.out_split < 0))

    @property
    def begins(self) -> Flags:
        """Which regions have no earlier one."""
        return np.asarray(self.source < 0)


@dataclass(frozen=True)
class Costed:
    """The cost of some alternatives in log odds, and how many links each changes."""

    cost: Floats
    """That the lineage loses by it; small ones below 0 are possible."""
    changes: Floats
    """Links that go or come."""


@dataclass(frozen=True)
class Exchanges:
    """All alternatives to a lineage; a chosen one, or one that does not apply, costs infinity."""

    links: Costed
    """By link of the problem."""
    splits: Costed
    """By division of the problem."""
    ends: Costed
    """By region: it has no later one."""
    begins: Costed
    """By region: it has no earlier one."""


def exchanges(problem: Problem, selection: Selection) -> Exchanges:
    """Return what it would cost to take each candidate that was not chosen."""
    return _Exchanger(problem, selection).all()


class _Exchanger:
    """Works out exchanges; `_in` and `_out` are the best that a region without a partner can do."""

    def __init__(self, problem: Problem, selection: Selection) -> None:
        self._problem, self._selection = problem, selection
        self._now = now = Chosen.of(problem, selection)
        links = problem.links
        order = np.argsort(links.u * problem.count + links.v)
        self._key, self._order = (links.u * problem.count + links.v)[order], order
        self._first = self._targets()
        extra = problem.link_cost - problem.disappear[links.u]
        found = _least(problem.appear, links.v, extra, now.ends[links.u])
        self._in = self._second_daughters(found)
        extra = problem.link_cost - problem.appear[links.v]
        self._out = _least(problem.disappear, links.u, extra, now.begins[links.v])

    def _targets(self) -> tuple[Ints, Ints]:
        """Return the one or two regions that each region leads to, -1 for none."""
        links, splits, now = self._problem.links, self._problem.splits, self._now
        one = np.where(now.out_link >= 0, _at(links.v, now.out_link), NONE)
        one = np.where(now.out_split >= 0, _at(splits.v, now.out_split), one)
        return one, np.where(now.out_split >= 0, _at(splits.w, now.out_split), NONE)

    def _second_daughters(self, free: Costed) -> Costed:
        """Return the least cost of an origin if a region may also become a second daughter."""
        splits, problem = self._problem.splits, self._problem
        cost, changes = free.cost.copy(), free.changes.copy()
        for one, other in ((splits.v, splits.w), (splits.w, splits.v)):
            extra = problem.split_cost - self._now.out_cost[splits.u]
            fits = (self._first[0][splits.u] == other) & (self._now.out_split[splits.u] < 0)
            np.minimum.at(cost, one[fits], extra[fits])
        changes[cost < free.cost] = 1.0
        return Costed(cost, changes)

    def _link_cost(self, u: Ints, v: Ints) -> Floats:
        """Return the cost of links, infinity where there is no such candidate."""
        if not len(self._key):
            return np.full(len(u), np.inf)
        key = u * self._problem.count + v
        place = np.searchsorted(self._key, key).clip(max=len(self._key) - 1)
        there = (self._key[place] == key) & (u >= 0) & (v >= 0)
        return np.where(there, self._problem.link_cost[self._order[place]], np.inf)

    def _orphan(self, row: Ints) -> Costed:
        """Regions lose where they come from; none where the row is -1."""
        return Costed(
            np.where(row >= 0, _at(self._in.cost, row), 0.0),
            np.where(row >= 0, 1.0 + _at(self._in.changes, row), 0.0),
        )

    def _widow(self, v: Ints) -> Costed:
        """The sources of regions lose them; none where these begin."""
        source, sister = _at(self._now.source, v), _at(self._now.sister, v)
        goes_on = self._link_cost(source, sister)  # a mother with one daughter left
        apart = _at(self._out.cost, source) + _at(self._in.cost, sister)
        alone = np.where(sister >= 0, np.minimum(goes_on, apart), _at(self._out.cost, source))
        changes = np.where(sister >= 0, 1.0, 1.0 + _at(self._out.changes, source))
        there = (source >= 0) & (v >= 0)
        return Costed(np.where(there, alone, 0.0), np.where(there, changes, 0.0))

    def all(self) -> Exchanges:
        """Return all exchanges; what is chosen costs infinity."""
        found = Exchanges(self._links(), self._splits(), self._ends(), self._begins())
        found.links.cost[self._selection.links] = np.inf
        found.splits.cost[self._selection.splits] = np.inf
        return found

    def _links(self) -> Costed:
        now, problem = self._now, self._problem
        u, v = problem.links.u, problem.links.v
        mine = now.source[v] == u  # now a daughter of u, which would not divide
        a, a2 = (targets[u] for targets in self._first)
        a, a2 = (np.where(target == v, NONE, target) for target in (a, a2))
        orphans = [self._orphan(a), self._orphan(a2)]
        widow = self._widow(np.where(mine, NONE, v))
        cost = problem.link_cost - now.out_cost[u] - np.where(mine, 0.0, now.in_cost[v])
        cost = cost + sum(one.cost for one in (*orphans, widow))
        changes = np.where(mine, 0.0, 1.0) + sum(one.changes for one in (*orphans, widow))
        # Two cells swap: the source of v takes what u had.
        swap = self._link_cost(
            np.where(mine | (now.sister[v] >= 0), NONE, now.source[v]), np.where(a2 >= 0, NONE, a)
        )
        swapped = problem.link_cost - now.out_cost[u] - now.in_cost[v] + swap
        better = swapped < cost
        return Costed(np.where(better, swapped, cost), np.where(better, 4.0, changes))

    def _splits(self) -> Costed:
        now, problem = self._now, self._problem
        u, v, w = problem.splits.u, problem.splits.v, problem.splits.w
        cost, changes = problem.split_cost - now.out_cost[u], np.zeros(len(u))
        for target in (targets[u] for targets in self._first):
            lost = self._orphan(np.where((target == v) | (target == w), NONE, target))
            cost, changes = cost + lost.cost, changes + lost.changes
        for daughter in (v, w):
            other = now.source[daughter] != u
            lost = self._widow(np.where(other, daughter, NONE))
            cost = cost + lost.cost - np.where(other, now.in_cost[daughter], 0.0)
            changes = changes + lost.changes + np.where(other, 1.0, 0.0)
        both = (now.sister[v] == w) & (now.source[v] != u)  # daughters of another mother
        cost = cost + np.where(both, now.in_cost[v] - self._widow(w).cost, 0.0)
        return Costed(cost, changes)

    def _ends(self) -> Costed:
        problem, now = self._problem, self._now
        lost = [self._orphan(targets) for targets in self._first]
        cost = problem.disappear - now.out_cost + lost[0].cost + lost[1].cost
        return Costed(np.where(now.ends, np.inf, cost), lost[0].changes + lost[1].changes)

    def _begins(self) -> Costed:
        problem, now = self._problem, self._now
        lost = self._widow(np.arange(problem.count))
        cost = problem.appear - now.in_cost + lost.cost
        return Costed(np.where(now.begins, np.inf, cost), lost.changes)


def _at(values: NDArray[T], rows: Ints) -> NDArray[T]:
    """Return values by row; the last one, whatever it is, for rows of -1."""
    return values[rows] if len(values) else np.zeros(len(rows), values.dtype)


def _least(nothing: Floats, row: Ints, cost: Floats, open_: Flags) -> Costed:
    """Return the least cost by region: of nothing, or of a candidate whose other end is open."""
    least = nothing.copy()
    np.minimum.at(least, row[open_], cost[open_])
    return Costed(least, (least < nothing).astype(np.float64))
