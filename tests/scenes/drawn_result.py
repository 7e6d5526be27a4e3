"""A result of a few cells, drawn: what each export is tried on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from sam4ct.io.ctc import work_dir_of
from sam4ct.io.export import TrackGraph, build_graph
from sam4ct.io.work import write_table
from sam4ct.lineage import Track
from sam4ct.tables import Links

SHAPES = {"2D": (24, 40), "3D": (3, 24, 40)}
FRAMES = 4

GAP = [Track(1, 0, 0), Track(2, 2, 3, 1)]
"""One cell, missed in frame 1."""
DIVISION = [Track(3, 0, 1), Track(4, 2, 3, 3), Track(5, 2, 2, 3)]
TRACKS = [*GAP, *DIVISION, Track(7, 1, 1)]


def frame(t: int, shape: tuple[int, ...]) -> np.ndarray:
    """The masks of a frame: a box a cell that is alive, 4 high and 3 wide, next to each other."""
    labels = np.zeros(shape, np.uint16)
    for track in TRACKS:
        if track.begin <= t <= track.end:
            labels[..., 2 + t : 6 + t, 5 * track.label : 5 * track.label + 3] = track.label
    return labels


def graph(shape: tuple[int, ...] = SHAPES["2D"], **known: object) -> TrackGraph:
    return build_graph("01_RES", TRACKS, FRAMES, lambda t: frame(t, shape), **known)  # type: ignore[arg-type]


def write_result(dataset: Path, shape: tuple[int, ...] = SHAPES["2D"]) -> Path:
    """Write `01_RES` with its images, given masks and links beside it; return its folder.

    The given masks are those of the result with 10 more; track 4 had none in frame 3.
    """
    result = dataset / "01_RES"
    for name in ("01", "01_ERR_SEG", "01_RES"):
        (dataset / name).mkdir(parents=True)
    for t in range(FRAMES):
        labels = frame(t, shape)
        given = np.where(labels > 0, labels + 10, 0).astype(np.uint16)
        given[(labels == 4) & (t == 3)] = 0
        save(dataset / "01" / f"t{t:03d}.tif", labels * 100 + 1)
        save(dataset / "01_ERR_SEG" / f"mask{t:03d}.tif", given)
        save(result / f"mask{t:03d}.tif", labels)
    rows = (f"{L} {B} {E} {P}\n" for L, B, E, P in (track.row() for track in TRACKS))
    (result / "res_track.txt").write_text("".join(rows))
    write_table(work_dir_of(result) / "links.parquet", LINKS)
    return result


LINKS = Links(
    t=np.array([0, 0, 1, 1, 2]),
    label=np.array([11, 13, 13, 13, 12]),
    t2=np.array([2, 1, 2, 2, 3]),
    label2=np.array([12, 13, 14, 15, 12]),
    division=np.array([False, False, True, True, False]),
    confidence=np.array([0.5, 0.9, 0.8, 0.7, 0.6]),
)


def save(path: Path, pixels: np.ndarray) -> None:
    tifffile.imwrite(path, pixels, photometric="minisblack", compression="zlib")
