"""History: what a first lineage tells of how cells move, grow and age."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scenes.drawn import detections_of, evidence_of, label_frames, make_links, scene_of

from sam4ct.stages.associate.features.history import MIN_DIVISIONS, History, history_of
from sam4ct.stages.associate.features.links import Candidates, candidates
from sam4ct.stages.associate.model import measured
from sam4ct.stages.motion import MIN_STEPS
from sam4ct.tables import Detections, Floats, Links, row_numbers


def regions(places: list[list[tuple[float, float]]], size: int = 50) -> tuple[Detections, Floats]:
    """Regions at places (y, x) by frame, labelled from 1; and their centroids (N, 3)."""
    rows = [(t, i + 1, *at) for t, frame in enumerate(places) for i, at in enumerate(frame)]
    t, label, y, x = (np.array(column) for column in zip(*rows, strict=True))
    none = np.zeros(len(rows))
    columns = {name: none.astype(dtype) for name, dtype in Detections.schema().items()}
    columns |= {"t": t, "label": label, "y": y, "x": x, "size": np.full(len(rows), size)}
    return Detections(**columns), np.stack([none, y, x], axis=1)


def drifting(count: int, step: tuple[float, float]) -> tuple[Detections, Floats, Links]:
    """Cells in a row that all make the same step."""
    first = [(10.0, 10.0 * i) for i in range(count)]
    second = [(y + step[0], x + step[1]) for y, x in first]
    detections, places = regions([first, second])
    return detections, places, make_links(*((0, i + 1, 1, i + 1) for i in range(count)))


def test_the_surroundings_of_a_cell_tell_how_it_will_move() -> None:
    detections, places, links = drifting(MIN_STEPS + 1, (3.0, -2.0))
    lost = links.take(links.label != 4)
    history = history_of(detections, lost, places)
    assert history.around_um[3] == pytest.approx([0.0, 3.0, -2.0])
    assert history.expected_um(np.array([3]))[0] == pytest.approx([0.0, 3.0, -2.0])


def test_a_step_of_its_own_does_not_tell_of_the_surroundings() -> None:
    detections, places, links = drifting(MIN_STEPS + 1, (0.0, 1.0))
    places[row_numbers(detections, np.array([1]), np.array([4]))] += [0.0, 40.0, 0.0]
    history = history_of(detections, links, places)
    assert history.around_um[3] == pytest.approx([0.0, 0.0, 1.0])


def test_few_cells_say_nothing_of_the_surroundings() -> None:
    detections, places, links = drifting(MIN_STEPS - 1, (3.0, 0.0))
    assert (history_of(detections, links, places).around_um == 0.0).all()


def test_a_cell_is_expected_to_go_on_halfway_as_it_came() -> None:
    detections, places = regions([[(0, 0)], [(4, 0)], [(8, 0)]])
    links = make_links((0, 1, 1, 1), (1, 1, 2, 1))
    history = history_of(detections, links, places)
    assert history.expected_um(np.array([1]))[0] == pytest.approx([0.0, 2.0, 0.0])
    assert history.traced_um(np.array([0]), np.array([1]))[0] == pytest.approx([0.0, 2.0, 0.0])
    assert np.isnan(history.before_um[0]).all()
    assert np.isnan(history.after_um[2]).all()


def test_steps_over_missed_frames_count_by_the_frame() -> None:
    detections, places = regions([[(0, 0)], [(50, 50)], [(8, 0)]])
    history = history_of(detections, make_links((0, 1, 2, 1)), places)
    assert history.after_um[0] == pytest.approx([0.0, 4.0, 0.0])


def test_growth_is_that_since_the_last_region_of_the_track() -> None:
    detections, places = regions([[(0, 0)], [(0, 0)]])
    detections = replace(detections, size=np.array([50, 100]))
    history = history_of(detections, make_links((0, 1, 1, 1)), places)
    assert history.growth[1] == pytest.approx(np.log(2.0))
    assert np.isnan(history.growth[0])


def family(divisions: int) -> History:
    """Cells that are born in frame 1 and divide in frame 3, the frame of their last region."""
    places = [
        [(0.0, 10.0 * i) for i in range(divisions)],
        [(0.0, 5.0 * i) for i in range(2 * divisions)],
        [(0.0, 5.0 * i) for i in range(2 * divisions)],
        [(0.0, 5.0 * i) for i in range(2 * divisions)],
        [(0.0, 5.0 * i) for i in range(2 * divisions)],
    ]
    detections, at = regions(places)
    born = [(0, i // 2 + 1, 1, i + 1) for i in range(2 * divisions)]
    stay = [(t, i + 1, t + 1, i + 1) for t in (1, 2) for i in range(2 * divisions)]
    # The even ones divide, into what were the odd ones' places.
    again = [(3, i - i % 2 + 1, 4, i + 1) for i in range(2 * divisions)]
    return history_of(detections, make_links(*stay, divisions=born + again), at)


def test_a_cell_is_ripe_at_the_age_at_which_others_divide() -> None:
    history = family(MIN_DIVISIONS)
    first = MIN_DIVISIONS
    last = first + 2 * 2 * MIN_DIVISIONS
    assert history.ripeness[last] == pytest.approx(0.0)
    assert history.ripeness[first] == pytest.approx(np.log(1.0 / 3.0))
    assert np.isnan(history.ripeness[:first]).all()


def test_few_divisions_tell_nothing_of_ripeness() -> None:
    assert np.isnan(family(MIN_DIVISIONS - 1).ripeness).all()


def right_links(*, told: bool) -> Candidates:
    """Cells in a row that all go to where the next one was; their links to themselves."""
    frames = label_frames(
        *([(20, 12 * (i + shift) + 8) for i in range(9)] for shift in range(3)), shape=(40, 140)
    )
    detections, evidence = detections_of(frames), evidence_of(frames)
    places, diameter = measured(detections, scene_of(frames))
    steps = make_links(*((t, i + 1, t + 1, i + 1) for t in (0, 1) for i in range(9)))
    history = history_of(detections, steps, places) if told else None
    found = candidates(detections, evidence, places, diameter, history)
    same = detections.label[found.u] == detections.label[found.v]
    return found.take(same & (found.dt == 1))


def test_with_a_course_links_are_measured_from_where_cells_are_expected() -> None:
    blind, told = right_links(told=False), right_links(told=True)
    assert len(told.u) == 18
    for name in ("drift_distance", "past_distance", "future_distance"):
        assert (told.column(name) < 0.1).all()
    assert blind.column("drift_distance").max() > 0.5
    assert (blind.column("past_distance") == 0.0).all()
