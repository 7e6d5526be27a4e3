"""Derive: a profile from the data itself, each value with the reason for it."""

from sam4ct.derive.measure import cell_diameter, diameters
from sam4ct.derive.rules import Derivation, derive_profile

__all__ = ["Derivation", "cell_diameter", "derive_profile", "diameters"]
