"""The parts of the report: outlines, projections, links, charts, families, tree, words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scenes.report_fakes import LINKS, TRACKS, FakeResult, FakeSequence

from sam4ct.lineage import Track
from sam4ct.report import facts_of_run
from sam4ct.report.frames.outlines import boundaries, outline_path, outline_paths, simplified
from sam4ct.report.frames.projection import Contrast, largest_plane
from sam4ct.report.frames.views import TALLEST_UNITS, Budget, PictureSize
from sam4ct.report.frames.whole import ends_in
from sam4ct.report.lineage.charts import cells_over_time, confidence_histogram
from sam4ct.report.lineage.colours import families_of, hues_of
from sam4ct.report.lineage.tree import MOST_TRACKS, lineage_tree
from sam4ct.report.uncertain import least_certain, uncertain_links
from sam4ct.report.words import duration
from sam4ct.tables import Links

# Outlines


def test_a_path_is_in_units_and_x_before_y() -> None:
    path = outline_path(np.ones((1, 30), bool), (10, 100), (2.0, 2.0))
    numbers = [int(n) for n in re.findall(r"-?\d+", path)]
    points = np.cumsum(np.reshape(numbers, (-1, 2)), axis=0)
    assert path.startswith("M")
    assert path.endswith("z")
    assert points[:, 0].min() >= 200
    assert points[:, 0].max() <= 260
    assert (points[:, 1].min(), points[:, 1].max()) == (20, 22)


def test_an_outline_is_stretched_where_planes_are_further_apart_than_pixels() -> None:
    path = outline_path(np.ones((4, 4), bool), (1, 10), (50.0, 10.0))
    points = np.cumsum(np.reshape([int(n) for n in re.findall(r"-?\d+", path)], (-1, 2)), axis=0)
    ends = [*points.min(axis=0), *points.max(axis=0)]
    assert ends == pytest.approx([100, 50, 140, 250], abs=2.5)


def test_a_hole_and_a_second_part_have_boundaries_of_their_own() -> None:
    mask = np.zeros((9, 12), bool)
    mask[1:6, 1:6] = True
    mask[3, 3] = False
    mask[7, 9] = True
    assert sorted(len(loop) for loop in boundaries(mask)) == [4, 4, 20]


def test_pixels_that_touch_at_a_corner_have_closed_boundaries_around_their_centres() -> None:
    assert [loop.mean(axis=0).tolist() for loop in boundaries(np.eye(2, dtype=bool))] == [
        [0.5, 0.5],
        [1.5, 1.5],
    ]


def test_an_empty_mask_has_no_outline() -> None:
    assert outline_path(np.zeros((3, 3), bool), (0, 0), (1.0, 1.0)) == ""


def test_masks_outlined_together_have_the_paths_that_they_have_alone() -> None:
    holes = np.random.default_rng(1).random((12, 9)) < 0.6
    masks = [(holes, (3, 4)), (np.zeros((2, 2), bool), (0, 0)), (np.eye(5, dtype=bool), (7, 1))]
    assert outline_paths(masks, (9.0, 4.0)) == [outline_path(*m, (9.0, 4.0)) for m in masks]
    assert outline_paths([], (9.0, 4.0)) == []


@pytest.mark.parametrize("radius", [0.5, 1.5, 4.0, 12.0])
def test_an_outline_covers_about_the_area_of_its_mask(radius: float) -> None:
    y, x = np.mgrid[-15:16, -15:16]
    mask = np.hypot(y, x) <= radius
    numbers = [int(n) for n in re.findall(r"-?\d+", outline_path(mask, (0, 0), (20.0, 20.0)))]
    x_at, y_at = np.cumsum(np.reshape(numbers, (-1, 2)), axis=0).T / 20.0
    area = abs(np.dot(x_at, np.roll(y_at, 1)) - np.dot(y_at, np.roll(x_at, 1))) / 2.0
    assert area == pytest.approx(mask.sum(), rel=0.5 if radius < 2 else 0.08)


def test_simplifying_drops_what_is_near_and_keeps_what_is_far() -> None:
    square = np.array([(0, 0), (0, 5), (0.2, 7), (0, 10), (10, 10), (10, 0)], float)
    (kept,) = simplified([square], 0.5)
    assert kept.tolist() == [[0, 0], [0, 10], [10, 10], [10, 0]]


@pytest.mark.parametrize("x", [(0, 1, 2, 1), (0, 1, 2), (1, 0, 1, 2)])
def test_a_third_point_is_kept_of_a_polygon_without_extent(x: tuple[int, ...]) -> None:
    line = np.array([(0, at) for at in x], float)
    other = np.array([(0, 0), (0, 9), (9, 0)], float)
    assert [len(kept) for kept in simplified([other, line, other], 5.0)] == [3, 3, 3]


def test_polygons_are_simplified_together_as_they_are_alone() -> None:
    rng = np.random.default_rng(1)
    polygons = [rng.integers(0, 6, (n, 2)).astype(float) for n in (3, 40, 4, 90, 17)]
    alone = [simplified([polygon], 1.2)[0].tolist() for polygon in polygons]
    assert [points.tolist() for points in simplified(polygons, 1.2)] == alone


def test_a_simplified_outline_is_as_near_as_it_says() -> None:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = 50.0 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    (kept,) = simplified([circle], 1.2)
    sides = np.roll(kept, -1, axis=0) - kept
    off = kept[:, np.newaxis] - circle
    across = np.abs(sides[:, :1] * off[..., 1] - sides[:, 1:] * off[..., 0])
    assert (across / np.hypot(*sides.T)[:, np.newaxis]).min(axis=0).max() <= 1.2
    assert len(kept) < 30


# Projections


def test_a_thumbnail_in_3d_is_the_largest_plane() -> None:
    mask = np.zeros((4, 5, 5), bool)
    mask[1:, 0, 0] = True
    mask[2, 1:3, 1:3] = True
    assert largest_plane(mask) == 2
    assert largest_plane(mask[2]) == 0


def test_contrast_fills_the_range_and_bears_constant_images() -> None:
    ramp = np.linspace(100, 300, 10_000, dtype=np.float32).reshape(100, 100)
    grey = Contrast.of([ramp]).apply(ramp)
    assert (grey.min(), grey.max()) == (0, 255)
    flat = np.full((8, 8), 7, np.float32)
    assert not Contrast.of([flat]).apply(flat).any()


# Links


@pytest.mark.parametrize(("slice_px", "height"), [(3.0, 630), (1e9, TALLEST_UNITS)])
def test_a_view_from_the_side_is_no_taller_than_can_be_shown(slice_px: float, height: int) -> None:
    front = PictureSize.fit((40, 80), 1, Budget(pixels=10**6, bytes=10**6))
    side = front.from_the_side(12, slice_px, 10**6)
    assert side.units == (height, 1400)
    assert side.shape == (round(height * 80 / 1400), 80)


def test_the_least_certain_links_come_first() -> None:
    assert least_certain(LINKS, 2).confidence.tolist() == [0.3, 0.4]


def test_a_link_to_a_mask_that_is_not_in_the_input_is_left_out() -> None:
    changed = Links(**{**LINKS.__dict__, "label2": np.array([11, 11, 12, 99])})
    sequence = FakeSequence()
    found = uncertain_links(changed, ends_in(sequence, FakeResult(sequence)))
    assert [link.confidence for link in found] == [0.3, 0.8, 0.9]


def test_the_histogram_counts_every_confidence_even_0_and_1() -> None:
    svg = confidence_histogram(np.array([0.0, 0.03, 1.0]))
    counts = [int(n) for n in re.findall(r"<title>(\d+) links", svg)]
    assert (counts[0], counts[-1], sum(counts)) == (2, 1, 3)


def test_cells_over_time_counts_both_ends_of_a_track() -> None:
    assert "From 2 cells in the first frame to 3 in the last" in cells_over_time(TRACKS, 6)


# Families and the tree


def test_families_are_together_and_the_largest_is_first() -> None:
    families = families_of([Track(9, 0, 9), *TRACKS])
    assert [[track.label for track in family] for family in families] == [[1, 2, 3], [9], [4]]


def test_daughters_have_hues_near_their_mothers_but_not_the_same() -> None:
    hues = hues_of(families_of(TRACKS))
    assert sorted((hues[d] - hues[1] + 180) % 360 - 180 for d in (2, 3)) == [-36, 36]


def test_hues_do_not_change_when_other_tracks_come() -> None:
    assert (
        hues_of(families_of(TRACKS)).items()
        <= hues_of(families_of([Track(9, 0, 9), *TRACKS])).items()
    )


def test_a_mother_lies_between_her_daughters() -> None:
    families = families_of(TRACKS)
    tree = lineage_tree(families, 6, hues_of(families), [])
    rows = dict(re.findall(r'data-track="(\d+)" data-y="([\d.]+)"', tree.lines))
    assert 2 * float(rows["1"]) == float(rows["2"]) + float(rows["3"])
    assert len(set(rows.values())) == 4


def test_a_division_is_a_fork_and_a_gap_a_dashed_bridge() -> None:
    tracks = [*TRACKS, Track(5, 7, 9, 4)]
    families = families_of(tracks)
    tree = lineage_tree(families, 10, hues_of(families), [])
    assert tree.lines.count('class="fork"') == 2
    assert tree.lines.count('class="fork bridge"') == 1


def test_too_many_families_are_left_out_and_counted() -> None:
    tracks = [Track(n, 0, 1) for n in range(1, MOST_TRACKS + 51)]
    families = families_of(tracks)
    tree = lineage_tree(families, 2, hues_of(families), [])
    assert tree.lines.count("data-track") == MOST_TRACKS
    assert f"the {MOST_TRACKS} largest of {MOST_TRACKS + 50} families; 50 of" in tree.note


def test_of_a_family_too_large_the_first_generations_are_drawn() -> None:
    chain = [Track(n, n, n, n - 1) for n in range(1, MOST_TRACKS + 11)]
    families = families_of(chain)
    tree = lineage_tree(families, MOST_TRACKS + 12, hues_of(families), [(3, 3), (9999, 9999)])
    labels = [int(n) for n in re.findall(r'data-track="(\d+)"', tree.lines)]
    assert labels == list(range(1, MOST_TRACKS + 1))
    assert "10 of" in tree.note


# Words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(8.26, "8.3 s"), (59.97, "1 min 00 s"), (125, "2 min 05 s"), (3725, "1 h 02 min")],
)
def test_durations_are_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_run_record_becomes_facts() -> None:
    run = {
        "dataset": "Cells",
        "profile": {"dataset": "auto-01", "spacing_um": [2.0, 0.5, 0.5]},
        "reasons": {"min_size": "cells are large"},
        "weights": {"sam2": {"name": "compact", "sha256": "ab"}},
        "seconds": {"propagate": 3.0, "paint": 1.5},
        "libraries": {"numpy": "2"},
    }
    assert facts_of_run(run) == {
        "dataset": "Cells",
        "profile": "auto",
        "spacing_um": (2.0, 0.5, 0.5),
        "weights": "compact",
        "seconds": 4.5,
    }
