"""Training of the compact SAM-Med3D: what it reports, and that it survives a kill."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from scenes.finetune_scene import dying_in

from sam4ct.errors import WorkError
from sam4ct.finetune.clicks import dice
from sam4ct.finetune.compact.sam_med3d import ClickTask, Training
from sam4ct.finetune.loop.training import train_compact
from sam4ct.models.sam_med3d.network import build_sam_med3d
from sam4ct.models.weights.load import load_sam_med3d
from sam4ct.models.weights.manifest import load_manifest

SIZES = {
    "encoder_embed_dim": 24,
    "encoder_depth": 1,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [0],
    "prompt_embed_dim": 48,
    "image_size": 16,
    "vit_patch_size": 8,
}
SETTINGS = Training(
    steps=4, warmup=2, decay=2, volumes=1, crops=2, every=2, validation=3, workers=0, ema=0.5
)


def train(folder: Path) -> list[dict[str, str]]:
    """Train a tiny network, and return its curve without the times."""
    train_compact(ClickTask(SIZES, 2.5, SETTINGS), SETTINGS, folder, "cpu")
    with (folder / "curve.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]]]:
    """The folder of an uninterrupted training, and its curve."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, train(folder)


def test_the_curve_has_dice_of_cells_and_clicks_refused(
    whole: tuple[Path, list[dict[str, str]]],
) -> None:
    _, curve = whole
    assert list(curve[0]) == ["step", "loss", "train_dice", "dice", "refused"]
    assert [row["step"] for row in curve] == ["2", "4"]
    assert all(0 <= float(row[key]) <= 1 for row in curve for key in ("dice", "refused"))


def test_the_weights_are_those_of_the_network_in_half_precision(
    whole: tuple[Path, list[dict[str, str]]],
) -> None:
    kept = load_file(whole[0] / "weights.safetensors")
    assert {v.dtype for v in kept.values()} == {torch.float16}
    build_sam_med3d(SIZES).load_state_dict({k: v.float() for k, v in kept.items()})


@pytest.mark.parametrize("step", [1, 3])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    whole: tuple[Path, list[dict[str, str]]],
    tmp_path: Path,
    step: int,
) -> None:
    with dying_in(step):
        train(tmp_path)
    folder, curve = whole
    assert train(tmp_path) == curve
    mine, same = (load_file(f / "weights.safetensors") for f in (tmp_path, folder))
    assert all(torch.equal(mine[name], same[name]) for name in same)


@pytest.mark.parametrize(
    ("task", "settings", "other"),
    [
        (ClickTask(SIZES, 2.5, SETTINGS), replace(SETTINGS, seed=2), "seed"),
        (ClickTask(SIZES, 2.5, SETTINGS), replace(SETTINGS, crops=3, volumes=2), "crops, volumes"),
        (ClickTask(SIZES | {"encoder_embed_dim": 48}, 2.5, SETTINGS), SETTINGS, "overrides"),
        (ClickTask(SIZES, 3.0, SETTINGS), SETTINGS, "window_diameters"),
    ],
)
def test_a_training_goes_on_with_what_it_was_begun_with_alone(
    whole: tuple[Path, list[dict[str, str]]], task: ClickTask, settings: Training, other: str
) -> None:
    with pytest.raises(WorkError, match=f"checkpoint.pt: was begun with other {other}. Give"):
        train_compact(task, settings, whole[0], "cpu")


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def of_another_program(path: Path) -> None:
    torch.save({"state_dict": {}}, path)


@pytest.mark.parametrize(
    ("spoil", "message"), [(damaged, "is damaged"), (of_another_program, "of another command")]
)
def test_what_is_no_checkpoint_of_a_training_is_refused(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"network": {"weight": torch.zeros(999)}}, path)
    spoil(path)
    with pytest.raises(WorkError, match=message):
        train_compact(ClickTask(SIZES, 2.5, SETTINGS), SETTINGS, tmp_path, "cpu")


def test_the_included_network_does_better_than_a_ball_of_the_usual_size() -> None:
    entry = load_manifest().get("compact-sam-med3d")
    settings = Training(validation=6, crops=2, objects=1)
    task = ClickTask(entry.overrides, entry.window_diameters, settings)
    assert entry.window_diameters is not None
    size = entry.image_size
    axes = torch.meshgrid(*[torch.arange(size) - size // 2] * 3, indexing="ij")
    ball = torch.stack(axes).square().sum(0).sqrt() <= size / entry.window_diameters / 2
    masks = torch.cat([crops.masks for crops in task._fixed])
    cells = masks[masks.flatten(1).any(1)]
    guessed = float(dice(ball.expand_as(cells), cells).mean())
    found = task.validate(load_sam_med3d(entry, "cpu"))["dice"]
    assert found > guessed + 0.1


def test_training_never_sees_the_validation_volumes() -> None:
    task = ClickTask(SIZES, 2.5, SETTINGS)
    (shown,) = task.batches(0, 1)
    assert not torch.equal(shown.images, task._fixed[0].images)
