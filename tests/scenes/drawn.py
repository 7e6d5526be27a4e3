"""Label frames drawn by hand, and a reader of them: what the stages' tests have in common.

Places are pixels in array order, (y, x) or (z, y, x); label i of a frame is the
i-th place given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.geometry import Margins
from sam4ct.stages.associate.costs import load_costs
from sam4ct.stages.associate.model import Scene, associate
from sam4ct.stages.detect import detect_frame
from sam4ct.stages.propagate.evidence import Reach, StayPut, frame_pairs, propagate_pair
from sam4ct.tables import Detections, Evidence, Links
from sam4ct.types import Propagator

Labels = NDArray[np.int64]
Place = tuple[int, ...]


def ball(shape: tuple[int, ...], centre: Place, radius: float) -> NDArray[np.bool_]:
    """A disc, or a ball in 3D."""
    grid = np.indices(shape)
    distance = sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True))
    return np.asarray(distance <= radius**2)


def label_frame(
    shape: tuple[int, ...], places: Sequence[Place] | Mapping[int, Place], radius: float = 4.0
) -> Labels:
    """A frame with a ball at each place; a mapping gives the labels, else they are 1, 2, ..."""
    named = places if isinstance(places, Mapping) else dict(enumerate(places, start=1))
    labels = np.zeros(shape, np.int64)
    for label, centre in named.items():
        labels[ball(shape, centre, radius)] = label
    return labels


def label_frames(
    *frames: Sequence[Place], shape: tuple[int, ...] = (40, 40), radius: float = 4.0
) -> list[Labels]:
    """One label frame per list of places."""
    return [label_frame(shape, places, radius) for places in frames]


def detections_of(frames: Sequence[Labels]) -> Detections:
    return Detections.concat(detect_frame(t, labels) for t, labels in enumerate(frames))


@dataclass(frozen=True)
class DrawnReader:
    """A `types.FrameReader` of label frames in memory; bright cells on a dark ground."""

    drawn: Sequence[Labels]

    @property
    def frames(self) -> int:
        return len(self.drawn)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.drawn[0].shape

    def image(self, t: int) -> NDArray[np.float32]:
        """Smooth cells of slightly different brightness, and the same faint noise every time."""
        noise = np.random.default_rng(t).normal(0.0, 3.0, self.shape)
        cells = np.where(self.drawn[t] > 0, 100.0 + self.drawn[t] % 7, 20.0)
        return (cells + noise).astype(np.float32)

    def labels(self, t: int) -> Labels:
        return self.drawn[t]


UNIT_SPACING = (1.0, 1.0, 1.0)


def evidence_of(
    frames: Sequence[Labels],
    propagator: Propagator | None = None,
    *,
    max_gap: int = 1,
    radius_um: float = 20.0,
) -> Evidence:
    """Evidence of all frame pairs; without a propagator, every region stays where it is."""
    reader, detections = DrawnReader(frames), detections_of(frames)
    reach = Reach(UNIT_SPACING, radius_um)
    return Evidence.concat(
        propagate_pair(reader, detections, propagator or StayPut(), pair, reach).evidence
        for pair in frame_pairs(len(frames), max_gap)
    )


def scene_of(frames: Sequence[Labels], **rules: Any) -> Scene:
    """What association must know of the frames; the rules are those of `Scene`."""
    shape = frames[0].shape
    usual = {"spacing_um": UNIT_SPACING, "border": Margins(shape)}
    return Scene(frames=len(frames), ndim=len(shape), **(usual | rules))


def links_of(frames: Sequence[Labels], *, max_gap: int = 1, **rules: Any) -> Links:
    """The most probable links, from plain overlap."""
    evidence = evidence_of(frames, max_gap=max_gap)
    costs, scene = load_costs("overlap", "2d"), scene_of(frames, **rules)
    return associate(detections_of(frames), evidence, costs, scene)


Rows = list[tuple[int, ...]]


def link_rows(links: Links) -> Rows:
    """Links as (t, label, t2, label2, division), in order."""
    columns = (links.t, links.label, links.t2, links.label2, links.division.astype(int))
    return sorted(tuple(int(x) for x in row) for row in zip(*columns, strict=True))


def make_links(*rows: tuple[int, int, int, int], divisions: Rows | None = None) -> Links:
    """Links of rows (t, label, t2, label2); those of divisions come last."""
    both = [*rows, *(divisions or [])]
    t, label, t2, label2 = np.array(both, dtype=np.int64).reshape(-1, 4).T
    division = np.arange(len(both)) >= len(rows)
    return Links(t, label, t2, label2, division, np.ones(len(both)))
