"""Which frames, window and slices show a question.

Two frames are large: the one in question and the one in which most answers lie. The frames around
them give the context. All have the same window, so that a cell's motion can be seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.corrections import End
from sam4ct.questions import Question
from sam4ct.regions import Region
from sam4ct.report.frames.crop import Window
from sam4ct.report.frames.projection import largest_plane

LEAST_WINDOW_PX = 48
ROOM = 2.0
"""Side of the window, in extents of all regions that the question names."""
AROUND = 3.5
"""Least side of the window, in extents of the region in question."""
LONGEST_GAP = 3
"""Frames between the two large ones are shown if these are at most so many frames apart."""
SLICES_OF_A_CELL = 4
"""Neighbouring slices are this part of the region's depth away, at least one slice."""

Regions = Callable[[int], Mapping[int, Region]]
"""The regions of a frame, by label."""


@dataclass(frozen=True)
class Scene:
    """Where and when a question takes place."""

    left: int
    right: int
    """The two large frames, in order of time; equal in a movie of one frame."""
    shown: tuple[int, ...]
    """All frames with a picture, in order of time."""
    window: Window
    """Square, (y, x), pixels; it may reach out of the frame."""
    slices: Mapping[int, tuple[int, ...]]
    """By frame the slices that are shown, from above; (0,) in 2D."""

    @property
    def side(self) -> int:
        """Side of the window, pixels."""
        return int(self.window[0].stop - self.window[0].start)


def ends_of(question: Question) -> list[End]:
    """Return all regions that a question and its answers name, that in question first."""
    corrections = [c for answer in question.answers for c in answer.corrections]
    return [question.about, *(end for correction in corrections for end in correction.ends)]


def scene_of(question: Question, shape: Sequence[int], frames: int, regions: Regions) -> Scene:
    """Return the scene of a question.

    Args:
        question: The question.
        shape: Of every frame, ([z,] y, x).
        frames: Number of frames of the movie.
        regions: Question for the two large frames only.
    """
    left, right = _large(question, frames)
    between = range(left, right + 1) if right - left <= LONGEST_GAP else (left, right)
    shown = sorted({max(0, left - 1), *between, min(frames - 1, right + 1)})
    ends = [end for end in ends_of(question) if end.t in (left, right)]
    named = {(e.t, e.label): regions(e.t)[e.label] for e in ends if e.label in regions(e.t)}
    own = named.get((question.about.t, question.about.label))
    slices = _slices(question, shape, named, shown)
    window = _inside(_window(ends, list(named.values()), own), shape[-2:])
    return Scene(left, right, tuple(shown), window, slices)


def _large(question: Question, frames: int) -> tuple[int, int]:
    """Return the two large frames, in order of time."""
    t = question.about.t
    others = Counter(end.t for end in ends_of(question) if end.t != t)
    other = t + 1 if t + 1 < frames else max(0, t - 1)
    if others:
        other = min(others, key=lambda frame: (-others[frame], abs(frame - t), frame))
    return min(t, other), max(t, other)


def _window(ends: Sequence[End], named: Sequence[Region], own: Region | None) -> Window:
    """Return the square around all regions and places, with a margin."""
    boxes = [[(s.start, s.stop) for s in region.box[-2:]] for region in named]
    boxes += [[(int(v), int(v) + 1) for v in end.place[-2:]] for end in ends if end.place]
    if not boxes:
        return slice(0, LEAST_WINDOW_PX), slice(0, LEAST_WINDOW_PX)
    box = np.array(boxes)
    low, high = box[:, :, 0].min(axis=0), box[:, :, 1].max(axis=0)
    least = AROUND * max(own.mask.shape[-2:]) if own else 0.0
    side = round(max(LEAST_WINDOW_PX, ROOM * float((high - low).max()), least))
    y, x = ((low + high - side) // 2).tolist()
    return slice(y, y + side), slice(x, x + side)


def _inside(window: Window, shape: Sequence[int]) -> Window:
    """Return a window moved into the frame along each axis; in the middle where it does not fit."""
    y, x = (_moved(part, n) for part, n in zip(window, shape, strict=True))
    return y, x


def _moved(part: slice, n: int) -> slice:
    side = part.stop - part.start
    low = min(max(part.start, 0), n - side) if side <= n else (n - side) // 2
    return slice(low, low + side)


def _slices(
    question: Question,
    shape: Sequence[int],
    named: Mapping[tuple[int, int], Region],
    shown: Sequence[int],
) -> dict[int, tuple[int, ...]]:
    """Return the slices of each frame: where the region to look at is largest, and two around it.

    In the frame in question that is its region, elsewhere that of the first answer that has one
    there. Frames without such a region show the slice of the frame in question, and frames that
    are not large one slice only.
    """
    if len(shape) == 2:
        return dict.fromkeys(shown, (0,))
    about = question.about
    first = {end.t: (end.t, end.label) for end in reversed(ends_of(question))}
    own = named.get((about.t, about.label))
    middle = _largest(own) if own else int(about.place[0]) if about.place else shape[0] // 2
    step = max(1, own.mask.shape[0] // SLICES_OF_A_CELL) if own else 1
    slices = {}
    for t in shown:
        region = named.get(first.get(t, (t, 0)))
        z = _largest(region) if region else middle
        large = t in first
        around = (z - step, z, z + step) if large else (z,)
        slices[t] = tuple(min(max(0, each), shape[0] - 1) for each in around)
    return slices


def _largest(region: Region) -> int:
    return region.corner[0] + largest_plane(region.mask)
