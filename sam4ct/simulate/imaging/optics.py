"""What an image is made of: the fields of the cells, and the optics of the microscope.

Array order ([z,] y, x).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sam4ct.intensity import Image


@dataclass(frozen=True)
class Fields:
    """Inputs of a look, all of the frame's shape."""

    rho: Image
    """Relative depth in the nearest cell: 0 centre, 1 outline, capped at 3 outside."""
    second: Image
    """Relative depth in the second nearest cell; equals `rho` where two cells meet."""
    texture: Image
    """Texture of the cell, about -1 to 1; 0 outside cells."""
    brightness: Image
    """Brightness of the nearest cell, 0 far from any."""
    mitotic: Image
    """0 to 1 inside and around cells about to divide."""
    labels: NDArray[np.int32]

    @property
    def inside(self) -> NDArray[np.bool_]:
        return self.labels > 0


@dataclass(frozen=True, kw_only=True)
class Optics:
    """How a movie is imaged; contrasts are relative to a cell's brightness of 1."""

    look: str = "nucleus"
    texture: float = 0.2
    """Contrast of the texture inside cells."""
    softness: float = 3.0
    """Steepness of a nucleus' edge: 1 is a cone, 6 a disc."""
    halo: float = 0.6
    """Strength of the bright or dark (negative) seam around phase-contrast cells."""
    level: float = 0.1
    """Brightness inside phase-contrast cells relative to the background."""
    rings: float = 1.0
    """Diffraction rings per radius in brightfield."""
    shear: float = 0.8
    """Direction of the shadow in DIC, radians in the last two axes."""
    blur_px: float = 1.0
    noise: float = 0.05
    """Standard deviation of the camera's noise."""
    grain_px: float = 0.0
    """Correlation length of the noise, as in a resampled image."""
    background: float = 0.1
    """Amplitude of the slow background."""
    debris: int = 0
    """Number of small spots that do not move."""
    flicker: float = 0.02
    """Relative change of the illumination from frame to frame."""
    pattern: str = "waves"
    """Kind of texture, one of `PATTERNS`."""
    halo_px: float = 6.0
    """Reach of the halo in the look "halo"."""
    rim: float = 0.08
    """Width of rims, coats, and seams between packed cells, in radii."""
