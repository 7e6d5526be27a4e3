"""The SAM 2 engine: what the package's predictor says, for all objects at once, encoded once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scenes.drawn import detections_of
from scenes.sam2_scene import PackagePredictor, Scene, iou, memory_fails_once, nearly_same, scene

from sam4ct.geometry import WindowGrid, WindowPlan
from sam4ct.jumps import NO_JUMPS, Jumps
from sam4ct.models.sam2.engine import EngineSettings, Sam2Propagator
from sam4ct.models.sam2.network import build_network, encode
from sam4ct.models.weights.load import load_sam2
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.regions import Region
from sam4ct.types import Propagated

COMPACT = load_manifest().get("compact-sam2")
TINY = load_manifest().get("sam2.1-hiera-tiny")
Answers = dict[tuple[int, int, int], Propagated]


@pytest.fixture(scope="module")
def network() -> Any:
    """The included network, on the CPU."""
    return load_sam2(COMPACT, "cpu")


@pytest.fixture(scope="module")
def short() -> Scene:
    """Two frames; not to be changed."""
    return scene(2)


@pytest.fixture(scope="module")
def usual(network: Any, short: Scene) -> Answers:
    """What the engine says about the short scene with its usual settings."""
    return answers(short.engine(network), short)


def random_tiny(image_size: int) -> Any:
    """The official tiny architecture with random weights, large enough to tell objects apart."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(TINY.config, {**TINY.overrides, "image_size": image_size})
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if weights.dim() > 1 and "trunk" not in name:
                weights.mul_(2.0)
        # Else it might take all objects for gone, and every mask would be empty.
        network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.add_(3.0)
    return network


def answers(
    engine: Sam2Propagator, movie: Scene, pairs: Iterable[tuple[int, int]] | None = None
) -> Answers:
    """Ask for all regions of pairs of frames, by (source, target, label)."""
    return {
        (t, t2, label): found
        for t, t2 in pairs or movie.pairs()
        for label, found in engine.propagate(t, movie.regions(t), t2).items()
    }


def judged(package: PackagePredictor, movie: Scene, prompt: str) -> Answers:
    return {
        (*pair, label): found
        for pair in movie.pairs()
        for label, found in package.propagate(movie, pair, movie.regions(pair[0]), prompt).items()
    }


def assert_as_the_package(ours: Answers, theirs: Answers, least_filled: float = 0.7) -> None:
    """The same masks, but for roundings, for 99 % of the objects, and the same object scores."""
    assert ours.keys() == theirs.keys()
    assert np.mean([found.region.size > 0 for found in theirs.values()]) >= least_filled
    close = [nearly_same(ours[key].region, theirs[key].region) for key in ours]
    assert np.mean(close) >= 0.99
    scores = np.array([(ours[key].object_score, theirs[key].object_score) for key in ours])
    assert scores[:, 0] == pytest.approx(scores[:, 1], abs=0.01)


@pytest.mark.parametrize(("side", "missing", "same"), [(9, 1, True), (9, 2, False), (50, 2, True)])
def test_a_pixel_or_a_thousandth_of_them_is_a_rounding(side: int, missing: int, same: bool) -> None:
    whole, part = np.ones((2, side, side), bool)
    part[0, :missing] = False
    assert nearly_same(Region(whole, (3, 4)), Region(part, (3, 4))) == same


# Against the package's own predictor


@pytest.mark.parametrize("prompt", ["mask", "points"])
def test_compact_network_answers_as_the_package_does(network: Any, prompt: str) -> None:
    movie = scene(4, (150, 170))
    ours = answers(movie.engine(network, gated=True, prompt=prompt), movie)
    assert len(ours) >= 30
    assert_as_the_package(ours, judged(PackagePredictor(COMPACT, network), movie, prompt))


