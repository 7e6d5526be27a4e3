"""Named movies: a kind of cells under a kind of microscope, and the law of a movie of any size.

`sam4ct simulate --look` and the benchmarks name them. The first eight are cells that wander by
themselves; the others are in colonies, sheets and channels, of other shapes, on restless stages.
A volume is the same cells, layer upon layer, in slices that are further apart than its pixels.
Lengths in pixels of the finest axis, times in frames.
"""

from __future__ import annotations

from dataclasses import dataclass

from sam4ct.simulate.cells.cell import CellLaw
from sam4ct.simulate.cells.channels import Channels
from sam4ct.simulate.cells.populations import SettingLaw
from sam4ct.simulate.imaging.camera import CameraLaw
from sam4ct.simulate.imaging.optics import Optics
from sam4ct.simulate.movie import MovieLaw

SLICE_SPACING = 5.0
"""Default distance between the slices of a volume, in pixels."""
LAYER = 3.0
"""Height of one layer of a volume's cells, in radii."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A kind of movie, and a modest size that shows it; for the other fields see `MovieLaw`."""

    about: str
    """What it looks like, for help texts."""
    size: tuple[int, int]
    """Default frame size (y, x), pixels."""
    cells: int
    """Cells in view at the start in a frame of that size."""
    law: CellLaw
    optics: Optics
    drift: float = 0.0
    contact: float = 0.9
    setting: SettingLaw | None = None
    camera: CameraLaw | None = None


