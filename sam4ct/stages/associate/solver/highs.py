"""The LP relaxation and the integer program, solved by HiGHS (Huangfu and Hall 2018).

In: rewards r, incidence A (slots, candidates) and capacities b of max r x, A x <= b, x >= 0.
Out: x, and its reduced costs or whether it is proved optimal.

highspy is called directly: scipy's wrapper holds Python's lock in a loop over all candidates,
so that threads wait for each other, and it cannot switch heuristics off.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from scipy.sparse import csr_array

from sam4ct.tables import Flags, Floats, Ints

OPTIONS = {
    "output_flag": False,
    # Several programs are solved at a time, each in its own thread.
    "threads": 1,
    "mip_rel_gap": 0.0,
    # These heuristics help large programs, and take most of the time of small ones whose
    # relaxation is nearly integral.
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
FEASIBLE = highspy.SolutionStatus.kSolutionStatusFeasible
OPTIMAL = highspy.HighsModelStatus.kOptimal


@dataclass(frozen=True)
class LpSolution:
    """An optimum of the LP relaxation."""

    x: Floats
    """How much of each candidate is chosen, 0 to 1."""
    reduced_cost: Floats
    """What it costs at least to choose a candidate."""


@dataclass(frozen=True)
class MilpSolution:
    """A solution of the integer program."""

    chosen: Flags
    proved: bool
    """Whether none is better."""


def solve_lp(reward: Floats, incidence: csr_array, capacity: Ints) -> LpSolution:
    """Return an optimum of the LP relaxation.

    Args:
        reward: Of each candidate, (candidates,).
        incidence: Ones, (slots, candidates); every candidate uses a slot of capacity 1 at least.
        capacity: Of each slot, (slots,).

    Raises:
        RuntimeError: HiGHS finds none.
        ValueError: Rewards are not finite.
    """
    # Presolve takes longer than the simplex itself, so it is only used if that fails.
    for presolve in ("off", "on"):
        solver = _run(reward, incidence, capacity, solver="simplex", presolve=presolve)
        if solver.getModelStatus() == OPTIMAL:
            found = solver.getSolution()
            return LpSolution(np.array(found.col_value), np.array(found.col_dual))
    status = solver.modelStatusToString(solver.getModelStatus())
    raise RuntimeError(f"HiGHS found no answer: {status}")


def solve_milp(
    reward: Floats, incidence: csr_array, capacity: Ints, nodes: int
) -> MilpSolution | None:
    """Return the best integer solution that was found; None if there was none.

    Args:
        reward: Of each candidate, (candidates,).
        incidence: Ones, (slots, candidates); every candidate uses a slot of capacity 1 at least.
        capacity: Of each slot, (slots,).
        nodes: Branch-and-bound nodes, at most.

    Raises:
        ValueError: Rewards are not finite.
    """
    solver = _run(reward, incidence, capacity, integer=True, mip_max_nodes=nodes)
    if solver.getInfo().primal_solution_status != FEASIBLE:
        return None
    chosen = np.array(solver.getSolution().col_value) > 0.5
    return MilpSolution(chosen, solver.getModelStatus() == OPTIMAL)


def _run(
    reward: Floats,
    incidence: csr_array,
    capacity: Ints,
    *,
    integer: bool = False,
    **options: str | int,
) -> highspy.Highs:
    """Return HiGHS after it has tried."""
    # With nan it would search for ever.
    if not np.isfinite(reward).all():
        raise ValueError("rewards of candidates are not finite")
    solver = highspy.Highs()
    for name, value in {**OPTIONS, **options}.items():
        if solver.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise RuntimeError(f"HiGHS {solver.version()} knows no option {name}")
    slots, candidates = incidence.shape
    solver.passModel(
        candidates,
        slots,
        incidence.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        -reward,
        np.zeros(candidates),
        # The slots bound x by 1.
        np.full(candidates, highspy.kHighsInf),
        np.full(slots, -highspy.kHighsInf),
        capacity.astype(np.float64),
        incidence.indptr.astype(np.int32),
        incidence.indices.astype(np.int32),
        incidence.data,
        np.full(candidates, int(integer), np.int32),
    )
    solver.run()
    return solver
