"""Build the linking problem of a sequence, and solve it in two passes.

In: detections, evidence, costs. Out: the links of the most probable lineage.

Backward in time, each region is linked to one earlier region, or is one of two daughters, or
appears. Forward in time, it is linked to one later region, or divides, or disappears. Each choice
has a cost; that of a link or a division is the negative log odds that it is right. `solver` finds
the choices of least total cost (tracking as an integer program: Schiegg et al. 2013, Jug et al.
2014). The first lineage tells how cells move and how old they are (`features.history`), and the
second pass uses that.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from sam4ct.geometry import Margins
from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.runtime import each
from sam4ct.stages.associate.chunks import Chunk, Chunks
from sam4ct.stages.associate.costs import Costs
from sam4ct.stages.associate.features import (
    Divisions,
    Ends,
    Features,
    History,
    diameters,
    history_of,
)
from sam4ct.stages.associate.marginals import marginals, pruned
from sam4ct.stages.associate.scoring import Regions, Scored, scored
from sam4ct.stages.associate.solver import Problem, Solved, solved
from sam4ct.tables import Detections, Evidence, Flags, Floats, Links

logger = logging.getLogger(__name__)

_Costed = tuple[Ends, Floats, Divisions, Floats]
"""Links and their costs, divisions and their costs."""


@dataclass(frozen=True)
class Scene:
    """Length, geometry and rules of the sequence, as association uses them."""

    frames: int
    ndim: int
    spacing_um: tuple[float, float, float]
    """Voxel size (z, y, x)."""
    border: Margins
    """A track may begin or end at low cost with a region that touches these margins."""
    divide: bool = True
    """Whether cells of this sequence can divide."""
    min_cycle_frames: int = 1
    """Frames from a cell's birth to its own division, at least."""
    jumps: Jumps = NO_JUMPS
    """Stage shifts."""


def associate(detections: Detections, evidence: Evidence, costs: Costs, scene: Scene) -> Links:
    """Return the links of the most probable lineage, ordered by target.

    Args:
        detections: All regions of the sequence, ordered by frame and label.
        evidence: Rows of any frame pairs.
        costs: Turns features into log odds.
        scene: Length, dimensions and voxel size of the sequence.
    """
    return accepted(detections, best_lineage(detections, evidence, costs, scene), costs)


def best_lineage(detections: Detections, evidence: Evidence, costs: Costs, scene: Scene) -> Solved:
    """Return the last problem of the sequence and its optimum; see `associate`."""
    if not len(detections) or not len(evidence):
        return solved(_without_candidates(detections, costs, scene))
    places, diameter = measured(detections, scene)
    chunks = Chunks(detections, evidence, diameter)
    found = _solve_pass(detections, chunks, costs, scene)
    if costs.second is not None:
        history = history_of(detections, accepted(detections, found, costs), places)
        found = _solve_pass(detections, chunks, costs, scene, history)
    chosen = found.selection
    logger.info(
        "associated %d regions: %d links, %d divisions",
        len(detections),
        len(chosen.links) + 2 * len(chosen.splits),
        len(chosen.splits),
    )
    return found


def _solve_pass(
    detections: Detections,
    chunks: Chunks,
    costs: Costs,
    scene: Scene,
    history: History | None = None,
) -> Solved:
    """Return the optimum of one pass."""
    return solved(pruned(_build_problem(detections, chunks, costs, scene, history)))


def measured(detections: Detections, scene: Scene) -> tuple[Floats, Floats]:
    """Return the centroids (N, 3) and the diameters (N,) of all regions in micrometres.

    Stage shifts are subtracted from the centroids.
    """
    spacing = np.asarray(scene.spacing_um)
    unit = float(np.cbrt(spacing.prod())) if scene.ndim == 3 else float(spacing[-1])
    return scene.jumps.places_um(detections, spacing), diameters(detections, scene.ndim) * unit


def build_problem(
    detections: Detections, evidence: Evidence, costs: Costs, scene: Scene
) -> Problem:
    """Return the candidates of a first pass with their costs; see `associate`."""
    chunks = Chunks(detections, evidence, measured(detections, scene)[1])
    return _build_problem(detections, chunks, costs, scene)


