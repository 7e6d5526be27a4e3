"""Families: numbers about a mother and her two daughters, if these three are a division.

Features of `divisions`, each of a few columns of regions or of links; free of units.
Pure numpy.
"""

from __future__ import annotations

import numpy as np

from sam4ct.stages.associate.features.columns import dots, in_diameters, lengths, scaled
from sam4ct.stages.associate.features.history import Course
from sam4ct.stages.associate.features.links import Candidates
from sam4ct.tables import Floats, Ints


def of_masks(links: Candidates, e: Ints, f: Ints) -> dict[str, Floats]:
    """Features of masks that were propagated or stay, from those of the links e and f."""
    still, held = links.column("still_coverage"), links.column("still_containment")
    coverage, inside = links.column("forward_coverage"), links.column("forward_containment")
    back = links.column("backward_containment")
    return {
        "forward_coverage_low": np.minimum(coverage[e], coverage[f]),
        "forward_coverage_high": np.maximum(coverage[e], coverage[f]),
        "forward_containment_sum": inside[e] + inside[f],
        "backward_containment_low": np.minimum(back[e], back[f]),
        "backward_containment_high": np.maximum(back[e], back[f]),
        "still_coverage_low": np.minimum(still[e], still[f]),
        "still_coverage_high": np.maximum(still[e], still[f]),
        "still_containment_sum": held[e] + held[f],
    }


def of_sizes(mother: Ints, one: Ints, other: Ints) -> dict[str, Floats]:
    """Features of the sizes of a mother and two daughters."""
    small, large = np.minimum(one, other), np.maximum(one, other)
    whole = mother.astype(np.float64)
    return {
        "size_balance": np.log(small / large),
        "size_sum": np.abs(np.log((small + large) / whole)),
        "daughter_small": np.log(small / whole),
        "daughter_large": np.log(large / whole),
    }


def of_places(
    mother: Floats, one: Floats, other: Floats, drift: Floats, diameter: Floats
) -> dict[str, Floats]:
    """Features of where daughters are; places and the drift around (n, 3), micrometres."""
    way, other_way = (place - mother - drift for place in (one, other))
    return {
        "centre_offset": in_diameters(0.5 * (way + other_way), diameter),
        "opposite": _cosine(way, other_way),
        "separation": in_diameters(one - other, diameter),
    }


def _cosine(one: Floats, other: Floats) -> Floats:
    """Cosine of the angles between rows (N, 3): -1 where daughters part from their mother."""
    return dots(one, other) / np.maximum(lengths(one) * lengths(other), 1e-9)


def low_high(name: str, one: Floats, other: Floats) -> dict[str, Floats]:
    """Features of two log odds, whichever is which."""
    return {
        f"{name}_low": scaled(np.minimum(one, other)),
        f"{name}_high": scaled(np.maximum(one, other)),
    }


def of_past(course: Course, u: Ints) -> dict[str, Floats]:
    """Features of what a mother did before: cells round up, and divide at about one age."""
    known = ~np.isnan(course.ripeness[u])
    return {
        "mother_growth": np.clip(np.nan_to_num(course.growth[u]), -1.0, 1.0),
        "ripeness": np.clip(np.nan_to_num(course.ripeness[u]), -2.0, 1.0),
        "ripeness_known": known.astype(np.float64),
    }
