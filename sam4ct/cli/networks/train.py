"""`sam4ct train-compact`: train the included networks again, on simulated cells alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sam4ct.cli.options import AT_LEAST_0, DEVICE, FOLDER, Command, setting

if TYPE_CHECKING:
    from sam4ct.finetune.loop.training import Schedule, Task


@click.group("train-compact")
def train_compact() -> None:
    """Train the compact networks on simulated cells."""


def _common(command: Command) -> Command:
    """Options of both trainings."""
    start = click.option(
        "--start-from",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Begin with these weights (safetensors) of the same architecture.",
    )
    for option in (
        start,
        DEVICE,
        setting("--seed", 1, "Seed of the simulation and of the first weights.", AT_LEAST_0),
        setting("--workers", 1, "Number of processes that simulate.", AT_LEAST_0),
    ):
        command = option(command)
    return command


@train_compact.command()
@click.argument("out", type=FOLDER)
@setting("--steps", 40000, "Training steps, each with new frame pairs.")
@setting(
    "--decay", 10000, "Number of last steps over which the learning rate falls to zero.", AT_LEAST_0
)
@setting("--pairs", 4, "Frame pairs per step.")
@setting("--objects", 4, "Prompts per pair and direction.")
@_common
def sam2(out: Path, device: str, start_from: Path | None, **numbers: Any) -> None:
    """Train the compact SAM 2; the same command continues a stopped training.

    Writes weights.safetensors, curve.csv and checkpoint.pt to OUT.
    """
    from sam4ct.finetune.compact.sam2 import PairTask, Training
    from sam4ct.models.weights.manifest import load_manifest

    entry = load_manifest().get("compact-sam2")
    settings = Training(**numbers)
    task = PairTask(entry.config, entry.overrides, settings)
    _train(task, settings, out, device, start_from)


@train_compact.command("sam-med3d")
@click.argument("out", type=FOLDER)
@setting("--steps", 20000, "Training steps, each with new volumes.")
@setting(
    "--decay", 5000, "Number of last steps over which the learning rate falls to zero.", AT_LEAST_0
)
@setting("--volumes", 2, "Simulated volumes per step.")
@setting("--crops", 4, "Crops per volume.")
@setting("--objects", 3, "Objects that are clicked on in each crop.")
@setting("--rounds", 2, "Clicks per object, in every fourth step.")
@_common
def sam_med3d(out: Path, device: str, start_from: Path | None, **numbers: int) -> None:
    """Train the compact SAM-Med3D; the same command continues a stopped training.

    Writes weights.safetensors, curve.csv and checkpoint.pt to OUT.
    """
    from sam4ct.finetune.compact.sam_med3d import ClickTask, Training
    from sam4ct.models.weights.manifest import load_manifest

    entry = load_manifest().get("compact-sam-med3d")
    settings = Training(**numbers)
    task = ClickTask(entry.overrides, entry.window_diameters, settings)
    _train(task, settings, out, device, start_from)


def _train(task: Task, schedule: Schedule, out: Path, device: str, start_from: Path | None) -> None:
    from sam4ct.finetune.loop.training import train_compact as train
    from sam4ct.models.device import choose_device

    train(task, schedule, out, choose_device(device), start_from)
    click.echo(f"{out / 'weights.safetensors'}: written")
