"""Candidates: directed evidence becomes possible links and divisions, free of units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scenes.drawn import Labels, detections_of, evidence_of, label_frame, label_frames

from sam4ct.stages.associate.features.columns import Features
from sam4ct.stages.associate.features.divisions import (
    DIVISION_FEATURES,
    OF_LINKS,
    DivisionFeatures,
    Divisions,
    daughter_pairs,
)
from sam4ct.stages.associate.features.history import History
from sam4ct.stages.associate.features.links import (
    LINK_FEATURES,
    Candidates,
    candidates,
    diameters,
)
from sam4ct.tables import Detections, Evidence, Floats, row_numbers

MOVING = label_frames(
    [(10, 10), (10, 24), (30, 20)], [(10, 12), (12, 25), (29, 20)], [(11, 13), (14, 25), (28, 20)]
)
SPLITTING = label_frames([(20, 20)], [(20, 15), (20, 25)], [(20, 13), (20, 27)])


def places(detections: Detections) -> Floats:
    return np.stack([detections.z, detections.y, detections.x], axis=1)


def diameters_um(detections: Detections) -> Floats:
    return diameters(detections, 2)


def found(frames: list[Labels], evidence: Evidence | None = None) -> Candidates:
    detections = detections_of(frames)
    rows = evidence_of(frames) if evidence is None else evidence
    return candidates(detections, rows, places(detections), diameters_um(detections))


def split(frames: list[Labels]) -> Divisions:
    detections, links = detections_of(frames), found(frames)
    logits = np.zeros(len(links.u))
    where, across = places(detections), diameters_um(detections)
    return DivisionFeatures(detections, links, logits, logits, where, across).divisions(
        daughter_pairs(links)
    )


def feature(links: Candidates, u: int, v: int, name: str) -> float:
    (row,) = np.flatnonzero((links.u == u) & (links.v == v))
    return float(links.column(name)[row])


@pytest.mark.parametrize(("shape", "radius"), [((60, 60), 20.0), ((30, 30, 30), 10.0)])
def test_the_diameter_is_that_of_the_disc_or_ball(shape: tuple[int, ...], radius: float) -> None:
    frame = label_frame(shape, [tuple(n // 2 for n in shape)], radius)
    found = diameters(detections_of([frame]), len(shape))
    assert found == pytest.approx([2 * radius], rel=0.03)


def test_rows_are_found_by_frame_and_label_however_large() -> None:
    frames = [label_frame((40, 40), {2**31 - 1: (10, 10), 7: (30, 30)}) for _ in range(3)]
    detections = detections_of(frames)
    rows = row_numbers(detections, np.array([2, 0]), np.array([7, 2**31 - 1]))
    assert rows.tolist() == [4, 1]
    later = row_numbers(detections, np.array([2, 1]), np.array([7, 2**31 - 1]))
    assert later.tolist() == [4, 3]


@pytest.mark.parametrize("label", [5, 2**31 - 5])
def test_a_row_that_is_not_there_is_a_mistake(label: int) -> None:
    detections = detections_of([label_frame((40, 40), {2: (10, 10), 7: (30, 30)})] * 2)
    with pytest.raises(AssertionError):
        row_numbers(detections, np.array([1] * 9), np.array([label] * 9))


def test_both_directions_make_one_link_with_the_earlier_region_first() -> None:
    links = found(MOVING)
    assert len(np.unique(np.stack([links.u, links.v]), axis=1).T) == len(links.u)
    t = detections_of(MOVING).t
    assert ((t[links.v] - t[links.u]) == links.dt).all()
    assert (links.dt >= 1).all()


def test_what_each_direction_saw_is_kept_apart() -> None:
    seen = evidence_of(MOVING)
    only_forward = seen.take(seen.t < seen.t2)
    links = found(MOVING, only_forward)
    assert feature(links, 0, 3, "forward_iou") > 0
    assert feature(links, 0, 3, "backward_iou") == 0


def packed(links: Candidates) -> Floats:
    return links.features.packed(LINK_FEATURES)


def test_order_of_the_evidence_changes_nothing() -> None:
    evidence = evidence_of(MOVING)
    shuffled = evidence.take(np.random.default_rng(0).permutation(len(evidence)))
    usual, other = found(MOVING), found(MOVING, shuffled)
    assert np.array_equal(usual.u, other.u)
    assert np.array_equal(packed(usual), packed(other))


def test_features_do_not_depend_on_the_unit_of_length() -> None:
    detections, evidence = detections_of(MOVING), evidence_of(MOVING)
    scaled = replace(evidence, distance_um=evidence.distance_um * 0.2)
    usual = candidates(detections, evidence, places(detections), diameters_um(detections))
    other = candidates(detections, scaled, 0.2 * places(detections), 0.2 * diameters_um(detections))
    assert packed(other) == pytest.approx(packed(usual))


def test_a_margin_compares_with_the_best_rival() -> None:
    """One cell that lies on two others: the margin of one is minus that of the other."""
    frames = label_frames([(20, 20)], [(20, 15), (20, 24)])
    links = found(frames)
    better, worse = (feature(links, 0, v, "forward_margin") for v in (2, 1))
    assert better == -worse > 0


def test_without_a_rival_the_margin_is_the_value_itself() -> None:
    links = found(label_frames([(20, 20)], [(20, 22)]))
    assert feature(links, 0, 1, "forward_margin") == feature(links, 0, 1, "forward_iou") > 0.5


def test_nearness_is_the_lead_over_the_next_nearest_in_diameters() -> None:
    """A cell 2 px from its first successor's place and 8 px from its second one's."""
    links = found(label_frames([(20, 20)], [(20, 18), (20, 28)]))
    diameter = float(diameters_um(detections_of(label_frames([(20, 20)])))[0])
    lead = (8 - 2) / diameter
    assert feature(links, 0, 1, "forward_nearness") == pytest.approx(lead, rel=0.05)
    assert feature(links, 0, 2, "forward_nearness") == pytest.approx(-lead, rel=0.05)


def test_a_cell_that_moves_as_all_do_has_not_drifted() -> None:
    cells = [(y, x) for y in range(8, 80, 18) for x in range(8, 80, 18)]
    frames = label_frames(cells, [(y, x + 5) for y, x in cells], shape=(90, 95))
    links = found(frames)
    same = links.v - links.u == len(cells)
    assert (links.column("distance")[same] > 0.4).all()
    assert links.column("drift_distance")[same] == pytest.approx(0.0, abs=1e-9)
    assert (links.column("drift_distance")[~same] > 1.0).all()


def test_memory_margin_is_the_lead_over_the_best_rival_of_either_region() -> None:
    """
    0 - 2    .9      0 to 3: .5     both ways
    1 - 3    .6      1 to 2: .2
    """
    frames = label_frames([(10, 10), (10, 24)], [(10, 10), (10, 24)])
    alike = {(0, 2): 0.9, (0, 3): 0.5, (1, 2): 0.2, (1, 3): 0.6}
    seen, detections = evidence_of(frames), detections_of(frames)
    a = row_numbers(detections, seen.t, seen.label)
    b = row_numbers(detections, seen.t2, seen.label2)
    pairs = zip(np.minimum(a, b).tolist(), np.maximum(a, b).tolist(), strict=True)
    links = found(frames, replace(seen, similarity=np.array([alike[pair] for pair in pairs])))
    margins = {pair: feature(links, *pair, "memory_margin") for pair in alike}
    assert margins == pytest.approx({(0, 2): 0.4, (0, 3): -0.4, (1, 2): -0.7, (1, 3): 0.1})


def test_where_sam2_was_not_asked_memories_say_nothing() -> None:
    links = found(MOVING)
    assert not links.column("memory_margin").any()
    assert not links.column("memory_likeness").any()


def test_memories_that_tell_cells_apart_speak_for_the_same_cell() -> None:
    """Many cells that stay; each is like itself, and less like any neighbour."""
    cells = [(y, x) for y in range(8, 100, 12) for x in range(8, 100, 12)]
    frames = label_frames(cells, cells, shape=(110, 110))
    seen, rng = evidence_of(frames), np.random.default_rng(0)
    alike = np.where(seen.label == seen.label2, 0.95, rng.uniform(0.2, 0.8, len(seen)))
    alike += rng.normal(0.0, 0.01, len(seen))
    links = found(frames, replace(seen, similarity=alike))
    same = links.v - links.u == len(cells)
    odds = links.column("memory_likeness")
    assert odds[same].min() > 0.0
    assert np.median(odds[~same]) < -1.0


def test_size_change_has_a_sign() -> None:
    small, large = label_frame((40, 40), [(20, 20)], 4.0), label_frame((40, 40), [(20, 20)], 6.0)
    assert feature(found([small, large]), 0, 1, "size_change") > 0.5
    assert feature(found([large, small]), 0, 1, "size_change") < -0.5


def test_daughters_that_touch_nothing_of_their_mother_are_found_within_reach() -> None:
    apart = label_frames([(20, 20)], [(20, 10), (20, 30)])
    assert len(split(apart).u) == 1
    far = label_frames([(40, 40)], [(40, 20), (40, 60)], shape=(80, 80))
    assert len(split(far).u) == 0


@pytest.mark.parametrize(("born", "growth"), [(0, 0.0), (4, np.log(12 / 8))])
def test_growth_is_how_many_more_regions_there_are(born: int, growth: float) -> None:
    """A mother and her two daughters among cells that stay, some more of which appear."""
    staying = [(80, 10 * i + 10) for i in range(7)]
    new = [(60, 15 * i + 10) for i in range(born)]
    later = [(20, 15), (20, 25), *(staying[:6] if not born else [*staying, *new][:10])]
    frames = label_frames([(20, 20), *staying], later, shape=(90, 90))
    daughters = split(frames)
    row = np.flatnonzero(daughters.u == 0)[0]
    found_growth = daughters.features.column("growth")[row]
    assert found_growth == pytest.approx(growth)


@pytest.mark.parametrize(
    ("daughters", "cosine"), [([(20, 15), (20, 25)], -1.0), ([(15, 20), (20, 25)], 0.0)]
)
def test_daughters_part_in_opposite_ways(daughters: list[tuple[int, int]], cosine: float) -> None:
    both = split(label_frames([(20, 20)], daughters))
    assert both.features.column("opposite")[0] == pytest.approx(cosine, abs=0.05)


def test_what_a_mother_did_before_is_known_from_a_course() -> None:
    frames = label_frames([(20, 18)], [(20, 20)], [(20, 15), (20, 25)])
    detections, links = detections_of(frames), found(frames)
    nothing = np.zeros((4, 3))
    ripeness = np.array([np.nan, 0.3, np.nan, np.nan])
    history = History(
        nothing, nothing, nothing, growth=np.array([np.nan, -0.4, 0, 0]), ripeness=ripeness
    )
    told = DivisionFeatures(
        detections,
        links,
        np.zeros(len(links.u)),
        np.zeros(len(links.u)),
        places(detections),
        diameters_um(detections),
        history,
    ).divisions(daughter_pairs(links))
    names = ("mother_growth", "ripeness", "ripeness_known")
    rows = told.features.packed(names)
    assert rows[told.u == 1].tolist() == [[-0.4, 0.3, 1.0]]
    assert (rows[told.u == 0] == 0.0).all()
    assert (told.u == 0).any()


def test_two_near_successors_may_be_daughters() -> None:
    daughters = split(SPLITTING)
    pairs = {(u, *sorted((v, w))) for u, v, w in zip(daughters.u, daughters.v, daughters.w)}  # noqa: B905
    assert (0, 1, 2) in pairs
    assert len(pairs) == len(daughters.u)


@pytest.mark.parametrize("seed", range(8))
def test_divisions_go_by_no_other_features_of_links_than_they_name(seed: int) -> None:
    frames = label_frames([(20, 12), (20, 24)], [(20, 8), (20, 16), (20, 24), (8, 45)])
    detections, links = detections_of(frames), found(frames)
    drawn = np.random.default_rng(seed).choice([0.0, 2.0], (len(links.u), len(LINK_FEATURES)))
    links = replace(links, features=Features.unpacked(drawn, LINK_FEATURES))
    odds = np.linspace(-2.0, 2.0, len(links.u))
    full, lean = (
        DivisionFeatures(
            detections, some, odds, odds, places(detections), diameters_um(detections)
        ).divisions(daughter_pairs(some))
        for some in (links, links.with_features(OF_LINKS))
    )
    assert full.v.tolist() == lean.v.tolist()
    assert np.array_equal(*(some.features.packed(DIVISION_FEATURES) for some in (full, lean)))


def test_daughters_are_two_and_of_one_frame() -> None:
    daughters, t = split(SPLITTING), detections_of(SPLITTING).t
    assert (daughters.v != daughters.w).all()
    assert (t[daughters.v] == t[daughters.w]).all()
    assert (t[daughters.v] > t[daughters.u]).all()


OF_A_COURSE = [
    "past_distance",
    "past_forward_nearness",
    "past_backward_nearness",
    "future_distance",
]
OF_A_MOTHERS_COURSE = ["mother_growth", "ripeness", "ripeness_known"]


def test_every_feature_has_a_column() -> None:
    """But for those that only a history tells."""
    links, splits = found(SPLITTING).features.columns, split(SPLITTING).features.columns
    assert [name for name in LINK_FEATURES if name not in links] == OF_A_COURSE
    assert [name for name in DIVISION_FEATURES if name not in splits] == OF_A_MOTHERS_COURSE


@pytest.mark.parametrize("frames", [label_frames([(20, 20)], [(20, 21)]), label_frames([], [])])
def test_without_two_successors_nothing_divides(frames: list[Labels]) -> None:
    assert len(split(frames).u) == 0


def test_all_features_are_finite() -> None:
    frames = label_frames([(20, 20), (4, 4)], [(20, 20)], [(20, 21), (5, 35)])
    assert np.isfinite(packed(found(frames))).all()
    assert np.isfinite(split(SPLITTING).features.packed(DIVISION_FEATURES)).all()


def test_cells_that_go_on_and_regions_that_were_there_before_are_no_family() -> None:
    frames = label_frames([(20, 12), (20, 24)], [(20, 8), (20, 16), (20, 24)])
    detections, links = detections_of(frames), found(frames)
    # The second cell goes on as the third region, which is one of the two of a false pair.
    same = np.where((links.u == 1) & (links.v == 4), 3.0, -3.0)
    kin = np.full(len(links.u), 1.5)
    told = DivisionFeatures(
        detections, links, kin, same, places(detections), diameters_um(detections)
    ).divisions(daughter_pairs(links))
    names = ("same_low", "same_high", "same_out", "same_in_low", "same_in_high", "link_low")
    rows = {
        (u, v, w): values
        for u, v, w, values in zip(
            told.u.tolist(),
            told.v.tolist(),
            told.w.tolist(),
            told.features.packed(names).tolist(),
            strict=True,
        )
    }
    assert rows[0, 2, 3] == [-0.5, -0.5, -0.5, -0.5, -0.5, 0.25]
    assert rows[1, 3, 4] == [-0.5, 0.5, 0.5, -0.5, 0.5, 0.25]


def test_daughters_may_be_others_and_need_not_go_on_beyond_the_last_frame() -> None:
    frames = label_frames([(20, 12), (20, 24)], [(20, 8), (20, 16), (20, 24)])
    detections, links = detections_of(frames), found(frames)
    kin = np.where((links.u == 1) & (links.v == 3), 3.0, -3.0)
    same = np.full(len(links.u), -6.0)
    told = DivisionFeatures(
        detections, links, kin, same, places(detections), diameters_um(detections)
    ).divisions(daughter_pairs(links))
    of_the_first = (told.u == 0) & (told.w == 3)
    rows = told.features.packed(("rival_low", "future_low"))[of_the_first]
    assert rows.tolist() == [[0.5, 0.0]]
