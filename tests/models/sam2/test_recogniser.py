"""The SAM 2 engine for large frames: what the engine for sequences says, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scenes.drawn import Labels, detections_of
from scenes.sam2_scene import iou, memory_fails_once, nearly_same

from sam4ct.geometry import Slabs, WindowGrid, WindowPlan
from sam4ct.models.sam2.engine import EngineSettings, Sam2Propagator
from sam4ct.models.sam2.recogniser import RecogniserSettings, Sam2Recogniser
from sam4ct.models.weights.load import load_sam2
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.regions import Region, regions_of
from sam4ct.types import Propagated

SIDE = 64
SHAPE = (12, 110, 120)
PLACES = [(5, 24, 24), (6, 50, 60), (6, 52, 84), (2, 90, 20), (5, 6, 100), (10, 104, 114)]
"""Of cells; two of them are near each other, two are cut by the edge of the frame."""
Answers = dict[int, Propagated]


@dataclass
class Volumes:
    """Cells in memory, of which parts of slices are read."""

    images: Sequence[NDArray[np.float32]]
    labels: Sequence[Labels]
    read: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)
    """t, z, and where each part begins and ends in y and x."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.labels[0].shape

    def plane(self, t: int, z: int, y: slice, x: slice) -> NDArray[np.float32]:
        self.read.append((t, z, y.start, y.stop, x.start, x.stop))
        return self.images[t][z, y, x]

    def regions(self, t: int) -> dict[int, Region]:
        return regions_of(self.labels[t])

    def engine(self, network: Any, side: int = SIDE, **settings: Any) -> Sam2Recogniser:
        return Sam2Recogniser(network, self.plane, self.shape, side, RecogniserSettings(**settings))


def cells(
    frames: int, shape: tuple[int, ...] = SHAPE, places: Sequence[tuple[int, ...]] = tuple(PLACES)
) -> Volumes:
    """Balls about 20 pixels wide in slices as high as 4 pixels; they drift by 2 pixels a frame."""
    rng = np.random.default_rng(0)
    images, labels = [], []
    for t in range(frames):
        light, drawn = np.zeros(shape), np.zeros(shape, np.int64)
        for label, (z, y, x) in enumerate(places, start=1):
            at = np.indices(shape, dtype=float)
            radius = 9.0 + label % 3
            far = np.sqrt(((at[0] - z) * 4) ** 2 + (at[1] - y) ** 2 + (at[2] - x + 2 * t) ** 2)
            light = np.maximum(light, np.clip(1.5 - far / radius, 0.0, 1.0))
            drawn[far <= radius] = label
        images.append((light + rng.normal(0.0, 0.03, shape)).astype(np.float32))
        labels.append(drawn)
    return Volumes(images, labels)


@pytest.fixture(scope="module")
def network() -> Any:
    """The included network, on the CPU."""
    return load_sam2(load_manifest().get("compact-sam2"), "cpu")


@pytest.fixture(scope="module")
def movie() -> Volumes:
    """Two frames; not to be changed."""
    return cells(2)


@pytest.fixture(scope="module")
def usual(network: Any, movie: Volumes) -> Answers:
    """Where the cells of frame 0 are in frame 1."""
    return movie.engine(network).propagate(0, movie.regions(0), 1)


def by_sequence(network: Any, volumes: Volumes, t: int, t2: int, side: int = SIDE) -> Answers:
    """What the engine for sequences says, with a window of its own for every cell."""
    grid = WindowGrid(volumes.shape, side, 0.0, slabs=Slabs(volumes.shape[0]))
    plan = WindowPlan.of(detections_of(volumes.labels), grid, 1)
    engine = Sam2Propagator(network, lambda s: volumes.images[s], plan, EngineSettings())
    return engine.propagate(t, volumes.regions(t), t2)


def all_pairs(volumes: Volumes) -> list[tuple[int, int]]:
    return list(product(volumes.regions(0), volumes.regions(1)))


def similarities(engine: Sam2Recogniser, volumes: Volumes, t: int, t2: int) -> dict[Any, float]:
    pairs = list(product(volumes.regions(t), volumes.regions(t2)))
    found = engine.similarities((t, t2), (volumes.regions(t), volumes.regions(t2)), pairs)
    return dict(zip(pairs, found.tolist(), strict=True))


# Where regions are