def test_official_architecture_answers_as_the_package_does() -> None:
    tiny = random_tiny(128)
    package = PackagePredictor(TINY, tiny)
    for prompt, shape in (("mask", (120, 120)), ("points", (80, 80))):
        movie = scene(2, shape)
        ours = answers(movie.engine(tiny, gated=True, prompt=prompt), movie)
        assert_as_the_package(ours, judged(package, movie, prompt))


@pytest.mark.slow
def test_official_architecture_answers_as_the_package_does_at_its_full_size() -> None:
    movie, tiny = scene(2, (70, 70), cells=2), random_tiny(1024)
    ours = answers(movie.engine(tiny, gated=True), movie)
    assert_as_the_package(ours, judged(PackagePredictor(TINY, tiny), movie, "mask"))


@pytest.mark.parametrize(
    ("shape", "side"), [((60, 100), 80), ((50, 60), 120), ((150, 170), 28)]
)  # fmt: skip
def test_small_frames_and_large_regions_are_seen_as_the_package_sees_them(
    network: Any, shape: tuple[int, int], side: int
) -> None:
    """Windows that leave the frame on some or all sides, and regions that burst a window."""
    movie = scene(2, shape, side=side)
    theirs = judged(PackagePredictor(COMPACT, network), movie, "mask")
    ours = answers(movie.engine(network, gated=True), movie)
    assert_as_the_package(ours, theirs)
    for found in ours.values():
        assert found.region == found.region.clipped(shape)


# Jumps of the picture


def cut_out(movie: Scene, corners: list[tuple[int, int]], jumps: Jumps = NO_JUMPS) -> Scene:
    """What frames of 130 pixels a side show of a larger scene, each beginning at its corner."""
    boxes = [np.s_[y : y + 130, x : x + 130] for y, x in corners]
    images = [image[box] for image, box in zip(movie.images, boxes, strict=True)]
    labels = [frame[box] for frame, box in zip(movie.labels, boxes, strict=True)]
    grid = WindowGrid((130, 130), 64, 0.25)
    return Scene(images, labels, WindowPlan.of(detections_of(labels), grid, 1, jumps))


def moved(found: Propagated, y: int, x: int) -> Propagated:
    corner = found.region.corner[0] + y, found.region.corner[1] + x
    return Propagated(Region(found.region.mask, corner), found.object_score)


def test_objects_are_looked_for_where_a_jump_took_their_windows(network: Any) -> None:
    """Where all of the window is in the frame still, the network sees what it sees without it."""
    whole, jumps = scene(2, (180, 180), cells=14), Jumps({1: (0, -29, 23)})
    still = cut_out(whole, [(10, 35), (10, 35)])
    jumping = cut_out(whole, [(10, 35), (39, 12)], jumps)
    usual = answers(still.engine(network), still, [(0, 1)])
    across = answers(jumping.engine(network), jumping, [(0, 1)])
    windows = {key: jumping.plan.views(0, key[2], 1)[0] for key in usual}
    inside = [
        k for k, w in windows.items() if 0 <= w.y <= 130 - w.side and 0 <= w.x <= 130 - w.side
    ]
    there = [key for key in inside if usual[key].region.size > 0]
    assert len(there) >= 3
    for key in inside:
        expected = moved(usual[key], -29, 23)
        assert nearly_same(across[key].region, expected.region)
        assert across[key].object_score == pytest.approx(expected.object_score, abs=0.01)


def test_objects_are_looked_for_back_across_a_jump(network: Any) -> None:
    whole, jumps = scene(2, (180, 180), cells=14), Jumps({1: (0, -29, 23)})
    jumping = cut_out(whole, [(10, 35), (39, 12)], jumps)
    found = answers(jumping.engine(network), jumping, [(1, 0)])
    before = jumping.regions(0)
    whole_there = [
        label for (_, _, label) in found
        if label in before and min(before[label].corner) > 0
        and max(np.add(before[label].corner, before[label].mask.shape)) < 130
    ]  # fmt: skip
    assert len(whole_there) >= 3
    agreement = [iou(found[1, 0, label].region, before[label]) for label in whole_there]
    assert np.median(agreement) > 0.5


