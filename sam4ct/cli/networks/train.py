"""`sam4ct train-compact`: train the included networks again, on simulated cells alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sam4ct.cli.options import DEVICE, FOLDER, Command, number_option, seed_option

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
        seed_option(1, "Seed of the simulation and of the first weights."),
        number_option("--workers", 1, "Number of processes that simulate."),
    ):
        command = option(command)
    return command


@train_compact.command()
@click.argument("out", type=FOLDER)
@number_option("--steps", 40000, "Training steps, each with new frame pairs.", 1)
@number_option("--decay", 10000, "Number of last steps over which the learning rate falls to zero.")
@number_option("--pairs", 4, "Frame pairs per step.", 1)
@number_option("--objects", 4, "Prompts per pair and direction.", 1)
@_common
def sam2(out: Path, device: str, start_from: Path | None, **numbers: Any) -> None:
    """Train the compact SAM 2; the same command continues a stopped training.

    Writes weights.safetensors, curve.csv and checkpoint.pt to OUT.
    """
    from sam4ct.finetune.compact.sam2 import PairTask, Training
    from sam4ct.models.weights.load import load_manifest

    entry = load_manifest().get("compact-sam2")
    settings = Training(**numbers)
    task = PairTask(entry.config, entry.overrides, settings)
    _train(task, settings, out, device, start_from)


@train_compact.command("sam-med3d")
@click.argument("out", type=FOLDER)
@number_option("--steps", 20000, "Training steps, each with new volumes.", 1)
@number_option("--decay", 5000, "Number of last steps over which the learning rate falls to zero.")
@number_option("--volumes", 2, "Simulated volumes per step.", 1)
@number_option("--crops", 4, "Crops per volume.", 1)
@number_option("--objects", 3, "Objects in each crop that get clicks.", 1)
@number_option("--rounds", 2, "Clicks per object, in every fourth step.", 1)
@_common
def sam_med3d(out: Path, device: str, start_from: Path | None, **numbers: int) -> None:
    """Train the compact SAM-Med3D; the same command continues a stopped training.

    Writes weights.safetensors, curve.csv and checkpoint.pt to OUT.
    """
    from sam4ct.finetune.compact.sam_med3d import ClickTask, Training
    from sam4ct.models.weights.load import load_manifest

    entry = load_manifest().get("compact-sam-med3d")
    settings = Training(**numbers)
    task = ClickTask(entry.overrides, entry.window_diameters, settings)
    _train(task, settings, out, device, start_from)


def _train(task: Task, schedule: Schedule, out: Path, device: str, start_from: Path | None) -> None:
    from sam4ct.finetune.loop.training import train_compact as train
    from sam4ct.models.device import choose_device

    train(task, schedule, out, choose_device(device), start_from)
    click.echo(f"{out / 'weights.safetensors'}: written")
