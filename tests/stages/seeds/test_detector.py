"""Seeds: the centres of cells are found, noise is not, and the blocks leave no trace."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes.seeds_scene import GROUND, Balls, hits, seeds_of
from scipy import ndimage

from sam4ct.stages.seeds.detector import MOST_BINNED, MOST_VOXELS, plan_blocks, seeds_of_frame
from sam4ct.stages.seeds.scale_space import BlobLaw, binned, scale_space
from sam4ct.types import Seeds

BALLS = Balls()
FLAT = Balls(shape=(120, 130), spacing=(1.0, 1.0))
SMALL = Balls(shape=(40, 44, 48), spacing=(1.0, 1.0, 1.0), diameter_px=8.0)
SCENES = {"coarse slices": BALLS, "image": FLAT, "isotropic": SMALL}
scenes = pytest.mark.parametrize("balls", SCENES.values(), ids=SCENES)


@scenes
def test_every_cell_gets_one_seed_near_its_centre(balls: Balls) -> None:
    truth = balls.scattered(12)
    found = seeds_of(balls.draw(truth), balls.law)
    assert len(found) == 12
    assert hits(found.places, truth, balls.spacing, 0.15 * balls.diameter_px) == 12


@scenes
def test_centre_is_found_between_voxels(balls: Balls) -> None:
    quiet = dataclasses.replace(balls, noise=0.0)
    middle = np.array(quiet.shape) // 2
    truth = middle + np.array([0.3, -0.4, 0.45])[-len(middle) :]
    found = seeds_of(quiet.draw(truth[None]), quiet.law)
    assert found.places == pytest.approx(truth[None], abs=0.12)


@scenes
def test_touching_cells_get_a_seed_each(balls: Balls) -> None:
    middle = np.array(balls.shape) / 2.0
    apart = np.zeros(len(middle))
    apart[-1] = balls.diameter_px / 2.0
    truth = np.array([middle - apart, middle + apart])
    found = seeds_of(balls.draw(truth), balls.law)
    assert len(found) == 2
    assert hits(found.places, truth, balls.spacing, balls.radius / 2) == 2


@pytest.mark.parametrize("diameter", [10.0, 12.0, 14.0, 17.0, 20.0])
def test_score_is_about_the_contrast_whatever_the_size(diameter: float) -> None:
    balls = Balls(shape=(60, 60, 60), spacing=(1.0, 1.0, 1.0), noise=0.0)
    ball = dataclasses.replace(balls, diameter_px=diameter)
    found = seeds_of(ball.draw(np.array([[30.0, 30.0, 30.0]])), BlobLaw((10.0, 20.0), (1, 1, 1)))
    assert found.scores == pytest.approx([0.83 * ball.contrast], rel=0.1)


def test_distances_are_those_in_space() -> None:
    """Cells one above the other are as far apart as cells side by side, in fewer slices."""
    truth = np.array([[3.0, 45.0, 55.0], [8.0, 45.0, 55.0]])
    found = seeds_of(BALLS.draw(truth), BALLS.law)
    assert hits(found.places, truth, BALLS.spacing, BALLS.radius / 2) == len(found) == 2
    isotropic = BlobLaw(BALLS.law.diameter_px, (1.0, 1.0, 1.0))
    assert hits(seeds_of(BALLS.draw(truth), isotropic).places, truth, BALLS.spacing, 4.0) < 2


def test_seeds_stand_in_order_of_their_places() -> None:
    found = seeds_of(BALLS.draw(BALLS.scattered(12)), BALLS.law).places
    assert found.tolist() == sorted(found.tolist())


# What is no cell


@pytest.mark.parametrize("level", [0.0, 100.0, 30_000.0])
def test_noise_alone_has_no_seeds(level: float) -> None:
    noise = np.random.default_rng(1).normal(level, 10.0, (20, 150, 150)).clip(0)
    assert not len(seeds_of(noise.round().astype(np.uint16), BALLS.law))


def test_noise_is_measured_where_it_is() -> None:
    """Ten times the noise in one half hides no cell in the other, and makes none there."""
    quiet = Balls(contrast=60.0, noise=4.0)
    truth = quiet.scattered(14)
    left = truth[truth[:, 2] < 40]
    frame = quiet.draw(left).astype(float)
    frame[:, :, 60:] += np.random.default_rng(1).normal(60.0, 40.0, frame[:, :, 60:].shape)
    found = seeds_of(frame.clip(0).round().astype(np.uint16), quiet.law)
    assert hits(found.places, left, quiet.spacing, quiet.radius) == len(left)
    assert len(found) == len(left)


def test_noise_that_neighbours_share_makes_few_seeds() -> None:
    truth = BALLS.scattered(12)
    noise = np.random.default_rng(2).standard_normal(BALLS.shape)
    noise = ndimage.gaussian_filter(noise, (0, 1, 1))
    frame = BALLS.draw(truth) + 20.0 + 8.0 * noise / noise.std()
    assert 12 <= len(seeds_of(frame, BALLS.law)) <= 15


@pytest.mark.parametrize("ground", [0, 7, 60_000])
def test_what_is_constant_has_no_seeds(ground: int) -> None:
    frame = np.full(BALLS.shape, ground, np.uint16)
    assert not len(seeds_of(frame, BALLS.law))
    assert not len(seeds_of(np.full(BALLS.shape, 0.1, np.float32), BALLS.law))


def test_empty_parts_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no cell is near is skipped, and where nothing is, nothing is noise."""
    frame = np.zeros((12, 90, 500), np.uint16)
    frame[:, :, :110] = np.where(BALLS.draw(truth := BALLS.scattered(8)) > 60, 100, 0)
    searched = []
    monkeypatch.setattr(
        "sam4ct.stages.seeds.detector.scale_space", lambda *a: searched.append(1) or scale_space(*a)
    )
    found = seeds_of(frame, BALLS.law, core=(12, 45, 25))
    assert hits(found.places, truth, BALLS.spacing, BALLS.radius) == len(found) == 8
    assert 0 < len(searched) < len(plan_blocks(frame.shape, BALLS.law, (12, 45, 25))) / 2


