"""Candidates: what the evidence says about each possible link and division, in numbers.

Joins the directed evidence rows of both time directions into one row a
possible link u -> v (u earlier), and pairs of such links into possible
divisions. Every feature is free of units, so that one set of costs serves all
microscopes. Pure tables: no images, no files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam4ct.tables import Detections, Evidence, Floats, Ints

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
    "size_change",
    "forward_score",
    "backward_score",
    "skipped",
)
DIVISION_FEATURES = (
    "forward_coverage_low",
    "forward_coverage_high",
    "forward_containment_sum",
    "backward_containment_low",
    "backward_containment_high",
    "link_low",
    "link_high",
    "size_balance",
    "size_sum",
    "centre_offset",
    "separation",
    "future_low",
    "rival_low",
    "daughter_small",
    "daughter_large",
    "skipped",
)
MAX_DIVISION_STEP = 2
"""Frames from a mother's last mask to her daughters' first: dividing cells are often missed."""
SCORE_SCALE = 5.0
"""SAM 2's object scores are logits of about this size."""


@dataclass(frozen=True)
class Candidates:
    """Possible links and divisions; u, v, w are row numbers of the detections."""

    u: Ints
    v: Ints
    features: Floats
    """(links, LINK_FEATURES)."""
    dt: Ints

    def column(self, name: str) -> Floats:
        return np.asarray(self.features[:, LINK_FEATURES.index(name)])


@dataclass(frozen=True)
class Divisions:
    """Possible divisions of u into v and w; rows of the detections."""

    u: Ints
    v: Ints
    w: Ints
    features: Floats
    """(divisions, DIVISION_FEATURES)."""


def diameters(detections: Detections, ndim: int) -> Floats:
    """Diameter of a disc or ball of each region's size, pixels."""
    if ndim == 2:
        return np.asarray(2.0 * np.sqrt(detections.size / np.pi))
    return np.asarray(2.0 * np.cbrt(3.0 * detections.size / (4.0 * np.pi)))


def row_numbers(detections: Detections, t: Ints, label: Ints) -> Ints:
    """Return the row of each (t, label); detections are ordered by both."""
    base = int(max(detections.label.max(initial=0), label.max(initial=0))) + 1
    return np.searchsorted(detections.t * base + detections.label, t * base + label)


def candidates(detections: Detections, evidence: Evidence, diameter_um: Floats) -> Candidates:
    """Join evidence rows into possible links.

    Args:
        detections: Ordered by frame and label.
        evidence: Directed rows, any order.
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
    columns["forward_margin"] = _margin(columns["forward_iou"], out_group)
    columns["backward_margin"] = _margin(columns["backward_iou"], in_group)
    columns["overlap_margin"] = np.asarray(
        np.minimum(_margin(columns["overlap"], out_group), _margin(columns["overlap"], in_group))
    )
    apart = spread(evidence.distance_um, everything) / (0.5 * (diameter_um[u] + diameter_um[v]))
    columns["distance"] = np.asarray(np.minimum(3.0, apart), dtype=np.float64)
    ratio = detections.size[v] / detections.size[u]
    change: Floats = np.abs(np.log(ratio))
    columns["size_change"] = np.minimum(2.0, change)
    columns["skipped"] = np.asarray(dt - 1.0, dtype=np.float64)
    return Candidates(u, v, np.stack([columns[n] for n in LINK_FEATURES], axis=1), dt)


def _margin(values: Floats, group: Ints) -> Floats:
    """How much larger a value is than the largest other value of its group, or than 0."""
    return values - _best_other(values, group, alone=0.0)


def _best_other(values: Floats, group: Ints, alone: float) -> Floats:
    """The largest other value of each row's group; `alone` where there is no other."""
    order = np.lexsort((-values, group))
    start = np.ones(len(order), dtype=bool)
    start[1:] = group[order][1:] != group[order][:-1]
    first = np.flatnonzero(start)
    lengths = np.diff(np.append(first, len(order)))
    sorted_values = values[order]
    runner_up = sorted_values[np.minimum(first + 1, max(0, len(order) - 1))]
    second = np.where(lengths > 1, runner_up, alone)
    which = np.cumsum(start) - 1
    other = np.empty_like(values)
    other[order] = np.where(start, second[which], sorted_values[first][which])
    return other


