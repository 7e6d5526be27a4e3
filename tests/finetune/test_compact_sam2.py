"""Training of the compact network: what it sees and learns, and that it survives a kill."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scenes.finetune_scene import dying_in

from sam4ct.errors import WeightsError
from sam4ct.finetune.compact.sam2 import PairTask, Training
from sam4ct.finetune.compact.sam2_batches import collate, simulated_pairs
from sam4ct.finetune.compact.sam2_examples import MIN_PIXELS, Pair, damaged, draw_pairs
from sam4ct.finetune.compact.sam2_loss import loss, predict, present_ious, validate
from sam4ct.finetune.loop.training import begun, train_compact
from sam4ct.models.sam2.network import build_network
from sam4ct.models.weights.load import load_sam2
from sam4ct.models.weights.manifest import load_manifest

COMPACT = load_manifest().get("compact-sam2")
SIZE = 64
OVERRIDES = {
    **COMPACT.overrides,
    "image_size": SIZE,
    "image_encoder.trunk.stages": [1, 1, 2, 1],
    "image_encoder.trunk.global_att_blocks": [3],
    "memory_attention.num_layers": 1,
}
SETTINGS = Training(
    steps=4, warmup=2, decay=2, pairs=1, objects=2, every=2, validation=2, workers=0, ema=0.5
)


def task(settings: Training = SETTINGS) -> PairTask:
    return PairTask(COMPACT.config, OVERRIDES, settings)


def train(
    folder: Path, settings: Training = SETTINGS, start_from: Path | None = None
) -> list[dict[str, str]]:
    """Train a smaller network yet, and return its curve without the times."""
    train_compact(task(settings), settings, folder, "cpu", start_from)
    with (folder / "curve.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted training."""
    folder = tmp_path_factory.mktemp("whole")
    train(folder)
    return folder


# What it is shown


@pytest.fixture(scope="module")
def drawn_pairs() -> list[tuple[Pair, Pair]]:
    return [draw_pairs(np.random.default_rng(seed), SIZE, 3) for seed in range(8)]


def test_windows_lie_between_0_and_1(drawn_pairs: list[tuple[Pair, Pair]]) -> None:
    for pair in (p for both in drawn_pairs for p in both):
        assert pair.windows.shape == (2, SIZE, SIZE)
        assert pair.windows.dtype == np.float32
        assert (pair.windows.min(), pair.windows.max()) == (0.0, 1.0)


def test_both_directions_see_the_same_windows_in_turn(
    drawn_pairs: list[tuple[Pair, Pair]],
) -> None:
    for forward, backward in drawn_pairs:
        assert np.array_equal(forward.windows[::-1], backward.windows)


