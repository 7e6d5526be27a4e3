"""Merged: which masks cover two cells, and how they are cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes.drawn import DrawnReader, Labels, detections_of, evidence_of, label_frame, scene_of

from sam4ct.stages.associate.costs import load_costs
from sam4ct.stages.associate.features.competitors import pairs_in_groups
from sam4ct.stages.repair.undersegmentation import CutFrames, find_merged
from sam4ct.tables import Cuts

SHAPES = [(60, 90), (11, 60, 90)]
APART = [(20, 20), (20, 70), (45, 20), (45, 70)]
"""Four cells that keep to themselves."""
TOUCHING = [(30, 38), (30, 48)]
RADIUS = 5.0


def frame(shape: tuple[int, ...], *places: tuple[int, int], drift: int = 0) -> Labels:
    """Cells in 2D, or in the middle slice."""
    deep = [(5,) * (len(shape) - 2) + (y, x + drift) for y, x in places]
    return label_frame(shape, deep, RADIUS)


def merged(labels: Labels, one: int, other: int) -> Labels:
    """The frame with one mask of two cells, under the label of the first."""
    return np.where(labels == other, one, labels)


def found(frames: list[Labels]) -> Cuts:
    detections, ndim = detections_of(frames), frames[0].ndim
    costs, scene = load_costs("overlap", f"{ndim}d"), scene_of(frames)
    return find_merged(detections, evidence_of(frames, max_gap=1), costs, scene)


def names(cuts: Cuts) -> list[tuple[int, int]]:
    return list(zip(cuts.t.tolist(), cuts.label.tolist(), strict=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_two_cells_under_one_mask_in_one_frame_are_found_and_cut(shape: tuple[int, ...]) -> None:
    whole = [frame(shape, *APART, *TOUCHING, drift=t) for t in range(5)]
    frames = [*whole[:2], merged(whole[2], 5, 6), *whole[3:]]
    cuts = found(frames)
    assert names(cuts) == [(2, 5)]
    cut = CutFrames(DrawnReader(frames), cuts, (1.0, 1.0, 1.0)).labels(2)
    for label in (5, 6):
        halves, counts = np.unique(cut[whole[2] == label], return_counts=True)
        assert counts.max() > 0.95 * counts.sum()
        assert halves[counts.argmax()] > frames[2].max()
    assert np.array_equal(cut > 0, frames[2] > 0)


@pytest.mark.parametrize("swapped", [False, True])
def test_of_cells_of_two_sizes_each_gets_its_share(swapped: bool) -> None:
    """Labels carry no identity, so the cells may be named the other way round afterwards."""
    small = label_frame(SHAPES[0], {6: (30, 47)}, 3.4)
    large = frame(SHAPES[0], *APART, (30, 38))
    whole = [np.where(large > 0, large, small)] * 3
    later = np.where(whole[2] > 4, 11 - whole[2], whole[2]) if swapped else whole[2]
    frames = [whole[0], merged(whole[1], 5, 6), later]
    cuts = found(frames)
    assert names(cuts) == [(1, 5)]
    cut = CutFrames(DrawnReader(frames), cuts, (1.0, 1.0, 1.0)).labels(1)
    for label in (5, 6):
        halves = cut[whole[1] == label]
        assert (halves == np.bincount(halves).argmax()).mean() > 0.9


@pytest.mark.parametrize("last", [0, 4])
def test_nothing_is_cut_where_frames_are_missing_on_one_side(last: int) -> None:
    whole = [frame(SHAPES[0], *APART, *TOUCHING) for _ in range(5)]
    whole[last] = merged(whole[last], 5, 6)
    assert not len(found(whole))


def test_a_mother_is_not_cut() -> None:
    """One before, which is as large as both daughters together; two ever after."""
    two = [frame(SHAPES[0], *APART, *TOUCHING) for _ in range(3)]
    one = [merged(labels, 5, 6) for labels in two]
    assert not len(found([*one, *two]))


def test_a_cell_whose_neighbour_was_missed_is_not_cut() -> None:
    whole = [frame(SHAPES[0], *APART, *TOUCHING) for _ in range(5)]
    whole[2] = np.where(whole[2] == 6, 0, whole[2])
    assert not len(found(whole))


def test_all_halves_of_a_frame_have_labels_of_their_own() -> None:
    pairs = [*TOUCHING, (10, 38), (10, 48)]
    whole = [frame(SHAPES[0], (50, 20), (50, 70), *pairs) for _ in range(3)]
    frames = [whole[0], merged(merged(whole[1], 3, 4), 5, 6), whole[2]]
    cuts = found(frames)
    assert names(cuts) == [(1, 3), (1, 5)]
    cut = CutFrames(DrawnReader(frames), cuts, (1.0, 1.0, 1.0)).labels(1)
    assert len(np.unique(cut)) == 1 + 6
    assert cuts.first.tolist() == [6, 8]
    assert cuts.second.tolist() == [7, 9]


def test_labels_of_halves_are_above_those_of_all_given_regions() -> None:
    """A fragment that was joined is no detection any more, but its label is taken."""
    whole = [frame(SHAPES[0], *APART, *TOUCHING) for _ in range(3)]
    frames = [whole[0], merged(whole[1], 5, 6), whole[2]]
    given = detections_of([whole[0], np.where(frames[1] == 4, 40, frames[1]), whole[2]])
    costs, scene = load_costs("overlap", "2d"), scene_of(frames)
    cut = find_merged(detections_of(frames), evidence_of(frames), costs, scene, given)
    assert (cut.first.tolist(), cut.second.tolist()) == ([41], [42])


def test_without_regions_or_evidence_nothing_is_cut() -> None:
    empty = [frame(SHAPES[0]) for _ in range(3)]
    assert not len(found(empty))
    assert not len(found([frame(SHAPES[0], (20, 20)), empty[0], empty[0]]))


def test_a_cut_is_across_the_way_in_micrometres() -> None:
    """A mask of two slices, and the second cell lies mostly above: slices are far apart."""
    labels = np.zeros((2, 6, 6), np.int64)
    labels[:, 1:5, 1:5] = 3
    way = dict(z=np.array([1.0]), y=np.array([0.0]), x=np.array([0.3]))
    cuts = Cuts(*(np.array([n]) for n in (0, 3, 4, 5)), **way, share=np.array([0.5]))
    flat = CutFrames(DrawnReader([labels]), cuts, (0.1, 1.0, 1.0)).labels(0)
    assert set(np.unique(flat[0])) == {0, 4, 5}
    steep = CutFrames(DrawnReader([labels]), cuts, (10.0, 1.0, 1.0)).labels(0)
    assert set(np.unique(steep[0])) == {0, 4}
    assert set(np.unique(steep[1])) == {0, 5}


@given(share=st.floats(0.0, 1.0), size=st.integers(2, 30))
def test_halves_share_out_all_of_a_mask(share: float, size: int) -> None:
    labels = np.zeros((3, size), np.int64)
    labels[1] = 2
    ends = (np.array([n]) for n in (0, 2, 7, 8))
    way = (np.array([v]) for v in (0.0, 0.0, -1.0))
    cuts = Cuts(*ends, *way, np.array([share]))
    cut = CutFrames(DrawnReader([labels]), cuts, (1.0, 1.0, 1.0)).labels(0)
    first, second = (cut == 7).sum(), (cut == 8).sum()
    assert min(first, second) >= 1
    assert first + second == size
    assert abs(first - share * size) <= 1.0
    # The second lies to the left of the first.
    assert np.flatnonzero(cut[1] == 8).max() < np.flatnonzero(cut[1] == 7).min()


def test_the_table_of_costs_decides() -> None:
    whole = [frame(SHAPES[0], *APART, *TOUCHING) for _ in range(3)]
    frames = [whole[0], merged(whole[1], 5, 6), whole[2]]
    costs = load_costs("overlap", "2d")
    assert costs.merge is not None
    never = replace(costs, merge=replace(costs.merge, bias=-12.0))
    evidence, detections = evidence_of(frames), detections_of(frames)
    assert len(find_merged(detections, evidence, costs, scene_of(frames)))
    assert not len(find_merged(detections, evidence, never, scene_of(frames)))


@given(st.lists(st.integers(0, 5), max_size=30))
def test_all_pairs_within_groups_come_once(group: list[int]) -> None:
    first, second = pairs_in_groups(np.array(group, dtype=np.int64))
    pairs = sorted(tuple(sorted(p)) for p in zip(first.tolist(), second.tolist(), strict=True))
    same = [(i, j) for j in range(len(group)) for i in range(j) if group[i] == group[j]]
    assert pairs == sorted(same)
