"""Masks that are no instance labels are refused or warned of, fragments are not."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from sam4ct.errors import SequenceError
from sam4ct.io.ctc.instances import InstanceCheck
from sam4ct.simulate.errors import SegmentationErrors, damaged
from sam4ct.simulate.movie import simulate
from sam4ct.simulate.presets import movie_law

CORNERS = ((6, 8), (8, 50), (30, 28), (50, 10), (52, 52))
FRAMES = 6
volumes = pytest.mark.parametrize("depth", [0, 4], ids=["2D", "3D"])


def frame(t: int, depth: int, cells: Iterable[int] = range(5)) -> np.ndarray:
    """Discs with the labels 1 to 5, far apart, which move by a pixel a frame."""
    y, x = np.mgrid[:64, :64]
    labels = np.zeros((64, 64), np.int32)
    for cell in cells:
        labels[np.hypot(y - CORNERS[cell][0], x - CORNERS[cell][1] - t) < 5] = cell + 1
    return np.stack([labels] * depth) if depth else labels


def checked(masks: Iterable[np.ndarray]) -> None:
    check = InstanceCheck()
    for t, labels in enumerate(masks):
        check.add(Path("01_ERR_SEG") / f"mask{t:03d}.tif", labels)
    check.finish()


def movie(depth: int, cells: Iterable[int] = range(5)) -> list[np.ndarray]:
    return [frame(t, depth, cells) for t in range(FRAMES)]


@volumes
@pytest.mark.parametrize("value", [1, 255])
def test_one_value_for_all_cells_is_refused_with_the_count(depth: int, value: int) -> None:
    with pytest.raises(SequenceError) as told:
        checked(value * (labels > 0) for labels in movie(depth))
    assert f"mask000.tif: label {value} lies in 5 places far apart" in str(told.value)
    assert "in 6 of 6 masks" in str(told.value)
    assert "Label your cells first, one number a cell" in str(told.value)


@volumes
def test_one_value_is_refused_where_some_frames_have_one_cell(depth: int) -> None:
    few = [frame(t, depth, range(1 + t % 3)) for t in range(9)]
    with pytest.raises(SequenceError, match="Label your cells first"):
        checked(255 * (labels > 0) for labels in few)


@volumes
def test_one_value_is_refused_where_cells_are_less_than_a_width_apart(depth: int) -> None:
    cells = np.kron(np.ones((2, 2)), np.pad(np.ones((12, 12)), 5)).astype(np.int32)
    with pytest.raises(SequenceError, match="Label your cells first"):
        checked([np.stack([cells] * depth) if depth else cells] * FRAMES)


@volumes
def test_two_classes_of_cells_are_no_labels_either(depth: int) -> None:
    with pytest.raises(SequenceError, match="Label your cells first"):
        checked(np.where(labels > 0, 1 + labels % 2, 0) for labels in movie(depth))


@volumes
def test_two_cells_with_one_label_are_warned_of(
    depth: int, caplog: pytest.LogCaptureFixture
) -> None:
    checked(np.where(labels == 2, 1, labels) for labels in movie(depth))
    (record,) = caplog.records
    assert "mask000.tif: label 1 lies in 2 places far apart" in record.getMessage()
    assert "in 6 of 6 masks" in record.getMessage()


@volumes
def test_two_whole_cells_with_one_label_are_warned_of_though_less_than_a_width_apart(
    depth: int, caplog: pytest.LogCaptureFixture
) -> None:
    masks = movie(depth)
    for labels in masks:
        labels[np.roll(labels == 1, 16, axis=-2)] = 1  # discs of 9 pixels, 7 apart
    checked(masks)
    (record,) = caplog.records
    assert "mask000.tif: label 1 lies in 2 places far apart" in record.getMessage()


@volumes
@pytest.mark.parametrize("background", [1, 65535])
def test_background_with_a_label_is_refused(depth: int, background: int) -> None:
    masks = (np.where(labels == 0, background, labels + 1) for labels in movie(depth))
    with pytest.raises(SequenceError, match=rf"label {background} covers most .* 6 of 6 masks"):
        checked(masks)


@volumes
def test_what_may_be_background_is_warned_of(depth: int, caplog: pytest.LogCaptureFixture) -> None:
    """Cells are 0 and the background 1: but it may be one cell with holes, that fills the frame."""
    checked((labels == 0).astype(np.int32) for labels in movie(depth))
    (record,) = caplog.records
    assert "label 1 covers most of the frame" in record.getMessage()


def fragments(depth: int) -> list[np.ndarray]:
    """A cell whose middle is missing, in every frame."""
    masks = movie(depth)
    for labels in masks:
        labels[..., 28:32, :] = 0
    return masks


def specks(depth: int) -> list[np.ndarray]:
    """A stray pixel far from each cell."""
    masks = movie(depth)
    for labels in masks:
        labels[..., 20, 2:52:10] = range(1, 6)
    return masks


def seldom(depth: int) -> list[np.ndarray]:
    masks = movie(depth)
    masks[3] = (masks[3] > 0).astype(np.int32)
    return masks


def torn_once(depth: int) -> list[np.ndarray]:
    """One cell, of which one frame shows two parts far apart."""
    masks = movie(depth, [0])
    masks[3] = (frame(3, depth, [0, 4]) > 0).astype(np.int32)
    return masks


def tissue(depth: int) -> list[np.ndarray]:
    labels = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((16, 16), np.int32))
    return [np.stack([labels] * depth) if depth else labels] * FRAMES


LEGAL = {
    "cells": movie,
    "one cell": lambda depth: movie(depth, [0]),
    "one cell a frame, another each time": lambda depth: [
        (frame(t, depth, [t % 5]) > 0).astype(np.int32) for t in range(FRAMES)
    ],
    "no cells": lambda depth: movie(depth, []),
    "cells in some frames": lambda depth: [*movie(depth, [])[:5], frame(5, depth)],
    "fragments": fragments,
    "specks": specks,
    "one frame of another kind": seldom,
    "one cell torn once": torn_once,
    "tissue without background": tissue,
    "large labels": lambda depth: [labels * 10_000_000 for labels in movie(depth)],
}


@volumes
@pytest.mark.parametrize("kind", LEGAL)
def test_legal_masks_pass_in_silence(
    kind: str, depth: int, caplog: pytest.LogCaptureFixture
) -> None:
    checked(LEGAL[kind](depth))
    assert not caplog.records


@pytest.mark.parametrize("look", ["nuclei", "phase", "spread", "tiny"])
@pytest.mark.parametrize("shape", [(128, 128), (6, 96, 96)], ids=["2D", "3D"])
def test_masks_of_a_bad_segmenter_pass_in_silence(
    look: str, shape: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    errors = SegmentationErrors(
        missed=0.2, split=0.2, merged=0.2, eroded=0.2, dilated=0.2, spurious=0.3
    )
    rng = np.random.default_rng(0)
    frames = simulate(rng, movie_law(look, shape, 4))
    checked(damaged(rng, frame.labels, errors)[0].astype(np.int32) for frame in frames)
    assert not caplog.records


def test_one_value_in_places_near_each_other_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two cells, or one in two parts: nothing tells which."""
    masks = [(labels == 3).astype(np.int32) for labels in fragments(0)]
    checked(masks)
    (record,) = caplog.records
    assert "has one label, 1, in 2 places, and so have 6 of 6 masks" in record.getMessage()
