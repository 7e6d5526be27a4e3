"""Chooses what to ask: the doubts whose answers are expected to remove most errors, each once.

In: a solved problem, its regions, the answers so far. Out: questions, best first. A question is
about one slot of a region: where it goes, or where it comes from. Of slots that share a doubt, only
the one with the largest gain is asked, and the others after the lineage was solved again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array, csr_array

from sam4ct.corrections import Correction, Kind
from sam4ct.questions import Question
from sam4ct.stages.associate.solver import Problem, Selection, Solved
from sam4ct.stages.correct.alternatives import Alternatives, alternatives, slots_of
from sam4ct.stages.correct.doubt import Doubts, doubts
from sam4ct.stages.correct.exchanges import Chosen
from sam4ct.stages.correct.wording import Wording
from sam4ct.tables import Detections, Flags, Floats, Ints, row_numbers

PROBABLE = 0.05
"""Alternatives of less probability do not make two slots share a doubt."""
BEHIND = 0.05
"""What depends on a link: its gain grows by this for each doubling of the regions after it in its
lineage. Four times as much removes fewer wrong links of simulated movies."""


def ask(
    found: Solved,
    cells: Detections,
    places_um: Floats,
    diameter_um: Floats,
    answers: Iterable[Correction] = (),
    n: int = 100,
) -> list[Question]:
    """Return the questions whose answers are expected to remove most errors, best first.

    Args:
        found: The problem, with the answers so far as constraints, and its optimum.
        cells: Its regions.
        places_um: Centroids without stage shifts, (N, 3).
        diameter_um: (N,).
        answers: The answers so far, with labels of `cells`; what they settle is not asked.
        n: Questions, at most.
    """
    problem, chosen = found.problem, found.selection
    if not problem.count:
        return []
    table = alternatives(problem, chosen, places_um, diameter_um)
    slots = slots_of(problem, chosen, cells.size)
    doubt = doubts(table, slots, problem.t)
    gain = doubt.gain * (1.0 + BEHIND * np.log2(1.0 + behind(problem, chosen)))
    gain[settled_slots(cells, answers)] = 0.0
    asked = _apart(gain, _shared(problem, chosen, table, doubt), n)
    wording = Wording(problem, chosen, cells, places_um, float(np.median(diameter_um)))
    own = np.isin(table.slot, asked)
    table, doubt = table.take(own), replace(doubt, probability=doubt.probability[own])
    return [wording.question(slot, table, doubt, float(gain[slot])) for slot in asked]


def settled_slots(cells: Detections, answers: Iterable[Correction]) -> Flags:
    """Return which slots some answers speak of, (2 * N,)."""
    count = len(cells)
    settled = np.zeros(2 * count, bool)
    for answer in answers:
        ends = answer.ends
        rows = row_numbers(
            cells, np.array([end.t for end in ends]), np.array([end.label for end in ends])
        )
        match answer.kind:
            case Kind.SAME_CELL | Kind.DIVIDES | Kind.NOT_SAME_CELL:
                settled[rows[:1]] = True
                settled[count + rows[1:]] = True
            case Kind.ENDS | Kind.DOES_NOT_DIVIDE:
                settled[rows] = True
            case Kind.BEGINS:
                settled[count + rows] = True
            case Kind.NO_CELL | Kind.ONE_CELL | Kind.TWO_CELLS:
                settled[rows] = settled[count + rows] = True
            case Kind.CELL:
                pass
    return settled


def behind(problem: Problem, chosen: Selection) -> Floats:
    """Return how many later regions of its lineage depend on each slot, (2 * N,)."""
    now = Chosen.of(problem, chosen)
    later = np.zeros(problem.count)
    first = np.flatnonzero(np.diff(problem.t, prepend=-1))
    for rows in np.split(np.arange(problem.count), first[1:])[::-1]:
        rows = rows[now.source[rows] >= 0]
        np.add.at(later, now.source[rows], 1.0 + later[rows])
    return np.concatenate([later, 1.0 + later])


def _shared(problem: Problem, chosen: Selection, table: Alternatives, doubt: Doubts) -> csr_array:
    """Return which slots share a doubt, (2 * N, 2 * N).

    Those of the same link or probable alternative, and those that give up something for it: of two
    cells that may swap, all four.
    """
    count = problem.count
    links, splits = problem.links, problem.splits
    e, s = chosen.links, chosen.splits
    u = np.concatenate([links.u[e], splits.u[s], splits.u[s]])
    v = np.concatenate([links.v[e], splits.v[s], splits.w[s]])
    now = _both_ways(u, count + v, 2 * count)
    some = table.take((doubt.probability > PROBABLE) & (table.u >= 0) & (table.v >= 0))
    two = some.w >= 0
    one = np.concatenate([some.u, some.u[two], count + some.v[two]])
    other = count + np.concatenate([some.v, some.w[two], some.w[two]])
    instead = _both_ways(one, other, 2 * count)
    return (now + instead + now @ instead + instead @ now).tocsr()


def _both_ways(one: Ints, other: Ints, size: int) -> csr_array:
    pairs = np.concatenate([one, other]), np.concatenate([other, one])
    return coo_array((np.ones(len(pairs[0])), pairs), (size, size)).tocsr()


def _apart(gain: Floats, shared: csr_array, n: int) -> Sequence[int]:
    """Return the slots of the largest gains, of those that share a doubt only the first."""
    chosen: list[int] = []
    taken = np.zeros(len(gain), bool)
    order: Ints = np.argsort(-gain, kind="stable")
    for slot in order.tolist():
        if len(chosen) == n or gain[slot] <= 0.0:
            break
        if not taken[slot]:
            chosen.append(slot)
            taken[slot] = True
            taken[shared.indices[shared.indptr[slot] : shared.indptr[slot + 1]]] = True
    return chosen
