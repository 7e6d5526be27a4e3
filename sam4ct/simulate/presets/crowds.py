"""Named movies of cells that wander by themselves, each a blob."""

from __future__ import annotations

from sam4ct.simulate.cells import CellLaw
from sam4ct.simulate.looks import Optics
from sam4ct.simulate.presets.preset import Preset

CROWDS: dict[str, Preset] = {
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
