"""Associate: the most probable lineage of a whole sequence, given the evidence.

Works on tables only. Each region is linked to at most one earlier region, or
is born of one mother together with a sister, or appears; it goes on in one
later region, divides, or disappears. This module says what each of these costs
and what the answer means; `solve` finds the choice of least total cost. Links are judged
twice: the first lineage tells how cells move and grow old (`course`), the second knows it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from sam4ct.geometry import Margins
from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.runtime import each
from sam4ct.stages.associate.chunks import Span, Spans
from sam4ct.stages.associate.costs import Costs
from sam4ct.stages.associate.features import Course, Divisions, Ends, course_of, diameters
from sam4ct.stages.associate.marginals import considered, shares
from sam4ct.stages.associate.scoring import Judged, Regions, judged
from sam4ct.stages.associate.solver import Problem, Selection, solve
from sam4ct.tables import Detections, Evidence, Flags, Floats, Links

logger = logging.getLogger(__name__)

_Choices = tuple[Ends, Floats, Divisions, Floats]
"""Links and what they cost, divisions and what they cost."""


@dataclass(frozen=True)
class Scene:
    """What association must know beside the tables."""

    frames: int
    ndim: int
    spacing_um: tuple[float, float, float]
    """Voxel size (z, y, x)."""
    border: Margins
    """Regions in it may come and go."""
    divide: bool = True
    """Whether cells of this sequence divide at all."""
    min_cycle_frames: int = 1
    """Frames from a cell's birth to its own division, at least."""
    jumps: Jumps = NO_JUMPS
    """Of the picture."""


def associate(detections: Detections, evidence: Evidence, costs: Costs, scene: Scene) -> Links:
    """Return the links of the most probable lineage, ordered by target.

    Args:
        detections: All regions of the sequence, ordered by frame and label.
        evidence: Rows of any frame pairs.
        costs: Turns features into log odds.
        scene: Length, dimensions and voxel size of the sequence.
    """
    if not len(detections) or not len(evidence):
        return Links.empty()
    places, diameter = measured(detections, scene)
    spans = Spans(detections, evidence, diameter)
    links = _looked(detections, spans, costs, scene)
    if costs.second is not None:
        course = course_of(detections, links, places)
        links = _looked(detections, spans, costs, scene, course)
    logger.info(
        "associated %d regions: %d links, %d divisions",
        len(detections),
        len(links),
        int(links.division.sum()) // 2,
    )
    return links


def _looked(
    detections: Detections,
    spans: Spans,
    costs: Costs,
    scene: Scene,
    course: Course | None = None,
) -> Links:
    """Return the links of one look."""
    problem = considered(_posed(detections, spans, costs, scene, course))
    return accepted(detections, problem, solve(problem), costs)


def measured(detections: Detections, scene: Scene) -> tuple[Floats, Floats]:
    """Return the centroids (N, 3) and the diameters (N,) of all regions in micrometres.

    The centroids are those that regions had if the picture never jumped.
    """
    spacing = np.asarray(scene.spacing_um)
    unit = float(np.cbrt(spacing.prod())) if scene.ndim == 3 else float(spacing[-1])
    return scene.jumps.places_um(detections, spacing), diameters(detections, scene.ndim) * unit


def pose(detections: Detections, evidence: Evidence, costs: Costs, scene: Scene) -> Problem:
    """Return what may be linked to what, and what every choice costs; see `associate`."""
    spans = Spans(detections, evidence, measured(detections, scene)[1])
    return _posed(detections, spans, costs, scene)


def _posed(
    detections: Detections,
    spans: Spans,
    costs: Costs,
    scene: Scene,
    course: Course | None = None,
) -> Problem:
    """As `pose`, with odds for a second look if the course of cells is known."""
    appear, disappear = _ends(detections, costs, scene)
    regions = Regions(detections, *measured(detections, scene), course)

    def choices(span: Span) -> _Choices:
        own = span.holds(detections.t)
        seen = judged(regions, spans.parts(*span.around), costs, own & scene.divide)
        link_cost = -seen.link_odds + costs.skip * (seen.links.dt - 1)
        split_cost = -seen.split_odds
        links, splits = _useful(seen, link_cost, split_cost, appear, disappear)
        links &= own[seen.links.u]
        return (
            seen.links.ends.take(links),
            link_cost[links],
            seen.splits.take(splits),
            split_cost[splits],
        )

    links, link_costs, splits, split_costs = zip(*each(choices, spans), strict=True)
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


def _useful(
    seen: Judged, link_cost: Floats, split_cost: Floats, appear: Floats, disappear: Floats
) -> tuple[Flags, Flags]:
    """Return which links and divisions may be part of the best lineage."""
    u, v = seen.links.u, seen.links.v
    # What costs more than ending one track and beginning another is never chosen.
    links = link_cost < disappear[u] + appear[v]
    u, v, w = seen.splits.u, seen.splits.v, seen.splits.w
    one, other = (link_cost[rows] for rows in seen.pairs)
    # Nor is a division, if a daughter appears for less than it costs more than a link; nor
    # will it be if beginnings get cheaper, or divisions dearer than their links.
    splits = split_cost < np.minimum(one + appear[w], other + appear[v])
    splits &= split_cost < disappear[u] + appear[v] + appear[w]
    return links, splits


def _ends(detections: Detections, costs: Costs, scene: Scene) -> tuple[Floats, Floats]:
    """Return what it costs that each region is the first, and the last, of its track, (N,) each."""
    edge, jumps = scene.border.holds(detections), scene.jumps
    # A jump brings cells into view, and takes others out of it, anywhere in a strip of the frame.
    enters = edge | scene.border.holds(jumps.boxes_from(detections, -1))
    leaves = edge | scene.border.holds(jumps.boxes_from(detections, 1))
    appear = np.where(enters, costs.appear_border, costs.appear)
    disappear = np.where(leaves, costs.disappear_border, costs.disappear)
    # What is in the first frame has not appeared there, and so with the last.
    appear = np.where(detections.t == 0, 0.0, appear)
    return appear, np.where(detections.t == scene.frames - 1, 0.0, disappear)


def accepted(detections: Detections, problem: Problem, choice: Selection, costs: Costs) -> Links:
    """Return the links of a choice, ordered by target, with how sure they are."""
    links, splits = problem.links, problem.splits
    e, s = choice.links, choice.splits
    u = np.concatenate([links.u[e], splits.u[s], splits.u[s]])
    v = np.concatenate([links.v[e], splits.v[s], splits.w[s]])
    share = shares(problem)
    double = share.splits[s]
    confidence = costs.calibration(np.concatenate([share.links[e], double, double]))
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
