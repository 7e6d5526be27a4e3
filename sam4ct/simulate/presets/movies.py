"""Named movies, and the law of a movie of any of them in any size.

A volume is the same cells, layer upon layer, in slices that are further apart than its
pixels. Lengths in pixels of the finest axis, times in frames.
"""

from __future__ import annotations

from sam4ct.simulate.movie import MovieLaw
from sam4ct.simulate.presets.assemblies import ASSEMBLIES
from sam4ct.simulate.presets.crowds import CROWDS
from sam4ct.simulate.presets.preset import Preset

SLICE_SPACING = 5.0
"""Distance of slices in pixels, for volumes, unless asked otherwise."""
LAYER = 3.0
"""Height of one layer of a volume's cells, in radii."""

PRESETS: dict[str, Preset] = {**CROWDS, **ASSEMBLIES}


def movie_law(
    preset: str,
    shape: tuple[int, ...] | None = None,
    frames: int = 30,
    cells: int | None = None,
    slice_spacing: float = SLICE_SPACING,
) -> MovieLaw:
    """Return the law of a movie of a kind.

    Args:
        preset: One of `PRESETS`.
        shape: Frame ([z,] y, x) in voxels; the preset's size if None.
        frames: Number of frames.
        cells: Cells in view at the start, about; the preset's density if None.
        slice_spacing: Distance of the slices of a volume, in pixels; at least 1.

    Raises:
        KeyError: There is no such preset.
    """
    kind = PRESETS[preset]
    shape = shape or kind.size
    if cells is None:
        area = shape[-2] * shape[-1] / (kind.size[0] * kind.size[1])
        height = shape[0] * slice_spacing if len(shape) == 3 else 0.0
        layers = max(1.0, height / (LAYER * kind.law.radius))
        cells = max(1, round(kind.cells * area * layers))
    return MovieLaw(
        shape=shape,
        frames=frames,
        cells=cells,
        law=kind.law,
        optics=kind.optics,
        spacing=(slice_spacing, 1.0, 1.0) if len(shape) == 3 else None,
        drift=kind.drift,
        contact=kind.contact,
        setting=kind.setting,
        camera=kind.camera,
    )
