"""What a fine-tuning begins and ends with: patches and weights in, weights and an entry out.

Owns the folder of a fine-tuning:

    NAME.safetensors        the best weights so far, 16-bit floats
    curve.csv, curve.png    loss and Dice by epoch
    checkpoint.pt           what the same command goes on from

Every epoch ends with all of them written, the checkpoint last. The training itself
is tuning.py.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sam4ct.errors import WeightsError, WorkError
from sam4ct.finetune.loop.checkpoints import CHECKPOINT, read_checkpoint, write_checkpoint
from sam4ct.finetune.loop.curve import write_picture, write_table
from sam4ct.finetune.loop.processes import Processes, joined
from sam4ct.finetune.patches.files import INDEX, Index, read_index
from sam4ct.finetune.tune.epochs import Run, Tuning
from sam4ct.io.files import FolderLock, remove_leftovers, replacing
from sam4ct.models.weights.add import add
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.load import load_manifest, load_sam_med3d, sha256_of
from sam4ct.runtime import Progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Product:
    """What becomes of the weights."""

    name: str
    """Of their entry, which `run --weights` takes."""
    manifest: Path
    """Gets the entry; the weights are copied beside it."""
    renew: bool = False
    """Replace an entry of that name."""


def tune(
    patches: Path, out: Path, entry: Entry, product: Product, settings: Tuning, device: str
) -> Entry | None:
    """Fine-tune weights on patches, or continue what was begun in the folder.

    Args:
        patches: A folder of `prepare`.
        out: Gets weights, curves and checkpoint; made if missing.
        entry: The weights to begin with, role "sam_med3d".
        product: Name and manifest of the new weights.
        settings: Epochs, batch, rates, seed.
        device: "auto", "cpu", "cuda" or "cuda:N".

    Returns:
        The entry of the new weights, as it is in the manifest; None in all but the
        first of several processes.

    Raises:
        WeightsError: The weights cannot be used, or the name is taken.
        WorkError: The patches are of other weights or damaged, the folder holds
            another training, or the disk refuses.
    """
    index = read_index(patches)
    _refuse_other_crops(patches, index, entry)
    weights = out / f"{product.name}.safetensors"
    planned = _planned(entry, index, product)
    _refuse_taken(product, weights, entry)
    with joined(device) as processes, _alone(out, processes):
        origin = {
            "name": product.name,
            "weights": entry.sha256,
            "patches": sha256_of(patches / INDEX),
            **{key: value for key, value in asdict(settings).items() if key != "workers"},
        }
        if processes.is_first:
            remove_leftovers(out)
        network = load_sam_med3d(entry, processes.device)
        _train(Run(network, patches, index, settings, processes), out, weights, origin, processes)
        return _entered(planned, weights, product) if processes.is_first else None


def _train(
    run: Run, out: Path, weights: Path, origin: Mapping[str, Any], processes: Processes
) -> None:
    """Do the epochs that are left; the first process writes what comes of each."""
    checkpoint, epochs = out / CHECKPOINT, int(origin["epochs"])
    if checkpoint.exists():
        run.restore(read_checkpoint(checkpoint, origin, processes.device))

    def epoch() -> str:
        better = run.epoch()
        if processes.is_first:
            _write(run, out, weights if better else None, checkpoint, origin)
        return f"validation Dice {run.curve[-1]['validation_dice']:.3f}"

    if not run.curve:
        logger.info("before: %s", epoch())
    stream = None if processes.is_first else io.StringIO()
    done = len(run.curve) - 1
    with Progress(epochs, "finetune", "epochs", done=done, stream=stream) as progress:
        while len(run.curve) <= epochs:
            progress.step(note=epoch())
    scores = [row["validation_dice"] or 0.0 for row in run.curve]
    best = scores.index(max(scores))
    logger.info("best: epoch %d, validation Dice %.3f", best, scores[best])
    if best == 0:
        logger.warning("No epoch was better in validation than the weights it began with.")


def _write(
    run: Run, out: Path, weights: Path | None, checkpoint: Path, origin: Mapping[str, Any]
) -> None:
    """Write what an epoch came to. Killed in between, the epoch is done again, and all of it."""
    if weights is not None:
        with replacing(weights) as file:
            file.write(run.weights())
    write_table(out / "curve.csv", run.curve)
    write_picture(out / "curve.png", run.curve)
    write_checkpoint(checkpoint, run.state(), origin)


def _alone(out: Path, processes: Processes) -> AbstractContextManager[object]:
    """Keep other trainings out of a folder; the processes of one have one lock together."""
    return FolderLock.held(out, shared=False) if processes.is_first else nullcontext()


def _refuse_other_crops(patches: Path, index: Index, entry: Entry) -> None:
    theirs = index.image_size, index.window_diameters
    if theirs != (entry.image_size, entry.window_diameters):
        raise WorkError(
            f"{patches}: was cut for {index.weights!r}, whose crops are others than those of"
            f" {entry.name!r}. Name those with --weights, or prepare patches for these."
        )


def _planned(entry: Entry, index: Index, product: Product) -> Entry:
    """The entry of the weights to come, but for their size and hash."""
    count = len(index.of("training"))
    return replace(
        entry,
        name=product.name,
        file=f"{product.name}.safetensors",
        default_on=None,
        note=f"{entry.name}, fine-tuned on {count} patches of {len(index.datasets)} datasets.",
        folder=None,
    )


def _listed(product: Product) -> Entry | None:
    """The entry that has the name already."""
    manifest = load_manifest([product.manifest] if product.manifest.exists() else [])
    return next((e for e in manifest.entries if e.name == product.name), None)


def _refuse_taken(product: Product, weights: Path, entry: Entry) -> None:
    """Refuse a name that is taken now, not after hours; our own weights may have it."""
    listed = _listed(product)
    if product.name == entry.name:
        raise WeightsError(f"--name {product.name}: are the weights to begin with. Give another.")
    ours = listed and weights.exists() and listed.sha256 == sha256_of(weights)
    if listed and not ours and not product.renew:
        raise WeightsError(
            f"weights {product.name!r} are listed already. Give another --name, or add --replace."
        )


def _entered(planned: Entry, weights: Path, product: Product) -> Entry:
    """Enter the weights into the manifest, unless they are there."""
    listed = _listed(product)
    if listed and listed.sha256 == sha256_of(weights):
        return listed
    computed = ("bytes", "sha256", "source")
    values = {key: value for key, value in planned.to_json().items() if key not in computed}
    return add(weights, product.manifest, values, renew=product.renew)