def test_texture_of_a_bright_cell_surrounding_is_no_cell() -> None:
    """A tenth of what the brightest have is asked for, however little noise there is."""
    truth = BALLS.scattered(9)
    strong = dataclasses.replace(BALLS, contrast=1000.0, noise=0.0)
    weak = dataclasses.replace(strong, contrast=60.0)
    frame = strong.draw(truth[:8]) + weak.draw(truth[8:])
    found = seeds_of(frame, BALLS.law)
    assert hits(found.places, truth[:8], BALLS.spacing, 3.0) == len(found) == 8


def test_edge_of_a_mask_is_no_cell() -> None:
    """Nothing was left outside, and the camera's offset was left inside."""
    truth = BALLS.scattered(8)
    frame = np.zeros((12, 150, 110), np.uint16)
    frame[:, 30:120] = BALLS.draw(truth) + 60
    found = seeds_of(frame, BALLS.law)
    assert hits(found.places, truth + np.array([0, 30, 0]), BALLS.spacing, BALLS.radius) == 8
    assert len(found) <= 9


@pytest.mark.parametrize("aspect", [1.0, 1.4, 1.8])
def test_elongated_cells_are_cells(aspect: float) -> None:
    frame = np.random.default_rng(0).normal(GROUND, 5.0, (40, 60, 60))
    far = [
        (axis - c) / r
        for axis, c, r in zip(
            np.indices(frame.shape), (20, 30, 30), (6, 6, 6 * aspect), strict=True
        )
    ]
    frame[sum(d**2 for d in far) < 1] += 100
    assert len(seeds_of(frame, BlobLaw((9.0, 18.0), (1.0, 1.0, 1.0)))) == 1


def test_threshold_of_the_user_is_the_least_contrast() -> None:
    truth = BALLS.scattered(9)
    dim = dataclasses.replace(BALLS, contrast=40.0)
    frame = BALLS.draw(truth[:5]) + dim.draw(truth[5:], seed=1)
    assert len(seeds_of(frame, BALLS.law)) == 9
    assert len(seeds_of(frame, BALLS.law, threshold=60.0)) == 5
    assert len(seeds_of(frame, BALLS.law, threshold=2.0)) > 9