def _build_problem(
    detections: Detections,
    chunks: Chunks,
    costs: Costs,
    scene: Scene,
    history: History | None = None,
) -> Problem:
    """Like `build_problem`; with a history, it computes the costs of the second pass."""
    appear, disappear = _ends(detections, costs, scene)
    regions = Regions(detections, *measured(detections, scene), history)

    def candidates(chunk: Chunk) -> _Costed:
        own = chunk.holds(detections.t)
        found = scored(regions, chunks.parts(*chunk.halo), costs, own & scene.divide)
        link_cost = -found.link_odds + costs.skip * (found.links.dt - 1)
        split_cost = -found.split_odds
        links, splits = _useful(found, link_cost, split_cost, appear, disappear)
        links &= own[found.links.u]
        return (
            found.links.ends.take(links),
            link_cost[links],
            found.splits.take(splits),
            split_cost[splits],
        )

    links, link_costs, splits, split_costs = zip(*each(candidates, chunks), strict=True)
    return Problem(
        len(detections),
        Ends.concat(links),
        np.concatenate(link_costs),
        Divisions.concat(splits),
        np.concatenate(split_costs),
        appear,
        disappear,
        np.minimum(costs.alone, appear + disappear),
        detections.t,
        scene.min_cycle_frames,
    )


def _without_candidates(detections: Detections, costs: Costs, scene: Scene) -> Problem:
    """Return the problem of regions about which there is no evidence."""
    appear, disappear = _ends(detections, costs, scene)
    none = np.empty(0, np.int64)
    return Problem(
        len(detections),
        Ends(none, none),
        np.empty(0),
        Divisions(none, none, none, Features.none(0)),
        np.empty(0),
        appear,
        disappear,
        np.minimum(costs.alone, appear + disappear),
        detections.t,
        scene.min_cycle_frames,
    )


def _useful(
    found: Scored, link_cost: Floats, split_cost: Floats, appear: Floats, disappear: Floats
) -> tuple[Flags, Flags]:
    """Return which links and divisions may be part of the best lineage."""
    u, v = found.links.u, found.links.v
    # A link that costs more than to end one track and begin another is never chosen.
    links = link_cost < disappear[u] + appear[v]
    u, v, w = found.splits.u, found.splits.v, found.splits.w
    one, other = (link_cost[rows] for rows in found.pairs)
    # A division that costs more than a link and an appearing daughter is never chosen either.
    # Both rules hold, too, if mode track makes appearing cheaper or divisions dearer.
    splits = split_cost < np.minimum(one + appear[w], other + appear[v])
    splits &= split_cost < disappear[u] + appear[v] + appear[w]
    return links, splits


def _ends(detections: Detections, costs: Costs, scene: Scene) -> tuple[Floats, Floats]:
    """Return what each region costs as the first and as the last one of a track, (N,) each."""
    edge, jumps = scene.border.holds(detections), scene.jumps
    # A stage shift moves a strip of the sample into view, and another strip out of it.
    enters = edge | scene.border.holds(jumps.boxes_from(detections, -1))
    leaves = edge | scene.border.holds(jumps.boxes_from(detections, 1))
    appear = np.where(enters, costs.appear_border, costs.appear)
    disappear = np.where(leaves, costs.disappear_border, costs.disappear)
    # To begin in the first frame, or to end in the last one, costs nothing.
    appear = np.where(detections.t == 0, 0.0, appear)
    return appear, np.where(detections.t == scene.frames - 1, 0.0, disappear)


def accepted(detections: Detections, found: Solved, costs: Costs) -> Links:
    """Return the chosen links, ordered by target, with their confidence."""
    problem, chosen = found.problem, found.selection
    links, splits = problem.links, problem.splits
    e, s = chosen.links, chosen.splits
    u = np.concatenate([links.u[e], splits.u[s], splits.u[s]])
    v = np.concatenate([links.v[e], splits.v[s], splits.w[s]])
    marginal = marginals(problem)
    double = marginal.splits[s]
    confidence = costs.calibration(np.concatenate([marginal.links[e], double, double]))
    order = np.lexsort((detections.label[v], detections.t[v]))
    u, v = u[order], v[order]
    return Links(
        t=detections.t[u],
        label=detections.label[u],
        t2=detections.t[v],
        label2=detections.label[v],
        division=(np.arange(len(order)) >= len(e))[order],
        confidence=confidence[order],
    )
