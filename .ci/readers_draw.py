"""Draw results of the Cell Tracking Challenge for readers to try: FOLDER/CASE/01_RES, and 01."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tifffile

FRAMES, SIDE, MOST = 4, 64, 65535
"""Most labels of a result: masks are of 16 bits."""
Row = tuple[int, int, int, int]

# Rows L B E P. A child after a gap, a division, an only child, and tracks that come and go.
TRACKS: dict[str, list[Row]] = {
    "gaps-and-divisions": [
        *((1, 0, 0, 0), (2, 2, 3, 1), (3, 0, 1, 0), (4, 2, 3, 3), (5, 2, 3, 3)),
        *((6, 0, 1, 0), (7, 2, 3, 6), (8, 1, 2, 0), (9, 3, 3, 0)),
    ],
    "one-track": [(7, 0, 3, 0)],
    "no-track": [],
}


def draw(folder: Path) -> None:
    """Draw images and results, in 2D and 3D; one has as many labels as 16 bits can hold."""
    for name, tracks in TRACKS.items():
        for dim, depth in ("2d", ()), ("3d", (3,)):
            draw_result(folder / f"{name}-{dim}", tracks, (*depth, SIDE, SIDE), side=5)
    crowd = [(label, 0, 0, 0) for label in range(1, MOST - 4999)]
    crowd += [(label, 1, 1, label - MOST + 5000) for label in range(MOST - 4999, MOST + 1)]
    draw_result(folder / "crowd-2d", crowd, (512, 512), side=1, frames=2)


def draw_result(
    folder: Path, tracks: list[Row], shape: tuple[int, ...], *, side: int, frames: int = FRAMES
) -> None:
    images, masks = folder / "01", folder / "01_RES"
    for made in images, masks:
        made.mkdir(parents=True)
    per_row = shape[-1] // (side + 1)
    for t in range(frames):
        frame = np.zeros(shape, np.uint16)
        for place, (label, begin, end, _) in enumerate(tracks):
            y, x = (n * (side + 1) for n in divmod(place % per_row**2, per_row))
            if begin <= t <= end:
                frame[..., y : y + side, x : x + side] = label
        for path in images / f"t{t:03d}.tif", masks / f"mask{t:03d}.tif":
            tifffile.imwrite(path, frame, photometric="minisblack", compression="zlib")
    lines = "".join(f"{a} {b} {c} {d}\n" for a, b, c, d in tracks)
    (masks / "res_track.txt").write_text(lines)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
