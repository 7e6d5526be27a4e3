"""Candidates: what the evidence says about each possible link, in numbers.

Joins the directed evidence rows of both time directions into one row a
possible link u -> v (u earlier); `divisions` pairs such links. Every feature is
free of units, so that one set of costs serves all microscopes. Pure tables: no images, no files.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from sam4ct.stages.course import Course
from sam4ct.stages.likeness import likeness
from sam4ct.stages.motion import surrounding_motion
from sam4ct.stages.rivals import margin, nearness
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints, row_numbers

LINK_FEATURES = (
    "forward_iou",
    "backward_iou",
    "forward_containment",
    "backward_containment",
    "forward_coverage",
    "backward_coverage",
    "forward_margin",
    "backward_margin",
    "overlap",
    "overlap_margin",
    "still_containment",
    "still_coverage",
    "distance",
    "forward_nearness",
    "backward_nearness",
    "drift_distance",
    "drift_forward_nearness",
    "drift_backward_nearness",
    "past_distance",
    "past_forward_nearness",
    "past_backward_nearness",
    "future_distance",
    "size_change",
    "size_likeness",
    "brightness_likeness",
    "memory_likeness",
    "memory_margin",
    "forward_score",
    "backward_score",
    "skipped",
)
FAR = 3.0
"""Cell diameters; larger distances count as this."""
SCORE_SCALE = 5.0
"""SAM 2's object scores are logits of about this size."""


@dataclass(frozen=True)
class Candidates:
    """Possible links u -> v; u and v are row numbers of the detections."""

    u: Ints
    v: Ints
    features: Floats
    """(links, LINK_FEATURES)."""
    dt: Ints
    drift_um: Floats
    """How far the cells around u moved meanwhile, (links, 3)."""

    def column(self, name: str) -> Floats:
        return np.asarray(self.features[:, LINK_FEATURES.index(name)])

    def take(self, rows: Ints | Flags) -> Candidates:
        """Return the rows that an index or a boolean mask selects."""
        return Candidates(*(getattr(self, f.name)[rows] for f in fields(self)))


def diameters(detections: Detections, ndim: int) -> Floats:
    """Diameter of a disc or ball of each region's size, pixels."""
    if ndim == 2:
        return np.asarray(2.0 * np.sqrt(detections.size / np.pi))
    return np.asarray(2.0 * np.cbrt(3.0 * detections.size / (4.0 * np.pi)))


def candidates(
    detections: Detections,
    evidence: Evidence,
    positions_um: Floats,
    diameter_um: Floats,
    course: Course | None = None,
) -> Candidates:
    """Join evidence rows into possible links.

    Args:
        detections: Ordered by frame and label.
        evidence: Directed rows, any order.
        positions_um: Centroid of every detection, (N, 3).
        diameter_um: Of every detection.
        course: What a first lineage tells of them; without it, how the surroundings
            move is told by regions that are each other's nearest.
    """
    joined = _joined(detections, evidence)
    u, v, dt = joined.u, joined.v, joined.dt
    # Of both ends; what is measured in diameters is so in their mean.
    across = 0.5 * (diameter_um[u] + diameter_um[v])
    columns = _seen(joined, evidence)
    columns |= _still(columns["overlap"], detections.size[u], detections.size[v])
    apart = joined.spread(evidence.distance_um, np.ones(len(evidence), bool)) / across
    columns["distance"] = np.asarray(np.minimum(FAR, apart), dtype=np.float64)
    columns |= joined.nearnesses("", columns["distance"])
    nearest = (columns["forward_nearness"] > 0.0) & (columns["backward_nearness"] > 0.0)
    here, there, steps = positions_um[u], positions_um[v], dt[:, None]
    if course is None:
        drift = surrounding_motion(here, there, u, joined.frames, nearest)
    else:
        drift = course.around_um[u] * steps
        past = here + course.expected_um(u) * steps
        columns["past_distance"] = in_diameters(there - past, across)
        columns |= joined.nearnesses("past_", columns["past_distance"])
        future = here + course.traced_um(u, v) * steps
        columns["future_distance"] = in_diameters(there - future, across)
    columns["drift_distance"] = in_diameters(there - here - drift, across)
    columns |= joined.nearnesses("drift_", columns["drift_distance"])
    columns |= _alike(detections, evidence, joined, nearest)
    columns["skipped"] = np.asarray(dt - 1.0, dtype=np.float64)
    return Candidates(u, v, packed(columns, LINK_FEATURES, len(u)), dt, drift)


