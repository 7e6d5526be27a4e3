"""Candidates: what the evidence says about each possible link and division, in numbers.

Joins the directed evidence rows of both time directions into one row a
possible link u -> v (u earlier), and pairs of such links into possible
divisions. Every feature is free of units, so that one set of costs serves all
microscopes. Pure tables: no images, no files.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sam4ct.stages.likeness import likeness
from sam4ct.stages.rivals import best_other, margin, nearness
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
    "forward_nearness",
    "backward_nearness",
    "size_change",
    "size_likeness",
    "brightness_likeness",
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
    "growth",
    "skipped",
)
FAR = 3.0
"""Cell diameters; larger distances count as this."""
DIVISION_REACH = 1.6
"""Cell diameters that a daughter may be from its mother's place where no mask touches it."""
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
    keys, wanted = detections.t * base + detections.label, t * base + label
    rows = np.searchsorted(keys, wanted)
    assert (keys.take(rows, mode="clip") == wanted).all() if len(keys) else not len(wanted)
    return rows


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
    columns["forward_margin"] = margin(columns["forward_iou"], out_group)
    columns["backward_margin"] = margin(columns["backward_iou"], in_group)
    columns["overlap_margin"] = np.asarray(
        np.minimum(margin(columns["overlap"], out_group), margin(columns["overlap"], in_group))
    )
    apart = spread(evidence.distance_um, everything) / (0.5 * (diameter_um[u] + diameter_um[v]))
    columns["distance"] = np.asarray(np.minimum(FAR, apart), dtype=np.float64)
    columns["forward_nearness"] = nearness(columns["distance"], out_group)
    columns["backward_nearness"] = nearness(columns["distance"], in_group)
    ratio = np.asarray(detections.size[v] / detections.size[u])
    columns["size_change"] = np.clip(np.log(ratio), -2.0, 2.0)
    nearest = (columns["forward_nearness"] > 0.0) & (columns["backward_nearness"] > 0.0)
    columns["size_likeness"] = likeness(np.asarray(np.log(ratio)), dt, nearest)
    # Figures of fluorescence spread over decades; those of other microscopes have both signs.
    bright = np.arcsinh(detections.contrast)
    columns["brightness_likeness"] = likeness(bright[v] - bright[u], dt, nearest)
    columns["skipped"] = np.asarray(dt - 1.0, dtype=np.float64)
    return Candidates(u, v, np.stack([columns[n] for n in LINK_FEATURES], axis=1), dt)


def divisions(
    detections: Detections,
    links: Candidates,
    logits: Floats,
    positions_um: Floats,
    diameter_um: Floats,
) -> Divisions:
    """Pair possible links of one cell into one later frame into possible divisions.

    Args:
        detections: Ordered by frame and label.
        links: From `candidates`.
        logits: Log odds of every link, from the link costs.
        positions_um: Centroids, (N, 3).
        diameter_um: Of every detection.
    """
    e, f = _sisters(links)
    u, v, w = links.u[e], links.v[e], links.v[f]
    rival = best_other(logits, links.v, alone=-6.0)
    onward = _onward(detections, links, logits)
    columns = {
        **_shared(links, e, f),
        **_shapes(detections.size[u], detections.size[v], detections.size[w]),
        "link_low": _scaled(np.minimum(logits[e], logits[f])),
        "link_high": _scaled(np.maximum(logits[e], logits[f])),
        "centre_offset": _in_diameters(
            0.5 * (positions_um[v] + positions_um[w]) - positions_um[u], diameter_um[u]
        ),
        "separation": _in_diameters(positions_um[v] - positions_um[w], diameter_um[u]),
        "future_low": _scaled(np.minimum(onward[v], onward[w])),
        "rival_low": _scaled(np.maximum(rival[e], rival[f])),
        "growth": _growth(detections)[detections.t[u], links.dt[e]],
        "skipped": links.dt[e] - 1.0,
    }
    return Divisions(u, v, w, np.stack([columns[n] for n in DIVISION_FEATURES], axis=1))


def _sisters(links: Candidates) -> tuple[Ints, Ints]:
    """Return rows of plausible links out of one region into one frame, two by two."""
    plausible = (links.dt <= MAX_DIVISION_STEP) & (
        (links.column("forward_coverage") > 0.05)
        | (links.column("backward_containment") > 0.05)
        | (links.column("overlap") > 0.05)
        | (links.column("distance") < DIVISION_REACH)
    )
    by_mother: dict[tuple[int, int], list[int]] = {}
    for e in np.flatnonzero(plausible).tolist():
        by_mother.setdefault((int(links.u[e]), int(links.dt[e])), []).append(e)
    pairs = [pair for rows in by_mother.values() for pair in combinations(rows, 2)]
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return first, second


def _growth(detections: Detections) -> Floats:
    """Log of how many more regions there are some frames later, (frames, MAX_DIVISION_STEP + 1).

    Cells of an embryo divide in waves: where the number rises, many of them did.
    """
    counts = np.maximum(1, np.bincount(detections.t))
    later = np.minimum(
        np.arange(len(counts))[:, None] + np.arange(MAX_DIVISION_STEP + 1), len(counts) - 1
    )
    return np.asarray(np.clip(np.log(counts[later] / counts[:, None]), -0.5, 0.7))


def _onward(detections: Detections, links: Candidates, logits: Floats) -> Floats:
    """Log odds of the best link out of each region; even where there is no later frame."""
    onward = np.full(len(detections), -6.0)
    np.maximum.at(onward, links.u, logits)
    onward[detections.t >= detections.t.max(initial=0)] = 0.0
    return onward


def _shared(links: Candidates, e: Ints, f: Ints) -> dict[str, Floats]:
    """Features of propagated masks, from those of the links e and f."""
    coverage, inside = links.column("forward_coverage"), links.column("forward_containment")
    back = links.column("backward_containment")
    return {
        "forward_coverage_low": np.minimum(coverage[e], coverage[f]),
        "forward_coverage_high": np.maximum(coverage[e], coverage[f]),
        "forward_containment_sum": inside[e] + inside[f],
        "backward_containment_low": np.minimum(back[e], back[f]),
        "backward_containment_high": np.maximum(back[e], back[f]),
    }


def _shapes(mother: Ints, one: Ints, other: Ints) -> dict[str, Floats]:
    """Features of the sizes of a mother and two daughters."""
    small, large = np.minimum(one, other), np.maximum(one, other)
    whole = mother.astype(np.float64)
    return {
        "size_balance": np.log(small / large),
        "size_sum": np.abs(np.log((small + large) / whole)),
        "daughter_small": np.log(small / whole),
        "daughter_large": np.log(large / whole),
    }


def _scaled(logits: Floats) -> Floats:
    """Log odds cut to -6 to 6, as -1 to 1."""
    return np.asarray(np.clip(logits, -6, 6) / 6)


def _in_diameters(offsets: Floats, diameter: Floats) -> Floats:
    """Lengths of offsets (N, 3) in cell diameters, at most 3."""
    return np.asarray(np.minimum(3.0, np.linalg.norm(offsets, axis=1) / diameter))
