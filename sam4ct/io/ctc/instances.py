"""Check over all frames of a sequence that every cell has a label of its own.

A label in several places far apart, or one that fills the frame as a background does, shows that
masks are not instance labels. Fragments near each other, and one single cell in every frame, are
fine. Certain cases are refused; likely ones give a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from sam4ct.errors import SequenceError
from sam4ct.regions import LabelFrame, Mask, regions_of
from sam4ct.tables import Ints

logger = logging.getLogger(__name__)

_COMPACT = 2 / 3
"""A region that fills this share of its box has no parts far apart: squares a width apart do."""
_LEAST_PART = 0.25
"""Parts below this share of the largest one are specks."""
_CELL_SIZED = 0.5
"""A part with this share of the pixels of a typical largest part of a label may be a cell."""
_CELLS_APART = 0.5
"""Two parts as large as cells are two cells if they are this many widths apart."""
_MOST = 0.5
"""Share of the frames, or of the labels in them, that counts as most."""
_FEW = 0.25
"""Share of the frames below which there is no warning."""
_LABEL = (
    "Label your cells first, one number a cell, e.g. with skimage.measure.label(mask > 0) if they"
    " do not touch."
)


@dataclass(frozen=True)
class FrameLook:
    """What one label frame shows."""

    path: Path
    labels: int
    """Number of labels."""
    only: int
    """The label, if it is the only one; else 0."""
    scattered: int
    """A label in parts far apart, see `_parts`, that with the most of them; 0: none."""
    places: int
    """Number of parts of that label; if there is none, the most parts of any label."""
    share_scattered: float
    """Share of the labels whose parts are that far apart."""
    around: int
    """A label that covers most of the frame and touches all of its edges; 0: none."""
    has_background: bool
    """Whether any pixel is 0."""


class InstanceCheck:
    """Collects facts of the masks of a sequence frame by frame, and judges them at the end."""

    def __init__(self) -> None:
        self._looks: list[FrameLook] = []

    def add(self, path: Path, labels: LabelFrame) -> None:
        """Add a label frame, ([z,] y, x); 0 is background."""
        look = look_at(path, labels)
        if look.labels:
            self._looks.append(look)

    def finish(self) -> None:
        """Refuse masks that are not instance labels, and warn of those that may not be.

        Raises:
            SequenceError: Most labels lie in several places, or the background has a label.
        """
        self._judge_background()
        self._judge_places()

    def _judge_background(self) -> None:
        around = [look for look in self._looks if look.around]
        if len(around) <= _MOST * len(self._looks):
            return
        first = around[0]
        told = (
            f"{first.path}: label {first.around} covers most of the frame and touches all of its"
            f" edges, and so in {len(around)} of {len(self._looks)} masks"
        )
        sure = [look for look in around if look.labels > 1 and not look.has_background]
        if len(sure) > _MOST * len(self._looks):
            raise SequenceError(
                f"{told}; no pixel is 0. Save the masks with 0 for the background, which has the"
                f" number {first.around} there."
            )
        logger.warning(
            "%s. If that is the background, save the masks with 0 for it: as it is, it is tracked"
            " as a cell.",
            told,
        )

    def _judge_places(self) -> None:
        telling = [look for look in self._looks if look.labels > 1 or look.places > 1]
        scattered = [look for look in telling if look.scattered]
        if len(scattered) <= _FEW * len(self._looks):
            self._warn_of_one_label(telling)
            return
        first = scattered[0]
        told = (
            f"{first.path}: label {first.scattered} lies in {first.places} places far apart, and"
            f" some label does so in {len(scattered)} of {len(self._looks)} masks"
        )
        most = [look for look in telling if look.share_scattered > _MOST]
        if len(most) > _MOST * len(telling):
            raise SequenceError(
                f"{told}. They tell cells from the background, not one cell from another. {_LABEL}"
            )
        if len(scattered) > _MOST * len(telling):
            logger.warning("%s. What has one label is taken for one cell. %s", told, _LABEL)

    def _warn_of_one_label(self, telling: Sequence[FrameLook]) -> None:
        """Warn of masks with one label for all in parts near each other: cells or fragments."""
        if len({look.only for look in self._looks}) != 1 or not self._looks[0].only:
            return
        if len(telling) > _MOST * len(self._looks):
            logger.warning(
                "%s: has one label, %d, in %d places, and so have %d of %d masks. What has one"
                " label is taken for one cell. %s",
                telling[0].path, telling[0].only, telling[0].places, len(telling),
                len(self._looks), _LABEL,
            )  # fmt: skip


def look_at(path: Path, labels: LabelFrame) -> FrameLook:
    """Return what a label frame, ([z,] y, x), shows; `path` is its file."""
    regions = regions_of(labels)
    found = {label: _parts_of(region.mask) for label, region in regions.items()}
    usual = float(np.median([sizes.max() for sizes, _ in found.values()] or [0]))
    parts = {label: _parts(*each, usual) for label, each in found.items()}
    scattered = [label for label, (_, far) in parts.items() if far]
    most = max(scattered or parts, key=lambda label: parts[label][0], default=0)
    return FrameLook(
        path,
        labels=len(regions),
        only=most if len(regions) == 1 else 0,
        places=parts[most][0] if regions else 0,
        scattered=most if scattered else 0,
        share_scattered=len(scattered) / max(1, len(regions)),
        around=_around(labels),
        has_background=bool((labels == 0).any()),
    )


def _parts_of(mask: Mask) -> tuple[Ints, Ints]:
    """Return the sizes of a region's parts, specks left out, and their boxes in the plane.

    Boxes are (parts, y and x, start and stop): slices may be any distance apart.
    """
    if mask.mean() > _COMPACT:
        return np.array([mask.sum()]), np.zeros((1, 2, 2), int)
    found, _ = ndimage.label(mask, np.ones((3,) * mask.ndim))
    sizes = np.bincount(found.ravel())[1:]
    kept = np.flatnonzero(sizes >= _LEAST_PART * sizes.max())
    planes = [[(s.start, s.stop) for s in box[-2:]] for box in ndimage.find_objects(found)]
    return sizes[kept], np.array(planes)[kept]


def _parts(sizes: Ints, boxes: Ints, usual: float) -> tuple[int, bool]:
    """In how many parts a region lies, and whether any is far from the largest.

    Far is further than either is wide; for two parts as large as cells, half of that. The
    usual cell has so many pixels.
    """
    low, high = boxes[..., 0], boxes[..., 1]
    largest = sizes.argmax()
    apart = np.maximum(low - high[largest], low[largest] - high).max(axis=1)
    widths = (high - low).max(axis=1)
    far = np.where(sizes >= _CELL_SIZED * usual, _CELLS_APART, 1.0)
    return len(sizes), bool((apart > far * np.maximum(widths, widths[largest])).any())


def _around(labels: LabelFrame) -> int:
    """Return the label that covers most of a frame and touches its four edges; 0: none."""
    edges = [labels[..., 0, :], labels[..., -1, :], labels[..., 0], labels[..., -1]]
    common = set.intersection(*(set(np.unique(edge).tolist()) for edge in edges)) - {0}
    covers = (label for label in common if 2 * np.count_nonzero(labels == label) > labels.size)
    return next(covers, 0)
