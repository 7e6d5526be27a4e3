"""Missing: where a linked cell without a mask is expected, in gaps and at open ends."""

from __future__ import annotations

import numpy as np
import pytest
from scenes.drawn import Place, detections_of, label_frames, make_links
from scipy.spatial import cKDTree

from sam4ct.jumps import Jumps
from sam4ct.stages import motion as motion_module
from sam4ct.stages.fill.expected import OpenEnd, expected, gaps, open_ends
from sam4ct.stages.fill.expected import Place as Expected
from sam4ct.stages.motion import LinkedMotion
from sam4ct.tables import Detections, Floats, Links

SPACING = np.array([5.0, 1.0, 1.0])
SHAPES = [(60, 80), (9, 60, 80)]


def lifted(shape: tuple[int, ...], *places: tuple[int, int]) -> list[Place]:
    """Places in the image plane, in the middle slice of a volume."""
    return [(shape[0] // 2,) * (len(shape) - 2) + place for place in places]


def table(shape: tuple[int, ...], *frames: list[tuple[int, int]]) -> Detections:
    drawn = [lifted(shape, *places) for places in frames]
    return detections_of(label_frames(*drawn, shape=shape))


def in_plane(place: Expected) -> tuple[float, float]:
    return float(place.at_um[1]), float(place.at_um[2])


def ends(detections: Detections, links: Links, way: int) -> dict[int, list[OpenEnd]]:
    return open_ends(detections, links, SPACING, way, steps=3)


@pytest.mark.parametrize("shape", SHAPES)
def test_places_in_a_gap_lie_on_the_straight_way_between_its_ends(shape: tuple[int, ...]) -> None:
    detections = table(shape, [(20, 20)], [], [], [(32, 50)])
    places = gaps(detections, make_links((0, 1, 3, 1)), SPACING)
    assert {t: [in_plane(p) for p in found] for t, found in places.items()} == {
        1: [(24, 30)], 2: [(28, 40)],
    }  # fmt: skip
    assert places[1][0].size == detections.size[0]


def test_slices_count_with_their_distance() -> None:
    detections = detections_of(label_frames([(2, 30, 30)], [], [(6, 30, 30)], shape=(9, 60, 80)))
    (place,) = gaps(detections, make_links((0, 1, 2, 1)), SPACING)[1]
    assert place.at_um.tolist() == [20.0, 30.0, 30.0]


def test_the_gap_before_daughters_is_no_straight_way() -> None:
    detections = table((60, 80), [(30, 30)], [], [(30, 24), (30, 36)])
    divided = make_links(divisions=[(0, 1, 2, 1), (0, 1, 2, 2)])
    assert gaps(detections, divided, SPACING) == {}


def test_tracks_are_open_at_both_ends_and_nowhere_else() -> None:
    detections = table((60, 80), [], [(30, 30)], [(30, 34)], [(30, 38)], [])
    links = make_links((1, 1, 2, 1), (2, 1, 3, 1))
    assert list(ends(detections, links, 1)) == [3]
    assert list(ends(detections, links, -1)) == [1]


def test_a_region_without_any_link_has_no_open_end() -> None:
    detections = table((60, 80), [(30, 30)], [(30, 30), (50, 60)])
    (tip,) = ends(detections, make_links((0, 1, 1, 1)), 1)[1]
    assert tip.at_um.tolist() == [0, 30, 30]


def test_a_gap_is_no_open_end_but_that_of_a_division_is() -> None:
    detections = table((60, 80), [(30, 20), (30, 60)], [], [(30, 20), (30, 54), (30, 66)])
    links = make_links((0, 1, 2, 1), divisions=[(0, 2, 2, 2), (0, 2, 2, 3)])
    (mother,) = ends(detections, links, 1)[0]
    assert (mother.at_um[2], mother.frames_left) == (60, 1)
    assert [tip.frames_left for tip in ends(detections, links, -1)[2]] == [1, 1]


def test_a_mother_whose_daughters_follow_at_once_is_not_open() -> None:
    detections = table((60, 80), [(30, 60)], [(30, 54), (30, 66)])
    links = make_links(divisions=[(0, 1, 1, 1), (0, 1, 1, 2)])
    assert 0 not in ends(detections, links, 1)
    assert list(ends(detections, links, -1)) == [0]


def test_half_of_the_last_step_is_expected_again_either_way() -> None:
    detections = table((60, 80), [], [(30, 30)], [(30, 34)], [(30, 40)])
    links = make_links((1, 1, 2, 1), (2, 1, 3, 1))
    motion = LinkedMotion(detections, links, SPACING)
    (last,), (first,) = ends(detections, links, 1)[3], ends(detections, links, -1)[1]
    assert in_plane(expected(last, 3, 1, motion)) == (30, 43)
    assert in_plane(expected(first, 1, -1, motion)) == (30, 28)


def test_the_step_over_a_gap_is_that_of_one_frame() -> None:
    detections = table((60, 80), [(30, 30)], [], [(30, 42)])
    (tip,) = ends(detections, make_links((0, 1, 2, 1)), 1)[2]
    assert tip.step_um.tolist() == [0, 0, 6]


GRID = [(y, x) for y in (10, 25, 40) for x in (10, 30, 50)]


def test_a_cell_goes_along_with_neighbours_that_move_alike() -> None:
    moved = [(y + 6, x) for y, x in GRID]
    detections = table((60, 80), GRID, moved)
    links = make_links(*((0, i, 1, i) for i in range(1, 10)))
    motion = LinkedMotion(detections, links, SPACING)
    tip = OpenEnd(np.array([0.0, 30.0, 40.0]), np.full(3, np.nan), 50.0, 3)
    assert in_plane(expected(tip, 0, 1, motion)) == pytest.approx((36, 40))
    assert in_plane(expected(tip, 1, -1, motion)) == pytest.approx((24, 40))


def test_in_a_gap_the_picture_jumps_where_it_jumps_and_not_half_way() -> None:
    detections = table((60, 80), [(20, 10)], [], [], [(20, 46)])
    places = gaps(detections, make_links((0, 1, 3, 1)), SPACING, Jumps({2: (0, 0, 30)}))
    assert [in_plane(*places[t]) for t in (1, 2)] == [(20, 12), (20, 44)]


@pytest.mark.parametrize("way", [1, -1])
def test_a_jump_of_the_picture_is_no_step_that_a_cell_takes_again(way: int) -> None:
    jumps = Jumps({1: (0, 0, 30), 2: (0, 10, 0)})
    frames = [[(20, 10)], [(20, 42)], [(30, 44)]]
    detections = table((60, 80), *frames)
    links = make_links((0, 1, 1, 1), (1, 1, 2, 1))
    last = 2 if way > 0 else 0
    (end,) = open_ends(detections, links, SPACING, way, 3, jumps)[last]
    assert end.step_um.tolist() == [0, 0, 2 * way]
    assert in_plane(Expected(end.at_um, 1.0)) == frames[last][0]


def test_across_a_jump_a_cell_is_expected_as_far_as_the_picture_and_its_neighbours_go() -> None:
    jumps = Jumps({1: (0, 0, 20)})
    moved = [(y + 6, x + 20) for y, x in GRID]
    detections = table((60, 80), GRID, moved)
    links = make_links(*((0, i, 1, i) for i in range(1, 10)))
    motion = LinkedMotion(detections, links, SPACING, jumps)
    tip = OpenEnd(np.array([0.0, 30.0, 30.0]), np.array([0.0, 2.0, 0.0]), 50.0, 3)
    assert in_plane(expected(tip, 0, 1, motion)) == pytest.approx((34, 50))
    back = OpenEnd(np.array([0.0, 30.0, 50.0]), np.array([0.0, -2.0, 0.0]), 50.0, 3)
    assert in_plane(expected(back, 1, -1, motion)) == pytest.approx((26, 30))


def test_neighbours_are_followed_only_as_far_as_they_agree() -> None:
    steps = [(8, 0), (-4, 2), (0, 6), (2, -6), (5, 3), (-3, -5), (4, -2), (-4, 6)]
    moved = [(y + a, x + b) for (y, x), (a, b) in zip(GRID, steps, strict=False)]
    detections = table((60, 80), GRID[:8], moved)
    motion = LinkedMotion(detections, make_links(*((0, i, 1, i) for i in range(1, 9))), SPACING)
    assert np.mean(steps, axis=0).tolist() == [1, 0.5]
    assert motion.step(0, np.array([0.0, 25.0, 30.0]), 1).tolist() == [0, 0, 0]


def test_the_links_of_a_frame_are_searched_once_for_all_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detections = table((60, 80), GRID, [(y + 6, x) for y, x in GRID])
    motion = LinkedMotion(detections, make_links(*((0, i, 1, i) for i in range(1, 10))), SPACING)
    built: list[int] = []

    def counted(points: Floats) -> cKDTree:
        built.append(len(points))
        return cKDTree(points)

    monkeypatch.setattr(motion_module, "cKDTree", counted)
    for place in ([0.0, 10.0, 10.0], [0.0, 40.0, 50.0]):
        assert motion.step(0, np.array(place), 1).tolist() == pytest.approx([0, 6, 0])
        assert motion.step(1, np.array(place), -1).tolist() == pytest.approx([0, -6, 0])
    assert built == [9, 9]


def test_without_linked_neighbours_nothing_is_known_of_the_surroundings() -> None:
    detections = table((60, 80), GRID[:2], GRID[:2])
    motion = LinkedMotion(detections, make_links((0, 1, 1, 1), (0, 2, 1, 2)), SPACING)
    assert motion.step(0, np.zeros(3), 1).tolist() == [0, 0, 0]
