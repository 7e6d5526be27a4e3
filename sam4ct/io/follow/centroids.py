"""Read and write the centroids of the cells to follow as a JSON file.

    {"axes": ["z", "y", "x"], "frame": 0, "tracks": [{"centroid": [3.5, 20.1, 7.0], "label": 7}]}

Centroids are ([z,] y, x) in voxels from 0, with voxel centres at whole numbers. Labels are any
positive integers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from sam4ct.errors import SequenceError
from sam4ct.io.files import write_json

AXES = ("z", "y", "x")
Point = tuple[float, ...]
_LEAST = -0.5
"""The outer face of the first voxel."""
_TOLD = 4
"""Coordinates of a wrong centroid that a message shows."""


@dataclass(frozen=True)
class Centroids:
    """The centroids of the cells to follow."""

    frame: int
    """The frame of the centroids."""
    tracks: Mapping[int, Point]
    """Label → centroid, ([z,] y, x), by increasing label; all have equally many coordinates."""


def write_centroids(path: Path, centroids: Centroids) -> None:
    """Write a file of centroids atomically; equal centroids give equal bytes.

    Raises:
        WorkError: The disk refuses.
    """
    tracks = sorted(centroids.tracks.items())
    content = {
        "frame": centroids.frame,
        "axes": AXES[-len(tracks[0][1]) :],
        "tracks": [{"label": label, "centroid": list(point)} for label, point in tracks],
    }
    write_json(path, content)


def read_centroids(path: Path) -> Centroids:
    """Read a file of centroids.

    Raises:
        SequenceError: The file cannot be read, or has another format.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise SequenceError(
            f"{path}: cannot be read ({error.strerror}). Give a file of `sam4ct init-tracks`."
        ) from error
    except ValueError as error:
        raise SequenceError(f"{path}: is not a JSON file ({error}). Correct that place.") from error
    match content:
        case {"frame": int(frame), "axes": [*axes], "tracks": [_, *_] as rows} if frame >= 0:
            pass
        case _:
            raise SequenceError(
                f"{path}: needs a frame (0 or more), axes and at least one track."
                " Make it with `sam4ct init-tracks`."
            )
    if tuple(axes) not in (AXES, AXES[1:]):
        raise SequenceError(f'{path}: axes are {axes}. Give ["z", "y", "x"] or ["y", "x"].')
    tracks: dict[int, Point] = {}
    for number, row in enumerate(rows, start=1):
        label, point = _track(path, number, row, len(axes))
        if label in tracks:
            raise SequenceError(f"{path}: label {label} is there twice. Remove one of the two.")
        tracks[label] = point
    return Centroids(frame, dict(sorted(tracks.items())))


def _track(path: Path, number: int, row: object, axes: int) -> tuple[int, Point]:
    match row:
        case {"label": int(label), "centroid": [*point]} if (
            label > 0 and len(point) == axes and all(map(_is_place, point))
        ):
            return label, tuple(map(float, point))
    raise SequenceError(
        f"{path}: entry {number} of the tracks has {_told(row)}. Give a positive whole label and"
        f" a centroid of {axes} numbers, {_LEAST} or more."
    )


def _told(row: object) -> str:
    """Describe the label and the centroid of an entry."""
    entry = row if isinstance(row, dict) else {}
    label = f"the label {json.dumps(entry['label'])}" if "label" in entry else "no label"
    match entry.get("centroid"):
        case [*point]:
            more = [*map(json.dumps, point[:_TOLD]), *(["..."] if len(point) > _TOLD else [])]
            return f"{label} and the centroid ({', '.join(more)})"
        case None:
            return f"{label} and no centroid"
    return f"{label} and a centroid that is no list"


def _is_place(value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and isfinite(value) and value >= _LEAST  # type: ignore[arg-type, operator]
