"""HiGHS: the choices that save most, of which each way is taken by one at most; in parts or whole.

By its own package: scipy's way to it holds Python's lock in a loop over all choices, so that
threads wait for each other. Which programs are worth asking about is the business of `solve`.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from scipy.sparse import csr_array

from sam4ct.tables import Flags, Floats

ALWAYS = {
    "output_flag": False,
    # Several programs are solved at a time, each in a thread of its own.
    "threads": 1,
    "mip_rel_gap": 0.0,
    # These look for good answers to large programs, and take most of the time of small ones, whose
    # answers in parts are nearly whole.
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
FOUND = highspy.SolutionStatus.kSolutionStatusFeasible
PROVED = highspy.HighsModelStatus.kOptimal


@dataclass(frozen=True)
class InParts:
    """An answer where choices may be taken in part."""

    taken: Floats
    """How much of each choice, 0 to 1."""
    price: Floats
    """What it costs at least to take a choice."""


@dataclass(frozen=True)
class Whole:
    """An answer in whole numbers."""

    taken: Flags
    """By choice."""
    proved: bool
    """Whether none is better."""


def in_parts(saving: Floats, at_most_one: csr_array) -> InParts:
    """Return the best answer in parts.

    Args:
        saving: Of each choice, (choices,).
        at_most_one: Ones, (ways, choices); a choice takes one way at least.

    Raises:
        RuntimeError: HiGHS finds none.
        ValueError: Savings are not finite.
    """
    # To prepare the program takes longer than to solve it as it is, where that can be done.
    for presolve in ("off", "on"):
        solver = _asked(saving, at_most_one, solver="simplex", presolve=presolve)
        if solver.getModelStatus() == PROVED:
            found = solver.getSolution()
            return InParts(np.array(found.col_value), np.array(found.col_dual))
    status = solver.modelStatusToString(solver.getModelStatus())
    raise RuntimeError(f"HiGHS found no answer: {status}")


def whole(saving: Floats, at_most_one: csr_array, nodes: int) -> Whole | None:
    """Return the best answer in whole numbers, or one that is not proved to be, or None.

    Args:
        saving: Of each choice, (choices,).
        at_most_one: Ones, (ways, choices); a choice takes one way at least.
        nodes: Of branch and bound, at most.

    Raises:
        ValueError: Savings are not finite.
    """
    solver = _asked(saving, at_most_one, integer=True, mip_max_nodes=nodes)
    if solver.getInfo().primal_solution_status != FOUND:
        return None
    taken = np.array(solver.getSolution().col_value) > 0.5
    return Whole(taken, solver.getModelStatus() == PROVED)


def _asked(
    saving: Floats, at_most_one: csr_array, integer: bool = False, **options: str | int
) -> highspy.Highs:
    """Return HiGHS after it has tried."""
    # It would search for an answer to nan for ever.
    if not np.isfinite(saving).all():
        raise ValueError("what choices save is not finite")
    solver = highspy.Highs()
    for name, value in {**ALWAYS, **options}.items():
        if solver.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise RuntimeError(f"HiGHS {solver.version()} knows no option {name}")
    ways, choices = at_most_one.shape
    solver.passModel(
        choices,
        ways,
        at_most_one.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        -saving,
        np.zeros(choices),
        # Nothing is taken more than once, for the ways that it takes are not.
        np.full(choices, highspy.kHighsInf),
        np.full(ways, -highspy.kHighsInf),
        np.ones(ways),
        at_most_one.indptr.astype(np.int32),
        at_most_one.indices.astype(np.int32),
        at_most_one.data,
        np.full(choices, int(integer), np.int32),
    )
    solver.run()
    return solver