@pytest.mark.parametrize(("t", "t2"), [(0, 1), (1, 0)])
def test_sections_are_those_that_the_engine_for_sequences_finds(
    network: Any, movie: Volumes, t: int, t2: int
) -> None:
    regions = movie.regions(t)
    ours, theirs = (
        movie.engine(network).propagate(t, regions, t2),
        by_sequence(network, movie, t, t2),
    )
    assert ours.keys() == theirs.keys() == regions.keys()
    assert np.mean([found.region.size > 0 for found in theirs.values()]) > 0.7
    for label, found in ours.items():
        z = theirs[label].region.corner[0]
        assert nearly_same(found.region.section(z), theirs[label].region.section(z))
        assert found.object_score == pytest.approx(theirs[label].object_score, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "side"), [((12, 40, 50), 64), ((12, 60, 40), 48), ((12, 110, 120), 20)]
)
def test_small_frames_and_large_regions_are_seen_as_sequences_are(
    network: Any, shape: tuple[int, ...], side: int
) -> None:
    """Windows that leave the frame on some or all sides, and regions that burst a window."""
    volumes = cells(2, shape, [(5, 20, 22), (6, 22, 44)])
    ours = volumes.engine(network, side).propagate(0, volumes.regions(0), 1)
    theirs = by_sequence(network, volumes, 0, 1, side)
    for label, found in ours.items():
        z = theirs[label].region.corner[0]
        assert nearly_same(found.region.section(z), theirs[label].region.section(z))
        assert found.region == found.region.clipped(shape)


def test_what_is_found_is_as_deep_as_the_region(movie: Volumes, usual: Answers) -> None:
    filled = {i: found.region for i, found in usual.items() if found.region.size}
    assert len(filled) > 3
    for label, region in filled.items():
        source = movie.regions(0)[label]
        assert (region.corner[0], len(region.mask)) == (source.corner[0], len(source.mask))
        assert (region.mask == region.mask[:1]).all()


def test_cells_are_found(movie: Volumes, usual: Answers) -> None:
    """Drawn balls are plain: most of the middle slice of a cell is found where it went."""
    after = movie.regions(1)
    shares = [
        iou(found.region.section(z), after[label].section(z))
        for label, found in usual.items()
        for z in [PLACES[label - 1][0]]
    ]
    assert np.median(shares) > 0.5


def test_a_region_that_is_not_found_is_empty(movie: Volumes) -> None:
    network = load_sam2(load_manifest().get("compact-sam2"), "cpu")
    with torch.no_grad():
        for token in ("mask_tokens", "obj_score_token"):
            getattr(network.sam_mask_decoder, token).weight.zero_()
        for head in network.sam_mask_decoder.output_hypernetworks_mlps:
            head.layers[-1].weight.zero_()
            head.layers[-1].bias.zero_()
    found = movie.engine(network).propagate(0, movie.regions(0), 1)
    assert [(p.region.size, p.region.mask.ndim) for p in found.values()] == [(0, 3)] * len(PLACES)


def test_masks_of_cells_that_are_rather_gone_are_told_with_their_score(movie: Volumes) -> None:
    network = load_sam2(load_manifest().get("compact-sam2"), "cpu")
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.sub_(1000.0)
    found = movie.engine(network).propagate(0, movie.regions(0), 1).values()
    assert all(p.object_score < 0 for p in found)
    assert any(p.region.size for p in found)


def test_a_frame_without_regions_is_not_looked_at(network: Any, movie: Volumes) -> None:
    engine = movie.engine(network)
    assert engine.propagate(0, {}, 1) == {}
    assert engine.similarities((0, 1), (movie.regions(0), movie.regions(1)), []).shape == (0,)
    assert engine.encoder_windows == 0


# What is read, and how often


def test_windows_are_read_one_by_one_within_the_frame(network: Any) -> None:
    volumes = cells(2)
    volumes.engine(network).propagate(0, volumes.regions(0), 1)
    assert len(volumes.read) == 2 * len(PLACES)
    for _, z, y0, y1, x0, x1 in volumes.read:
        assert 0 <= z < SHAPE[0]
        assert 0 <= y0 < y1 <= SHAPE[1]
        assert 0 <= x0 < x1 <= SHAPE[2]
        assert (y1 - y0, x1 - x0) == (SIDE, SIDE)


def test_windows_show_the_middle_slice_with_the_region_in_the_middle(network: Any) -> None:
    volumes = cells(2)
    region = volumes.regions(0)[2]
    volumes.engine(network).propagate(0, {2: region}, 1)
    half = SIDE // 2
    here = (6, 50 - half, 50 + half, 60 - half, 60 + half)
    assert volumes.read == [(0, *here), (1, *here)]


def test_a_region_is_remembered_once(network: Any) -> None:
    volumes = cells(2)
    engine, regions = volumes.engine(network), volumes.regions(0)
    engine.propagate(0, regions, 1)
    similarities(engine, volumes, 0, 1)
    engine.propagate(1, volumes.regions(1), 0)
    # Each cell of both frames in its own frame and where it is looked for in the other one.
    assert engine.encoder_windows == len(volumes.read) == 4 * len(PLACES)


