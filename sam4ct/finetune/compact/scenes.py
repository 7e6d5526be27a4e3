"""Draw the parts of training movies at random: cells, positions, looks, camera.

A movie is one window large. The radius of a cell is that of a disc of the same area.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sam4ct.finetune.compact.sam2_examples import draw_optics as draw_plain_optics
from sam4ct.finetune.compact.sam2_examples import log_uniform
from sam4ct.simulate.cells.cell import CellLaw
from sam4ct.simulate.cells.populations import SettingLaw
from sam4ct.simulate.imaging.camera import CameraLaw
from sam4ct.simulate.imaging.optics import Optics
from sam4ct.simulate.movie import MovieLaw

Rng = np.random.Generator
MOST_CELLS = 70
"""Approximate limit in a window: more are slow to simulate, and too small to be prompts."""


def chance(rng: Rng, probability: float, low: float, high: float) -> float:
    """Draw log-uniformly with a probability; otherwise return 0."""
    return log_uniform(rng, low, high) if rng.random() < probability else 0.0


def draw_camera(rng: Rng, radius: float) -> CameraLaw:
    """Draw what images show besides cells of a radius, and how they are degraded."""
    return CameraLaw(
        clutter=chance(rng, 0.5, 0.01, 0.25),
        clutter_px=log_uniform(rng, 1.0, max(2.0, radius)),
        specks=int(rng.poisson(4.0)) if rng.random() < 0.4 else 0,
        speck_px=log_uniform(rng, 0.8, max(1.0, 0.3 * radius)),
        dirt=1 + int(rng.poisson(3.0)) if rng.random() < 0.35 else 0,
        dirt_px=log_uniform(rng, 1.5, max(2.0, 0.8 * radius)),
        shade=chance(rng, 0.4, 0.1, 0.75),
        pedestal=rng.uniform(0.2, 2.0),
        refocus=chance(rng, 0.3, 0.05, 0.4),
        levels=int(chance(rng, 0.4, 10.0, 256.0)),
        jpeg=chance(rng, 0.25, 0.02, 0.15),
        jpeg_block=int(rng.choice([8, 16])),
    )


def draw_optics(rng: Rng, radius: float, look: str) -> Optics:
    """Draw how cells of a radius are imaged, with wider ranges than `sam2_examples`."""
    optics = draw_plain_optics(rng, radius, look)
    optics = replace(
        optics,
        pattern=str(rng.choice(["waves", "mottled", "holes"], p=[0.5, 0.25, 0.25])),
        texture=log_uniform(rng, 0.02, 0.9),
        halo_px=radius * log_uniform(rng, 0.15, 1.5),
        rim=log_uniform(rng, 0.04, 0.25),
        noise=log_uniform(rng, 0.004, 0.25),
        flicker=rng.uniform(0.0, 0.2),
    )
    if look == "halo":
        return replace(
            optics,
            level=rng.uniform(0.5, 1.5) * rng.choice([-1.0, 1.0], p=[0.8, 0.2]),
            halo=rng.uniform(0.2, 1.5),
            texture=min(optics.texture, 0.4),
        )
    if look == "stain":
        return replace(optics, level=rng.uniform(-0.5, 0.8))
    return optics


def draw_setting(rng: Rng, window: int, radius: float, kind: str) -> SettingLaw:
    """Draw where cells are; in a third of the movies the stage jumps, by up to half a window."""
    return SettingLaw(
        kind=kind,
        colonies=int(rng.integers(1, 4)),
        off_centre=0.8,
        aligned=rng.uniform(0.2, 0.95),
        strain=chance(rng, 0.4, 0.003, 0.05),
        jolts=float(rng.choice([0.0, 1.0], p=[0.65, 0.35])),
        jolt=window / radius * log_uniform(rng, 0.05, 0.45),
    )


def draw_cells(rng: Rng, radius: float, shape: str, **known: Any) -> CellLaw:
    """Draw cells of a mean radius and a shape; fields that are given are not drawn."""
    usual = CellLaw(
        radius=radius,
        radius_spread=rng.uniform(0.03, 0.25),
        elongation=rng.uniform(0.5, 0.98),
        bumpiness=rng.uniform(0.01, 0.14),
        deformation=rng.uniform(0.02, 0.3),
        motion=log_uniform(rng, 0.01, 0.5),
        persistence=rng.uniform(0.0, 0.8),
        turning=log_uniform(rng, 0.01, 0.3),
        cycle=log_uniform(rng, 4.0, 30.0),
        death=float(rng.choice([0.0, 0.04])),
        rounding=rng.uniform(0.5, 2.5),
        separation=rng.uniform(0.5, 1.1),
        dimmest=rng.uniform(0.3, 1.0),
        inherited=float(rng.choice([1.0, rng.uniform(0.0, 1.0)])),
        shape=shape,
        slenderness=log_uniform(rng, 2.2, 7.0),
        bud=rng.uniform(0.35, 0.8),
    )
    return replace(usual, **known)


def draw_scene(
    rng: Rng, window: int, cells: CellLaw, look: str, kind: str, density: float, contact: float
) -> MovieLaw:
    """Draw a movie of given cells.

    Args:
        window: Side of the frame, pixels.
        look: One of `looks.LOOKS`.
        kind: `SettingLaw.kind`.
        density: Share of the frame that cells cover.
        contact: `MovieLaw.contact`.
    """
    radius = cells.radius
    count = density * window**2 / (np.pi * radius**2)
    drifts = rng.random() < 0.3
    return MovieLaw(
        shape=(window, window),
        frames=int(rng.choice([2, 3], p=[0.75, 0.25])),
        cells=int(np.clip(count, 1, MOST_CELLS)),
        law=cells,
        optics=draw_optics(rng, radius, look),
        drift=window / radius * log_uniform(rng, 0.01, 0.25) if drifts else 0.0,
        contact=contact,
        setting=draw_setting(rng, window, radius, kind),
        camera=draw_camera(rng, radius),
    )


def draw_look(rng: Rng, shares: Mapping[str, float]) -> str:
    """Draw a look by the relative shares of looks."""
    weights = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=weights / weights.sum()))


def enlarged(movie: MovieLaw, side: int, radius: float, cells: int) -> MovieLaw:
    """Return the law of a movie of the same kind in another size.

    Args:
        movie: Drawn for one window.
        side: Side of the frame, pixels.
        radius: Mean radius of the cells, pixels.
        cells: About how many are in view at the start.
    """
    scale = radius / movie.law.radius
    optics, camera, setting = movie.optics, movie.camera, movie.setting
    if camera is not None:
        camera = replace(
            camera,
            clutter_px=camera.clutter_px * scale,
            speck_px=max(0.5, camera.speck_px * scale),
            dirt_px=camera.dirt_px * scale,
        )
    if setting is not None and setting.channels is not None:
        lengths = ("pitch", "width", "closed", "length", "offset")
        own = {name: getattr(setting.channels, name) * scale for name in lengths}
        setting = replace(setting, channels=replace(setting.channels, **own))
    return replace(
        movie,
        shape=(side, side),
        cells=cells,
        law=replace(movie.law, radius=radius),
        optics=replace(
            optics,
            blur_px=max(0.5, optics.blur_px * scale),
            halo_px=max(1.0, optics.halo_px * scale),
        ),
        camera=camera,
        setting=setting,
    )
