"""Derive: a profile from the data itself, each value with the reason for it."""

from sam4ct.derive.measure import cell_diameter, cell_height, diameters
from sam4ct.derive.rules import Derivation, derive_profile
from sam4ct.derive.track import derive_track_profile

__all__ = [
    "Derivation",
    "cell_diameter",
    "cell_height",
    "derive_profile",
    "derive_track_profile",
    "diameters",
]
