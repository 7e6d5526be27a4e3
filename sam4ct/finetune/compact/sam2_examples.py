"""Training examples for the compact SAM 2: objects seen in two frames of a simulated movie.

Every example is simulated, by a law drawn at random: look, crowding, motion, blur, divisions,
cells that appear and vanish.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sam4ct.intensity import stretched
from sam4ct.simulate.cells.cell import CellLaw
from sam4ct.simulate.imaging.optics import Optics
from sam4ct.simulate.movie import Frame, MovieLaw, simulate

LOOK_SHARES = {
    "nucleus": 0.34,
    "membrane": 0.07,
    "dark": 0.06,
    "phase": 0.15,
    "spread": 0.18,
    "brightfield": 0.12,
    "dic": 0.08,
}
LOOKS_WITH_DEBRIS = ("phase", "spread", "brightfield", "dic")
Law = Callable[[np.random.Generator, int], MovieLaw]
"""Draws the law of a movie, given a generator and the side of its frame, pixels."""
MIN_PIXELS = 20
"""Objects with fewer pixels in the window are not used as prompts."""


@dataclass(frozen=True)
class Pair:
    """Objects to be found in the other frame of a pair, in one direction of time.

    Windows are (2, n, n) float32, 0 to 1: source, target. Masks are (K, n, n) bool; the target
    of an object that is gone is empty.
    """

    windows: NDArray[np.float32]
    source: NDArray[np.bool_]
    target: NDArray[np.bool_]


def draw_movie(rng: np.random.Generator, window: int) -> MovieLaw:
    """Draw the law of a short movie with a square frame of `window` pixels."""
    look = str(rng.choice(list(LOOK_SHARES), p=list(LOOK_SHARES.values())))
    radius = window * log_uniform(rng, 0.10, 0.5) / 2.0
    density = rng.uniform(0.08, 0.75)
    motion = log_uniform(rng, 0.03, 0.8)
    law = _draw_cells(rng, radius, motion, spread=look == "spread")
    optics = draw_optics(rng, radius, look)
    return MovieLaw(
        shape=(window, window),
        frames=int(rng.choice([2, 3], p=[0.7, 0.3])),
        cells=int(np.clip(density * window**2 / (np.pi * (0.85 * radius) ** 2), 1, 60)),
        law=law,
        optics=optics,
        drift=float(rng.choice([0.0, 1.0], p=[0.6, 0.4]) * motion * rng.uniform(0.3, 1.0)),
        contact=rng.uniform(0.75, 1.0),
    )


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number log-uniformly between `low` and `high`."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _draw_cells(rng: np.random.Generator, radius: float, motion: float, *, spread: bool) -> CellLaw:
    """Draw how cells behave; spread ones are flat, irregular, and deform as they crawl."""
    return CellLaw(
        radius=radius,
        radius_spread=rng.uniform(0.05, 0.3),
        elongation=rng.uniform(0.4, 0.95),
        bumpiness=rng.uniform(0.15, 0.4) if spread else rng.uniform(0.01, 0.14),
        deformation=rng.uniform(0.1, 0.5) if spread else rng.uniform(0.02, 0.3),
        motion=motion,
        persistence=rng.uniform(0.0, 0.8),
        turning=rng.uniform(0.02, 0.4),
        cycle=rng.uniform(9.0, 25.0),
        death=rng.choice([0.0, 0.05]),
        rounding=rng.uniform(0.5, 2.5),
        separation=rng.uniform(0.5, 1.1),
    )


def draw_optics(rng: np.random.Generator, radius: float, look: str) -> Optics:
    """Draw how cells of a look are imaged: contrast, sharpness, noise, debris."""
    resampled = float(rng.uniform(0.0, 1.2))
    return Optics(
        look=look,
        texture=rng.uniform(0.05, 0.7),
        softness=rng.uniform(1.2, 7.0),
        halo=rng.uniform(0.3, 1.2) * rng.choice([-1.0, 1.0], p=[0.2, 0.8]),
        level=rng.uniform(-0.5, 0.4),
        rings=rng.uniform(0.4, 1.3),
        shear=rng.uniform(0.0, 2.0 * np.pi),
        blur_px=log_uniform(rng, 0.4, max(0.5, 0.18 * radius)),
        noise=log_uniform(rng, 0.005, 0.25),
        grain_px=resampled if resampled > 0.5 else 0.0,
        background=rng.uniform(0.0, 0.5),
        debris=int(rng.poisson(3.0)) if look in LOOKS_WITH_DEBRIS else 0,
        flicker=rng.uniform(0.0, 0.08),
    )


def draw_pairs(
    rng: np.random.Generator,
    window: int,
    objects: int,
    draw: Law = draw_movie,
    *,
    turn: bool = False,
) -> tuple[Pair, Pair]:
    """Simulate one movie and return its first and last frame as pairs, in both directions of time.

    Args:
        rng: Source of all randomness.
        window: Side of the window, pixels.
        objects: Prompts per direction; objects are repeated if there are fewer.
        draw: Draws the law of the movie.
        turn: Whether to rotate and mirror the movie at random.
    """
    while True:
        frames = list(simulate(rng, draw(rng, window)))
        if turn:
            frames = _turned(frames, quarters=int(rng.integers(4)), mirror=rng.random() < 0.5)
        first, last = frames[0], frames[-1]
        descent = _descent(frames)
        gamma = float(np.exp(rng.normal(0.0, 0.35)))
        windows = np.stack([stretched(first.image) ** gamma, stretched(last.image) ** gamma])
        forward = _objects(rng, first, last, descent, objects, reverse=False)
        backward = _objects(rng, last, first, descent, objects, reverse=True)
        if forward is not None and backward is not None:
            return (
                Pair(windows.astype(np.float32), *forward),
                Pair(windows[::-1].astype(np.float32), *backward),
            )


def _turned(frames: list[Frame], quarters: int, *, mirror: bool) -> list[Frame]:
    """Return frames rotated by quarter turns, and mirrored; `cells` stay unchanged."""

    def turned(plane: NDArray[Any]) -> NDArray[Any]:
        return np.rot90(plane.T if mirror else plane, quarters).copy()

    return [Frame(turned(f.image), turned(f.labels), f.cells) for f in frames]


def _descent(frames: list[Frame]) -> dict[int, int]:
    """Map every cell of the last frame to the cell of the first frame it comes from, or 0."""
    parents = {c.label: c.parent for f in frames for c in f.cells.values()}
    start = set(frames[0].cells)
    origin = {}
    for label in frames[-1].cells:
        at = label
        while at and at not in start:
            at = parents.get(at, 0)
        origin[label] = at
    return origin


def _objects(
    rng: np.random.Generator,
    source: Frame,
    target: Frame,
    descent: dict[int, int],
    count: int,
    *,
    reverse: bool,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    labels, sizes = np.unique(source.labels[source.labels > 0], return_counts=True)
    labels = labels[sizes >= MIN_PIXELS]
    if not len(labels):
        return None
    if reverse:
        goal = {int(i): [descent[int(i)]] for i in labels}
    else:
        goal = {int(i): [j for j, origin in descent.items() if origin == i] for i in labels}
    # Divisions and ends are rare, but linking depends on them: they are drawn more often.
    eventful = np.array([len(goal[int(i)]) != 1 or goal[int(i)] == [0] for i in labels])
    dividing = [i for i in set(descent.values()) if list(descent.values()).count(i) > 1]
    if reverse:
        eventful |= np.array([descent[int(i)] in dividing for i in labels])
    weight = np.where(eventful, 3.0, 1.0)
    chosen = rng.choice(labels, count, replace=len(labels) < count, p=weight / weight.sum())
    masks = np.stack([source.labels == i for i in chosen])
    goals = np.stack([np.isin(target.labels, [j for j in goal[int(i)] if j > 0]) for i in chosen])
    return np.stack([damaged(rng, m) for m in masks]), goals


def damaged(rng: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Change a prompt like a segmenter's errors: eroded, dilated, cut or shifted a little."""
    kind = rng.random()
    steps = max(1, round(0.06 * float(np.sqrt(mask.sum()))))
    if kind < 0.15:
        changed = ndimage.binary_erosion(mask, iterations=steps)
    elif kind < 0.3:
        changed = ndimage.binary_dilation(mask, iterations=steps)
    elif kind < 0.4:
        at = np.argwhere(mask)
        normal = rng.normal(size=2)
        side = (at - at.mean(0)) @ normal
        changed = mask.copy()
        changed[tuple(at[side > np.quantile(side, rng.uniform(0.6, 0.95))].T)] = False
    elif kind < 0.5:
        shift = rng.integers(-steps, steps + 1, 2)
        changed = ndimage.shift(mask, shift, order=0)
    else:
        return mask
    return np.asarray(changed if changed.sum() >= MIN_PIXELS // 2 else mask, dtype=bool)
