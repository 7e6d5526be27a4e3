"""`sam4ct train-compact`: make the included network again, on simulated cells alone."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("train-compact")
def train_compact() -> None:
    """Train the compact networks on simulated cells."""


@train_compact.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--steps", type=click.IntRange(min=1), default=40000, show_default=True)
@click.option(
    "--decay",
    type=click.IntRange(min=0),
    default=10000,
    show_default=True,
    help="Last steps, over which the learning rate falls to zero.",
)
@click.option("--pairs", type=click.IntRange(min=1), default=4, show_default=True,
              help="Frame pairs per step.")  # fmt: skip
@click.option("--objects", type=click.IntRange(min=1), default=4, show_default=True,
              help="Prompts per pair and direction.")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True,
              help="Processes that simulate.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]")
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
