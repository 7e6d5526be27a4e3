"""A tiny SAM-Med3D with random weights, and a few annotated volumes to fine-tune it on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scenes.drawn import label_frame

from sam4ct.finetune.loop.trainer import Trainer
from sam4ct.models.sam_med3d.network import build_sam_med3d
from sam4ct.models.weights.add import add
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.manifest import MANIFEST

TINY = {
    "encoder_embed_dim": 48,
    "encoder_depth": 1,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [0],
    "prompt_embed_dim": 48,
    "image_size": 24,
    "vit_patch_size": 8,
}
SHAPE = (10, 40, 44)
SPACING = (2.0, 1.0, 1.0)
RADIUS = 4.0
PLACES = {7: (5, 12, 12), 300: (4, 28, 14), 70_000: (5, 20, 32)}
"""Labels and centres: two of the labels are too large for 8 and for 16 bit."""


def add_tiny_weights(folder: Path, name: str = "tiny", **values: Any) -> Entry:
    """Enter a network with random weights into the manifest of a folder."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = build_sam_med3d(TINY).state_dict()
    file = folder / f"{name}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in state.items()}, file)
    given = {
        "name": name, "role": "sam_med3d", "config": "SAM-Med3D", "overrides": TINY,
        "image_size": TINY["image_size"], "window_diameters": 3.0,
    }  # fmt: skip
    return add(file, folder / MANIFEST, given | values, renew=False)


def labelled(places: Mapping[int, tuple[int, ...]] = PLACES) -> NDArray[np.uint32]:
    """A label frame with a ball at each place."""
    return label_frame(SHAPE, places, RADIUS).astype(np.uint32)


def pictured(labels: NDArray[Any], t: int) -> NDArray[np.uint16]:
    """Bright cells in noise; no two frames are alike."""
    noise = np.random.default_rng(t).normal(500.0, 20.0, labels.shape)
    return np.asarray(noise + 300 * (labels > 0), dtype=np.uint16)


def write_annotated(
    root: Path, masks: Mapping[int, NDArray[Any]], frames: int = 6, prefix: str = "mask"
) -> tuple[Path, Path]:
    """Write volumes and the masks of some of their frames.

    Returns:
        The folders of images and masks.
    """
    images, coarse = root / "01", root / "coarse"
    for folder in (images, coarse):
        folder.mkdir(parents=True)
    for t in range(frames):
        tifffile.imwrite(images / f"t{t:03d}.tif", pictured(labelled(), t))
    for t, labels in masks.items():
        tifffile.imwrite(coarse / f"{prefix}{t:03d}.tif", labels)
    return images, coarse


@contextmanager
def dying_in(step: int) -> Iterator[None]:
    """Let a training in the block die in a step, before anything of the step is done."""
    whole = Trainer.step

    def dies(self: Trainer, losses: Iterable[torch.Tensor], rate: float) -> None:
        if self.steps == step:
            raise KeyboardInterrupt
        whole(self, losses, rate)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", dies)
        with pytest.raises(KeyboardInterrupt):
            yield
