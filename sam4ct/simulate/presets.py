"""Named movies: one kind of cells under one kind of microscope each.

Owns the parameters only; how cells behave is in `cells`, how they look in
`looks`. Lengths in pixels of the finest axis, times in frames. A volume is the
same cells, layer upon layer, in slices that are further apart than its pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from sam4ct.simulate.cells import CellLaw
from sam4ct.simulate.looks import Optics
from sam4ct.simulate.movie import MovieLaw

SLICE_SPACING = 5.0
"""Distance of slices in pixels, for volumes, unless asked otherwise."""
LAYER = 3.0
"""Height of one layer of a volume's cells, in radii."""


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


PRESETS: dict[str, Preset] = {
    "nuclei": Preset(
        about="stained nuclei of a dividing culture, of very different brightness",
        size=(256, 256),
        cells=18,
        law=CellLaw(
            radius=13.0,
            radius_spread=0.1,
            elongation=0.62,
            bumpiness=0.035,
            motion=0.22,
            cycle=28.0,
        ),
        optics=Optics(
            look="nucleus", texture=0.2, softness=6.0, blur_px=0.9, noise=0.02, background=0.05
        ),
    ),
    "sparse-nuclei": Preset(
        about="large mottled nuclei far apart in a noisy image, slow, hardly dividing",
        size=(320, 320),
        cells=7,
        law=CellLaw(
            radius=24.0,
            radius_spread=0.1,
            elongation=0.75,
            bumpiness=0.05,
            motion=0.08,
            turning=0.05,
            cycle=80.0,
        ),
        optics=Optics(
            look="nucleus", texture=0.6, softness=7.0, blur_px=1.4, noise=0.06, background=0.05
        ),
    ),
    "phase": Preset(
        about="phase contrast of rounded cells with bright halos",
        size=(256, 256),
        cells=14,
        law=CellLaw(radius=14.0, elongation=0.55, bumpiness=0.08, motion=0.2, cycle=30.0),
        optics=Optics(
            look="phase",
            texture=0.25,
            halo=0.9,
            level=-0.25,
            noise=0.05,
            background=0.25,
            debris=4,
        ),
    ),
    "spread": Preset(
        about="phase contrast of large flat cells that crawl and change their shape",
        size=(320, 320),
        cells=4,
        law=CellLaw(
            radius=34.0,
            radius_spread=0.2,
            elongation=0.5,
            bumpiness=0.22,
            deformation=0.2,
            motion=0.1,
            cycle=70.0,
        ),
        optics=Optics(
            look="spread",
            texture=0.4,
            halo=0.8,
            level=0.05,
            noise=0.06,
            background=0.2,
            debris=5,
        ),
    ),
    "brightfield": Preset(
        about="brightfield of small round cells with diffraction rings, fast and crowding",
        size=(256, 256),
        cells=20,
        law=CellLaw(radius=9.0, elongation=0.85, bumpiness=0.03, motion=0.35, cycle=25.0),
        optics=Optics(
            look="brightfield",
            texture=0.15,
            halo=1.0,
            level=0.3,
            rings=0.9,
            noise=0.06,
            background=0.25,
            debris=3,
        ),
    ),
    "dic": Preset(
        about="differential interference contrast of a dense layer of large cells",
        size=(256, 256),
        cells=18,
        law=CellLaw(
            radius=30.0,
            radius_spread=0.1,
            elongation=0.65,
            bumpiness=0.1,
            motion=0.06,
            cycle=40.0,
        ),
        optics=Optics(look="dic", texture=0.9, noise=0.08, background=0.15, blur_px=0.8),
        contact=0.7,
    ),
    "membrane": Preset(
        about="stained membranes of a sheet of touching cells",
        size=(256, 256),
        cells=70,
        law=CellLaw(
            radius=18.0,
            radius_spread=0.08,
            elongation=0.75,
            bumpiness=0.06,
            motion=0.06,
            cycle=40.0,
        ),
        optics=Optics(look="membrane", texture=0.3, noise=0.06, background=0.1),
        contact=0.7,
    ),
    "tiny": Preset(
        about="phase contrast of very many very small cells that drift together",
        size=(256, 256),
        cells=110,
        law=CellLaw(radius=5.5, elongation=0.55, bumpiness=0.05, motion=0.15, cycle=35.0),
        optics=Optics(
            look="phase",
            texture=0.1,
            halo=-0.5,
            level=0.8,
            blur_px=0.7,
            noise=0.07,
            background=0.15,
        ),
        drift=0.1,
    ),
}


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
    )
