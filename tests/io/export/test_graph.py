"""The graph of a result: gaps, divisions, an only child, confidences, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scenes.drawn_result import FRAMES, LINKS, SHAPES, TRACKS, frame, graph

from sam4ct.errors import ResultError
from sam4ct.io.export.graph import TrackGraph, build_graph
from sam4ct.lineage import Track
from sam4ct.tables import Links

Node = tuple[int, int]
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def names(found: TrackGraph) -> list[Node]:
    return list(zip(found.nodes.t.tolist(), found.nodes.label.tolist(), strict=True))


def edges(found: TrackGraph) -> dict[tuple[Node, Node], tuple[bool, float]]:
    """Division and confidence by the (t, label) of both ends."""
    rows, ends = found.edges, names(found)
    return {
        (ends[a], ends[b]): (bool(division), float(sure))
        for a, b, division, sure in zip(
            rows.source, rows.target, rows.division, rows.confidence, strict=True
        )
    }


def given(t: int) -> np.ndarray:
    labels = frame(t, SHAPES["2D"]).astype(np.int64)
    return np.where(labels > 0, labels + 10, 0)


@shapes
def test_a_node_is_a_cell_in_a_frame_at_its_centroid(shape: tuple[int, ...]) -> None:
    found = graph(shape)
    assert names(found) == [
        *((0, 1), (0, 3), (1, 3), (1, 7), (2, 2), (2, 4), (2, 5), (3, 2), (3, 4)),
    ]
    nodes = found.nodes.take(found.nodes.label == 7)
    assert (nodes.y.item(), nodes.x.item()) == (4.5, 36.0)
    assert nodes.z.item() == (1.0 if len(shape) == 3 else 0.0)
    assert nodes.size.item() == 12 * (3 if len(shape) == 3 else 1)


def test_edges_lead_along_tracks_over_gaps_and_from_mothers_to_daughters() -> None:
    found = {ends: division for ends, (division, _) in edges(graph()).items()}
    assert found == {
        ((0, 1), (2, 2)): False,
        ((2, 2), (3, 2)): False,
        ((0, 3), (1, 3)): False,
        ((1, 3), (2, 4)): True,
        ((1, 3), (2, 5)): True,
        ((2, 4), (3, 4)): False,
    }


def test_an_only_child_goes_on_with_its_parents_tracklet_and_daughters_begin_new_ones() -> None:
    nodes = graph().nodes
    assert dict(zip(nodes.label.tolist(), nodes.tracklet.tolist(), strict=True)) == {
        1: 1, 2: 1, 3: 3, 4: 4, 5: 5, 7: 7,
    }  # fmt: skip
    assert dict(zip(nodes.label.tolist(), nodes.lineage.tolist(), strict=True)) == {
        1: 1, 2: 1, 3: 3, 4: 3, 5: 3, 7: 7,
    }  # fmt: skip


def test_confidences_are_those_of_the_links_between_the_given_masks() -> None:
    found = edges(graph(given=given, links=LINKS))
    assert {ends: sure for ends, (_, sure) in found.items() if sure == sure} == {
        ((0, 1), (2, 2)): 0.5,
        ((2, 2), (3, 2)): 0.6,
        ((0, 3), (1, 3)): 0.9,
        ((1, 3), (2, 4)): 0.8,
        ((1, 3), (2, 5)): 0.7,
    }


def long_track(links: list[tuple[int, int, int, int]], masked: set[int]) -> list[float]:
    """Confidences along a track of six frames; given masks, label 9, are in some of them."""
    labels = np.ones((2, 2), np.uint16)
    t, label, t2, label2 = np.array(links).T
    sure = np.arange(1, len(links) + 1) / 10
    table = Links(t, label, t2, label2, np.zeros(len(links), bool), sure)
    found = build_graph(
        "01_RES",
        [Track(1, 0, 5)],
        6,
        lambda t: labels,
        given=lambda t: 9 * labels * (t in masked),
        links=table,
    )
    assert found.given is not None
    assert found.given.tolist() == [9 * (t in masked) for t in range(6)]
    return found.edges.confidence.tolist()


def test_a_link_over_filled_frames_is_all_of_its_edges() -> None:
    assert long_track([(0, 9, 3, 9), (3, 9, 5, 9)], {0, 3, 5}) == [0.1, 0.1, 0.1, 0.2, 0.2]


def test_regions_that_a_run_made_are_found_from_the_known_end_of_a_link() -> None:
    links = [(0, 9, 1, 70), (1, 70, 2, 71), (2, 71, 3, 72), (3, 72, 5, 9)]
    assert long_track(links, {0, 5}) == [0.1, 0.2, 0.3, 0.4, 0.4]


def test_a_link_that_is_not_in_the_result_says_nothing() -> None:
    wrong = Links(
        np.array([0]), np.array([13]), np.array([2]), np.array([12]), np.array([False]), np.ones(1)
    )
    assert np.isnan(graph(given=given, links=wrong).edges.confidence).all()


def test_links_between_track_labels_need_no_given_masks() -> None:
    links = Links(*(np.array([n]) for n in (1, 3, 2, 5)), np.array([True]), np.array([0.4]))
    assert edges(graph(links=links))[(1, 3), (2, 5)] == (True, 0.4)


def test_generated_is_what_the_run_says_else_what_no_given_mask_covers() -> None:
    def filled(t: int) -> np.ndarray:
        labels = given(t)
        labels[labels == 17] = 0
        return labels

    by_masks = graph(given=filled)
    assert by_masks.generated is not None
    assert [n for n, made in zip(names(by_masks), by_masks.generated, strict=True) if made] == [
        (1, 7)
    ]
    by_run = graph(given=given, generated=[(3, 4)])
    assert by_run.generated is not None
    assert names(by_run)[int(np.flatnonzero(by_run.generated).item())] == (3, 4)
    assert graph().generated is None


def test_a_result_without_tracks_is_an_empty_graph() -> None:
    empty = build_graph("01_RES", [], 2, lambda t: np.zeros((3, 4), np.uint16))
    assert (len(empty.nodes), len(empty.edges), empty.shape) == (0, 0, (3, 4))


@pytest.mark.parametrize(
    ("tracks", "complaint"),
    [
        ([*TRACKS, Track(8, 0, 1)], "track 8 has no pixels"),
        (TRACKS[:-1], "label 7 is not in the track table"),
        ([*TRACKS, Track(8, 0, 1, 9)], "its parent 9 does not exist"),
    ],
)
def test_masks_that_contradict_the_tracks_are_refused(tracks: list[Track], complaint: str) -> None:
    with pytest.raises(ResultError, match=complaint) as caught:
        build_graph("01_RES", tracks, FRAMES, lambda t: frame(t, SHAPES["2D"]))
    assert "sam4ct validate" in str(caught.value)