# A table: one preset a paragraph reads better than one number a line.
# fmt: off
PRESETS: dict[str, Preset] = {
    "nuclei": Preset(
        about="stained nuclei of a dividing culture, of very different brightness",
        size=(256, 256), cells=18,
        law=CellLaw(radius=13.0, radius_spread=0.1, elongation=0.62, bumpiness=0.035, motion=0.22,
            cycle=28.0),
        optics=Optics(look="nucleus", texture=0.2, softness=6.0, blur_px=0.9, noise=0.02,
            background=0.05),
    ),
    "sparse-nuclei": Preset(
        about="large mottled nuclei far apart in a noisy image, slow, hardly dividing",
        size=(320, 320), cells=7,
        law=CellLaw(radius=24.0, radius_spread=0.1, elongation=0.75, bumpiness=0.05, motion=0.08,
            turning=0.05, cycle=80.0),
        optics=Optics(look="nucleus", texture=0.6, softness=7.0, blur_px=1.4, noise=0.06,
            background=0.05),
    ),
    "phase": Preset(
        about="phase contrast of rounded cells with bright halos", size=(256, 256), cells=14,
        law=CellLaw(radius=14.0, elongation=0.55, bumpiness=0.08, motion=0.2, cycle=30.0),
        optics=Optics(look="phase", texture=0.25, halo=0.9, level=-0.25, noise=0.05,
            background=0.25, debris=4),
    ),
    "spread": Preset(
        about="phase contrast of large flat cells that crawl and change their shape",
        size=(320, 320), cells=4,
        law=CellLaw(radius=34.0, radius_spread=0.2, elongation=0.5, bumpiness=0.22, deformation=0.2,
            motion=0.1, cycle=70.0),
        optics=Optics(look="spread", texture=0.4, halo=0.8, level=0.05, noise=0.06, background=0.2,
            debris=5),
    ),
    "brightfield": Preset(
        about="brightfield of small round cells with diffraction rings, fast and crowding",
        size=(256, 256), cells=20,
        law=CellLaw(radius=9.0, elongation=0.85, bumpiness=0.03, motion=0.35, cycle=25.0),
        optics=Optics(look="brightfield", texture=0.15, halo=1.0, level=0.3, rings=0.9, noise=0.06,
            background=0.25, debris=3),
    ),
    "dic": Preset(
        about="differential interference contrast of a dense layer of large cells",
        size=(256, 256), cells=18, contact=0.7,
        law=CellLaw(radius=30.0, radius_spread=0.1, elongation=0.65, bumpiness=0.1, motion=0.06,
            cycle=40.0),
        optics=Optics(look="dic", texture=0.9, noise=0.08, background=0.15, blur_px=0.8),
    ),
    "membrane": Preset(
        about="stained membranes of a sheet of touching cells",
        size=(256, 256), cells=70, contact=0.7,
        law=CellLaw(radius=18.0, radius_spread=0.08, elongation=0.75, bumpiness=0.06, motion=0.06,
            cycle=40.0),
        optics=Optics(look="membrane", texture=0.3, noise=0.06, background=0.1),
    ),
    "tiny": Preset(
        about="phase contrast of very many very small cells that drift together",
        size=(256, 256), cells=110, drift=0.1,
        law=CellLaw(radius=5.5, elongation=0.55, bumpiness=0.05, motion=0.15, cycle=35.0),
        optics=Optics(look="phase", texture=0.1, halo=-0.5, level=0.8, blur_px=0.7, noise=0.07,
            background=0.15),
    ),
    "rods": Preset(
        about="phase contrast of a colony of rods that grow, push each other and divide",
        size=(256, 256), cells=24, contact=1.05,
        law=CellLaw(radius=13.0, bumpiness=0.1, motion=0.02, turning=0.02, cycle=14.0, dimmest=0.9,
            shape="rod", slenderness=4.0),
        optics=Optics(look="halo", level=-1.0, halo=1.0, halo_px=9.0, texture=0.1, noise=0.03,
            background=0.1),
        setting=SettingLaw(kind="colonies", aligned=0.8),
        camera=CameraLaw(clutter=0.05, dirt=3, specks=3),
    ),
    "drifting-rods": Preset(
        about="few rods on a stage that drifts far and jumps, behind dirt that stays",
        size=(256, 256), cells=10, drift=1.0, contact=1.05,
        law=CellLaw(radius=10.0, motion=0.1, turning=0.05, cycle=30.0, dimmest=0.8, shape="rod",
            slenderness=4.0),
        optics=Optics(look="halo", level=-1.0, halo=0.9, halo_px=7.0, texture=0.1, noise=0.05,
            background=0.2),
        setting=SettingLaw(jolts=0.3, jolt=8.0),
        camera=CameraLaw(dirt=8, specks=3, shade=0.3),
    ),
    "channels": Preset(
        about="rods in channels open at one end, pushed outwards as they grow",
        size=(224, 256), cells=32,
        law=CellLaw(radius=9.5, motion=0.02, cycle=14.0, dimmest=0.8, shape="rod", slenderness=3.5),
        optics=Optics(look="rim", halo=0.5, level=-0.2, rim=0.2, texture=0.1, noise=0.03),
        setting=SettingLaw(kind="channels", channels=Channels(pitch=36.0, width=13.0, closed=20.0,
            length=170.0, offset=18.0)),
        camera=CameraLaw(clutter=0.03, dirt=2),
    ),
    "yeast": Preset(
        about="brightfield of budding yeast in growing colonies",
        size=(256, 256), cells=16, contact=1.0,
        law=CellLaw(radius=13.0, radius_spread=0.08, elongation=0.85, motion=0.03, turning=0.02,
            cycle=14.0, dimmest=0.8, shape="budding"),
        optics=Optics(look="rim", halo=-0.9, level=0.1, rim=0.12, texture=0.15, noise=0.05),
        setting=SettingLaw(kind="colonies", colonies=2, off_centre=0.6),
        camera=CameraLaw(clutter=0.03, specks=3, shade=0.3),
    ),
    "epithelium": Preset(
        about="stained membranes of a packed sheet that stretches and shears",
        size=(256, 256), cells=60, contact=0.74,
        law=CellLaw(radius=23.0, radius_spread=0.08, elongation=0.8, bumpiness=0.03, motion=0.04,
            cycle=50.0, dimmest=0.7),
        optics=Optics(look="seams", rim=0.06, texture=0.3, noise=0.08, background=0.2),
        setting=SettingLaw(kind="sheet", strain=0.004),
        camera=CameraLaw(clutter=0.05),
    ),
    "crawlers": Preset(
        about="stained cells that crawl with protrusions, under heavy noise",
        size=(320, 320), cells=9, contact=1.1,
        law=CellLaw(radius=18.0, radius_spread=0.2, elongation=0.6, bumpiness=1.6, deformation=0.1,
            motion=0.2, persistence=0.7, cycle=60.0, dimmest=0.4, shape="crawler"),
        optics=Optics(look="stain", softness=2.0, level=0.4, texture=0.3, noise=0.2),
        setting=SettingLaw(),
        camera=CameraLaw(clutter=0.05, specks=4, levels=64),
    ),
    "spores": Preset(
        about="phase contrast of small shining ovals", size=(256, 256), cells=50, contact=1.0,
        law=CellLaw(radius=6.5, elongation=0.6, bumpiness=0.01, motion=0.25, cycle=60.0,
            dimmest=0.6),
        optics=Optics(look="refractile", halo=0.8, rim=0.12, noise=0.06, background=0.2),
        setting=SettingLaw(),
        camera=CameraLaw(clutter=0.05, specks=5, dirt=3),
    ),
    "cobbles": Preset(
        about="transmitted light through a packed sheet of bulging cells",
        size=(256, 256), cells=45, contact=0.74,
        law=CellLaw(radius=27.0, radius_spread=0.1, elongation=0.8, bumpiness=0.03, motion=0.04,
            cycle=50.0, dimmest=0.7),
        optics=Optics(look="cobbles", rim=0.05, texture=0.3, noise=0.06, background=0.2),
        setting=SettingLaw(kind="sheet", strain=0.004),
        camera=CameraLaw(shade=0.4, jpeg=0.04),
    ),
}
# fmt: on


def movie_law(
    preset: str,
    shape: tuple[int, ...] | None = None,
    frames: int = 30,
    cells: int | None = None,
    slice_spacing: float = SLICE_SPACING,
) -> MovieLaw:
    """Return the law of a movie of a preset, in any size.

    Args:
        preset: One of `PRESETS`.
        shape: Frame ([z,] y, x) in voxels; the preset's size if None.
        frames: Number of frames.
        cells: About how many cells are in view at the start; the preset's density if None.
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
