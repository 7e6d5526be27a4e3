"""Generate: clicks where cells are expected, and which of the answers are believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from scenes.drawn import DrawnReader, Labels, ball, detections_of, label_frame, make_links

from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.regions import Region, regions_of
from sam4ct.stages.fill.expected import Place, gaps, open_ends
from sam4ct.stages.fill.generate import GenerateRules, Swept, accept, sweep
from sam4ct.stages.motion import LinkedMotion
from sam4ct.tables import Links

SHAPES = [(60, 80), (15, 60, 80)]
RULES = GenerateRules(spacing_um=(1.0, 1.0, 1.0), border_px=1, border_z_px=1, min_size=5)


def at(shape: tuple[int, ...], y: float, x: float) -> tuple[float, ...]:
    return (shape[0] // 2,) * (len(shape) - 2) + (y, x)


def disc(shape: tuple[int, ...], y: int, x: int, radius: float = 5.0) -> Region:
    return Region(ball(shape, at(shape, y, x), radius), (0,) * len(shape)).tight()


def place(shape: tuple[int, ...], y: float, x: float, radius: float = 5.0) -> Place:
    where = np.zeros(3)
    where[-len(shape) :] = at(shape, y, x)
    return Place(where, float(disc(shape, 30, 40, radius).size))


@dataclass
class Truth:
    """A `types.VolumeSegmenter` that knows where the cells are."""

    frames: Sequence[Labels]
    asked: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)

    def segment(self, t: int, points: Sequence[tuple[float, ...]]) -> list[Region]:
        self.asked += [(t, point) for point in points]
        cells, empty = self.frames[t], Region(np.zeros((0,) * self.frames[t].ndim, bool), points[0])
        regions = regions_of(cells)
        voxels = [tuple(round(c) for c in point) for point in points]
        return [regions.get(int(cells[voxel]), empty) for voxel in voxels]


def swept(
    given: list[Labels],
    cells: list[Labels],
    links: Links,
    way: int = 1,
    rules: GenerateRules = RULES,
    jumps: Jumps = NO_JUMPS,
) -> tuple[list[Swept], Truth]:
    """Sweep given masks of true cells; links are those of the given masks."""
    detections, spacing = detections_of(given), np.ones(3)
    truth = Truth(cells)
    found = sweep(
        DrawnReader(given),
        truth,
        gaps(detections, links, spacing, jumps) if way > 0 else {},
        open_ends(detections, links, spacing, way, 3, jumps),
        LinkedMotion(detections, links, spacing, jumps),
        rules,
        way,
    )
    return list(found), truth


def movie(
    shape: tuple[int, ...], xs: Sequence[int], seen: Sequence[int]
) -> tuple[list[Labels], ...]:
    """One cell at x = xs[t] in frame t, and the masks of it in some frames."""
    cells = [label_frame(shape, [tuple(map(int, at(shape, 30, x)))], 5) for x in xs]
    return [frame * (t in seen) for t, frame in enumerate(cells)], cells


def regions_by_frame(found: list[Swept]) -> dict[int, list[Region]]:
    return {frame.t: frame.regions for frame in found if frame.regions}


# Through the frames


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cell_missed_between_two_masks_is_segmented(shape: tuple[int, ...]) -> None:
    given, cells = movie(shape, [30, 34, 38], seen=(0, 2))
    found, truth = swept(given, cells, make_links((0, 1, 2, 1)))
    assert regions_by_frame(found) == {1: [regions_of(cells[1])[1]]}
    assert truth.asked == [(1, at(shape, 30, 34))]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("way", [1, -1])
def test_an_open_end_is_followed_frame_by_frame(shape: tuple[int, ...], way: int) -> None:
    given, cells = movie(shape, [30, 33, 37, 42, 48, 54, 60][::way], seen=(0, 1)[::way])
    if way < 0:
        given, cells = movie(shape, [60, 54, 48, 42, 37, 33, 30], seen=(5, 6))
    links = make_links((0, 1, 1, 1) if way > 0 else (5, 1, 6, 1))
    found, _ = swept(given, cells, links, way)
    followed = [2, 3, 4] if way > 0 else [4, 3, 2]
    assert [frame.t for frame in found if frame.regions] == followed
    assert all(frame.regions == [regions_of(cells[frame.t])[1]] for frame in found if frame.regions)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_open_end_is_followed_across_a_jump_of_the_picture(shape: tuple[int, ...]) -> None:
    """A cell that stays on its dish is then clicked where it lies, and so in the next frame."""
    given, cells = movie(shape, [30, 30, 50, 50], seen=(0, 1))
    jumps = Jumps({2: (0, 0, 20)})
    found, truth = swept(given, cells, make_links((0, 1, 1, 1)), jumps=jumps)
    assert [frame.t for frame in found if frame.regions] == [2, 3]
    assert truth.asked == [(2, at(shape, 30, 50)), (3, at(shape, 30, 50))]


def test_nothing_is_followed_past_the_ends_of_the_sequence() -> None:
    given, cells = movie((60, 80), [30, 30, 30], seen=(1, 2))
    found, truth = swept(given, cells, make_links((1, 1, 2, 1)))
    assert truth.asked == []
    assert [frame.clicks for frame in found] == [0, 0, 0]


def test_where_nothing_is_found_the_end_is_not_followed_on() -> None:
    given, cells = movie((60, 80), [30, 30, 30, 30], seen=(0, 1))
    cells[2] = np.zeros_like(cells[2])
    found, truth = swept(given, cells, make_links((0, 1, 1, 1)))
    assert regions_by_frame(found) == {}
    assert [t for t, _ in truth.asked] == [2]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_generated_mask_at_the_edge_is_kept_but_not_followed(shape: tuple[int, ...]) -> None:
    given, cells = movie(shape, [62, 68, 74, 75], seen=(0, 1))
    found, _ = swept(given, cells, make_links((0, 1, 1, 1)))
    assert list(regions_by_frame(found)) == [2]
    free = replace(RULES, border_px=0)
    assert list(regions_by_frame(swept(given, cells, make_links((0, 1, 1, 1)), 1, free)[0])) == [
        2,
        3,
    ]


def test_the_first_slice_is_an_edge_unless_the_profile_has_no_rule_for_it() -> None:
    shape = (15, 60, 80)
    low = [label_frame(shape, [(z, 30, 40)], 5) for z in (6, 5, 4, 4)]
    given = [frame * (t < 2) for t, frame in enumerate(low)]
    links = make_links((0, 1, 1, 1))
    assert list(regions_by_frame(swept(given, low, links)[0])) == [2]
    flat = replace(RULES, border_z_px=0)
    assert list(regions_by_frame(swept(given, low, links, 1, flat)[0])) == [2, 3]


def test_a_cell_expected_beyond_the_frame_is_not_clicked_at() -> None:
    given, cells = movie((60, 80), [56, 74, 79], seen=(0, 1))
    _, truth = swept(given, cells, make_links((0, 1, 1, 1)))
    assert truth.asked == []


# What is believed


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("radius", "believed"), [(2.5, False), (4.5, True), (6.0, True), (9.0, False)]
)
def test_a_region_has_about_the_expected_size(
    shape: tuple[int, ...], radius: float, believed: bool
) -> None:
    found = [disc(shape, 30, 40, radius)]
    taken = np.zeros(shape, bool)
    assert bool(accept({0: place(shape, 30, 40)}, found, taken, RULES)) == believed


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("x", "believed"), [(40, True), (46, True), (50, False)])
def test_a_region_lies_about_where_it_was_expected(
    shape: tuple[int, ...], x: int, believed: bool
) -> None:
    taken = np.zeros(shape, bool)
    assert bool(accept({0: place(shape, 30, 40)}, [disc(shape, 30, x)], taken, RULES)) == believed


def test_distance_is_measured_in_space() -> None:
    shape = (15, 60, 80)
    near = disc(shape, 30, 40)
    above = Region(near.mask, (near.corner[0] + 3, *near.corner[1:]))
    thick = replace(RULES, spacing_um=(5.0, 1.0, 1.0))
    expected = replace(place(shape, 30, 40), at_um=np.array([35.0, 30.0, 40.0]))
    assert accept({0: place(shape, 30, 40)}, [above], np.zeros(shape, bool), RULES)
    assert accept({0: expected}, [near], np.zeros(shape, bool), thick)
    assert not accept({0: expected}, [above], np.zeros(shape, bool), thick)


@pytest.mark.parametrize("shape", SHAPES)
def test_given_masks_keep_their_pixels(shape: tuple[int, ...]) -> None:
    taken = ball(shape, tuple(map(int, at(shape, 30, 47))), 5)
    before = taken.copy()
    (own,) = accept({0: place(shape, 30, 40)}, [disc(shape, 30, 40)], taken, RULES).values()
    assert not before[own.box][own.mask].any()
    assert own.size < disc(shape, 30, 40).size


@pytest.mark.parametrize(("covered_to", "believed"), [(39, True), (40, False)])
def test_a_region_mostly_on_given_masks_is_theirs(covered_to: int, believed: bool) -> None:
    taken = np.zeros((60, 80), bool)
    taken[:, : covered_to + 1] = True
    # What is left of a large region would be large enough for the cell.
    found = accept({0: place((60, 80), 30, 40)}, [disc((60, 80), 30, 40, 7)], taken, RULES)
    assert bool(found) == believed


def test_of_two_regions_for_one_place_the_one_that_fits_better_is_taken() -> None:
    shape = (60, 80)
    places = {3: place(shape, 30, 43), 5: place(shape, 30, 40)}
    both = [disc(shape, 30, 40), disc(shape, 30, 40)]
    assert list(accept(places, both, np.zeros(shape, bool), RULES)) == [5]


def test_of_equal_ones_the_first_is_taken() -> None:
    shape = (60, 80)
    places = {7: place(shape, 30, 40), 2: place(shape, 30, 40)}
    both = [disc(shape, 30, 40), disc(shape, 30, 40)]
    assert list(accept(places, both, np.zeros(shape, bool), RULES)) == [2]


def test_what_a_given_mask_cuts_in_two_is_the_larger_part() -> None:
    taken = np.zeros((60, 80), bool)
    taken[:, 38] = True
    (own,) = accept({0: place((60, 80), 30, 40)}, [disc((60, 80), 30, 40)], taken, RULES).values()
    assert own.corner[1] == 39


def test_nothing_is_added_that_is_not_larger_than_the_least_size() -> None:
    region = disc((60, 80), 30, 40)
    places, taken = {0: place((60, 80), 30, 40)}, np.zeros((60, 80), bool)
    assert not accept(places, [region], taken, replace(RULES, min_size=region.size))
    assert accept(places, [region], taken, replace(RULES, min_size=region.size - 1))


def test_a_click_that_found_nothing_adds_nothing() -> None:
    nothing = Region(np.zeros((0, 0), bool), (30, 40))
    assert accept({0: place((60, 80), 30, 40)}, [nothing], np.zeros((60, 80), bool), RULES) == {}
