"""Repair: which pairs of masks are fragments of one cell, and what joining makes of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scenes.drawn import UNIT_SPACING, DrawnReader, Labels, detections_of, evidence_of

from sam4ct.geometry import Margins
from sam4ct.intensity import contrasts
from sam4ct.jumps import Jumps
from sam4ct.regions import Region
from sam4ct.stages.detect import detect_frame
from sam4ct.stages.propagate.evidence import Reach, StayPut, frame_pairs, propagate_pair
from sam4ct.stages.repair.joined_masks import (
    JoinedFrames,
    join,
    joined_detections,
    without_specks,
)
from sam4ct.stages.repair.oversegmentation import _Shares, find_fragments
from sam4ct.tables import Evidence, Joins
from sam4ct.types import Propagated

SHAPES = [(40, 60), (9, 40, 60)]
GAP = 2


def slab(shape: tuple[int, ...], first: int, last: int) -> tuple[slice, ...]:
    """A block of columns `first` to `last` - 1, the same in every slice."""
    return (slice(2, 7),) * (len(shape) - 2) + (slice(10, 30), slice(first, last))


def whole(shape: tuple[int, ...], label: int = 1) -> Labels:
    frame = np.zeros(shape, np.int64)
    frame[slab(shape, 10, 40)] = label
    return frame


def cut(shape: tuple[int, ...], at: int = 28) -> Labels:
    """The same cell as two masks, 1 on the left, 2 on the right."""
    frame = whole(shape)
    frame[slab(shape, at, 40)] = 2
    return frame


def found(frames: list[Labels]) -> list[tuple[int, int, int]]:
    """Joins as (t, label, into)."""
    evidence = evidence_of(frames, max_gap=GAP)
    joins = find_fragments(detections_of(frames), evidence)
    return list(zip(joins.t.tolist(), joins.label.tolist(), joins.into.tolist(), strict=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cell_cut_in_one_frame_is_joined_under_the_larger_part(shape: tuple[int, ...]) -> None:
    frames = [whole(shape), whole(shape), cut(shape), whole(shape), whole(shape)]
    assert found(frames) == [(2, 2, 1)]


def test_a_cell_cut_in_the_first_frame_is_joined() -> None:
    shape = SHAPES[0]
    assert found([cut(shape), whole(shape), whole(shape), whole(shape)]) == [(0, 2, 1)]


def test_a_division_is_not_undone() -> None:
    """One before, two ever after."""
    shape = SHAPES[0]
    assert found([whole(shape), whole(shape), *(cut(shape) for _ in range(4))]) == []


def test_a_division_in_the_last_frame_is_not_undone() -> None:
    shape = SHAPES[0]
    assert found([whole(shape)] * 4 + [cut(shape)]) == []


def test_two_cells_merged_in_one_frame_stay_two() -> None:
    shape = SHAPES[0]
    frames = [cut(shape)] * 3 + [whole(shape)] + [cut(shape)] * 3
    assert found(frames) == []


@pytest.mark.parametrize(("share", "joined"), [(0.65, True), (0.55, False)])
def test_fragments_lie_in_the_whole_cell_by_most_of_their_own_masks(
    share: float, joined: bool
) -> None:
    shape = SHAPES[0]
    frames = [whole(shape), whole(shape), cut(shape), whole(shape), whole(shape)]
    evidence = evidence_of(frames, max_gap=GAP)
    back = np.where(evidence.t == 2, share, evidence.containment_prop)
    joins = find_fragments(detections_of(frames), replace(evidence, containment_prop=back))
    assert bool(len(joins)) == joined


class GoesElsewhere(StayPut):
    """Follows every region but the smaller part of the cut cell, which it sees somewhere else."""

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        found = super().propagate(t, regions, t2)
        if 2 in found:
            found[2] = Propagated(Region(np.ones((2, 2), bool), (0, 0)), 0.0)
        return found


def test_a_part_that_goes_elsewhere_is_a_cell_of_its_own() -> None:
    """The mask of a neighbour may leak over two cells; their own masks then do not come back."""
    shape = SHAPES[0]
    frames = [whole(shape), whole(shape), cut(shape), whole(shape), whole(shape)]
    evidence = evidence_of(frames, GoesElsewhere(), max_gap=GAP)
    assert not len(find_fragments(detections_of(frames), evidence))


@pytest.mark.parametrize("shape", SHAPES)
def test_joined_tables_are_those_of_masks_that_were_never_cut(shape: tuple[int, ...]) -> None:
    frames = [whole(shape), whole(shape), cut(shape), whole(shape), whole(shape)]
    mended = [*frames[:2], whole(shape), *frames[3:]]
    detections, evidence = detections_of(frames), evidence_of(frames, max_gap=GAP)
    joins = find_fragments(detections, evidence)
    rows, pairs = join(detections, evidence, joins, UNIT_SPACING)
    truth = evidence_of(mended, max_gap=GAP)
    for name in detections.schema():
        np.testing.assert_allclose(getattr(rows, name), getattr(detections_of(mended), name))
    order = np.lexsort((truth.label2, truth.t2, truth.label, truth.t))
    mine = np.lexsort((pairs.label2, pairs.t2, pairs.label, pairs.t))
    for name in truth.schema():
        expected, got = getattr(truth, name)[order], getattr(pairs, name)[mine]
        np.testing.assert_allclose(got, expected, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("shape", SHAPES)
def test_across_a_jump_joined_cells_are_as_far_apart_as_without_it(shape: tuple[int, ...]) -> None:
    """All frames from the cut one on lie 7 further down and 15 to the right."""
    jumps = Jumps({2: (1 if len(shape) > 2 else 0, 7, 15)})
    frames = [whole(shape), whole(shape), cut(shape), whole(shape), whole(shape)]
    step = jumps.between(1, 2)[-len(shape) :]
    axes = tuple(range(len(shape)))
    shown = [np.roll(frame, step, axes) if t >= 2 else frame for t, frame in enumerate(frames)]
    reach, stays = Reach(UNIT_SPACING, 20.0, jumps), StayPut(jumps)
    detections = detections_of(shown)
    evidence = Evidence.concat(
        propagate_pair(DrawnReader(shown), detections, stays, pair, reach).evidence
        for pair in frame_pairs(len(shown), GAP)
    )
    joins = find_fragments(detections, evidence)
    assert len(joins) == 1
    _, pairs = join(detections, evidence, joins, UNIT_SPACING, jumps)
    assert len(pairs) == len(list(frame_pairs(5, GAP))) * 2
    assert pairs.distance_um == pytest.approx(0.0)
    assert pairs.overlap == pytest.approx(1.0)
    _, unknown = join(detections, evidence, joins, UNIT_SPACING)
    assert unknown.distance_um.max() == pytest.approx(np.linalg.norm(step))


def test_the_contrast_of_a_joined_cell_is_that_of_all_its_pixels() -> None:
    frame = cut((40, 60))
    image = np.where(frame == 1, 3.0, np.where(frame > 1, 7.0, 0.0)) + np.eye(40, 60)
    parts = detect_frame(0, frame, contrasts(image, frame))
    joins = Joins(np.array([0]), parts.label[[1]], parts.label[[0]])
    one = detect_frame(0, (frame > 0).astype(int), contrasts(image, (frame > 0).astype(int)))
    assert joined_detections(parts, joins).contrast == pytest.approx(one.contrast)


def test_joined_frames_show_one_label_and_leave_the_input_alone() -> None:
    frames = [whole(SHAPES[0]), cut(SHAPES[0])]
    joins = Joins(*(np.array([x], np.int64) for x in (1, 2, 1)))
    reader = JoinedFrames(DrawnReader(frames), joins)
    assert np.array_equal(reader.labels(1), whole(SHAPES[0]))
    assert np.array_equal(reader.labels(0), frames[0])
    assert np.array_equal(frames[1], cut(SHAPES[0]))
    assert (reader.frames, reader.shape) == (2, SHAPES[0])


def test_nothing_to_join_changes_nothing() -> None:
    frames = [whole(SHAPES[0])] * 3
    detections, evidence = detections_of(frames), evidence_of(frames)
    assert join(detections, evidence, Joins.empty(), UNIT_SPACING) == (detections, evidence)
    assert len(joined_detections(detections, Joins.empty())) == len(detections)


EDGE = Margins(SHAPES[0])


def test_specks_go_with_all_that_is_known_of_them() -> None:
    frame = whole(SHAPES[0])
    frame[35:37, 50:52] = 7
    frames = [frame, frame]
    detections, evidence = without_specks(detections_of(frames), evidence_of(frames), 4, EDGE)
    assert detections.label.tolist() == [1, 1]
    assert 7 not in {*evidence.label.tolist(), *evidence.label2.tolist()}
    kept, _ = without_specks(detections_of(frames), evidence_of(frames), 3, EDGE)
    assert kept.label.tolist() == [1, 7, 1, 7]


def test_a_small_region_at_the_edge_is_no_speck() -> None:
    frame = whole(SHAPES[0])
    frame[0:2, 50:52] = 7
    detections, _ = without_specks(detections_of([frame]), evidence_of([frame]), 4, EDGE)
    assert detections.label.tolist() == [1, 7]


@pytest.mark.parametrize(("slices", "kept"), [(1, [1, 7]), (0, [1])])
def test_a_small_region_in_the_first_slice_is_no_speck_if_cells_may_be_cut_there(
    slices: int, kept: list[int]
) -> None:
    frame = whole(SHAPES[1])
    frame[0, 20:22, 20:22] = 7
    edge = Margins(SHAPES[1], slices=slices)
    detections, _ = without_specks(detections_of([frame]), evidence_of([frame]), 4, edge)
    assert detections.label.tolist() == kept


def test_shares_of_a_region_beyond_all_that_evidence_speaks_of_are_none() -> None:
    shares = _Shares(np.array([5, 6]), np.array([0, 3]), np.array([0.9, 0.8]), regions=8)
    assert shares.of(np.array([5, 5, 6]), np.array([0, 7, 3])).tolist() == [0.9, 0.0, 0.8]