def test_every_prompt_has_pixels_and_some_objects_are_gone(
    drawn_pairs: list[tuple[Pair, Pair]],
) -> None:
    pairs = [p for both in drawn_pairs for p in both]
    assert all(p.source.shape == p.target.shape == (3, SIZE, SIZE) for p in pairs)
    assert all(p.source.any((1, 2)).all() for p in pairs)
    gone = np.concatenate([~p.target.any((1, 2)) for p in pairs])
    assert 0 < gone.mean() < 0.5


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_prompt_is_still_the_same_object(seed: int) -> None:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[:14, 20:36] = True
    prompt = damaged(np.random.default_rng(seed), mask)
    assert prompt.sum() >= MIN_PIXELS // 2
    assert (prompt & mask).sum() / (prompt | mask).sum() > 0.4
    assert not prompt[SIZE // 2 :].any()


def test_an_example_is_the_same_wherever_a_training_goes_on() -> None:
    whole_set = simulated_pairs(3, 0, 6, SIZE, 2)
    rest = simulated_pairs(3, 4, 2, SIZE, 2)
    for mine, same in zip(rest[1], whole_set[5], strict=True):
        assert np.array_equal(mine.windows, same.windows)
        assert np.array_equal(mine.source, same.source)
    assert not np.array_equal(rest[0][0].windows, rest[1][0].windows)


def test_examples_end() -> None:
    data = simulated_pairs(3, 0, 5, SIZE, 2)
    with pytest.raises(IndexError):
        data[5]
    assert len(list(data.batches(2, 0, collate))) == 2


def test_objects_of_a_batch_point_to_their_own_windows(
    drawn_pairs: list[tuple[Pair, Pair]],
) -> None:
    batch = collate(drawn_pairs[:2])
    assert batch.source.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert batch.target.tolist() == [1, 1, 1, 0, 0, 0, 3, 3, 3, 2, 2, 2]
    assert torch.equal(batch.windows[3], torch.from_numpy(drawn_pairs[1][0].windows[1]))
    assert torch.equal(batch.goals[9:] > 0, torch.from_numpy(drawn_pairs[1][1].target))


# What it learns


def square(side: int) -> torch.Tensor:
    goal = torch.zeros(1, 20, 20)
    goal[:, :side, :side] = 1
    return goal


def test_the_loss_is_least_for_the_goal_and_the_right_score() -> None:
    goal, sure = square(8), torch.tensor([9.0])
    right = loss(goal * 20 - 10, sure, goal)
    assert right < 0.01
    assert loss(square(6) * 20 - 10, sure, goal) > right + 0.1
    assert loss(goal * 20 - 10, -sure, goal) > right + 0.1


def test_the_mask_of_an_object_that_is_gone_costs_nothing() -> None:
    gone = torch.tensor([-9.0])
    assert loss(square(20) * 9, gone, square(0)) == loss(square(0) - 9, gone, square(0)) < 0.01


def test_ious_are_those_of_present_objects() -> None:
    masks = torch.cat([square(4), square(6), square(8)])
    goals = torch.cat([square(8), square(0), square(8)])
    assert present_ious(masks, goals).tolist() == [0.25, 1.0]


def test_loss_falls_on_a_batch_that_is_seen_again_and_again() -> None:
    data = simulated_pairs(1, 0, 1, SIZE, 2)
    batch = collate([data[0]])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(COMPACT.config, OVERRIDES).requires_grad_(True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        value = loss(*predict(network, batch), batch.goals)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(float(value.detach()))
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


def test_the_included_network_does_better_than_staying_put() -> None:
    data = simulated_pairs(2**31, 0, 12, COMPACT.image_size, 3)
    scores = validate(load_sam2(COMPACT, "cpu"), [collate([data[i]]) for i in range(12)])
    assert scores["iou"] > scores["stay_iou"] + 0.1
    assert scores["score_accuracy"] > 0.6


# How it goes on


def test_the_rate_rises_stays_and_falls_to_zero() -> None:
    settings = Training(steps=100, warmup=10, decay=20, learning_rate=1.0)
    rates = [settings.rate(step) for step in range(101)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert set(rates[10:81]) == {1.0}
    assert rates[81:] == pytest.approx(np.arange(19, -1, -1) / 20)


def test_the_rate_may_be_constant() -> None:
    settings = Training(steps=5, warmup=0, decay=0, learning_rate=1.0)
    assert [settings.rate(step) for step in range(5)] == [1.0] * 5


def test_a_training_leaves_a_curve_a_checkpoint_and_half_precision_weights(whole: Path) -> None:
    files = ["checkpoint.pt", "curve.csv", "weights.safetensors"]
    assert sorted(p.name for p in whole.iterdir()) == files
    kept = load_file(whole / "weights.safetensors")
    network = build_network(COMPACT.config, OVERRIDES)
    assert {v.dtype for v in kept.values()} == {torch.float16}
    network.load_state_dict({k: v.float() for k, v in kept.items()})


@pytest.mark.parametrize("step", [1, 3])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    whole: Path, tmp_path: Path, step: int
) -> None:
    with dying_in(step):
        train(tmp_path)
    curve = train(tmp_path)
    assert [row["step"] for row in curve] == ["2", "4"]
    assert curve == train(whole)
    mine, same = (load_file(f / "weights.safetensors") for f in (tmp_path, whole))
    assert all(torch.equal(mine[name], same[name]) for name in same)


def test_a_kill_between_checkpoint_and_curve_loses_no_line(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes((whole / "checkpoint.pt").read_bytes())
    longer = train(tmp_path, replace(SETTINGS, steps=6))
    assert [row["step"] for row in longer] == ["2", "4", "6"]


def test_a_kill_while_the_last_files_are_written_loses_none_of_them(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sam4ct.finetune.loop.trainer.write_table", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(tmp_path, replace(SETTINGS, every=4))
    assert [row["step"] for row in train(tmp_path, replace(SETTINGS, every=4))] == ["4"]
    for name, same in load_file(whole / "weights.safetensors").items():
        assert torch.equal(load_file(tmp_path / "weights.safetensors")[name], same)


def test_a_finished_training_is_not_trained_on(whole: Path) -> None:
    before = (whole / "weights.safetensors").read_bytes()
    train(whole)
    assert (whole / "weights.safetensors").read_bytes() == before


def test_a_training_may_begin_with_given_weights(whole: Path, tmp_path: Path) -> None:
    trainer = begun(task(), SETTINGS, tmp_path, "cpu", whole / "weights.safetensors")
    given = load_file(whole / "weights.safetensors")
    for network in (trainer.network, trainer.mean):
        assert all(torch.equal(v, given[k].float()) for k, v in network.state_dict().items())


def test_a_checkpoint_counts_more_than_weights_to_begin_with(whole: Path) -> None:
    before = (whole / "weights.safetensors").read_bytes()
    nonsense = whole.parent / "nonsense.safetensors"
    save_file({"x": torch.zeros(1)}, nonsense)
    train(whole, start_from=nonsense)
    assert (whole / "weights.safetensors").read_bytes() == before


def damage(path: Path) -> None:
    path.write_bytes(b"no weights")


def replace_tensors(path: Path) -> None:
    save_file({"x": torch.zeros(1)}, path)


@pytest.mark.parametrize("spoil", [damage, replace_tensors])
def test_weights_that_cannot_be_used_are_refused_by_name(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "mine.safetensors"
    spoil(path)
    with pytest.raises(WeightsError, match=r"mine\.safetensors"):
        train(tmp_path / "out", start_from=path)


def test_training_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    begun(task(), SETTINGS, tmp_path, "cpu")
    assert torch.equal(torch.rand(1), expected)
