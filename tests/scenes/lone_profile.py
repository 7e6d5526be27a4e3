"""A profile for the volume of a dataset named Lone."""

from __future__ import annotations

PROFILE = """dataset = "Lone"
mode = "link"
ndim = 3
spacing_um = [2.0, 1.0, 1.0]
window_px = 32
link_radius_px = 10.0
min_size = 4
"""