def divisions(
    detections: Detections,
    links: Candidates,
    logits: Floats,
    positions_um: Floats,
    diameter_um: Floats,
) -> Divisions:
    """Pair possible links of one cell into the next frame into possible divisions.

    Args:
        detections: Ordered by frame and label.
        links: From `candidates`.
        logits: Log odds of every link, from the link costs.
        positions_um: Centroids, (N, 3).
        diameter_um: Of every detection.
    """
    plausible = (links.dt <= MAX_DIVISION_STEP) & (
        (links.column("forward_coverage") > 0.05)
        | (links.column("backward_containment") > 0.05)
        | (links.column("overlap") > 0.05)
        | (links.column("distance") < 1.0)
    )
    by_mother: dict[tuple[int, int], list[int]] = {}
    for e in np.flatnonzero(plausible).tolist():
        by_mother.setdefault((int(links.u[e]), int(links.dt[e])), []).append(e)
    pairs = [
        (e, f) for some in by_mother.values() for i, e in enumerate(some) for f in some[i + 1 :]
    ]
    if not pairs:
        none = np.empty(0, np.int64)
        return Divisions(none, none, none, np.empty((0, len(DIVISION_FEATURES))))
    e, f = np.array(pairs, dtype=np.int64).T
    u, v, w = links.u[e], links.v[e], links.v[f]
    onward = np.full(len(detections), -6.0)
    np.maximum.at(onward, links.u, logits)
    onward[detections.t >= detections.t.max(initial=0)] = 0.0
    rival = _best_other(logits, links.v, alone=-6.0)
    middle = 0.5 * (positions_um[v] + positions_um[w])
    size_u = detections.size[u].astype(float)
    small = np.minimum(detections.size[v], detections.size[w])
    large = np.maximum(detections.size[v], detections.size[w])

    def both(name: str) -> tuple[Floats, Floats]:
        a, b = links.column(name)[e], links.column(name)[f]
        return np.minimum(a, b), np.maximum(a, b)

    low, high = np.minimum(logits[e], logits[f]), np.maximum(logits[e], logits[f])
    cover_low, cover_high = both("forward_coverage")
    back_low, back_high = both("backward_containment")
    contain = links.column("forward_containment")
    columns = {
        "forward_coverage_low": cover_low,
        "forward_coverage_high": cover_high,
        "forward_containment_sum": contain[e] + contain[f],
        "backward_containment_low": back_low,
        "backward_containment_high": back_high,
        "link_low": np.clip(low, -6, 6) / 6,
        "link_high": np.clip(high, -6, 6) / 6,
        "size_balance": np.log(small / large),
        "size_sum": np.abs(np.log((small + large) / size_u)),
        "centre_offset": _in_diameters(middle - positions_um[u], diameter_um[u]),
        "separation": _in_diameters(positions_um[v] - positions_um[w], diameter_um[u]),
        "future_low": np.clip(np.minimum(onward[v], onward[w]), -6, 6) / 6,
        "rival_low": np.clip(np.maximum(rival[e], rival[f]), -6, 6) / 6,
        "daughter_small": np.log(small / size_u),
        "daughter_large": np.log(large / size_u),
        "skipped": links.dt[e] - 1.0,
    }
    return Divisions(u, v, w, np.stack([columns[n] for n in DIVISION_FEATURES], axis=1))


def _in_diameters(offsets: Floats, diameter: Floats) -> Floats:
    """Lengths of offsets (N, 3) in cell diameters, at most 3."""
    return np.asarray(np.minimum(3.0, np.linalg.norm(offsets, axis=1) / diameter))
