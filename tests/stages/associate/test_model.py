"""Associate: drawn cases whose answer is plain, and what holds for any evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes.drawn import (
    UNIT_SPACING,
    Labels,
    detections_of,
    evidence_of,
    label_frame,
    label_frames,
    link_rows,
    links_of,
    scene_of,
)

from sam4ct.geometry import Margins
from sam4ct.jumps import Jumps, Shift
from sam4ct.lineage import table_problems
from sam4ct.simulate import SegmentationErrors, damaged, movie_law, simulate
from sam4ct.stages.associate.costs import Calibration, Costs, Odds, Quadratic, load_costs
from sam4ct.stages.associate.features.divisions import DIVISION_FEATURES
from sam4ct.stages.associate.features.links import LINK_FEATURES
from sam4ct.stages.associate.model import associate, build_problem, measured
from sam4ct.stages.paint.tracks import trace
from sam4ct.stages.repair.joined_masks import join
from sam4ct.stages.repair.oversegmentation import find_fragments
from sam4ct.tables import Detections, Evidence, Links

COSTS = load_costs("overlap", "2d")
EMPTY = label_frame((40, 40), [])
SHAPES = [(60, 60), (11, 60, 60)]


def deep(shape: tuple[int, ...], *places: tuple[int, int]) -> list[tuple[int, ...]]:
    """The same places in 2D, or in the middle slice."""
    return [(5,) * (len(shape) - 2) + place for place in places]


def balls(
    shape: tuple[int, ...], *frames: list[tuple[int, int]], radius: float = 5.0
) -> list[Labels]:
    return [label_frame(shape, deep(shape, *places), radius) for places in frames]


# Drawn cases


def test_a_second_look_knows_how_the_neighbours_move() -> None:
    """All cells go right by 16; of two that stand close, one comes to stand near the other's place.

    t   0                1
        1 . 2 . . . .    . . 1 . 2 . .
    """
    alone = [(40 * i + 20, 20) for i in range(1, 8)]
    before = [(20, 20), (20, 44), *alone]
    frames = label_frames(before, [(y, x + 16) for y, x in before], shape=(340, 100), radius=5.0)
    detections, evidence, scene = (
        detections_of(frames),
        evidence_of(frames, radius_um=40.0),
        scene_of(frames),
    )
    by_distance = Costs(
        first=Odds(link=falling(LINK_FEATURES, "distance"), division=never()),
        appear=1.0,
        disappear=1.0,
        appear_border=1.0,
        disappear_border=1.0,
        alone=1.0,
        skip=0.0,
    )
    twice = replace(
        by_distance,
        second=Odds(link=falling(LINK_FEATURES, "drift_distance"), division=never()),
    )
    right = [(0, i, 1, i, 0) for i in range(1, 10)]
    rows = link_rows(associate(detections, evidence, by_distance, scene))
    assert (0, 2, 1, 1, 0) in rows
    assert link_rows(associate(detections, evidence, twice, scene)) == right


def falling(names: tuple[str, ...], feature: str) -> Quadratic:
    """Log odds of 3 where a feature is 0, and less by 2.5 for every 1."""
    none = dict.fromkeys(names, 0.0)
    return Quadratic(bias=3.0, weights=none | {feature: -2.5}, squares=none)


def constant(odds: float) -> Quadratic:
    """The same log odds for whatever link or division."""
    names = (*LINK_FEATURES, *DIVISION_FEATURES)
    return Quadratic(
        bias=odds, weights=dict.fromkeys(names, 0.0), squares=dict.fromkeys(names, 0.0)
    )


def never() -> Quadratic:
    none = dict.fromkeys(DIVISION_FEATURES, 0.0)
    return Quadratic(bias=-12.0, weights=none, squares=none)


def test_how_sure_links_are_is_as_fitted() -> None:
    frames = label_frames([(20, 20)], [(20, 21)])
    detections, evidence, scene = detections_of(frames), evidence_of(frames), scene_of(frames)
    plain = replace(COSTS, calibration=Calibration())
    surer = replace(COSTS, calibration=Calibration(bias=1.0))
    share, sure = (
        associate(detections, evidence, costs, scene).confidence[0] for costs in (plain, surer)
    )
    assert np.log(sure / (1.0 - sure)) == pytest.approx(np.log(share / (1.0 - share)) + 1.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_cells_that_hardly_move_are_linked_to_themselves(shape: tuple[int, ...]) -> None:
    """
    t   0   1   2
        1 - 2 - 1
        2 - 1 - 2
    """
    frames = balls(shape, [(20, 20), (40, 40)], [(41, 40), (20, 21)], [(21, 21), (41, 41)])
    assert link_rows(links_of(frames)) == [
        (0, 1, 1, 2, 0),
        (0, 2, 1, 1, 0),
        (1, 1, 2, 2, 0),
        (1, 2, 2, 1, 0),
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cell_missed_in_one_frame_is_one_track(shape: tuple[int, ...]) -> None:
    """
    t   0   1   2   3   4
        1 - 1 - . - 1 - 1
    """
    frames = balls(shape, [(30, 30)], [(30, 30)], [], [(30, 30)], [(30, 30)])
    assert link_rows(links_of(frames)) == [(0, 1, 1, 1, 0), (1, 1, 3, 1, 0), (3, 1, 4, 1, 0)]


def test_gaps_longer_than_allowed_are_not_bridged() -> None:
    frames = balls((60, 60), [(30, 30)], [(30, 30)], [], [], [(30, 30)], [(30, 30)])
    assert link_rows(links_of(frames, max_gap=1)) == [(0, 1, 1, 1, 0), (4, 1, 5, 1, 0)]


def dividing() -> list[Labels]:
    """A cell of 2 r goes on for three frames and becomes two halves that part."""
    mother = [label_frame((80, 80), [(40, 40)], 9.0)] * 3
    daughters = [
        label_frame((80, 80), [(40, 40 - shift), (40, 40 + shift)], 6.4) for shift in (7, 8, 9, 10)
    ]
    return [*mother, *daughters]


def test_a_cell_that_becomes_two_has_two_daughters() -> None:
    """
    t   1   2   3   4
        1 - 1 < 1 - 1
                2 - 2
    """
    rows = link_rows(links_of(dividing()))
    assert [r for r in rows if r[4]] == [(2, 1, 3, 1, 1), (2, 1, 3, 2, 1)]
    assert len(rows) == 2 + 2 + 6


@pytest.mark.parametrize(("cost", "possible"), [(5.9, True), (6.1, False)])
def test_a_division_that_costs_more_than_a_link_and_a_beginning_is_out(
    cost: float, possible: bool
) -> None:
    frames = dividing()
    costs = replace(
        COSTS,
        first=Odds(link=constant(-1.0), division=constant(-cost)),
        appear=5.0,
        appear_border=5.0,
        disappear=9.0,
        disappear_border=9.0,
        skip=0.0,
    )
    problem = build_problem(detections_of(frames), evidence_of(frames), costs, scene_of(frames))
    assert (len(problem.splits.u) > 0) == possible


def test_nothing_divides_where_cells_do_not() -> None:
    links = links_of(dividing(), divide=False)
    assert not links.division.any()


def test_a_fragment_that_is_one_again_at_once_is_no_division() -> None:
    """
    t   1   2   3   4
        1 - 1 - 1 - 1
                2
    """
    whole = label_frame((60, 60), [(30, 30)], 9.0)
    cut = whole.copy()
    cut[:, 31:][cut[:, 31:] > 0] = 2
    frames = [whole, whole, whole, cut, whole, whole, whole]
    detections, evidence = detections_of(frames), evidence_of(frames)
    joins = find_fragments(detections, evidence)
    detections, evidence = join(detections, evidence, joins, UNIT_SPACING)
    links = associate(detections, evidence, COSTS, scene_of(frames))
    assert not links.division.any()
    assert list(zip(links.t, links.t2, strict=True)) == [(t, t + 1) for t in range(6)]


def test_a_cell_that_leaves_and_another_that_enters_elsewhere_are_two() -> None:
    frames = balls((60, 60), [(30, 5)], [(30, 5)], [(30, 54)], [(30, 54)])
    assert link_rows(links_of(frames)) == [(0, 1, 1, 1, 0), (2, 1, 3, 1, 0)]


def test_touching_neighbours_keep_their_own_successors() -> None:
    row = [(30, 12 + 11 * i) for i in range(4)]
    moved = [(y, x + 2) for y, x in row]
    assert link_rows(links_of(balls((60, 60), row, moved))) == [
        (0, i, 1, i, 0) for i in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("frames", [label_frames([], []), label_frames([(20, 20)], [])])
def test_without_evidence_there_are_no_links(frames: list[Labels]) -> None:
    assert len(links_of(frames)) == 0


def test_a_plain_link_is_more_certain_than_a_doubtful_one() -> None:
    """The right one of the two cells lies exactly between two possible successors."""
    frames = balls((60, 60), [(15, 20), (45, 30)], [(15, 20), (45, 24), (45, 36)])
    links = links_of(frames, divide=False)
    plain = links.confidence[links.label2 == 1]
    doubtful = links.confidence[links.label2 != 1]
    assert plain > 0.9
    assert 1.0 - doubtful.max(initial=0.0) > 5.0 * (1.0 - plain)


# Any evidence


def assert_valid(detections: Detections, links: Links) -> None:
    """At most one parent; at most one successor, or two daughters; and a lineage that CTC takes."""
    into = list(zip(links.t2.tolist(), links.label2.tolist(), strict=True))
    assert len(set(into)) == len(into)
    assert (links.t < links.t2).all()
    out: dict[tuple[int, int], list[bool]] = {}
    for t, label, division in zip(links.t, links.label, links.division, strict=True):
        out.setdefault((int(t), int(label)), []).append(bool(division))
    assert all(ways in ([False], [True, True]) for ways in out.values())
    assert ((links.confidence >= 0) & (links.confidence <= 1)).all()
    known = set(zip(detections.t.tolist(), detections.label.tolist(), strict=True))
    assert known >= {*into, *out}
    assert table_problems(trace(detections, links, []).tracks) == []


# Jumps of the picture


COSTS_OF_ENDS = replace(COSTS, appear=9.0, disappear=8.0, appear_border=2.0, disappear_border=1.0)
SHOWN = [(20, 4), (20, 14), (20, 24), (20, 35), (4, 20), (35, 20)]
"""Balls of radius 3; none touches the edge of a frame of 40 pixels a side."""


def ends_at_a_jump(shift: Shift, ndim: int = 2, slices: int = 0) -> dict[str, list[float]]:
    """What it costs that each of the regions begins or ends, before a jump and after it."""
    shape, jumps = (12, 40, 40)[-ndim:], Jumps({2: shift})
    frames = [label_frame(shape, [(5, *p)[-ndim:] for p in SHOWN], 3)] * 4
    border = Margins(shape, slices=slices)
    posed = build_problem(
        detections_of(frames), Evidence.empty(), COSTS_OF_ENDS,
        scene_of(frames, border=border, jumps=jumps),
    )  # fmt: skip
    per_frame = {
        "appear": posed.appear.reshape(4, -1).tolist(),
        "disappear": posed.disappear.reshape(4, -1).tolist(),
    }
    inside = {"appear": [9.0] * 6, "disappear": [8.0] * 6}
    assert per_frame["appear"][:2] == [[0.0] * 6, inside["appear"]]
    assert per_frame["appear"][3] == inside["appear"]
    assert per_frame["disappear"][2:] == [inside["disappear"], [0.0] * 6]
    assert per_frame["disappear"][0] == inside["disappear"]
    return {"appear": per_frame["appear"][2], "disappear": per_frame["disappear"][1]}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    ("shift", "enter", "leave"),
    [
        ((0, 0, 12), [0, 1], [2, 3]),
        ((0, 0, -12), [2, 3], [0, 1]),
        ((0, 0, 2), [0], [3]),
        ((0, -2, 0), [5], [4]),
        ((0, 18, 0), [0, 1, 2, 3, 4], [0, 1, 2, 3, 5]),
    ],
)
def test_cells_in_the_strip_that_a_jump_shows_or_hides_come_and_go_as_at_the_edge(
    ndim: int, shift: Shift, enter: list[int], leave: list[int]
) -> None:
    assert ends_at_a_jump(shift, ndim) == {
        "appear": [2.0 if i in enter else 9.0 for i in range(6)],
        "disappear": [1.0 if i in leave else 8.0 for i in range(6)],
    }


@pytest.mark.parametrize(
    ("steps", "slices", "cheap"), [(1, 1, False), (2, 1, True), (2, 0, False), (3, 0, True)]
)
def test_a_jump_in_z_does_so_to_what_comes_to_stick_out_or_to_touch_an_end_that_cuts(
    steps: int, slices: int, cheap: bool
) -> None:
    """Two slices are below the cells, three above."""
    assert ends_at_a_jump((steps, 0, 0), 3, slices)["appear"] == [2.0 if cheap else 9.0] * 6
    assert ends_at_a_jump((-steps, 0, 0), 3, slices)["disappear"] == [1.0 if cheap else 8.0] * 6


@pytest.mark.parametrize("shift", [(0, 0, 12), (0, 0, -12)])
def test_cells_at_the_edge_come_and_go_at_a_jump_as_ever(shift: Shift) -> None:
    frames = label_frames(*[[(20, 2), (20, 37)]] * 4, radius=3)
    scene = scene_of(frames, jumps=Jumps({2: shift}))
    posed = build_problem(detections_of(frames), Evidence.empty(), COSTS_OF_ENDS, scene)
    assert posed.appear.tolist() == [0.0] * 2 + [2.0] * 6
    assert posed.disappear.tolist() == [1.0] * 6 + [0.0] * 2


def test_places_are_those_of_cells_on_their_dish() -> None:
    frames = label_frames([(20, 10)], [(20, 10)], [(27, 22)])
    scene = scene_of(frames, jumps=Jumps({2: (0, 7, 12)}), spacing_um=(1.0, 0.5, 0.5))
    places, _ = measured(detections_of(frames), scene)
    assert places == pytest.approx(np.tile([0.0, 10.0, 5.0], (3, 1)))


@st.composite
def evidence_of_anything(draw: st.DrawFn) -> tuple[Detections, Evidence]:
    """Cells at random in a few frames, and evidence that has nothing to do with them.

    Only what is the same seen from either frame, overlap and distance, is the same.
    """
    counts = draw(st.lists(st.integers(0, 4), min_size=2, max_size=5))
    places = [(10, 10), (10, 30), (30, 10), (30, 30)]
    detections = detections_of(label_frames(*(places[:n] for n in counts)))
    pairs = [
        (a, b)
        for a in range(len(detections))
        for b in range(len(detections))
        if 1 <= abs(detections.t[a] - detections.t[b]) <= 2
    ]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    a, b = np.array(chosen, dtype=np.int64).reshape(-1, 2).T
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    marginals = rng.uniform(0, 1, (3, len(a))) ** rng.choice([0.2, 1.0, 5.0], (3, len(a)))
    overlap = rng.uniform(0, 1, (len(detections), len(detections)))[
        np.minimum(a, b), np.maximum(a, b)
    ]
    return detections, Evidence(
        t=detections.t[a],
        label=detections.label[a],
        t2=detections.t[b],
        label2=detections.label[b],
        iou_prop=marginals[0],
        containment_prop=marginals[1],
        coverage_prop=marginals[2],
        overlap=overlap,
        distance_um=30 * (1 - overlap),
        size_ratio=np.exp(rng.normal(0, 1, len(a))),
        object_score=rng.normal(0, 8, len(a)),
        similarity=rng.uniform(-1, 1, len(a)),
        border=rng.random(len(a)) < 0.3,
    )


@given(evidence_of_anything())
def test_any_evidence_gives_a_valid_lineage(case: tuple[Detections, Evidence]) -> None:
    detections, evidence = case
    scene = scene_of([EMPTY] * (int(detections.t.max(initial=0)) + 1))
    assert_valid(detections, associate(detections, evidence, COSTS, scene))


@given(evidence_of_anything(), st.integers(0, 100))
def test_the_order_of_the_evidence_changes_no_link(
    case: tuple[Detections, Evidence], seed: int
) -> None:
    detections, evidence = case
    shuffled = evidence.take(np.random.default_rng(seed).permutation(len(evidence)))
    scene = scene_of([EMPTY] * (int(detections.t.max(initial=0)) + 1))
    usual, other = (associate(detections, rows, COSTS, scene) for rows in (evidence, shuffled))
    assert link_rows(other) == link_rows(usual)
    assert np.array_equal(other.confidence, usual.confidence)


def simulated(errors: SegmentationErrors) -> list[Labels]:
    rng = np.random.default_rng(3)
    movie = simulate(rng, movie_law("nuclei", (200, 200), 10))
    return [damaged(rng, frame.labels, errors)[0] for frame in movie]


def test_a_damaged_movie_has_a_valid_lineage() -> None:
    frames = simulated(SegmentationErrors())
    assert_valid(detections_of(frames), links_of(frames))


def test_links_do_not_depend_on_how_the_regions_are_numbered() -> None:
    frames = simulated(SegmentationErrors())
    usual = links_of(frames)
    renumbered = [np.where(f > 0, 500 - f, 0) for f in frames]
    other = links_of(renumbered)
    renamed = replace(other, label=500 - other.label, label2=500 - other.label2)
    assert link_rows(renamed) == link_rows(usual)
