"""Derive: a profile from the data itself, each value with the reason for it."""

from sam4ct.derive.measure import cell_diameter, cell_height, diameters
from sam4ct.derive.rules import Derivation, derive_profile

__all__ = ["Derivation", "cell_diameter", "cell_height", "derive_profile", "diameters"]
