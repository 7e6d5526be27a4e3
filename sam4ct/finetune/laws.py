"""Laws of short movies for the training of the compact SAM 2: many kinds of cells and pictures.

Each law puts the simulator's pieces together: a shape of cells, where they are, how they and
the stage move, a look, and what else is in the picture. What is drawn is one window large. The
laws of `HELD_OUT` are never trained on: they tell what a network does on what it has not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sam4ct.finetune.pairs import Law, draw_movie, draw_optics, log_uniform
from sam4ct.simulate.camera import CameraLaw
from sam4ct.simulate.cells import CellLaw
from sam4ct.simulate.channels import Channels
from sam4ct.simulate.looks import Optics
from sam4ct.simulate.movie import MovieLaw
from sam4ct.simulate.populations import SettingLaw
from sam4ct.simulate.shapes import rod_half_width

Rng = np.random.Generator
MOST_CELLS = 70
"""In a window, about: more make examples slow and masks too small to be asked for."""


def _chance(rng: Rng, probability: float, low: float, high: float) -> float:
    """Draw log-uniformly with a probability, and 0 else."""
    return log_uniform(rng, low, high) if rng.random() < probability else 0.0


def _camera(rng: Rng, radius: float) -> CameraLaw:
    return CameraLaw(
        clutter=_chance(rng, 0.5, 0.01, 0.25),
        clutter_px=log_uniform(rng, 1.0, max(2.0, radius)),
        specks=int(rng.poisson(4.0)) if rng.random() < 0.4 else 0,
        speck_px=log_uniform(rng, 0.8, max(1.0, 0.3 * radius)),
        dirt=1 + int(rng.poisson(3.0)) if rng.random() < 0.35 else 0,
        dirt_px=log_uniform(rng, 1.5, max(2.0, 0.8 * radius)),
        shade=_chance(rng, 0.4, 0.1, 0.75),
        pedestal=rng.uniform(0.2, 2.0),
        refocus=_chance(rng, 0.3, 0.05, 0.4),
        levels=int(_chance(rng, 0.4, 10.0, 256.0)),
        jpeg=_chance(rng, 0.25, 0.02, 0.15),
        jpeg_block=int(rng.choice([8, 16])),
    )


def _optics(rng: Rng, radius: float, look: str) -> Optics:
    optics = draw_optics(rng, radius, look)
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


def _setting(rng: Rng, window: int, radius: float, kind: str) -> SettingLaw:
    """Draw where cells are; one movie in three has a stage that jumps, by up to half a window."""
    return SettingLaw(
        kind=kind,
        colonies=int(rng.integers(1, 4)),
        aligned=rng.uniform(0.2, 0.95),
        strain=_chance(rng, 0.4, 0.003, 0.05),
        jolts=float(rng.choice([0.0, 1.0], p=[0.65, 0.35])),
        jolt=window / radius * log_uniform(rng, 0.05, 0.45),
    )


def _cells(rng: Rng, radius: float, shape: str, **known: Any) -> CellLaw:
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


def _movie(
    rng: Rng, window: int, cells: CellLaw, look: str, kind: str, density: float, contact: float
) -> MovieLaw:
    radius = cells.radius
    count = density * window**2 / (np.pi * radius**2)
    drifts = rng.random() < 0.3
    return MovieLaw(
        shape=(window, window),
        frames=int(rng.choice([2, 3], p=[0.75, 0.25])),
        cells=int(np.clip(count, 1, MOST_CELLS)),
        law=cells,
        optics=_optics(rng, radius, look),
        drift=window / radius * log_uniform(rng, 0.01, 0.25) if drifts else 0.0,
        contact=contact,
        setting=_setting(rng, window, radius, kind),
        camera=_camera(rng, radius),
    )


def _look(rng: Rng, shares: Mapping[str, float]) -> str:
    weights = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=weights / weights.sum()))


ROD_LOOKS = {"halo": 5, "rim": 2, "nucleus": 2, "dark": 1, "phase": 1, "stain": 1}
YEAST_LOOKS = {"rim": 5, "halo": 3, "brightfield": 1, "nucleus": 1, "stain": 1, "dic": 1}
CRAWLER_LOOKS = {"spread": 3, "halo": 2, "stain": 4, "dic": 1, "phase": 1}


def _rods(rng: Rng, window: int, kind: str) -> MovieLaw:
    radius = window * log_uniform(rng, 0.12, 0.4) / 2.0
    cells = _cells(rng, radius, "rod", bumpiness=rng.uniform(0.0, 0.25))
    if kind == "colonies":
        cells = replace(cells, motion=cells.motion * 0.2, turning=cells.turning * 0.3)
    density = rng.uniform(0.08, 0.8) if kind == "colonies" else rng.uniform(0.04, 0.4)
    return _movie(rng, window, cells, _look(rng, ROD_LOOKS), kind, density, rng.uniform(0.9, 1.15))


def _rods_in_channels(rng: Rng, window: int) -> MovieLaw:
    radius = window * log_uniform(rng, 0.12, 0.35) / 2.0
    cells = _cells(
        rng, radius, "rod", motion=log_uniform(rng, 0.005, 0.1), bumpiness=rng.uniform(0.0, 0.1)
    )
    movie = _movie(rng, window, cells, _look(rng, ROD_LOOKS), "channels", 0.1, 1.0)
    width = 2.0 * rod_half_width(cells) * rng.uniform(1.05, 1.6)
    bright = rng.choice([-1.0, 1.0])
    channels = Channels(
        pitch=width * log_uniform(rng, 1.4, 4.5),
        width=width,
        closed=window * rng.uniform(-0.3, 0.35),
        length=window * rng.uniform(0.5, 1.2),
        offset=rng.uniform(0.0, window),
        fill=rng.uniform(0.4, 1.1),
        slip=rng.uniform(0.0, 0.3),
        light=bright * log_uniform(rng, 0.05, 1.0),
        rim=rng.normal(0.0, 0.4),
        trench=rng.normal(0.0, 0.4),
    )
    assert movie.setting is not None
    return replace(movie, setting=replace(movie.setting, channels=channels))


def _yeast(rng: Rng, window: int) -> MovieLaw:
    radius = window * log_uniform(rng, 0.12, 0.45) / 2.0
    cells = _cells(rng, radius, "budding", elongation=rng.uniform(0.75, 0.98))
    kind = str(rng.choice(["colonies", "scattered"]))
    if kind == "colonies":
        cells = replace(cells, motion=cells.motion * 0.3, turning=cells.turning * 0.3)
    density = rng.uniform(0.08, 0.7)
    look = _look(rng, YEAST_LOOKS)
    return _movie(rng, window, cells, look, kind, density, rng.uniform(0.92, 1.05))


def _sheet(rng: Rng, window: int, looks: Mapping[str, float]) -> MovieLaw:
    look = _look(rng, looks)
    radius = window * log_uniform(rng, 0.14, 0.5) / 2.0
    packed = look != "nucleus"
    cells = _cells(
        rng,
        radius * (1.25 if packed else 0.9),
        "blob",
        radius_spread=rng.uniform(0.02, 0.15),
        bumpiness=rng.uniform(0.005, 0.06),
        elongation=rng.uniform(0.7, 0.98),
        motion=log_uniform(rng, 0.01, 0.15),
        dimmest=rng.uniform(0.5, 1.0),
    )
    contact = rng.uniform(0.68, 0.8) if packed else rng.uniform(0.95, 1.1)
    return _movie(rng, window, cells, look, "sheet", 1.0, contact)


def _crawlers(rng: Rng, window: int) -> MovieLaw:
    radius = window * log_uniform(rng, 0.1, 0.4) / 2.0
    cells = _cells(
        rng,
        radius,
        "crawler",
        bumpiness=log_uniform(rng, 0.4, 2.5),
        deformation=rng.uniform(0.03, 0.4),
        elongation=rng.uniform(0.4, 0.95),
    )
    look = _look(rng, CRAWLER_LOOKS)
    movie = _movie(
        rng, window, cells, look, "scattered", rng.uniform(0.05, 0.45), rng.uniform(0.9, 1.3)
    )
    if look != "stain":
        return movie
    # Flat stained cells stand out by their level, not by a texture that fills the window.
    return replace(movie, optics=replace(movie.optics, softness=rng.uniform(0.7, 4.0)))


def _spots(rng: Rng, window: int, looks: Mapping[str, float], kind: str) -> MovieLaw:
    radius = window * log_uniform(rng, 0.1, 0.45) / 2.0
    cells = _cells(rng, radius, "blob")
    density = rng.uniform(0.06, 0.6)
    return _movie(rng, window, cells, _look(rng, looks), kind, density, rng.uniform(0.8, 1.05))


def _spores(rng: Rng, window: int) -> MovieLaw:
    radius = window * log_uniform(rng, 0.1, 0.3) / 2.0
    cells = _cells(rng, radius, "blob", bumpiness=0.01, elongation=rng.uniform(0.5, 0.9))
    return _movie(
        rng, window, cells, "refractile", "scattered", rng.uniform(0.05, 0.5), rng.uniform(0.9, 1.1)
    )


def _first(rng: Rng, window: int) -> MovieLaw:
    """A movie by the first law, in front of the wider ones' camera and on their stage."""
    movie = draw_movie(rng, window)
    camera = _camera(rng, movie.law.radius)
    setting = _setting(rng, window, movie.law.radius, "scattered")
    return replace(movie, camera=camera, setting=setting)


