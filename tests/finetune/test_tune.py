"""Fine-tuning: what is shown when, that it learns, survives a kill, and ends in usable weights."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scenes.commands import Outcome, finished, sam4ct, start
from scenes.finetune_scene import SPACING, add_tiny_weights, labelled, write_annotated

from sam4ct.errors import WorkError
from sam4ct.finetune.loop.curve import Row
from sam4ct.finetune.loop.processes import Processes
from sam4ct.finetune.loop.trainer import Trainer, half_precision
from sam4ct.finetune.patches.files import FOLDER, INDEX, Patch, read_index
from sam4ct.finetune.tune.data import Patches
from sam4ct.finetune.tune.epochs import Epochs, Tuning
from sam4ct.finetune.tune.run import Product, tune
from sam4ct.models.sam_med3d.crops import normalised
from sam4ct.models.weights.load import load_sam_med3d
from sam4ct.models.weights.manifest import MANIFEST, load_manifest, read_manifest
from sam4ct.models.weights.verify import choose, verified

SETTINGS = Tuning(epochs=2, batch=2, rounds=2, learning_rate=1e-3)
SIZE = 24
OPTIONS = ["--epochs", 2, "--batch", 2, "--rounds", 2, "--lr", 1e-3, "--device", "cpu"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny weights and the patches of four annotated frames."""
    root = tmp_path_factory.mktemp("scene")
    add_tiny_weights(root / "weights")
    images, masks = write_annotated(root / "data", {t: labelled() for t in (0, 2, 3, 5)})
    listing = f"[[dataset]]\nimages = '{images}'\nmasks = '{masks}'\nspacing_um = {list(SPACING)}\n"
    (root / "data.toml").write_text(listing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAM4CT_WEIGHTS", str(root / "weights"))
        made = sam4ct(
            "finetune", "prepare", root / "data.toml", root / "patches", "--weights", "tiny"
        )
    assert made.status == 0, made.err
    assert made.out == f"{root / 'patches'}: 9 patches for training, 3 for validation\n"
    return root


@pytest.fixture(autouse=True)
def own_weights(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test enters what it trains into a weights folder of its own."""
    shutil.copytree(scene / "weights", tmp_path / "weights")
    monkeypatch.setenv("SAM4CT_WEIGHTS", str(tmp_path / "weights"))


def arguments(scene: Path, out: Path, *more: object) -> list[object]:
    return ["finetune", "train", scene / "patches", out, "--name", "mine", *OPTIONS, *more]


def train(scene: Path, out: Path, *more: object) -> Outcome:
    return sam4ct(*arguments(scene, out, *more))


def results(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("curve.csv", "mine.safetensors")}


@pytest.fixture(scope="module")
def whole(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted fine-tuning."""
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAM4CT_WEIGHTS", str(scene / "weights"))
        ran = train(scene, out / "out", "--manifest", out / MANIFEST)
    assert ran.status == 0, ran.err
    return out / "out"


def trainer_of(scene: Path, processes: int = 1) -> Trainer:
    """A trainer of the tiny network, in this process."""
    weights = read_manifest(scene / "weights" / MANIFEST).get("tiny")
    here = Processes(0, processes, torch.device("cpu"))
    network = load_sam_med3d(weights, "cpu")
    return Trainer(network, {}, scene / "mine.safetensors", here, weight_decay=0.01)


def after(scene: Path, settings: Tuning, epochs: int) -> Trainer:
    """The trainer after so many epochs; no file is written."""
    trainer = trainer_of(scene)
    run = Epochs(trainer, scene / "patches", read_index(scene / "patches"), settings)
    for _ in range(1 + epochs):
        trainer.curve.append(run.row())
    return trainer


# What is shown


def shown(
    scene: Path, moved_by: tuple[int, int] | None
) -> list[tuple[int, torch.Tensor, torch.Tensor]]:
    data = Patches(scene / "patches", read_index(scene / "patches").of("training"), SIZE, moved_by)
    return [data[item] for item in range(len(data))]


def test_an_example_depends_on_seed_epoch_and_patch_alone(scene: Path) -> None:
    once, again, later, other = (shown(scene, by) for by in ((1, 3), (1, 3), (1, 4), (2, 3)))
    for a, b, c, d in zip(once, again, later, other, strict=True):
        assert torch.equal(a[1], b[1])
        assert torch.equal(a[2], b[2])
        assert not torch.equal(a[1], c[1])
        assert not torch.equal(a[1], d[1])


def test_image_and_mask_are_moved_together(scene: Path) -> None:
    for _, image, mask in (e for epoch in range(5) for e in shown(scene, (1, epoch))):
        assert image.shape == mask.shape == (SIZE,) * 3
        halfway = (image.min() + image.max()) / 2
        assert (image[mask] > halfway).float().mean() > 0.8


def test_moves_reach_every_side_and_are_not_needed_in_validation(scene: Path) -> None:
    centres = [
        torch.nonzero(mask).float().mean(0) for e in range(6) for _, _, mask in shown(scene, (1, e))
    ]
    spread = torch.stack(centres)
    assert (spread.amin(0) < SIZE / 2 - 2).all()
    assert (spread.amax(0) > SIZE / 2 + 1).all()
    for _, _, mask in shown(scene, None):
        assert (torch.nonzero(mask).float().mean(0) - SIZE / 2).abs().max() < 1


def test_batches_are_normalised_as_in_a_run(scene: Path) -> None:
    data = Patches(scene / "patches", read_index(scene / "patches").of("training"), SIZE)
    (batch,) = data.batches([[2, 0]], workers=0)
    assert batch.items == (2, 0)
    assert torch.equal(batch.images, normalised(torch.stack([data[2][1], data[0][1]])))
    assert batch.masks.shape == (2, 1, SIZE, SIZE, SIZE)


def test_an_epoch_shows_every_patch_once(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    batches = Patches.batches

    def noted(self: Patches, parts: Sequence[list[int]], workers: int) -> object:
        seen.extend(item for part in parts for item in part)
        return batches(self, parts, workers)

    monkeypatch.setattr(Patches, "batches", noted)
    monkeypatch.setattr(Epochs, "validate", lambda self: 0.0)
    after(scene, replace(SETTINGS, batch=2, accumulate=2), epochs=1)
    assert sorted(seen) == list(range(9))


# How it learns


def test_the_rate_rises_and_falls_as_a_cosine() -> None:
    settings = Tuning(learning_rate=1.0, warmup=0.1)
    rates = [settings.rate(step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.5)
    assert rates[-1] < 0.001


def test_loss_falls_and_validation_dice_rises(scene: Path) -> None:
    run = after(scene, replace(SETTINGS, epochs=8, batch=3, learning_rate=3e-3), epochs=8)
    assert run.curve[8]["loss"] < 0.9 * run.curve[1]["loss"]  # type: ignore[operator]
    best = max(row["validation_dice"] for row in run.curve)  # type: ignore[type-var]
    assert best > run.curve[0]["validation_dice"] + 0.1  # type: ignore[operator]


def test_every_patch_of_a_step_weighs_the_same_however_it_is_cut_into_parts(scene: Path) -> None:
    gradients = []
    for batch, accumulate in ((6, 1), (2, 3)):  # a step of nine: 6 + 3 and 2 + 2 + 2 + 2 + 1
        with pytest.MonkeyPatch.context() as patch:  # clicks are drawn part by part
            patch.setattr("sam4ct.finetune.clicks._drawn_inside", lambda rng, goal: np.full(3, 12))
            patch.setattr(Epochs, "validate", lambda self: 0.0)
            run = after(scene, Tuning(batch=batch, accumulate=accumulate, rounds=1), epochs=1)
        there = [p.grad for p in run.network.parameters() if p.grad is not None]
        gradients.append(torch.cat([gradient.flatten() for gradient in there]))
    assert gradients[0].norm() > 0.1
    assert (gradients[0] - gradients[1]).norm() < 1e-3 * gradients[0].norm()


def test_fewer_patches_than_processes_are_refused(scene: Path) -> None:
    index = read_index(scene / "patches")
    with pytest.raises(WorkError, match="3 processes cannot share a step of 2 patches"):
        Epochs(trainer_of(scene, processes=3), scene / "patches", index, SETTINGS)


# What it leaves


def test_a_training_leaves_weights_curves_and_a_checkpoint(whole: Path) -> None:
    assert {p.name for p in whole.iterdir()} == {
        "mine.safetensors", "curve.csv", "curve.png", "checkpoint.pt", "lock", "lock.guard",
    }  # fmt: skip
    with (whole / "curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert rows[0]["loss"] == ""
    assert all(0 <= float(row["validation_dice"]) <= 1 for row in rows)
    assert (whole / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_the_weights_are_entered_and_can_be_loaded_and_tuned_again(
    scene: Path, whole: Path, tmp_path: Path
) -> None:
    entry = read_manifest(whole.parent / MANIFEST).get("mine")
    tiny = read_manifest(scene / "weights" / MANIFEST).get("tiny")
    assert (entry.role, entry.source, entry.default_on) == ("sam_med3d", "local", None)
    assert (entry.overrides, entry.image_size) == (tiny.overrides, tiny.image_size)
    assert entry.window_diameters == tiny.window_diameters
    kept = load_file(whole / "mine.safetensors")
    network = load_sam_med3d(entry, "cpu")
    assert all(torch.equal(v.float(), kept[k].float()) for k, v in network.state_dict().items())
    assert entry.folder is not None
    product = Product(name="further", manifest=tmp_path / "m" / MANIFEST)
    tune(scene / "patches", tmp_path / "m", entry, product, replace(SETTINGS, epochs=1), "cpu")
    assert read_manifest(product.manifest).get("further")


def test_the_best_epoch_is_kept(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.1, 0.6, 0.3])
    monkeypatch.setattr(Epochs, "validate", lambda self: next(scores))
    states = []
    keep = Trainer.keep

    def noted(self: Trainer, row: Row, *, weights: bool = True) -> None:
        states.append(half_precision(self.network))
        keep(self, row, weights=weights)

    monkeypatch.setattr(Trainer, "keep", noted)
    assert train(scene, tmp_path / "out").status == 0
    assert (tmp_path / "out" / "mine.safetensors").read_bytes() == states[1]


def test_weights_that_never_get_better_are_kept_and_it_is_said(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Epochs, "validate", lambda self: 0.5)
    assert train(scene, tmp_path / "out").status == 0
    before = load_file(tmp_path / "weights" / "tiny.safetensors")
    kept = load_file(tmp_path / "out" / "mine.safetensors")
    assert all(torch.equal(kept[name], before[name].half()) for name in before)
    assert "No epoch was better" in caplog.text


# How it goes on


def test_the_same_command_gives_the_same_curve_and_weights(
    scene: Path, whole: Path, tmp_path: Path
) -> None:
    assert train(scene, tmp_path / "out").status == 0
    assert results(tmp_path / "out") == results(whole)


class Killed(BaseException):
    """Ends a training as a signal would: nothing catches it."""


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    scene: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    keep = Trainer.keep

    def dies(self: Trainer, row: Row, *, weights: bool = True) -> None:
        if row["epoch"] == epoch:
            raise Killed
        keep(self, row, weights=weights)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "keep", dies)
        with pytest.raises(Killed):
            train(scene, tmp_path / "out")
    assert train(scene, tmp_path / "out").status == 0
    assert results(tmp_path / "out") == results(whole)


@pytest.mark.slow
def test_sigterm_ends_a_training_with_75_and_the_same_command_goes_on(
    scene: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(*arguments(scene, out))
    while not (out / "checkpoint.pt").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert finished(process).status == 75
    assert len((out / "curve.csv").read_text().splitlines()) < 4
    assert train(scene, out).status == 0
    assert results(out) == results(whole)


def test_run_finds_the_new_weights_by_their_name(scene: Path, tmp_path: Path) -> None:
    assert train(scene, tmp_path / "out").status == 0
    chosen = choose(load_manifest(), ["mine"], cuda=False)["sam_med3d"]
    assert verified(chosen) == tmp_path / "weights" / "mine.safetensors"


def test_a_finished_training_is_not_trained_on(scene: Path, tmp_path: Path) -> None:
    assert train(scene, tmp_path / "out").status == 0
    before = results(tmp_path / "out")
    ran = train(scene, tmp_path / "out")
    assert (ran.status, results(tmp_path / "out")) == (0, before)


@pytest.mark.slow
def test_two_processes_learn_the_same_weights_together(scene: Path, tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(TWO)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--standalone",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    tell = [str(script), *map(str, arguments(scene, tmp_path / "out", "--accumulate", 2))]
    ran = subprocess.run([*command, *tell], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert ran.stdout.count("listed in") == 1
    alone = train(scene, tmp_path / "alone", "--name", "alone", "--accumulate", 2)
    assert alone.status == 0, alone.err
    together, one = (
        (tmp_path / f / "curve.csv").read_text().splitlines() for f in ("out", "alone")
    )
    assert len(together) == len(one) == 4
    assert together[1] == one[1]


TWO = """
import os, sys
from pathlib import Path
import torch
from sam4ct.cli import main
from sam4ct.finetune.loop.trainer import Trainer

init = Trainer.__init__
runs = []

def noted(self, *args, **more):
    runs.append(self)
    init(self, *args, **more)

Trainer.__init__ = noted
try:
    main()
finally:
    rank = os.environ["RANK"]
    torch.save(runs[0].network.state_dict(), Path(__file__).parent / f"{rank}.pt")
"""


# What is refused

Spoil = Callable[[Path, Path], list[object]]
"""Changes something about a finished training; returns other options."""


def other_settings(scene: Path, out: Path) -> list[object]:
    return ["--rounds", 3]


def other_weights(scene: Path, out: Path) -> list[object]:
    add_tiny_weights(Path(os.environ["SAM4CT_WEIGHTS"]), "wide", window_diameters=5.0)
    return ["--weights", "wide"]


def of_another_role(scene: Path, out: Path) -> list[object]:
    return ["--weights", "compact-sam2"]


def taken_name(scene: Path, out: Path) -> list[object]:
    return ["--name", "compact-sam2"]


def same_name(scene: Path, out: Path) -> list[object]:
    return ["--name", "tiny"]


def no_name(scene: Path, out: Path) -> list[object]:
    return ["--name", "my weights"]


def other_name(scene: Path, out: Path) -> list[object]:
    return ["--name", "yours"]


def damaged_checkpoint(scene: Path, out: Path) -> list[object]:
    (out / "checkpoint.pt").write_bytes(b"half")
    return []


def scrambled_checkpoint(scene: Path, out: Path) -> list[object]:
    # A pickle of an older protocol than torch writes: torch has a number to say, no word.
    (out / "checkpoint.pt").write_bytes(b"\x80\x02h\x07.")
    return []


def checkpoint_of_others(scene: Path, out: Path) -> list[object]:
    torch.save({"network": {}, "step": 3}, out / "checkpoint.pt")
    return []


def checkpoint_of_a_tensor(scene: Path, out: Path) -> list[object]:
    torch.save(torch.zeros(3), out / "checkpoint.pt")
    return []


def other_patches(scene: Path, out: Path) -> list[object]:
    shutil.copytree(scene / "patches", out.parent / "patches")
    index = json.loads((out.parent / "patches" / INDEX).read_text())
    (out.parent / "patches" / INDEX).write_text(json.dumps({**index, "seed": 2}))
    return []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other_settings, "checkpoint.pt: was begun with other rounds"),
        (other_weights, "was cut for 'tiny', whose crops are others than those of 'wide'"),
        (of_another_role, "'compact-sam2' are of role sam2. Choose some of role sam_med3d"),
        (taken_name, "'compact-sam2' are listed already. Give another --name"),
        (same_name, "--name tiny: are the weights to begin with"),
        (no_name, "name is 'my weights'. Give letters"),
        (other_name, "checkpoint.pt: was begun with other name"),
        (damaged_checkpoint, "checkpoint.pt: is damaged"),
        (scrambled_checkpoint, "checkpoint.pt: is damaged, or is no checkpoint. Remove it"),
        (checkpoint_of_others, "checkpoint.pt: is the checkpoint of another command"),
        (checkpoint_of_a_tensor, "checkpoint.pt: is the checkpoint of another command"),
        (other_patches, "checkpoint.pt: was begun with other patches"),
    ],
)
def test_what_cannot_go_on_is_refused(
    scene: Path, whole: Path, tmp_path: Path, spoil: Spoil, message: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    options = spoil(scene, out)
    patches = tmp_path / "patches" if (tmp_path / "patches").exists() else scene / "patches"
    ran = sam4ct("finetune", "train", patches, out, "--name", "mine", *OPTIONS, *options)
    assert ran.status == 2
    assert message in ran.err
    assert (out / "mine.safetensors").read_bytes() == (whole / "mine.safetensors").read_bytes()


def test_a_missing_patch_is_named(scene: Path, tmp_path: Path) -> None:
    shutil.copytree(scene / "patches", tmp_path / "patches")
    patch: Patch = read_index(tmp_path / "patches").patches[0]
    (tmp_path / "patches" / FOLDER / patch.file).unlink()
    ran = sam4ct("finetune", "train", tmp_path / "patches", tmp_path / "o", "--name", "x", *OPTIONS)
    assert ran.status == 2
    assert patch.file in ran.err
