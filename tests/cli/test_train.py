"""`sam4ct train-compact`: options reach the training of the right network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sam4ct.cli.networks.train import train_compact
from sam4ct.finetune.loop import training


@pytest.mark.parametrize(
    ("network", "role", "own"),
    [
        ("sam2", "sam2", {"pairs": 3, "objects": 5}),
        ("sam-med3d", "sam_med3d", {"volumes": 3, "crops": 5, "objects": 4, "rounds": 3}),
    ],
)
def test_options_reach_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: str, role: str, own: dict[str, int]
) -> None:
    calls = []
    monkeypatch.setattr(training, "train_compact", lambda *given: calls.append(given))
    common = {"steps": 7, "decay": 2, "seed": 9, "workers": 0}
    start = tmp_path / "old.safetensors"
    start.touch()
    options = [f"--{k}={v}" for k, v in {**common, **own, "start-from": start}.items()]
    command = [network, str(tmp_path / "out"), "--device=cpu", *options]
    done = CliRunner().invoke(train_compact, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    task: Any
    ((task, schedule, folder, device, begin),) = calls
    assert task.role == role
    assert {k: getattr(schedule, k) for k in {**common, **own}} == {**common, **own}
    assert (folder, device, begin) == (tmp_path / "out", "cpu", start)
    assert "weights.safetensors: written" in done.output
