"""What was changed in a lineage becomes answers that lead exactly there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes.answers import Lineage, lineage, problems, random_truth, regions

from sam4ct.corrections import Correction, End, Kind
from sam4ct.stages.associate.solver import Problem, solved
from sam4ct.stages.correct import constrained, resolve
from sam4ct.stages.correct.differences import (
    Differences,
    differences,
    matched,
    steps_between,
    without_older,
)
from sam4ct.tables import Detections


def steps_of(found: Lineage) -> set[tuple[int, int]]:
    links, splits = found
    return links | {(u, v) for u, *vs in splits for v in vs}


def changes(
    table: Detections, old: set[tuple[int, int]], new: set[tuple[int, int]], gone: int = -1
) -> Differences:
    every = set(range(len(table)))
    return differences(table, old, every, new, every - {gone}, 2)


def five() -> Detections:
    """Five regions in frames 0, 1, 1, 2, 2, labels 1, 1, 2, 1, 2, boxes of 5 pixels a side."""
    columns = {name: np.zeros(5, kind) for name, kind in Detections.schema().items()}
    y, x = np.array([10, 10, 10, 10, 10]), np.array([10, 10, 20, 10, 20])
    box = {"y0": y - 2, "y1": y + 3, "x0": x - 2, "x1": x + 3}
    numbers = {"t": np.array([0, 1, 1, 2, 2]), "label": np.array([1, 1, 2, 1, 2])}
    return Detections(**(columns | numbers | box | {"y": y * 1.0, "x": x * 1.0}))  # type: ignore[arg-type]


OLD = {(0, 1), (1, 3), (2, 4)}


def kinds(found: Differences) -> set[tuple[Kind, tuple[int, ...]]]:
    return {(one.kind, tuple(end.label for end in one.ends)) for one in found.corrections}


def test_nothing_changed_says_nothing() -> None:
    assert changes(five(), OLD, OLD) == Differences((), ())


def test_both_sides_of_what_was_touched_are_said() -> None:
    assert kinds(changes(five(), OLD, OLD - {(2, 4)})) == {
        (Kind.BEGINS, (2,)),
        (Kind.ENDS, (2,)),
    }
    found = changes(five(), OLD, OLD - {(2, 4)})
    assert len(found.corrections) == 4
    assert {one.ends[0].place for one in found.corrections} == {(10.0, 20.0)}


def test_a_division_is_said_as_one() -> None:
    said = kinds(changes(five(), OLD, OLD | {(0, 2)}))
    assert (Kind.DIVIDES, (1, 1, 2)) in said
    assert (Kind.SAME_CELL, (2, 2)) in said


def test_a_region_without_a_node_is_no_cell() -> None:
    found = changes(five(), OLD, {(0, 1), (2, 4)}, gone=3)
    assert (Kind.NO_CELL, (1,)) in kinds(found)
    assert (Kind.ENDS, (1,)) in kinds(found)


def test_what_answers_cannot_say_is_told() -> None:
    merged = changes(five(), OLD, OLD | {(2, 3)})
    assert merged.unsaid == ("region 1 of frame 2 comes from 2 cells",)
    later = changes(five(), OLD, (OLD | {(0, 4)}) - {(2, 4)})
    assert "region 1 of frame 0 divides into 2 cells" in " ".join(later.unsaid)


def test_nodes_are_the_regions_at_their_places() -> None:
    t, places = (
        np.array([0, 1, 1, 2, 2]),
        np.array([[10.4, 9.7], [12, 12], [10, 20], [40, 40], [11, 19]]),
    )
    assert matched(five(), t, places).tolist() == [0, 1, 2, -1, 4]
    one = np.array([1, 1])
    both = np.array([[10.0, 10.0], [10.1, 10.0]])
    assert matched(five(), one, both).tolist() == [1, -1]
    assert matched(five(), one, both, np.array([0, 1])).tolist() == [-1, 1]


def test_steps_lead_past_frames_that_were_filled() -> None:
    row, edges = np.array([0, -1, 3, 4]), np.array([[0, 1], [1, 2], [1, 3]])
    assert steps_between(row, edges, 4) == [(0, 3), (0, 4)]


def test_older_answers_stay_where_nothing_was_edited() -> None:
    older = [Correction(Kind.ENDS, (End(0, 1),)), Correction(Kind.ENDS, (End(0, 2),))]
    newer = [Correction(Kind.SAME_CELL, (End(0, 1), End(1, 1)))]
    assert list(without_older(older, newer)) == older[1:]


@settings(max_examples=60)
@given(given=problems(), seed=st.integers(0, 999))
def test_the_answers_lead_to_the_edited_lineage(given: Problem, seed: int) -> None:
    base, table = solved(replace(given, min_cycle=1)), regions(given)
    truth = random_truth(given, seed)
    wanted = lineage(solved(constrained(base.problem, table, truth)))
    # Some of the edits alone: a person need not have changed everything.
    some = lineage(resolve(base, table, truth[::3]))
    for edited in (wanted, some):
        found = changes(table, steps_of(lineage(base)), steps_of(edited))
        assert found.unsaid == ()
        assert lineage(resolve(base, table, found.corrections)) == edited