@pytest.mark.parametrize("step", [(0, -125, 0), (0, 0, 300), (0, 64, 64)])
def test_objects_that_a_jump_takes_away_are_looked_for_at_the_edge(
    network: Any, step: tuple[int, int, int]
) -> None:
    movie = scene(2, (130, 130))
    jumping = cut_out(movie, [(0, 0), (0, 0)], Jumps({1: step}))
    found = answers(jumping.engine(network), jumping)
    assert {key[2] for key in found if key[0] == 0} == set(jumping.regions(0))
    for seen in found.values():
        assert seen.region == seen.region.clipped((130, 130))


# What is computed, and how often


def test_every_window_is_encoded_once_in_a_run(network: Any) -> None:
    movie = scene(5, reach=2)
    engine = movie.engine(network)
    for t, t2 in movie.pairs():
        engine.propagate(t, movie.regions(t), t2)
        engine.forget_before(max(t, t2) - movie.plan.reach)
    counts = engine.counters
    assert counts.encoder_windows == sum(len(movie.plan.needed(t)) for t in range(5))
    assert counts.encoder_windows_again == 0
    assert counts.objects_remembered == sum(len(movie.regions(t)) for t in range(5))
    assert counts.objects_recalled == sum(len(movie.regions(t)) for t, _ in movie.pairs())


def test_answers_do_not_depend_on_what_was_asked_before(network: Any) -> None:
    movie = scene(3, reach=2)
    forward = answers(movie.engine(network), movie)
    assert answers(movie.engine(network), movie, reversed(movie.pairs())) == forward
    alone = answers(movie.engine(network), movie, [(2, 1)])
    assert alone == {key: forward[key] for key in alone}


def test_a_frame_asked_again_after_it_was_forgotten_is_encoded_again(
    network: Any, short: Scene, usual: Answers
) -> None:
    engine = short.engine(network)
    answers(engine, short)
    engine.forget_before(1)
    assert answers(engine, short) == usual
    assert engine.counters.encoder_windows_again == len(short.plan.needed(0))


def test_a_cache_of_no_size_costs_passes_but_changes_nothing(network: Any) -> None:
    movie = scene(3, reach=2)
    without = movie.engine(network, cache_bytes=0)
    assert answers(without, movie) == answers(movie.engine(network), movie)
    assert without.counters.encoder_windows_again > 0


def test_the_two_frames_in_work_are_kept_whatever_the_cache_holds(network: Any) -> None:
    movie = scene(3, reach=2)
    engine = movie.engine(network, cache_bytes=0)
    answers(engine, movie, [(0, 1), (1, 2), (2, 1)])
    assert engine.counters.encoder_windows_again == 0


@pytest.mark.parametrize("spare", [0, 1 << 30])
def test_memories_count_towards_the_cache(network: Any, spare: int) -> None:
    """The encodings of all three frames fit; with the memories, they fit if there is room."""
    movie = scene(3, reach=2)
    size = network.image_size
    windows = [len(movie.plan.needed(t)) for t in range(3)]
    with torch.inference_mode():
        encodings = sum(encode(network, torch.zeros(n, size, size)).nbytes for n in windows)
    engine = movie.engine(network, cache_bytes=encodings + spare)
    answers(engine, movie, [(0, 1), (1, 2), (0, 2)])
    assert (engine.counters.encoder_windows_again == 0) is (spare > 0)


