"""What a named movie is made of: a kind of cells under a kind of microscope.

Owns the parameters only; how cells behave is in `cells`, how they look in `looks`. Lengths
in pixels of the finest axis, times in frames.
"""

from __future__ import annotations

from dataclasses import dataclass

from sam4ct.simulate.camera import CameraLaw
from sam4ct.simulate.cells import CellLaw
from sam4ct.simulate.looks import Optics
from sam4ct.simulate.populations import SettingLaw


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A kind of movie, and a modest size that shows it."""

    about: str
    """What it looks like, for help texts."""
    size: tuple[int, int]
    """Frame (y, x) in pixels, unless asked otherwise."""
    cells: int
    """Cells in view at the start in a frame of that size."""
    law: CellLaw
    optics: Optics
    drift: float = 0.0
    """See `MovieLaw`."""
    contact: float = 0.9
    """See `MovieLaw`."""
    setting: SettingLaw | None = None
    """See `MovieLaw`."""
    camera: CameraLaw | None = None
    """See `MovieLaw`."""
