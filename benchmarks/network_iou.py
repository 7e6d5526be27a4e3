"""How well weights of the compact SAM 2 find cells again: on laws trained on, and on others.

One row a kind of movie, as sam4ct/finetune/compact/laws.py names them: "first" and "wider" are
trained on, with other seeds; "held out" never. `--each` gives every law a row of its own.

    python benchmarks/network_iou.py sam4ct/weights/compact_sam2.safetensors OTHER.safetensors
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from sam4ct.finetune.compact.laws import EXAMPLES, HELD_OUT, TRAINED
from sam4ct.finetune.compact.sam2_batches import Batch, collate
from sam4ct.finetune.compact.sam2_examples import Law, draw_pairs
from sam4ct.finetune.compact.sam2_loss import validate
from sam4ct.finetune.loop.training import VALIDATION_SEED
from sam4ct.models.sam2.network import build_network
from sam4ct.models.weights.load import read_state
from sam4ct.models.weights.manifest import load_manifest

OBJECTS = 4
"""Prompts per movie and direction of time, as in training."""


def batches(draw: Law, *, turn: bool, movies: int, size: int) -> Iterator[Batch]:
    """Yield the validation movies of a law, always the same."""
    for number in range(movies):
        rng = np.random.default_rng([VALIDATION_SEED, number])
        yield collate([draw_pairs(rng, size, OBJECTS, draw, turn=turn)])


def network(weights: Path) -> torch.nn.Module:
    """Return the compact SAM 2 with weights from a file."""
    entry = load_manifest().get("compact-sam2")
    built: torch.nn.Module = build_network(entry.config, entry.overrides)
    built.load_state_dict(read_state(weights, "sam2"))
    return built


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, nargs="+", help="Safetensors of the compact SAM 2.")
    parser.add_argument("--movies", type=int, default=64, help="Of each kind.")
    parser.add_argument("--each", action="store_true", help="A row for every law.")
    arguments = parser.parse_args()
    kinds = dict(EXAMPLES)
    del kinds["mixed"]
    if arguments.each:
        laws = {**TRAINED, **HELD_OUT}
        kinds |= {name: (law, True) for name, (_, law) in laws.items()}
    networks = [network(path) for path in arguments.weights]
    size = int(load_manifest().get("compact-sam2").overrides["image_size"])
    heads = [f"{path} | object score" for path in arguments.weights]
    print(f"| movies | mask left where it was | {' | '.join(heads)} |")
    print(f"|---|---|{'---|---|' * len(networks)}")
    for kind, (draw, turn) in kinds.items():
        movies = list(batches(draw, turn=turn, movies=arguments.movies, size=size))
        rows = [validate(each, movies) for each in networks]
        figures = [f"{row['iou']:.3f} | {row['score_accuracy']:.3f}" for row in rows]
        print(f"| {kind} | {rows[0]['stay_iou']:.3f} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