def packed(columns: dict[str, Floats], names: tuple[str, ...], count: int) -> Floats:
    """Return columns as one array (count, names), 0 where there is none; empties the columns."""
    features = np.zeros((count, len(names)), order="F")
    for number, name in enumerate(names):
        features[:, number] = columns.pop(name, 0.0)
    assert not columns, f"no feature is named {', '.join(columns)}"
    return features


@dataclass(frozen=True)
class _Joined:
    """Possible links, and which evidence rows speak of each."""

    u: Ints
    v: Ints
    dt: Ints
    row: Ints
    """Number of the link that each evidence row speaks of."""
    forward: Flags
    """By evidence row: whether it looks ahead in time."""
    frames: Ints
    """Number of the pair of frames, by link."""
    ways_out: Ints
    """Links out of one region into one frame have one number: they are rivals."""
    ways_in: Ints

    def spread(self, values: Floats, rows: Flags) -> Floats:
        """Return by link the value of one of its evidence rows, 0 without."""
        column = np.zeros(len(self.u))
        column[self.row[rows]] = values[rows]
        return column

    def least_margin(self, values: Floats) -> Floats:
        """How much larger a value is than the best rival's on either side."""
        return np.minimum(margin(values, self.ways_out), margin(values, self.ways_in))

    def nearnesses(self, name: str, distance: Floats) -> dict[str, Floats]:
        """How much nearer a link leads than its rivals, out of u and into v."""
        return {
            f"{name}forward_nearness": nearness(distance, self.ways_out),
            f"{name}backward_nearness": nearness(distance, self.ways_in),
        }


def _joined(detections: Detections, evidence: Evidence) -> _Joined:
    """Return the pairs of regions that evidence speaks of, in either direction."""
    a = row_numbers(detections, evidence.t, evidence.label)
    b = row_numbers(detections, evidence.t2, evidence.label2)
    forward = evidence.t < evidence.t2
    key, row = np.unique(
        np.where(forward, a, b) * len(detections) + np.where(forward, b, a), return_inverse=True
    )
    u, v = np.divmod(key, max(1, len(detections)))
    dt = detections.t[v] - detections.t[u]
    steps = int(dt.max(initial=0)) + 1
    return _Joined(
        u, v, dt, row, forward, detections.t[u] * steps + dt, u * steps + dt, v * steps + dt
    )


def _seen(joined: _Joined, evidence: Evidence) -> dict[str, Floats]:
    """Features of propagated masks and of the masks as they lie."""
    columns = {
        f"{way}_{name}": joined.spread(values, rows)
        for way, rows in (("forward", joined.forward), ("backward", ~joined.forward))
        for name, values in (
            ("iou", evidence.iou_prop),
            ("containment", evidence.containment_prop),
            ("coverage", evidence.coverage_prop),
            ("score", np.clip(evidence.object_score / SCORE_SCALE, -1.0, 1.0)),
        )
    }
    columns["forward_margin"] = margin(columns["forward_iou"], joined.ways_out)
    columns["backward_margin"] = margin(columns["backward_iou"], joined.ways_in)
    columns["overlap"] = joined.spread(evidence.overlap, np.ones(len(evidence), bool))
    columns["overlap_margin"] = joined.least_margin(columns["overlap"])
    return columns


def _still(overlap: Floats, here: Ints, there: Ints) -> dict[str, Floats]:
    """Shares of two masks that lie under each other, from the IoU of the two and their sizes."""
    shared = overlap / (1.0 + overlap) * (here + there)
    return {"still_containment": shared / here, "still_coverage": shared / there}


def _alike(
    detections: Detections, evidence: Evidence, joined: _Joined, nearest: Flags
) -> dict[str, Floats]:
    """Features of how alike two regions are."""
    u, v, dt = joined.u, joined.v, joined.dt
    ratio = np.asarray(np.log(detections.size[v] / detections.size[u]))
    # Figures of fluorescence spread over decades; those of other microscopes have both signs.
    bright = np.arcsinh(detections.contrast)
    memories = joined.spread(evidence.similarity, np.ones(len(evidence), bool))
    return {
        "size_change": np.clip(ratio, -2.0, 2.0),
        "size_likeness": likeness(ratio, dt, nearest),
        "brightness_likeness": likeness(bright[v] - bright[u], dt, nearest),
        "memory_likeness": likeness(memories, dt, nearest),
        "memory_margin": joined.least_margin(memories),
    }


def in_diameters(offsets: Floats, diameter: Floats) -> Floats:
    """Lengths of offsets (N, 3) in cell diameters, at most FAR."""
    return np.asarray(np.minimum(FAR, np.linalg.norm(offsets, axis=1) / diameter))
