"""Find the regions that corrections name in the masks as they now are.

A region is named by its label, by a place in it, or by both. A label counts if its region holds the
place; if it does not, the region that holds the place counts: masks may have been made again, with
other labels. Masks are read only where the table of regions does not tell.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, Protocol

import numpy as np

from sam4ct.corrections import Correction, End, Kind, in_order, text_of
from sam4ct.errors import CorrectionsError
from sam4ct.io.corrections.table import refuse_contradictions
from sam4ct.regions import LabelFrame
from sam4ct.tables import Detections, Flags, Floats, Joins

logger = logging.getLogger(__name__)

SAME_PLACE = 1.0
"""Pixels; a place so near to the centroid of a region is that region's."""


class _Labels(Protocol):
    """Reads masks; a `FrameReader` does."""

    def labels(self, t: int) -> LabelFrame: ...


class Regions:
    """The regions of a sequence, by label and by place."""

    def __init__(
        self, detections: Detections, reader: _Labels, ndim: int, frames: int, joins: Joins
    ) -> None:
        """Take regions and masks.

        Args:
            detections: Ordered by frame and label.
            reader: Reads masks in which all of these regions are.
            ndim: Axes of a frame.
            frames: Length of the sequence.
            joins: Fragments in the masks, and the regions of the table that they are a part of.
        """
        self._detections, self._reader, self.ndim, self.frames = detections, reader, ndim, frames
        rows = zip(joins.t.tolist(), joins.label.tolist(), joins.into.tolist(), strict=True)
        self._into = {(t, label): into for t, label, into in rows}
        self._read: dict[int, LabelFrame] = {}

    def label_of(self, end: End) -> int:
        """Return the label of the region that is meant; 0 if there is none."""
        here = self._detections.in_frame(end.t)
        label = self._whole(end.t, end.label)
        named = here.take(here.label == label)
        if not end.place:
            return label if len(named) else 0
        if len(named) and self._distance(named, end)[0] <= SAME_PLACE:
            return label
        around = here.take(self._boxes_hold(here, end))
        if not len(around):
            return 0
        there = self._whole(end.t, self._at(end))
        if there:
            return there if there in around.label else 0
        # Of a curved region, the centroid is background.
        around = around.take(np.lexsort((self._distance(around, end), around.label != label)))
        return int(around.label[0])

    def place_of(self, t: int, label: int) -> tuple[float, ...]:
        """Return the centroid of a region, ([z,] y, x)."""
        here = self._detections.in_frame(t)
        row = int(np.flatnonzero(here.label == label)[0])
        return tuple(float(getattr(here, axis)[row]) for axis in "zyx"[-self.ndim :])

    def _whole(self, t: int, label: int) -> int:
        """The label of the region that a fragment is a part of; other labels unchanged."""
        while (t, label) in self._into:
            label = self._into[t, label]
        return label

    def _at(self, end: End) -> int:
        if end.t not in self._read:
            self._read[end.t] = self._reader.labels(end.t)
        frame = self._read[end.t]
        pixel = tuple(round(c) for c in end.place)
        inside = all(0 <= c < size for c, size in zip(pixel, frame.shape, strict=True))
        return int(frame[pixel]) if inside else 0

    def _distance(self, rows: Detections, end: End) -> Floats:
        axes = [getattr(rows, axis) for axis in "zyx"[-self.ndim :]]
        return np.asarray(np.linalg.norm(np.stack(axes, axis=1) - end.place, axis=1))

    def _boxes_hold(self, rows: Detections, end: End) -> Flags:
        held = np.ones(len(rows), bool)
        for axis, c in zip("zyx"[-self.ndim :], end.place, strict=True):
            pixel = round(c)
            held &= (getattr(rows, f"{axis}0") <= pixel) & (pixel < getattr(rows, f"{axis}1"))
        return held


def settled(
    path: Path, corrections: Iterable[Correction], regions: Regions
) -> tuple[Correction, ...]:
    """Return the answers with the label and the place of every region as it now is.

    Answers by place that fit no region any more are left out, with a warning.

    Args:
        path: Of their file, for messages.
        corrections: As read.
        regions: Those of the masks.

    Raises:
        CorrectionsError: A frame or a label is not there, two regions of an answer are one by now,
            or answers contradict each other; the message has the line numbers.
    """
    found = []
    for correction in corrections:
        where = f"{path}, line {correction.line}"
        ends = [_settled(where, end, regions) for end in correction.ends]
        kept = [end for end in ends if end is not None]
        if len(kept) < len(ends) or (correction.kind is Kind.ONE_CELL and len({*kept}) == 1):
            continue  # Fragments that are one region by now are one cell.
        now = replace(correction, ends=tuple(kept))
        if not now.problem:
            found.append(now)
        elif all(end.place for end in correction.ends):
            logger.warning("%s: does not fit the masks any more; it is left out", where)
        else:
            raise CorrectionsError(f"{where}: {now.problem}. Correct the line, or remove it.")
    refuse_contradictions(path, found)
    return in_order(found)


def _settled(where: str, end: End, regions: Regions) -> End | None:
    """Return a region as it now is; None if it does not fit any more."""
    _refuse_frame(where, end, regions.frames)
    if end.place and len(end.place) != regions.ndim:
        _refuse_place(where, end, regions.ndim)
    label = regions.label_of(end)
    if label:
        return End(end.t, label, regions.place_of(end.t, label))
    if not end.place:
        _refuse_label(where, end)
    logger.warning("%s: %s is not there any more; this answer is left out", where, end)
    return None


def refuse_unknown(
    path: Path,
    corrections: Iterable[Correction],
    given: Detections,
    frames: int,
    ndim: int,
) -> None:
    """Refuse corrections that name a frame or a label that is not there, before any work.

    Args:
        path: Of their file, for messages.
        corrections: As read.
        given: The regions of the given masks.
        frames: Length of the sequence.
        ndim: Axes of a frame.

    Raises:
        CorrectionsError: With the line number.
    """
    there = set(zip(given.t.tolist(), given.label.tolist(), strict=True))
    for correction in corrections:
        where = f"{path}, line {correction.line}"
        for end in correction.ends:
            _refuse_frame(where, end, frames)
            if end.place and len(end.place) != ndim:
                _refuse_place(where, end, ndim)
            if not end.place and (end.t, end.label) not in there:
                _refuse_label(where, end)


def _refuse_frame(where: str, end: End, frames: int) -> None:
    if end.t >= frames:
        raise CorrectionsError(
            f"{where}: frame {end.t} is not there; the frames are 0 to {frames - 1}. Correct the"
            " line, or remove it."
        )


def _refuse_place(where: str, end: End, ndim: int) -> NoReturn:
    raise CorrectionsError(
        f"{where}: the place {text_of(end.place)!r} has {len(end.place)} numbers, but the frames"
        f" have {ndim} axes. Correct the line, or remove it."
    )


def _refuse_label(where: str, end: End) -> NoReturn:
    raise CorrectionsError(
        f"{where}: frame {end.t} has no region with the label {end.label}. Correct the line, or"
        " give a place in the region, which holds when labels change."
    )