def test_what_is_past_is_remembered_anew_and_the_rest_is_kept(
    network: Any, movie: Volumes, usual: Answers
) -> None:
    engine = movie.engine(network)
    similarities(engine, movie, 0, 1)
    engine.forget_before(1)
    before = engine.encoder_windows
    engine.similarities((1, 1), (movie.regions(1), movie.regions(1)), [(1, 1)])
    assert engine.encoder_windows == before
    assert engine.propagate(0, movie.regions(0), 1) == usual
    assert engine.encoder_windows == before + 2 * len(PLACES)


def test_another_region_under_a_known_label_is_remembered_anew(
    network: Any, movie: Volumes
) -> None:
    whole = movie.regions(0)
    lower = {i: Region(r.mask[:, : r.mask.shape[1] // 2], r.corner) for i, r in whole.items()}
    engine = movie.engine(network)
    first = engine.propagate(0, whole, 1)
    assert engine.propagate(0, lower, 1) == movie.engine(network).propagate(0, lower, 1) != first


def test_answers_do_not_depend_on_what_was_asked_before(network: Any) -> None:
    volumes = cells(3)
    busy, fresh = volumes.engine(network), volumes.engine(network)
    busy.propagate(2, volumes.regions(2), 0)
    similarities(busy, volumes, 0, 2)
    busy.propagate(0, dict(list(volumes.regions(0).items())[:2]), 1)
    assert busy.propagate(1, volumes.regions(1), 2) == fresh.propagate(1, volumes.regions(1), 2)
    assert similarities(busy, volumes, 1, 2) == similarities(fresh, volumes, 1, 2)


@pytest.mark.parametrize("batch", [1, 4])
def test_batch_sizes_change_nothing_that_matters(
    network: Any, movie: Volumes, usual: Answers, batch: int
) -> None:
    engine = movie.engine(network, batch=batch)
    other = engine.propagate(0, movie.regions(0), 1)
    assert all(nearly_same(usual[i].region, other[i].region) for i in usual)
    alike = similarities(movie.engine(network), movie, 0, 1)
    assert similarities(engine, movie, 0, 1) == pytest.approx(alike, abs=1e-3)


@pytest.mark.parametrize("step", ["image_encoder.trunk", "memory_encoder", "memory_attention.norm"])
def test_out_of_memory_halves_the_batch_and_goes_on(
    network: Any, movie: Volumes, usual: Answers, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    memory_fails_once(network, step, monkeypatch)
    engine = movie.engine(network)
    found = engine.propagate(0, movie.regions(0), 1)
    assert engine.halved_batches == 1
    assert all(nearly_same(usual[i].region, found[i].region) for i in usual)


# How alike regions are


def test_a_region_is_wholly_like_itself(network: Any, movie: Volumes) -> None:
    alike = similarities(movie.engine(network), movie, 0, 0)
    for (a, b), value in alike.items():
        if a == b:
            assert value == pytest.approx(1.0, abs=1e-5)
        else:
            assert -1.0 <= value < 1.0


def test_likeness_is_the_same_either_way(network: Any, movie: Volumes) -> None:
    engine = movie.engine(network)
    forward, backward = similarities(engine, movie, 0, 1), similarities(engine, movie, 1, 0)
    assert forward == pytest.approx({(a, b): value for (b, a), value in backward.items()}, abs=1e-6)


def test_cells_are_more_like_themselves_a_frame_later_than_like_others(
    network: Any, movie: Volumes
) -> None:
    alike = similarities(movie.engine(network), movie, 0, 1)
    own = [value for (a, b), value in alike.items() if a == b]
    other = [value for (a, b), value in alike.items() if a != b]
    assert np.median(own) > np.median(other)


def test_pairs_are_answered_in_their_order(network: Any, movie: Volumes) -> None:
    engine, regions = movie.engine(network, batch=2), (movie.regions(0), movie.regions(1))
    alike = similarities(engine, movie, 0, 1)
    pairs = [(3, 1), (1, 3), (2, 2), (2, 2), (5, 4)]
    assert engine.similarities((0, 1), regions, pairs).tolist() == [alike[pair] for pair in pairs]


# On a CUDA device


@pytest.mark.gpu
def test_bfloat16_on_cuda_finds_nearly_the_same(
    network: Any, movie: Volumes, usual: Answers
) -> None:
    fast = load_sam2(load_manifest().get("compact-sam2"), "cuda")
    engine = movie.engine(fast, device="cuda")
    found = engine.propagate(0, movie.regions(0), 1)
    assert np.mean([iou(usual[i].region, found[i].region) for i in usual]) >= 0.95
    alike = similarities(movie.engine(network), movie, 0, 1)
    assert similarities(engine, movie, 0, 1) == pytest.approx(alike, abs=0.05)
