"""Masks and results in the challenge's layout, and what is measured of masks to set peers up.

Shared by the peer programs; runs in their environment, so it imports nothing of sam4ct.
Frames are label arrays ([z,] y, x), 0 is background. A result's rows are (label, begin,
end, parent), frames zero-based and inclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage
from scipy.spatial import cKDTree

Frame = np.ndarray
Row = tuple[int, int, int, int]


@dataclass(frozen=True)
class Measured:
    """What the parameters of both peers are derived from."""

    radius: float
    """Of a disc of the masks' mean size; in volumes of a ball, in pixels of the plane."""
    nearest: float
    """Distance from a mask to the nearest other one: the median of a frame, mean over frames."""
    anisotropy: float
    """Distance of slices in pixels, taken from masks' boxes as if cells were as high as wide."""
    growth: float
    """How many more masks there are in the last frame than in the first, relative to that."""
    gain: int
    """The same in masks."""

    @property
    def reach(self) -> float:
        """How far a cell may move between frames, pixels."""
        return max(3.0 * self.radius, self.nearest)


def frame_paths(folder: Path) -> list[Path]:
    """The frames of a folder, by number."""
    return sorted(folder.glob("*.tif"))


def read_frames(folder: Path) -> list[Frame]:
    """All label frames of a folder."""
    return [tifffile.imread(path).squeeze() for path in frame_paths(folder)]


def centres(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and centroids (N, D) of a frame's masks."""
    labels = np.unique(frame[frame > 0])
    places = ndimage.center_of_mass(np.ones_like(frame), frame, labels)
    return labels, np.reshape(places, (-1, frame.ndim))


def measure(frames: Sequence[Frame]) -> Measured:
    """Measure the masks of a sequence."""
    counts, voxels, nearest, boxes = [], 0, [], []
    for frame in frames:
        labels, places = centres(frame)
        counts.append(len(labels))
        voxels += np.count_nonzero(frame)
        found = [box for box in ndimage.find_objects(frame) if box]
        boxes.append(np.mean([[s.stop - s.start for s in box] for box in found], axis=0))
        if len(labels) > 1:
            nearest.append(np.median(cKDTree(places).query(places, k=2)[0][:, 1]))
    size = voxels / max(1, sum(counts))
    box = np.mean(boxes, axis=0)
    flat = frames[0].ndim == 2
    anisotropy = 1.0 if flat else float(box[1:].mean() / box[0])
    ball = float(np.cbrt(size * anisotropy * 0.75 / np.pi))
    gain = counts[-1] - counts[0]
    return Measured(
        radius=float(np.sqrt(size / np.pi)) if flat else ball,
        nearest=float(np.mean(nearest)) if nearest else 0.0,
        anisotropy=anisotropy,
        growth=gain / max(1, counts[0]),
        gain=gain,
    )


def write_result(
    folder: Path, names: Sequence[str], frames: Sequence[Frame], rows: Sequence[Row]
) -> None:
    """Write a result that keeps the challenge's rules: tracks are cut where they have no pixels.

    Args:
        folder: Of the result; made.
        names: Of its frames.
        frames: Track labels; changed.
        rows: Of all tracks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    valid = cut(frames, rows)
    for name, frame in zip(names, frames, strict=True):
        tifffile.imwrite(folder / name, frame.astype(np.uint16), compression="zlib")
    lines = (" ".join(str(value) for value in row) for row in valid)
    (folder / "res_track.txt").write_text("".join(f"{line}\n" for line in lines))


def cut(frames: Sequence[Frame], rows: Sequence[Row]) -> list[Row]:
    """Cut tracks where they have no pixels; each part's parent is the part before it.

    Frames are changed accordingly. A parent that does not end before its daughter is none.
    """
    present = [set(np.unique(frame).tolist()) for frame in frames]
    free = max((row[0] for row in rows), default=0) + 1
    parts: dict[int, list[tuple[int, int, int]]] = {}
    for label, begin, end, _ in rows:
        own = parts.setdefault(label, [])
        for first, last in _runs([t for t in range(begin, end + 1) if label in present[t]]):
            name = free if own else label
            own.append((name, first, last))
            if name == free:
                free += 1
                for frame in frames[first : last + 1]:
                    frame[frame == label] = name
    valid = []
    for label, _, _, parent in rows:
        before = parts.get(parent, [])[-1:]
        for name, first, last in parts[label]:
            ended = [mother for mother, _, end in before if end < first]
            valid.append((name, first, last, ended[0] if ended else 0))
            before = [(name, first, last)]
    return sorted(valid)


def _runs(frames: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    for run in np.split(np.array(frames), np.flatnonzero(np.diff(frames) > 1) + 1):
        if len(run):
            yield int(run[0]), int(run[-1])
