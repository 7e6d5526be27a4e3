"""What may not change a link: stillness, place, scale, numbering, and cells far away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scenes.drawn import Labels, Rows, detections_of, evidence_of, label_frame, link_rows, scene_of

from sam4ct.simulate import SegmentationErrors, damaged, movie_law, simulate
from sam4ct.stages.associate.costs import load_costs
from sam4ct.stages.associate.model import associate

SEEDS = range(4)
SHAPES = {2: (150, 150), 3: (14, 60, 60)}
ROOM = 40
"""Pixels of background around a movie, so that nothing moves against the border."""


def discs(seed: int, ndim: int) -> Labels:
    """Balls of a few radii that do not touch."""
    rng = np.random.default_rng(seed)
    shape = np.array(SHAPES[ndim])
    frame = np.zeros(shape, np.int64)
    for _ in range(400):
        radius = int(rng.choice([4, 5, 6]))
        place = tuple(int(x) for x in rng.integers(radius, shape - radius))
        if not frame[label_frame(tuple(shape), [place], radius + 2) > 0].any():
            frame[label_frame(tuple(shape), [place], radius) > 0] = frame.max() + 1
    return frame


def cells(seed: int, ndim: int, errors: SegmentationErrors | None = None) -> list[Labels]:
    """A simulated movie, with errors of segmentation, in the middle of a wide empty frame."""
    rng = np.random.default_rng(seed)
    movie = simulate(rng, movie_law("nuclei", SHAPES[ndim], 5))
    room = [(0, 0)] * (ndim - 2) + [(ROOM, ROOM)] * 2
    return [
        np.pad(damaged(rng, frame.labels, errors or SegmentationErrors())[0], room)
        for frame in movie
    ]


def links(frames: list[Labels], ndim: int) -> Rows:
    """Links by plain overlap, both looks."""
    scene = scene_of(frames)
    found = associate(
        detections_of(frames),
        evidence_of(frames, max_gap=2),
        load_costs("overlap", f"{ndim}d"),
        scene,
    )
    return link_rows(found)


every_movie = pytest.mark.parametrize(("seed", "ndim"), [(s, n) for n in (2, 3) for s in SEEDS])


@every_movie
@pytest.mark.parametrize("drawn", [discs, lambda seed, ndim: cells(seed, ndim)[0]])
def test_masks_that_repeat_exactly_are_one_track_each(
    seed: int, ndim: int, drawn: Callable[[int, int], Labels]
) -> None:
    frame = drawn(seed, ndim)
    rng = np.random.default_rng(seed)
    numbers = [np.append(0, rng.permutation(int(frame.max())) + 1) for _ in range(4)]
    found = links([new[frame] for new in numbers], ndim)
    there = np.unique(frame[frame > 0]).tolist()
    expected = {(t, numbers[t][i], t + 1, numbers[t + 1][i], 0) for t in range(3) for i in there}
    assert set(found) == expected


@every_movie
@pytest.mark.parametrize("step", [1, 2])
def test_the_same_small_step_of_all_regions_changes_no_link(
    seed: int, ndim: int, step: int
) -> None:
    frames = cells(seed, ndim)
    moved = [np.roll(frame, step * t, axis=-1) for t, frame in enumerate(frames)]
    assert links(moved, ndim) == links(frames, ndim)


@every_movie
def test_a_picture_of_twice_the_size_has_the_same_links(seed: int, ndim: int) -> None:
    frames = cells(seed, ndim)
    twice = [np.kron(frame, np.ones((2,) * ndim, np.int64)) for frame in frames]
    small, large = links(frames, ndim), links(twice, ndim)
    assert large == small


@every_movie
def test_numbering_changes_no_link(seed: int, ndim: int) -> None:
    frames = cells(seed, ndim)
    rng = np.random.default_rng(seed)
    top = max(int(frame.max()) for frame in frames)
    numbers = [np.append(0, rng.permutation(top) + 1) for _ in frames]
    old = [np.argsort(new) for new in numbers]
    found = links([new[frame] for new, frame in zip(numbers, frames, strict=True)], ndim)
    renamed = sorted((t, int(old[t][a]), t2, int(old[t2][b]), d) for t, a, t2, b, d in found)
    assert renamed == links(frames, ndim)


@every_movie
def test_a_cell_far_away_changes_no_link_elsewhere(seed: int, ndim: int) -> None:
    frames = cells(seed, ndim)
    wide = [np.pad(frame, [(0, 0)] * (ndim - 1) + [(0, 200)]) for frame in frames]
    new = max(int(frame.max()) for frame in frames) + 1
    place = (*(n // 2 for n in frames[0].shape[:-1]), frames[0].shape[-1] + 150)
    far = label_frame(wide[0].shape, [place], 5) > 0
    found = links([np.where(far, new, frame) for frame in wide], ndim)
    assert [row for row in found if new not in (row[1], row[3])] == links(wide, ndim)
    assert [row for row in found if row[1] == new] == [
        (t, new, t + 1, new, 0) for t in range(len(frames) - 1)
    ]