def test_another_region_under_a_known_label_is_remembered_anew(network: Any, short: Scene) -> None:
    whole = short.regions(0)
    upper = {i: Region(r.mask[: len(r.mask) // 2], r.corner) for i, r in whole.items()}
    engine = short.engine(network)
    first = engine.propagate(0, whole, 1)
    assert engine.propagate(0, upper, 1) == short.engine(network).propagate(0, upper, 1) != first


def test_a_part_of_the_regions_is_answered_as_if_it_were_asked_first(
    network: Any, short: Scene
) -> None:
    some = dict(list(short.regions(0).items())[1:3])
    engine = short.engine(network)
    engine.propagate(0, short.regions(0), 1)
    assert engine.propagate(0, some, 1) == short.engine(network).propagate(0, some, 1)


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_batch_sizes_do_not_change_the_masks(
    network: Any, short: Scene, usual: Answers, batch: int
) -> None:
    other = answers(short.engine(network, window_batch=batch, object_batch=batch), short)
    assert all(nearly_same(usual[key].region, other[key].region) for key in usual)


# Little memory, little to do, and mistakes


@pytest.mark.parametrize("step", ["image_encoder.trunk", "memory_encoder", "memory_attention.norm"])
def test_out_of_memory_halves_the_batch_and_goes_on(
    network: Any, short: Scene, usual: Answers, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    memory_fails_once(network, step, monkeypatch)
    engine = short.engine(network)
    halved = answers(engine, short)
    assert engine.counters.halved_batches == 1
    assert engine.counters.encoder_windows_again == 0
    assert all(nearly_same(usual[key].region, halved[key].region) for key in usual)


def test_a_frame_without_regions_is_not_looked_at(network: Any, short: Scene) -> None:
    engine = short.engine(network)
    assert engine.propagate(0, {}, 1) == {}
    assert engine.counters.encoder_windows == 0


def test_regions_are_followed_into_a_frame_without_any(
    network: Any, short: Scene, usual: Answers
) -> None:
    boxes = {0: short.plan.boxes[0]}
    empty = replace(short, plan=replace(short.plan, boxes=boxes))
    found = answers(empty.engine(network), empty, [(0, 1)])
    assert found.keys() == {key for key in usual if key[0] == 0}
    assert all(nearly_same(usual[key].region, found[key].region) for key in found)


def test_masks_of_cells_that_are_gone_are_emptied_only_if_gated(short: Scene) -> None:
    network = load_sam2(COMPACT, "cpu")
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.sub_(1000.0)
    gated = answers(short.engine(network, gated=True), short)
    free = answers(short.engine(network), short)
    assert all(found.object_score < 0 for found in [*gated.values(), *free.values()])
    assert all(found.region.size == 0 for found in gated.values())
    assert any(found.region.size > 0 for found in free.values())


def test_gating_leaves_cells_that_are_there_alone(
    network: Any, short: Scene, usual: Answers
) -> None:
    gated = answers(short.engine(network, gated=True), short)
    there = [key for key in usual if usual[key].object_score > 0]
    assert len(there) > 3
    assert all(usual[key] == gated[key] for key in there)


def test_frames_out_of_reach_of_the_windows_are_refused(network: Any) -> None:
    movie = scene(3, reach=1)
    with pytest.raises(ValueError, match="reach 1 frames"):
        movie.engine(network).propagate(0, movie.regions(0), 2)


def test_a_prompt_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="prompt is 'box'"):
        EngineSettings(prompt="box")


# On a CUDA device


@pytest.mark.gpu
@pytest.mark.parametrize("prompt", ["mask", "points"])
def test_cuda_answers_as_the_package_does(monkeypatch: pytest.MonkeyPatch, prompt: str) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    movie, network = scene(4), load_sam2(COMPACT, "cuda")
    ours = answers(
        movie.engine(network, device="cuda", bf16=False, gated=True, prompt=prompt), movie
    )
    theirs = judged(PackagePredictor(COMPACT, network, "cuda"), movie, prompt)
    assert_as_the_package(ours, theirs)


@pytest.mark.gpu
def test_bfloat16_on_cuda_finds_nearly_the_masks_of_the_cpu(network: Any) -> None:
    movie = scene(4)
    cpu = answers(movie.engine(network), movie)
    cuda = answers(movie.engine(load_sam2(COMPACT, "cuda"), device="cuda"), movie)
    there = [key for key in cpu if cpu[key].object_score > 0]
    assert np.mean([iou(cpu[key].region, cuda[key].region) for key in there]) >= 0.95
