"""Propagate: one row a pair of regions that may be one cell, from one pair of frames alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scenes.drawn import (
    UNIT_SPACING,
    DrawnReader,
    detections_of,
    evidence_of,
    label_frame,
    label_frames,
)

from sam4ct.jumps import NO_JUMPS, Jumps, Shift
from sam4ct.regions import Region, RegionSet, regions_of
from sam4ct.stages.propagate.evidence import (
    NEIGHBOURS,
    Reach,
    StayPut,
    compare,
    frame_pairs,
    propagate_pair,
)
from sam4ct.tables import Evidence
from sam4ct.types import Propagated

SHAPES = [(40, 40), (9, 40, 40)]
SMALL = arrays.arrays(np.int64, (6, 7), elements=st.integers(0, 3))


class Moves:
    """Moves every region by a fixed step a frame, and remembers what it was asked."""

    def __init__(self, *step: int, score: float = 3.0) -> None:
        self._step, self._score = step, score
        self.asked: list[tuple[int, list[int], int]] = []

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        self.asked.append((t, list(regions), t2))
        moved = {}
        for label, region in regions.items():
            corner = tuple(c + (t2 - t) * s for c, s in zip(region.corner, self._step, strict=True))
            moved[label] = Propagated(Region(region.mask, corner).clipped((40, 40)), self._score)
        return moved

    def forget_before(self, t: int) -> None:
        raise AssertionError("a pair knows nothing of the run")


def row(evidence: Evidence, t: int, label: int, t2: int, label2: int) -> dict[str, float]:
    """The one row of a source and a target."""
    key = np.stack([evidence.t, evidence.label, evidence.t2, evidence.label2], axis=1)
    (at,) = np.flatnonzero((key == [t, label, t2, label2]).all(1))
    return {name: getattr(evidence, name)[at].item() for name in evidence.schema()}


def keys(evidence: Evidence) -> list[tuple[int, int, int, int]]:
    columns = (evidence.t, evidence.label, evidence.t2, evidence.label2)
    return [tuple(int(x) for x in key) for key in zip(*columns, strict=True)]  # type: ignore[misc]


def test_pairs_come_in_order_of_their_later_frame() -> None:
    assert list(frame_pairs(4, 1)) == [(0, 1), (1, 1), (0, 2), (2, 1), (1, 2)]


@pytest.mark.parametrize("frames", [0, 1])
def test_a_single_frame_has_no_pairs(frames: int) -> None:
    assert list(frame_pairs(frames, 2)) == []


@given(st.integers(0, 12), st.integers(0, 4))
def test_every_pair_in_reach_comes_once(frames: int, max_gap: int) -> None:
    pairs = list(frame_pairs(frames, max_gap))
    wanted = {(t, s - t) for s in range(frames) for t in range(s) if s - t <= max_gap + 1}
    assert set(pairs) == wanted
    assert len(pairs) == len(wanted)


@given(SMALL, SMALL)
def test_shares_are_those_of_the_masks(a: NDArray[np.int64], b: NDArray[np.int64]) -> None:
    evidence = evidence_of([a, b], radius_um=1e-9)
    for i, key in enumerate(keys(evidence)):
        frames = {0: a, 1: b}
        source, target = frames[key[0]] == key[1], frames[key[2]] == key[3]
        both, either = (source & target).sum(), (source | target).sum()
        assert evidence.iou_prop[i] == evidence.overlap[i] == both / either
        assert evidence.containment_prop[i] == both / source.sum()
        assert evidence.coverage_prop[i] == both / target.sum()
        assert evidence.size_ratio[i] == target.sum() / source.sum()


def test_a_region_is_compared_where_the_propagator_sees_it() -> None:
    frames = label_frames([(10, 10)], [(10, 30)])
    seen = row(evidence_of(frames, Moves(0, 20)), 0, 1, 1, 1)
    assert (seen["iou_prop"], seen["containment_prop"], seen["coverage_prop"]) == (1, 1, 1)
    assert (seen["overlap"], seen["distance_um"], seen["object_score"]) == (0, 20, 3)


def test_both_directions_are_asked_and_told_apart() -> None:
    frames = label_frames([(10, 10)], [(10, 16), (30, 30)])
    moves = Moves(0, 6)
    evidence = evidence_of(frames, moves)
    assert moves.asked == [(0, [1], 1), (1, [1, 2], 0)]
    assert row(evidence, 1, 1, 0, 1)["iou_prop"] == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_near_regions_have_rows_even_if_nothing_touches(shape: tuple[int, ...]) -> None:
    z = (4,) * (len(shape) - 2)
    frames = [label_frame(shape, [(*z, 20, x)], radius=3) for x in (10, 19)]
    near, far = (evidence_of(frames, radius_um=r) for r in (9.1, 8.9))
    assert keys(near) == [(0, 1, 1, 1), (1, 1, 0, 1)]
    assert set(near.iou_prop) == {0.0}
    assert len(far) == 0


def test_the_radius_grows_with_the_square_root_of_the_frames_between() -> None:
    frames = label_frames([(20, 10)], [], [(20, 24)], radius=3)
    assert len(evidence_of(frames, radius_um=10.0)) == 2
    assert len(evidence_of(frames, radius_um=9.8)) == 0


def test_only_so_many_neighbours_are_considered() -> None:
    around = [(20 + 6 * dy, 20 + 6 * dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    frames = [label_frame((40, 40), [(20, 20)], 2), label_frame((40, 40), around, 2)]
    evidence = evidence_of(frames, radius_um=100)
    assert np.count_nonzero(evidence.t == 0) == NEIGHBOURS


def test_distances_are_in_micrometres() -> None:
    frames = [label_frame((9, 40, 40), [place], 2) for place in ((3, 10, 10), (5, 10, 13))]
    reach = Reach((2.0, 0.5, 1.0), 50.0)
    found = propagate_pair(
        DrawnReader(frames), detections_of(frames), StayPut(), (0, 1), reach
    ).evidence
    assert found.distance_um == pytest.approx([5.0, 5.0])


def test_border_is_that_of_source_or_target() -> None:
    frames = label_frames([(10, 10), (30, 30)], [(10, 4), (30, 30)])
    evidence = evidence_of(frames)
    assert row(evidence, 0, 1, 1, 1)["border"] is True
    assert row(evidence, 1, 1, 0, 1)["border"] is True
    assert row(evidence, 0, 2, 1, 2)["border"] is False


def test_rows_are_ordered_by_source_and_target_within_a_direction() -> None:
    frames = label_frames([(10, 10), (10, 18), (10, 26)], [(10, 26), (10, 18), (10, 10)])
    found = keys(evidence_of(frames))
    assert found == sorted(found)


def test_rows_of_other_frames_change_nothing() -> None:
    frames = label_frames([(10, 10)], [(10, 12)], [(10, 14), (30, 30)])
    reach, detections = Reach(UNIT_SPACING, 20.0), detections_of(frames)
    near = detections.take(detections.t < 2)
    found = [
        propagate_pair(DrawnReader(frames), some, StayPut(), (0, 1), reach).evidence
        for some in (detections, near)
    ]
    assert keys(found[0]) == keys(found[1]) != []


@pytest.mark.parametrize("empty", [0, 1])
def test_masks_are_kept_though_the_other_frame_is_empty(empty: int) -> None:
    frames = label_frames([(10, 10)], [(10, 12)])
    frames[empty] = np.zeros_like(frames[empty])
    found = propagate_pair(
        DrawnReader(frames), detections_of(frames), StayPut(), (0, 1), Reach(UNIT_SPACING, 20.0)
    )
    assert len(found.evidence) == 0
    assert [(m.t, m.label, m.t2) for m in found.masks] == [(1 - empty, 1, empty)]


def test_two_empty_frames_have_no_evidence() -> None:
    assert len(evidence_of(label_frames([], []))) == 0


@given(SMALL, SMALL)
def test_regions_by_themselves_are_compared_as_their_frames_are(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> None:
    detections, reach = detections_of([a, b]), Reach(UNIT_SPACING, 3.0)
    rows = [detections.take(detections.t == t) for t in (0, 1)]
    regions, under = regions_of(a), RegionSet(regions_of(b)).under
    found = StayPut().propagate(0, regions, 1)
    usual = propagate_pair(DrawnReader([a, b]), detections, StayPut(), (0, 1), reach).evidence
    forward = usual.take(usual.t == 0)
    assert repr(compare(regions, found, under, *rows, reach)) == repr(forward)


def test_who_looks_at_nothing_finds_none_alike() -> None:
    regions = regions_of(label_frame((40, 40), [(10, 10)]))
    assert StayPut().similarities((0, 1), (regions, regions), [(1, 1)] * 3).tolist() == [0.0] * 3


# Jumps of the picture


Scene = list[list[tuple[int, ...]]]
CELLS: Scene = [
    [(5, 60, 60), (5, 60, 74), (5, 90, 60)],
    [(5, 61, 61), (5, 58, 72), (5, 92, 61), (5, 92, 75)],
    [(5, 61, 66), (5, 92, 60)],
    [(5, 60, 62), (5, 57, 70), (5, 94, 60)],
]
"""In four frames, far from the edges of a frame of 150 pixels a side."""


def jumping(ndim: int, jumps: Jumps = NO_JUMPS) -> list[NDArray[np.int64]]:
    """The cells as frames show them where the picture jumps."""
    shape = (15, 150, 150)[-ndim:]
    return [
        label_frame(shape, [tuple(np.add(p, jumps.between(0, t)).tolist()[-ndim:]) for p in places])
        for t, places in enumerate(CELLS)
    ]


def evidence_across(
    frames: list[NDArray[np.int64]], jumps: Jumps, radius_um: float = 20.0
) -> Evidence:
    """What plain overlap says if it knows of the jumps."""
    reach = Reach((2.0, 0.5, 0.5), radius_um, jumps)
    stays, detections = StayPut(jumps), detections_of(frames)
    return Evidence.concat(
        propagate_pair(DrawnReader(frames), detections, stays, pair, reach).evidence
        for pair in frame_pairs(len(frames), 1)
    )


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    "steps",
    [{2: (0, 31, -24)}, {1: (0, 0, 50)}, {1: (0, -30, 0), 2: (0, 0, 33), 3: (0, 9, -40)}],
)
def test_evidence_across_jumps_is_that_of_the_scene_without_them(
    ndim: int, steps: dict[int, Shift]
) -> None:
    deep = {t: (1 if ndim == 3 else 0, y, x) for t, (_, y, x) in steps.items()}
    jumps, still = Jumps(deep), evidence_across(jumping(ndim), NO_JUMPS)
    across = evidence_across(jumping(ndim, jumps), jumps)
    assert keys(across) == keys(still)
    for name in still.schema():
        np.testing.assert_allclose(getattr(across, name), getattr(still, name), err_msg=name)
    assert (still.overlap > 0).any()
    unknown = evidence_across(jumping(ndim, jumps), NO_JUMPS)
    assert keys(unknown) != keys(still)


def test_a_propagator_of_its_own_is_compared_where_it_sees_regions_across_a_jump() -> None:
    """Overlap is of regions that jump with the picture, whatever the propagator says of them."""
    frames = label_frames([(10, 10)], [(10, 30)])
    reach = Reach(UNIT_SPACING, 20.0, Jumps({1: (0, 0, 18)}))
    found = propagate_pair(
        DrawnReader(frames), detections_of(frames), Moves(0, 19), (0, 1), reach
    ).evidence
    shares = row(found, 0, 1, 1, 1)
    one, two = (evidence_of(label_frames([(10, 10)], [(10, 10 + by)])) for by in (1, 2))
    assert shares["iou_prop"] == row(one, 0, 1, 1, 1)["iou_prop"]
    assert shares["overlap"] == row(two, 0, 1, 1, 1)["overlap"]
    assert shares["distance_um"] == 2.0


def test_who_stays_goes_along_with_the_picture_and_out_of_the_frame() -> None:
    jumps = Jumps({1: (0, -8, 0), 2: (0, -30, 0)})
    region = regions_of(label_frame((40, 40), [(10, 10), (30, 30)]))
    stays = StayPut(jumps)
    assert stays.propagate(0, region, 1)[1].region == Region(region[1].mask, (-2, 6))
    assert stays.propagate(0, region, 2)[1].region == Region(region[1].mask, (-32, 6))
    back = stays.propagate(1, region, 0)
    assert back[1].region == Region(region[1].mask, (14, 6))
    assert back[2].region == Region(region[2].mask, (34, 26))


@pytest.mark.parametrize("step", [(0, 0, 25), (0, 0, -25), (0, 33, 0), (0, -200, 200)])
def test_evidence_of_regions_that_leave_the_frame_has_no_mistakes(step: Shift) -> None:
    """Here are all pairs in view, each way, and those that lie on each other after the jump."""
    frames, jumps = label_frames([(12, 4), (35, 36)], [(12, 29), (4, 11)]), Jumps({1: step})
    reach = Reach(UNIT_SPACING, 15.0, jumps)
    found = propagate_pair(
        DrawnReader(frames), detections_of(frames), StayPut(jumps), (0, 1), reach
    )
    # What judges by plain overlap takes the one for the other.
    assert found.evidence.iou_prop.tolist() == found.evidence.overlap.tolist()
    for key, overlap in zip(keys(found.evidence), found.evidence.overlap, strict=True):
        (t, label, t2, label2) = key
        place, other = (np.argwhere(frames[s] == i) for s, i in ((t, label), (t2, label2)))
        moved = {tuple(p) for p in (place + jumps.between(t, t2)[1:]).tolist()}
        there = {tuple(p) for p in other.tolist()}
        assert overlap == pytest.approx(len(moved & there) / len(moved | there))
    seen = {key[:2] for key in keys(found.evidence)}
    assert ((0, 1) in seen) is (step == (0, 0, 25))
