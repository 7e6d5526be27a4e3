"""Named movies of cells in colonies, sheets and channels, of other shapes, on restless stages."""

from __future__ import annotations

from sam4ct.simulate.camera import CameraLaw
from sam4ct.simulate.cells import CellLaw
from sam4ct.simulate.channels import Channels
from sam4ct.simulate.looks import Optics
from sam4ct.simulate.populations import SettingLaw
from sam4ct.simulate.presets.preset import Preset

ASSEMBLIES: dict[str, Preset] = {
    "rods": Preset(
        about="phase contrast of a colony of rods that grow, push each other and divide",
        size=(256, 256),
        cells=24,
        law=CellLaw(
            radius=13.0,
            bumpiness=0.1,
            motion=0.02,
            turning=0.02,
            cycle=14.0,
            dimmest=0.9,
            shape="rod",
            slenderness=4.0,
        ),
        optics=Optics(
            look="halo", level=-1.0, halo=1.0, halo_px=9.0, texture=0.1, noise=0.03, background=0.1
        ),
        contact=1.05,
        setting=SettingLaw(kind="colonies", aligned=0.8),
        camera=CameraLaw(clutter=0.05, dirt=3, specks=3),
    ),
    "drifting-rods": Preset(
        about="few rods on a stage that drifts far and jumps, behind dirt that stays",
        size=(256, 256),
        cells=10,
        law=CellLaw(
            radius=10.0,
            motion=0.1,
            turning=0.05,
            cycle=30.0,
            dimmest=0.8,
            shape="rod",
            slenderness=4.0,
        ),
        optics=Optics(
            look="halo", level=-1.0, halo=0.9, halo_px=7.0, texture=0.1, noise=0.05, background=0.2
        ),
        drift=1.0,
        contact=1.05,
        setting=SettingLaw(jolts=0.3, jolt=8.0),
        camera=CameraLaw(dirt=8, specks=3, shade=0.3),
    ),
    "channels": Preset(
        about="rods in channels open at one end, pushed outwards as they grow",
        size=(224, 256),
        cells=32,
        law=CellLaw(
            radius=9.5,
            motion=0.02,
            cycle=14.0,
            dimmest=0.8,
            shape="rod",
            slenderness=3.5,
        ),
        optics=Optics(look="rim", halo=0.5, level=-0.2, rim=0.2, texture=0.1, noise=0.03),
        setting=SettingLaw(
            kind="channels",
            channels=Channels(pitch=36.0, width=13.0, closed=20.0, length=170.0, offset=18.0),
        ),
        camera=CameraLaw(clutter=0.03, dirt=2),
    ),
    "yeast": Preset(
        about="brightfield of budding yeast in growing colonies",
        size=(256, 256),
        cells=16,
        law=CellLaw(
            radius=13.0,
            radius_spread=0.08,
            elongation=0.85,
            motion=0.03,
            turning=0.02,
            cycle=14.0,
            dimmest=0.8,
            shape="budding",
        ),
        optics=Optics(look="rim", halo=-0.9, level=0.1, rim=0.12, texture=0.15, noise=0.05),
        contact=1.0,
        setting=SettingLaw(kind="colonies", colonies=2, off_centre=0.6),
        camera=CameraLaw(clutter=0.03, specks=3, shade=0.3),
    ),
    "epithelium": Preset(
        about="stained membranes of a packed sheet that stretches and shears",
        size=(256, 256),
        cells=60,
        law=CellLaw(
            radius=23.0,
            radius_spread=0.08,
            elongation=0.8,
            bumpiness=0.03,
            motion=0.04,
            cycle=50.0,
            dimmest=0.7,
        ),
        optics=Optics(look="seams", rim=0.06, texture=0.3, noise=0.08, background=0.2),
        contact=0.74,
        setting=SettingLaw(kind="sheet", strain=0.004),
        camera=CameraLaw(clutter=0.05),
    ),
    "crawlers": Preset(
        about="stained cells that crawl with protrusions, under heavy noise",
        size=(320, 320),
        cells=9,
        law=CellLaw(
            radius=18.0,
            radius_spread=0.2,
            elongation=0.6,
            bumpiness=1.6,
            deformation=0.1,
            motion=0.2,
            persistence=0.7,
            cycle=60.0,
            dimmest=0.4,
            shape="crawler",
        ),
        optics=Optics(look="stain", softness=2.0, level=0.4, texture=0.3, noise=0.2),
        contact=1.1,
        setting=SettingLaw(),
        camera=CameraLaw(clutter=0.05, specks=4, levels=64),
    ),
    "spores": Preset(
        about="phase contrast of small shining ovals",
        size=(256, 256),
        cells=50,
        law=CellLaw(
            radius=6.5, elongation=0.6, bumpiness=0.01, motion=0.25, cycle=60.0, dimmest=0.6
        ),
        optics=Optics(look="refractile", halo=0.8, rim=0.12, noise=0.06, background=0.2),
        contact=1.0,
        setting=SettingLaw(),
        camera=CameraLaw(clutter=0.05, specks=5, dirt=3),
    ),
    "cobbles": Preset(
        about="transmitted light through a packed sheet of bulging cells",
        size=(256, 256),
        cells=45,
        law=CellLaw(
            radius=27.0,
            radius_spread=0.1,
            elongation=0.8,
            bumpiness=0.03,
            motion=0.04,
            cycle=50.0,
            dimmest=0.7,
        ),
        optics=Optics(look="cobbles", rim=0.05, texture=0.3, noise=0.06, background=0.2),
        contact=0.74,
        setting=SettingLaw(kind="sheet", strain=0.004),
        camera=CameraLaw(shade=0.4, jpeg=0.04),
    ),
}
