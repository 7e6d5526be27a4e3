"""A movie of four resting cells, in images or volumes, whose lineage nobody can mistake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

FRAMES, SIDE = 5, 14
PLACES = {1: (20, 20), 2: (20, 60), 3: (60, 20), 4: (60, 60)}
"""First pixel (y, x) of each cell, by label."""
SHAPES = [(90, 90), (8, 90, 90)]


def box(label: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    y, x = PLACES[label]
    return (*(slice(1, 7),) * (len(shape) - 2), slice(y, y + SIDE), slice(x, x + SIDE))


def place(label: int, shape: tuple[int, ...]) -> tuple[float, ...]:
    return tuple((s.start + s.stop - 1) / 2 for s in box(label, shape))


def write_movie(folder: Path, shape: tuple[int, ...]) -> Path:
    rng = np.random.default_rng(2)
    for name in ("01", "01_ERR_SEG"):
        (folder / name).mkdir(parents=True)
    for t in range(FRAMES):
        mask = np.zeros(shape, np.uint16)
        for label in PLACES:
            mask[box(label, shape)] = label
        image = (mask > 0) * 1000 + rng.normal(100, 5, shape)
        tifffile.imwrite(folder / "01" / f"t{t:03d}.tif", image.astype(np.uint16))
        tifffile.imwrite(folder / "01_ERR_SEG" / f"mask{t:03d}.tif", mask)
    return folder