def test_best_seed_within_half_a_cell_stays() -> None:
    law = BlobLaw((8.0, 8.0), (2.0, 1.0, 1.0))
    rows = [((1.0, 9.0, 9.0), 5.0), ((1.0, 9.0, 12.0), 6.0), ((2.9, 9.0, 12.0), 4.0)]
    rows.append(((1.0, 9.0, 15.5), 3.0))
    parts = [Seeds(np.array([place]), np.array([score])) for place, score in rows]
    found = seeds_of_frame(parts, law)
    assert found.places.tolist() == [[1.0, 9.0, 12.0]]
    assert seeds_of_frame(reversed(parts), law).scores.tolist() == [6.0]


# Blocks


DRAWN = {name: balls.draw(balls.scattered(12)) for name, balls in SCENES.items()}


@pytest.mark.parametrize("name", SCENES)
@settings(max_examples=8)
@given(data=st.data())
def test_seeds_are_the_same_whatever_the_blocks(name: str, data: st.DataObject) -> None:
    frame, law = DRAWN[name].astype(np.float32) * 1.37, SCENES[name].law
    core = [data.draw(st.integers(max(3, n // 7), n)) for n in frame.shape]
    whole, parts = seeds_of(frame, law, frame.shape), seeds_of(frame, law, core)
    np.testing.assert_array_equal(parts.places, whole.places)
    np.testing.assert_array_equal(parts.scores, whole.scores)
    assert len(whole) == 12


@pytest.mark.parametrize("shape", [(32, 4096, 4096), (991, 1871, 965), (13, 2454, 1693)])
@pytest.mark.parametrize("diameter", [6.0, 15.6, 40.0])
def test_blocks_of_large_frames_tile_it_and_fit_into_memory(
    shape: tuple[int, ...], diameter: float
) -> None:
    law = BlobLaw((0.75 * diameter, 1.5 * diameter), (1.0, 1.0, 1.0))
    blocks = plan_blocks(shape, law)
    voxels = [np.prod([part.stop - part.start for part in block.window]) for block in blocks]
    assert max(voxels) <= MOST_VOXELS
    assert max(voxels) <= MOST_BINNED * np.prod(law.bins)
    cores = sum(np.prod([part.stop - part.start for part in block.core]) for block in blocks)
    assert cores == np.prod([-(-n // b) for n, b in zip(shape, law.bins, strict=True)])


@given(st.lists(st.integers(1, 9), min_size=3, max_size=3), st.lists(st.integers(1, 4), min_size=3))
def test_bins_are_means_of_blocks(shape: list[int], bins: list[int]) -> None:
    bins = bins[:3]
    frame = np.random.default_rng(0).integers(0, 99, shape).astype(np.uint16)
    means = binned(frame, bins)
    assert means.dtype == np.float32
    whole = tuple(slice(n // b) for n, b in zip(shape, bins, strict=True))
    for index in np.ndindex(*means[whole].shape):
        block = frame[tuple(slice(i * b, i * b + b) for i, b in zip(index, bins, strict=True))]
        assert means[index] == pytest.approx(block.mean(), rel=1e-6)


def test_noise_gains_are_what_noise_gets() -> None:
    law = BlobLaw((8.0, 8.0), (1.0, 1.0, 1.0))
    noise = np.random.default_rng(0).standard_normal((80, 80, 80)).astype(np.float32)
    # At the edges there is more of it, as it is mirrored there.
    best, significance = (part[15:-15, 15:-15, 15:-15] for part in scale_space(noise, law))
    assert best.std() == pytest.approx(law.noise_gains[0], rel=0.05)
    assert significance.std() == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("diameter", [(0.0, 5.0), (6.0, 5.0), (5.0, np.inf)])
def test_law_without_sense_is_our_own_mistake(diameter: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="no blobs of"):
        BlobLaw(diameter, (1.0, 1.0, 1.0))
