"""A solved problem as tables, so that a later command can solve it again from its optimum.

In: a solved problem. Out: tables that hold all of it but the shortest cell cycle, and back, equal
to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.stages.associate.features import Divisions, Ends, Features
from sam4ct.stages.associate.solver import Problem, Solved
from sam4ct.stages.associate.solver.decomposition import Optimum
from sam4ct.tables import Flags, Floats, Ints, Table


@dataclass(frozen=True)
class LinkCandidates(Table):
    """One row a candidate link u -> v."""

    u: Ints
    v: Ints
    """Row numbers of the regions."""
    cost: Floats
    """Log odds."""
    chosen: Flags


@dataclass(frozen=True)
class DivisionCandidates(Table):
    """One row a candidate division of u into v and w."""

    u: Ints
    v: Ints
    w: Ints
    """Row numbers of the regions."""
    cost: Floats
    """Log odds."""
    chosen: Flags


@dataclass(frozen=True)
class RegionCosts(Table):
    """One row a region of the problem: its ends, and its two slots."""

    t: Ints
    appear: Floats
    disappear: Floats
    alone: Floats
    """Log odds, as those of `Problem`."""
    chosen: Flags
    """To be alone."""
    out_price: Floats
    in_price: Floats
    """Of the slot where it goes, and of the slot where it comes from."""
    out_part: Ints
    in_part: Ints
    """As `Optimum.part`."""


@dataclass(frozen=True)
class CycleRows(Table):
    """One row a row (3) of the problem that was needed."""

    most: Ints
    price: Floats
    part: Ints
    count: Ints
    """Candidates in it."""


@dataclass(frozen=True)
class CycleCandidates(Table):
    """One row a candidate of a row (3), in their order."""

    candidate: Ints


@dataclass(frozen=True)
class StoredTables:
    """All tables of one solved problem."""

    links: LinkCandidates
    divisions: DivisionCandidates
    regions: RegionCosts
    cycles: CycleRows
    cycle_candidates: CycleCandidates


def tables_of(found: Solved) -> StoredTables:
    """Return a solved problem as tables; births before the first frame are not kept."""
    problem, best = found.problem, found.optimum
    links, splits, count = problem.links, problem.splits, problem.count
    n, k = len(links.u), len(splits.u)
    out, into, rows = slice(count), slice(count, 2 * count), slice(2 * count, None)
    return StoredTables(
        LinkCandidates(links.u, links.v, problem.link_cost, best.chosen[:n]),
        DivisionCandidates(
            splits.u, splits.v, splits.w, problem.split_cost, best.chosen[n : n + k]
        ),
        RegionCosts(
            problem.t,
            problem.appear,
            problem.disappear,
            problem.alone,
            best.chosen[n + k :],
            best.price[out],
            best.price[into],
            best.part[out],
            best.part[into],
        ),
        CycleRows(
            np.array(found.most, np.int64),
            best.price[rows],
            best.part[rows],
            np.array([len(row) for row in found.rows], np.int64),
        ),
        CycleCandidates(np.concatenate([np.empty(0, np.int64), *found.rows])),
    )


def solved_of(tables: StoredTables, min_cycle: int) -> Solved:
    """Return a solved problem from its tables.

    Args:
        tables: From `tables_of`.
        min_cycle: Frames from a cell's birth to its own division, at least.
    """
    links, splits, regions, cycles = tables.links, tables.divisions, tables.regions, tables.cycles
    problem = Problem(
        len(regions),
        Ends(links.u, links.v),
        links.cost,
        Divisions(splits.u, splits.v, splits.w, Features.none(len(splits))),
        splits.cost,
        regions.appear,
        regions.disappear,
        regions.alone,
        regions.t,
        min_cycle,
    )
    best = Optimum(
        np.concatenate([links.chosen, splits.chosen, regions.chosen]),
        np.concatenate([regions.out_price, regions.in_price, cycles.price]),
        np.concatenate([regions.out_part, regions.in_part, cycles.part]),
    )
    ends = np.cumsum(cycles.count)[:-1]
    rows = np.split(tables.cycle_candidates.candidate, ends) if len(cycles) else []
    return Solved(problem, best, tuple(rows), tuple(cycles.most.tolist()))
