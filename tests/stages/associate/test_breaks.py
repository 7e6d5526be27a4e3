"""Breaks: frames that few tracks reach are told, and ordinary ones are not."""

from __future__ import annotations

import numpy as np
import pytest
from scenes.drawn import detections_of, label_frames, links_of

from sam4ct.simulate import SegmentationErrors, damaged, movie_law, simulate
from sam4ct.stages.associate.breaks import Break, find_breaks
from sam4ct.tables import Links

SIX = [(15, 15), (15, 45), (45, 20), (45, 60), (75, 30), (75, 70)]


def test_a_frame_that_no_track_reaches_is_a_break() -> None:
    frames = label_frames(SIX, SIX, [(y, x + 120) for y, x in SIX], shape=(100, 220))
    assert find_breaks(detections_of(frames), links_of(frames)) == [Break(2, 0, 6)]


def test_cells_that_go_on_have_no_break() -> None:
    frames = label_frames(SIX, SIX, [(y, x + 2) for y, x in SIX], shape=(100, 100))
    assert find_breaks(detections_of(frames), links_of(frames)) == []


@pytest.mark.parametrize("count", [1, 3])
def test_a_few_cells_that_are_gone_are_no_break(count: int) -> None:
    here, there = SIX[:count], [(y, x + 120) for y, x in SIX[:count]]
    frames = label_frames(here, there, shape=(100, 220))
    assert find_breaks(detections_of(frames), links_of(frames)) == []


def test_nothing_has_no_break() -> None:
    frames = label_frames([], [])
    assert find_breaks(detections_of(frames), Links.empty()) == []


def test_errors_of_segmentation_are_no_break() -> None:
    rng = np.random.default_rng(3)
    movie = simulate(rng, movie_law("nuclei", (200, 200), 10))
    frames = [damaged(rng, frame.labels, SegmentationErrors(missed=0.1))[0] for frame in movie]
    assert find_breaks(detections_of(frames), links_of(frames)) == []
