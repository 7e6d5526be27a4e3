"""Kinds of short movies for the training of the compact SAM 2.

Each law combines parts of the simulator: a shape of cells, positions, motion of cells and stage,
a look, a camera. A movie is one window large. Movies of `HELD_OUT` are never trained on: they
measure what a network does on kinds of cells that it has not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from sam4ct.finetune.compact.sam2_examples import Law, draw_movie, log_uniform
from sam4ct.finetune.compact.scenes import (
    Rng,
    draw_camera,
    draw_cells,
    draw_look,
    draw_scene,
    draw_setting,
)
from sam4ct.simulate.cells.channels import Channels
from sam4ct.simulate.cells.rods import rod_half_width
from sam4ct.simulate.movie import MovieLaw

ROD_LOOKS = {"halo": 5, "rim": 2, "nucleus": 2, "dark": 1, "phase": 1, "stain": 1}
YEAST_LOOKS = {"rim": 5, "halo": 3, "brightfield": 1, "nucleus": 1, "stain": 1, "dic": 1}
CRAWLER_LOOKS = {"spread": 3, "halo": 2, "stain": 4, "dic": 1, "phase": 1}


def _rods(rng: Rng, window: int, kind: str) -> MovieLaw:
    radius = window * log_uniform(rng, 0.12, 0.4) / 2.0
    cells = draw_cells(rng, radius, "rod", bumpiness=rng.uniform(0.0, 0.25))
    if kind == "colonies":
        cells = replace(cells, motion=cells.motion * 0.2, turning=cells.turning * 0.3)
    density = rng.uniform(0.08, 0.8) if kind == "colonies" else rng.uniform(0.04, 0.4)
    return draw_scene(
        rng, window, cells, draw_look(rng, ROD_LOOKS), kind, density, rng.uniform(0.9, 1.15)
    )


def _rods_in_channels(rng: Rng, window: int) -> MovieLaw:
    radius = window * log_uniform(rng, 0.12, 0.35) / 2.0
    cells = draw_cells(
        rng, radius, "rod", motion=log_uniform(rng, 0.005, 0.1), bumpiness=rng.uniform(0.0, 0.1)
    )
    movie = draw_scene(rng, window, cells, draw_look(rng, ROD_LOOKS), "channels", 0.1, 1.0)
    width = 2.0 * rod_half_width(cells) * rng.uniform(1.05, 1.6)
    bright = rng.choice([-1.0, 1.0])
    channels = Channels(
        pitch=width * log_uniform(rng, 1.4, 4.5),
        width=width,
        closed=window * rng.uniform(-0.3, 0.35),
        length=window * rng.uniform(0.5, 1.2),
        offset=rng.uniform(0.0, window),
        slip=rng.uniform(0.0, 0.3),
        light=bright * log_uniform(rng, 0.05, 1.0),
        rim=rng.normal(0.0, 0.4),
        trench=rng.normal(0.0, 0.4),
    )
    assert movie.setting is not None
    cell = 2.0 * rod_half_width(cells) * cells.slenderness
    room = channels.length / cell * window / channels.pitch
    return replace(
        movie,
        cells=max(1, round(room * rng.uniform(0.4, 1.1))),
        setting=replace(movie.setting, channels=channels),
    )


def _yeast(rng: Rng, window: int) -> MovieLaw:
    radius = window * log_uniform(rng, 0.12, 0.45) / 2.0
    cells = draw_cells(rng, radius, "budding", elongation=rng.uniform(0.75, 0.98))
    kind = str(rng.choice(["colonies", "scattered"]))
    if kind == "colonies":
        cells = replace(cells, motion=cells.motion * 0.3, turning=cells.turning * 0.3)
    density = rng.uniform(0.08, 0.7)
    look = draw_look(rng, YEAST_LOOKS)
    return draw_scene(rng, window, cells, look, kind, density, rng.uniform(0.92, 1.05))


def _sheet(rng: Rng, window: int, looks: Mapping[str, float]) -> MovieLaw:
    look = draw_look(rng, looks)
    radius = window * log_uniform(rng, 0.14, 0.5) / 2.0
    packed = look != "nucleus"
    cells = draw_cells(
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
    movie = draw_scene(rng, window, cells, look, "sheet", 1.0, contact)
    pitch = 2.0 * contact * cells.radius
    return replace(movie, cells=round(window**2 / (pitch**2 * np.sqrt(0.75))))


def _crawlers(rng: Rng, window: int) -> MovieLaw:
    radius = window * log_uniform(rng, 0.1, 0.4) / 2.0
    cells = draw_cells(
        rng,
        radius,
        "crawler",
        bumpiness=log_uniform(rng, 0.4, 2.5),
        deformation=rng.uniform(0.03, 0.4),
        elongation=rng.uniform(0.4, 0.95),
    )
    look = draw_look(rng, CRAWLER_LOOKS)
    movie = draw_scene(
        rng, window, cells, look, "scattered", rng.uniform(0.05, 0.45), rng.uniform(0.9, 1.3)
    )
    if look != "stain":
        return movie
    # Flat stained cells differ from the background in brightness, not in texture.
    return replace(movie, optics=replace(movie.optics, softness=rng.uniform(0.7, 4.0)))


def _spots(rng: Rng, window: int, looks: Mapping[str, float], kind: str) -> MovieLaw:
    radius = window * log_uniform(rng, 0.1, 0.45) / 2.0
    cells = draw_cells(rng, radius, "blob")
    density = rng.uniform(0.06, 0.6)
    return draw_scene(
        rng, window, cells, draw_look(rng, looks), kind, density, rng.uniform(0.8, 1.05)
    )


def _spores(rng: Rng, window: int) -> MovieLaw:
    radius = window * log_uniform(rng, 0.1, 0.3) / 2.0
    cells = draw_cells(rng, radius, "blob", bumpiness=0.01, elongation=rng.uniform(0.5, 0.9))
    return draw_scene(
        rng, window, cells, "refractile", "scattered", rng.uniform(0.05, 0.5), rng.uniform(0.9, 1.1)
    )


def _first(rng: Rng, window: int) -> MovieLaw:
    """Draw a movie by the first law, with the camera and stage of the wider laws."""
    movie = draw_movie(rng, window)
    camera = draw_camera(rng, movie.law.radius)
    setting = draw_setting(rng, window, movie.law.radius, "scattered")
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
"""Share of each law in training, and the law."""

HELD_OUT: dict[str, tuple[float, Law]] = {
    "spores": (1 / 3, _spores),
    "cobbles": (1 / 3, partial(_sheet, looks={"cobbles": 1})),
    "cocci in clumps": (
        1 / 3,
        partial(_spots, looks={"halo": 1, "rim": 1, "refractile": 1}, kind="colonies"),
    ),
}
"""Laws that are never trained on: other looks, and round cells in growing colonies."""


def draw_mixed(rng: Rng, window: int) -> MovieLaw:
    """Draw a movie to train on: half of them by the first laws, half by the wider ones."""
    return draw_movie(rng, window) if rng.random() < 0.5 else draw_trained(rng, window)


def draw_trained(rng: Rng, window: int) -> MovieLaw:
    """Draw a movie by one of the wider laws, `TRAINED`."""
    return _drawn(rng, window, TRAINED)


def _drawn(rng: Rng, window: int, laws: Mapping[str, tuple[float, Law]]) -> MovieLaw:
    shares = [share for share, _ in laws.values()]
    name = str(rng.choice(list(laws), p=np.array(shares) / sum(shares)))
    return laws[name][1](rng, window)


EXAMPLES: dict[str, tuple[Law, bool]] = {
    "first": (draw_movie, False),
    "mixed": (draw_mixed, True),
    "wider": (draw_trained, True),
    "held out": (partial(_drawn, laws=HELD_OUT), True),
}
"""Kinds of examples: a function that draws a law, and whether movies are turned at random."""