TRAINED: dict[str, tuple[float, Law]] = {
    "rods in colonies": (0.17, partial(_rods, kind="colonies")),
    "rods, scattered": (0.12, partial(_rods, kind="scattered")),
    "rods in channels": (0.12, _rods_in_channels),
    "yeast": (0.12, _yeast),
    "sheets": (0.12, partial(_sheet, looks={"seams": 6, "membrane": 1, "nucleus": 3})),
    "crawlers": (0.15, _crawlers),
    "first laws, other cameras": (0.20, _first),
}
"""Share of each law, and the law."""

HELD_OUT: dict[str, tuple[float, Law]] = {
    "spores": (1 / 3, _spores),
    "cobbles": (1 / 3, partial(_sheet, looks={"cobbles": 1})),
    "cocci in clumps": (
        1 / 3,
        partial(_spots, looks={"halo": 1, "rim": 1, "refractile": 1}, kind="colonies"),
    ),
}
"""Never trained on: other looks, and round cells in colonies that grow outward."""


def draw_mixed(rng: Rng, window: int) -> MovieLaw:
    """Draw a movie to train on: by the first laws or, as often, by the wider ones."""
    return draw_movie(rng, window) if rng.random() < 0.5 else draw_trained(rng, window)


def draw_trained(rng: Rng, window: int) -> MovieLaw:
    """Draw a movie by one of the laws that are trained on."""
    return _drawn(rng, window, TRAINED)


def draw_held_out(rng: Rng, window: int) -> MovieLaw:
    """Draw a movie by one of the laws that are never trained on."""
    return _drawn(rng, window, HELD_OUT)


EXAMPLES: dict[str, tuple[Law, bool]] = {
    "first": (draw_movie, False),
    "mixed": (draw_mixed, True),
    "wider": (draw_trained, True),
    "held out": (draw_held_out, True),
}
"""Kinds of examples: who draws their laws, and whether movies are turned at random."""


def _drawn(rng: Rng, window: int, laws: Mapping[str, tuple[float, Law]]) -> MovieLaw:
    shares = [share for share, _ in laws.values()]
    name = str(rng.choice(list(laws), p=np.array(shares) / sum(shares)))
    return laws[name][1](rng, window)
