"""Fine-tune on a folder of patches, and enter the new weights into a manifest.

Owns the folder of a fine-tuning, all of it written after every epoch, the checkpoint last:

    NAME.safetensors        the best weights so far, 16-bit floats
    curve.csv, curve.png    loss and Dice by epoch
    checkpoint.pt           from which the same command goes on
"""

from __future__ import annotations

import io
import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sam4ct.errors import WeightsError, WorkError
from sam4ct.finetune.loop.curve import Row, write_picture
from sam4ct.finetune.loop.processes import Processes, joined
from sam4ct.finetune.loop.trainer import Trainer
from sam4ct.finetune.patches.files import INDEX, Index, read_index
from sam4ct.finetune.tune.epochs import Epochs, Tuning
from sam4ct.io.files import FolderLock, remove_leftovers, sha256_of
from sam4ct.models.weights.add import add
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.load import load_sam_med3d
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.runtime import Progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Product:
    """Where the new weights go."""

    name: str
    """Name of their entry, which `run --weights` takes."""
    manifest: Path
    """Manifest that gets the entry; the weights are copied into its folder."""
    renew: bool = False
    """Whether to replace an entry of that name."""


def tune(
    patches: Path, out: Path, entry: Entry, product: Product, settings: Tuning, device: str
) -> Entry | None:
    """Fine-tune weights on patches, or continue the fine-tuning in the folder.

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
        trainer = Trainer(
            load_sam_med3d(entry, processes.device), origin, weights, processes,
            weight_decay=settings.weight_decay,
        )  # fmt: skip
        epochs = Epochs(trainer, patches, index, settings)
        trainer.resume()
        _train(trainer, epochs, settings.epochs)
        return _entered(planned, weights, product) if processes.is_first else None


def _train(trainer: Trainer, epochs: Epochs, number: int) -> None:
    """Do the epochs that are left, and keep the weights of the best."""
    picture = trainer.checkpoint.with_name("curve.png")

    def epoch() -> str:
        row = epochs.row()
        better = _score(row) > max(map(_score, trainer.curve), default=-1.0)
        if trainer.processes.is_first:
            write_picture(picture, [*trainer.curve, row])
        trainer.keep(row, weights=better)
        return f"validation Dice {row['validation_dice']:.3f}"

    if not trainer.curve:
        logger.info("before: %s", epoch())
    stream = None if trainer.processes.is_first else io.StringIO()
    done = len(trainer.curve) - 1
    with Progress(number, "finetune", "epochs", done=done, stream=stream) as progress:
        while len(trainer.curve) <= number:
            progress.step(note=epoch())
    scores = [_score(row) for row in trainer.curve]
    best = scores.index(max(scores))
    logger.info("best: epoch %d, validation Dice %.3f", best, scores[best])
    if best == 0:
        logger.warning("No epoch was better in validation than the weights it began with.")


def _score(row: Row) -> float:
    return row["validation_dice"] or 0.0


def _alone(out: Path, processes: Processes) -> AbstractContextManager[object]:
    """Lock the folder against other trainings; the first process does it for all its peers."""
    return FolderLock.held(out, shared=False) if processes.is_first else nullcontext()


def _refuse_other_crops(patches: Path, index: Index, entry: Entry) -> None:
    theirs = index.image_size, index.window_diameters
    if theirs != (entry.image_size, entry.window_diameters):
        raise WorkError(
            f"{patches}: was cut for {index.weights!r}, whose crops are others than those of"
            f" {entry.name!r}. Name those with --weights, or prepare patches for these."
        )


def _planned(entry: Entry, index: Index, product: Product) -> Entry:
    """Return the entry of the new weights; its size and hash are not yet known."""
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
    """Return the entry that has the name already."""
    manifest = load_manifest([product.manifest] if product.manifest.exists() else [])
    return next((e for e in manifest.entries if e.name == product.name), None)


def _refuse_taken(product: Product, weights: Path, entry: Entry) -> None:
    """Refuse a name that is taken before hours of training; the weights of this one may have it."""
    listed = _listed(product)
    if product.name == entry.name:
        raise WeightsError(f"--name {product.name}: are the weights to begin with. Give another.")
    ours = listed and weights.exists() and listed.sha256 == sha256_of(weights)
    if listed and not ours and not product.renew:
        raise WeightsError(
            f"weights {product.name!r} are listed already. Give another --name, or add --replace."
        )


def _entered(planned: Entry, weights: Path, product: Product) -> Entry:
    """Enter the weights into the manifest, unless they are in it."""
    listed = _listed(product)
    if listed and listed.sha256 == sha256_of(weights):
        return listed
    computed = ("bytes", "sha256", "source")
    values = {key: value for key, value in planned.to_json().items() if key not in computed}
    return add(weights, product.manifest, values, renew=product.renew)
