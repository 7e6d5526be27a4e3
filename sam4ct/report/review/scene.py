"""Which frames, window and slices show a question.

The frame in question is large, and beside it the frame of the answer that is looked at, first that
of the first answer. The frames around give the context. All have the same window, so that a cell's
motion can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sam4ct.corrections import End, Kind
from sam4ct.questions import Question
from sam4ct.regions import Region
from sam4ct.report.frames.crop import Window
from sam4ct.report.frames.projection import largest_plane

LEAST_WINDOW_PX = 48
ROOM = 2.0
"""Side of the window, in extents of all regions that the question names."""
AROUND = 3.5
"""Least side of the window, in extents of the region in question."""
LONGEST_GAP = 5
"""Answers so many frames away are shown."""
SLICES_OF_A_CELL = 4
"""Neighbouring slices are this part of the region's depth away, at least one slice."""

Regions = Callable[[int], Mapping[int, Region]]
"""The regions of a frame, by label."""


@dataclass(frozen=True)
class Scene:
    """Where and when a question takes place."""

    about: int
    """The frame in question."""
    other: int
    """The frame beside it at first; the same in a movie of one frame."""
    answers: tuple[int, ...]
    """These two, and the frames of other answers, which can be beside it, too; the first of the
    answers first."""
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
        regions: Asked for the frames of the answers only.
    """
    t = question.about.t
    far = [end.t for end in ends_of(question) if 0 < abs(end.t - t) <= LONGEST_GAP]
    other = far[0] if far else _next_to(question, frames)
    answers = tuple(dict.fromkeys((t, other, *far)))
    shown = range(max(0, min(answers) - 1), min(frames - 1, max(answers) + 1) + 1)
    ends = [end for end in ends_of(question) if end.t in answers]
    named = {(e.t, e.label): regions(e.t)[e.label] for e in ends if e.label in regions(e.t)}
    own = named.get((t, question.about.label))
    window = _inside(_window(ends, list(named.values()), own), shape[-2:])
    slices = _slices(question, (t, other), shape, named, shown)
    return Scene(t, other, answers, tuple(shown), window, slices)


def _next_to(question: Question, frames: int) -> int:
    """Return the frame before one that may begin there, else the frame after it."""
    t = question.about.t
    begins = any(c.kind is Kind.BEGINS for answer in question.answers for c in answer.corrections)
    either = (t - 1, t + 1) if begins or t + 1 == frames else (t + 1, t - 1)
    return next((frame for frame in either if 0 <= frame < frames), t)


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
    large: Sequence[int],
    shape: Sequence[int],
    named: Mapping[tuple[int, int], Region],
    shown: Sequence[int],
) -> dict[int, tuple[int, ...]]:
    """Return the slices of each frame: where the region to look at is largest, and two around it.

    In the frame in question that is its region, elsewhere that of the first answer that has one
    there. Frames without such a region show the slice of the frame in question, and frames that
    are not large at first one slice only.
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
        around = (z - step, z, z + step) if t in large else (z,)
        slices[t] = tuple(min(max(0, each), shape[0] - 1) for each in around)
    return slices


def _largest(region: Region) -> int:
    return region.corner[0] + largest_plane(region.mask)
