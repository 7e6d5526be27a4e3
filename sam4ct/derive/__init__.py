"""A profile from the data itself, with the reason for each value.

In: detections, or seeds and windows of the movie. Out: a profile and its reasons.

- `measure`: size, motion, crowding and number of the cells
- `rules`: the profile for linking masks
- `balls`: size of bright cells at given places
- `track`: the profile for following cells by seeds
"""

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
