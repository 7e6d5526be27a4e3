"""`sam4ct train-compact`: make the included network again, on simulated cells alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from sam4ct.cli.options import DEVICE, FOLDER, Command


def _count(name: str, default: int, text: str, *, least: int = 0) -> Callable[[Command], Command]:
    """An option for a whole number that shows its default."""
    kind = click.IntRange(min=least)
    return click.option(name, type=kind, default=default, show_default=True, help=text)


@click.group("train-compact")
def train_compact() -> None:
    """Train the compact networks on simulated cells."""


@train_compact.command()
@click.argument("out", type=FOLDER)
@_count("--steps", 40000, "Frame pairs are drawn anew in each.", least=1)
@_count("--decay", 10000, "Last steps, over which the learning rate falls to zero.")
@_count("--pairs", 4, "Frame pairs per step.", least=1)
@_count("--objects", 4, "Prompts per pair and direction.", least=1)
@_count("--workers", 1, "Processes that simulate.")
@_count("--seed", 1, "Of the simulation and of the first weights.")
@DEVICE
@click.option(
    "--start-from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Begin with these weights (safetensors) of the same architecture.",
)
def sam2(
    out: Path,
    steps: int,
    decay: int,
    pairs: int,
    objects: int,
    workers: int,
    seed: int,
    device: str,
    start_from: Path | None,
) -> None:
    """Train the compact SAM 2 into OUT; the same command continues a training.

    Writes weights.safetensors, curve.csv and checkpoint.pt.
    """
    from sam4ct.finetune.compact_sam2 import Training, train_compact_sam2
    from sam4ct.models.device import choose_device
    from sam4ct.models.weights import load_manifest

    entry = load_manifest().get("compact-sam2")
    settings = Training(
        steps=steps, decay=decay, pairs=pairs, objects=objects, workers=workers, seed=seed
    )
    train_compact_sam2(
        entry.config, entry.overrides, settings, out, choose_device(device), start_from
    )
    click.echo(f"{out / 'weights.safetensors'}: written")
