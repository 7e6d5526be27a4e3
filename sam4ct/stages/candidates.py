"""Candidates: what the evidence says about each possible link, in numbers.

Joins the directed evidence rows of both time directions into one row a
possible link u -> v (u earlier); `divisions` pairs such links. Every feature is
free of units, so that one set of costs serves all microscopes. Pure tables: no images, no files.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sam4ct.stages.likeness import likeness
from sam4ct.stages.motion import surrounding_motion
from sam4ct.stages.rivals import margin, nearness
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints

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
    "distance",
    "forward_nearness",
    "backward_nearness",
    "drift_distance",
    "drift_forward_nearness",
    "drift_backward_nearness",
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


def row_numbers(detections: Detections, t: Ints, label: Ints) -> Ints:
    """Return the row of each (t, label); detections are ordered by both."""
    base = int(max(detections.label.max(initial=0), label.max(initial=0))) + 1
    keys, wanted = detections.t * base + detections.label, t * base + label
    rows = np.searchsorted(keys, wanted)
    assert (keys.take(rows, mode="clip") == wanted).all() if len(keys) else not len(wanted)
    return rows


def candidates(
    detections: Detections, evidence: Evidence, positions_um: Floats, diameter_um: Floats
) -> Candidates:
    """Join evidence rows into possible links.

    Args:
        detections: Ordered by frame and label.
        evidence: Directed rows, any order.
        positions_um: Centroid of every detection, (N, 3).
        diameter_um: Of every detection.
    """
    a = row_numbers(detections, evidence.t, evidence.label)
    b = row_numbers(detections, evidence.t2, evidence.label2)
    forward = evidence.t < evidence.t2
    key, row = np.unique(
        np.where(forward, a, b) * len(detections) + np.where(forward, b, a), return_inverse=True
    )
    u, v = np.divmod(key, max(1, len(detections)))

    def spread(values: Floats, rows: NDArray[np.bool_]) -> Floats:
        column = np.zeros(len(key))
        column[row[rows]] = values[rows]
        return column

    dt = detections.t[v] - detections.t[u]
    # A margin compares with the best other candidate of the same region in the same frame.
    steps = int(dt.max(initial=0)) + 1
    out_group, in_group = u * steps + dt, v * steps + dt
    columns: dict[str, Floats] = {
        f"{way}_{name}": spread(values, rows)
        for way, rows in (("forward", forward), ("backward", ~forward))
        for name, values in (
            ("iou", evidence.iou_prop),
            ("containment", evidence.containment_prop),
            ("coverage", evidence.coverage_prop),
            ("score", np.clip(evidence.object_score / SCORE_SCALE, -1.0, 1.0)),
        )
    }
    everything = np.ones(len(evidence), dtype=bool)
    columns["overlap"] = spread(evidence.overlap, everything)
    columns["forward_margin"] = margin(columns["forward_iou"], out_group)
    columns["backward_margin"] = margin(columns["backward_iou"], in_group)
    columns["overlap_margin"] = np.asarray(
        np.minimum(margin(columns["overlap"], out_group), margin(columns["overlap"], in_group))
    )
    apart = spread(evidence.distance_um, everything) / (0.5 * (diameter_um[u] + diameter_um[v]))
    columns["distance"] = np.asarray(np.minimum(FAR, apart), dtype=np.float64)
    columns["forward_nearness"] = nearness(columns["distance"], out_group)
    columns["backward_nearness"] = nearness(columns["distance"], in_group)
    nearest = (columns["forward_nearness"] > 0.0) & (columns["backward_nearness"] > 0.0)
    here, there = positions_um[u], positions_um[v]
    drift = surrounding_motion(here, there, u, detections.t[u] * steps + dt, nearest)
    columns["drift_distance"] = in_diameters(
        there - here - drift, 0.5 * (diameter_um[u] + diameter_um[v])
    )
    columns["drift_forward_nearness"] = nearness(columns["drift_distance"], out_group)
    columns["drift_backward_nearness"] = nearness(columns["drift_distance"], in_group)
    ratio = np.asarray(detections.size[v] / detections.size[u])
    columns["size_change"] = np.clip(np.log(ratio), -2.0, 2.0)
    columns["size_likeness"] = likeness(np.asarray(np.log(ratio)), dt, nearest)
    # Figures of fluorescence spread over decades; those of other microscopes have both signs.
    bright = np.arcsinh(detections.contrast)
    columns["brightness_likeness"] = likeness(bright[v] - bright[u], dt, nearest)
    alike = spread(evidence.similarity, everything)
    columns["memory_likeness"] = likeness(alike, dt, nearest)
    columns["memory_margin"] = np.asarray(
        np.minimum(margin(alike, out_group), margin(alike, in_group))
    )
    columns["skipped"] = np.asarray(dt - 1.0, dtype=np.float64)
    return Candidates(u, v, np.stack([columns[n] for n in LINK_FEATURES], axis=1), dt, drift)


def in_diameters(offsets: Floats, diameter: Floats) -> Floats:
    """Lengths of offsets (N, 3) in cell diameters, at most FAR."""
    return np.asarray(np.minimum(FAR, np.linalg.norm(offsets, axis=1) / diameter))
