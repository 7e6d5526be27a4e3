"""Debris: which lineages of linked regions are no cells."""

from __future__ import annotations

import numpy as np
import pytest
from scenes.drawn import Labels, detections_of, links_of

from sam4ct.geometry import Margins
from sam4ct.stages.repair import debris

SHAPES = [(60, 90), (9, 60, 90)]
FRAMES = 5


def block(frame: Labels, label: int, y: int, x: int, side: int) -> None:
    """Draw a square cell, in volumes from slice 2 to 6."""
    frame[(slice(2, 7),) * (frame.ndim - 2) + (slice(y, y + side), slice(x, x + side))] = label


def movie(shape: tuple[int, ...]) -> list[Labels]:
    """Two cells of 20 pixels' side in every frame, one under the other."""
    frames = [np.zeros(shape, np.int64) for _ in range(FRAMES)]
    for frame in frames:
        block(frame, 1, 5, 20, 20)
        block(frame, 2, 32, 20, 20)
    return frames


def found(frames: list[Labels]) -> set[tuple[int, int]]:
    """Debris as (t, label)."""
    detections = detections_of(frames)
    shape = frames[0].shape
    at_edge = Margins(shape, 1, 1 if len(shape) == 3 else 0).holds(detections)
    rows = debris(detections, links_of(frames), at_edge, len(frames), len(shape))
    return set(zip(detections.t[rows].tolist(), detections.label[rows].tolist(), strict=True))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("t", "dropped"), [(0, False), (2, True), (FRAMES - 1, False)])
def test_what_is_seen_once_between_other_frames_is_debris(
    shape: tuple[int, ...], t: int, dropped: bool
) -> None:
    frames = movie(shape)
    block(frames[t], 9, 20, 60, 15)
    assert found(frames) == ({(t, 9)} if dropped else set())


@pytest.mark.parametrize("shape", SHAPES)
def test_what_the_edge_cuts_is_kept(shape: tuple[int, ...]) -> None:
    frames = movie(shape)
    block(frames[2], 9, 20, shape[-1] - 5, 5)
    assert found(frames) == set()


@pytest.mark.parametrize(
    ("shape", "side", "dropped"),
    [(SHAPES[0], 6, True), (SHAPES[0], 12, False), (SHAPES[1], 6, False)],
)
def test_a_lineage_of_small_regions_is_debris_in_images(
    shape: tuple[int, ...], side: int, dropped: bool
) -> None:
    frames = movie(shape)
    for frame in frames:
        block(frame, 9, 20, 60, side)
    assert found(frames) == ({(t, 9) for t in range(FRAMES)} if dropped else set())


def test_a_small_lineage_with_one_cell_in_it_is_kept() -> None:
    frames = movie(SHAPES[0])
    for t, frame in enumerate(frames):
        block(frame, 9, 20, 60, 16 if t == 3 else 6)
    assert found(frames) == set()


def test_many_specks_do_not_make_cells_look_large() -> None:
    frames = movie(SHAPES[0])
    specks = {(t, 10 + k) for t in range(FRAMES) for k in range(6)}
    for t, label in specks:
        block(frames[t], label, 2 + 9 * (label - 10), 60, 5)
    assert found(frames) == specks


def test_a_sequence_without_regions_has_no_debris() -> None:
    assert found([np.zeros(SHAPES[0], np.int64)] * 3) == set()
