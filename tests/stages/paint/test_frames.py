"""Paint: every frame once, given masks pixel by pixel, generated ones beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scenes.drawn import DrawnReader, Labels, detections_of, label_frame, make_links

from sam4ct.regions import Region
from sam4ct.stages.fill.gap_filling import Generated
from sam4ct.stages.paint.frames import paint, relabelled
from sam4ct.stages.paint.tracks import trace
from sam4ct.tables import Links

SHAPES = [(20, 30), (5, 20, 30)]
FRAMES = arrays.arrays(np.int64, (6, 7), elements=st.sampled_from([0, 2, 3, 900, 2**31 - 1]))


@dataclass
class Kept:
    """A `types.FrameWriter` that keeps the frames."""

    frames: list[tuple[int, NDArray[np.uint16]]] = field(default_factory=list)

    def write(self, t: int, labels: NDArray[np.uint16]) -> None:
        self.frames.append((t, labels.copy()))


def painted(
    frames: list[Labels], links: Links, generated: list[Generated] | None = None
) -> list[NDArray[np.uint16]]:
    detections, made, writer = detections_of(frames), generated or [], Kept()
    traced = trace(detections, links, made)
    done = list(paint(DrawnReader(frames), detections, traced, made, writer))
    assert done == [t for t, _ in writer.frames] == list(range(len(frames)))
    assert {frame.dtype for _, frame in writer.frames} == {np.dtype(np.uint16)}
    return [frame for _, frame in writer.frames]


def places(shape: tuple[int, ...], *xs: int) -> list[tuple[int, ...]]:
    return [(2,) * (len(shape) - 2) + (10, x) for x in xs]


@pytest.mark.parametrize("shape", SHAPES)
def test_masks_carry_the_labels_of_their_tracks(shape: tuple[int, ...]) -> None:
    first = label_frame(shape, dict(zip([7, 9], places(shape, 6, 20), strict=True)), 3)
    second = label_frame(shape, dict(zip([9, 7], places(shape, 6, 20), strict=True)), 3)
    links = make_links((0, 7, 1, 9), (0, 9, 1, 7))
    a, b = painted([first, second], links)
    assert np.array_equal(a, b)
    assert np.array_equal(a, np.where(first == 7, 1, np.where(first == 9, 2, 0)))


def test_frames_without_masks_are_written_too() -> None:
    empty = label_frame((20, 30), [])
    assert not np.any(painted([empty, empty], make_links()))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_generated_region_takes_only_background(shape: tuple[int, ...]) -> None:
    end = label_frame(shape, places(shape, 10), 3)
    other = label_frame(shape, {4: places(shape, 14)[0]}, 3)
    region = Region(end > 0, (0,) * len(shape)).tight()
    frames = painted([end, other, end], make_links((0, 1, 2, 1)), [Generated(1, 0, 1, region)])
    assert np.array_equal(frames[1] == 2, other == 4)
    assert np.array_equal(frames[1] == 1, (end > 0) & (other == 0))


def test_input_frames_are_not_changed() -> None:
    end = label_frame((20, 30), [(10, 10)], 3)
    empty = np.zeros_like(end)
    region = Region(end > 0, (0, 0)).tight()
    painted([end, empty, end], make_links((0, 1, 2, 1)), [Generated(1, 0, 1, region)])
    assert not empty.any()


@given(FRAMES, st.data())
def test_every_pixel_gets_the_new_label_of_its_old_one(
    frame: NDArray[np.int64], data: st.DataObject
) -> None:
    present = [int(x) for x in np.unique(frame) if x > 0]
    known = data.draw(st.lists(st.sampled_from(present), unique=True)) if present else []
    old = np.array(sorted(known), dtype=np.int64)
    new = np.arange(len(old)) + 60_000
    expected = np.zeros(frame.shape, np.uint16)
    for a, b in zip(old, new, strict=True):
        expected[frame == a] = b
    result = relabelled(frame, old, new)
    assert result.dtype == np.uint16
    assert np.array_equal(result, expected)
