"""Cut patches from annotated volumes, one per labelled object, and split them by frame.

A patch is what the network sees of an object in a run, a crop around its innermost voxel, with a
margin. Frames without a mask file and cells without a label are ignored. Which frames validate
depends only on the seed, the order of the datasets and the frame numbers.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch

from sam4ct import __version__
from sam4ct.errors import SequenceError
from sam4ct.finetune.patches.files import (
    FOLDER,
    INDEX,
    Index,
    Part,
    Patch,
    make_room,
    margin_of,
    patch_name,
    write_index,
    write_patch,
)
from sam4ct.finetune.patches.objects import LEAST_VOXELS, FrameImage, large_objects
from sam4ct.finetune.patches.sources import Source
from sam4ct.io.files import sha256_of
from sam4ct.io.tiff import SPACING_UNKNOWN, UNKNOWN, warn_of_odd_spacing
from sam4ct.models.sam_med3d.crops import CropLaw, cut
from sam4ct.models.weights.entry import Entry
from sam4ct.runtime import Progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """How a patch folder is made."""

    entry: Entry
    """The weights whose crops are cut."""
    seed: int = 1
    """Seed of the split."""
    validation: float = 0.2
    """Share of each dataset's annotated frames that validate; at least one of two frames."""
    overwrite: bool = False
    """Whether to replace existing patches."""


def prepare(
    sources: Sequence[Source], diameters: Sequence[float], cutting: Cutting, folder: Path
) -> Index:
    """Cut the patches of all annotated frames into a folder, and write their index.

    Args:
        sources: The datasets.
        diameters: Typical in-plane diameter of the cells of each, frame pixels.
        cutting: The network, and the split.
        folder: Made if missing.

    Returns:
        The index, as it is in the folder.

    Raises:
        SequenceError: A dataset has nothing to learn from, or there is only one frame.
        WorkError: The folder has patches or other files already, or the disk refuses.
    """
    laws = [patch_law(s, d, cutting.entry) for s, d in zip(sources, diameters, strict=True)]
    _refuse_too_little(sources, laws)
    if cutting.overwrite and (folder / INDEX).exists():
        _refuse_bad_frames(sources, laws)
    make_room(folder, overwrite=cutting.overwrite)
    rows: list[Patch] = []
    with Progress(sum(len(s.frames) for s in sources), "prepare", "frames") as progress:
        for number, (source, law) in enumerate(zip(sources, laws, strict=True)):
            for t in source.frames:
                cut_here = list(_frame_patches(number, source, t, law, folder))
                rows += cut_here
                progress.step(note=f"{len(cut_here)} patches")
    index = Index(
        weights=cutting.entry.name,
        image_size=cutting.entry.image_size,
        window_diameters=cutting.entry.window_diameters,
        seed=cutting.seed,
        validation=cutting.validation,
        versions={"sam4ct": __version__, "numpy": np.__version__, "scipy": scipy.__version__}
        | {"torch": str(torch.__version__)},
        datasets=tuple(map(_origin, sources, diameters)),
        patches=split(rows, cutting.seed, cutting.validation),
    )
    write_index(folder, index)
    return index


def patch_law(source: Source, diameter: float, entry: Entry) -> CropLaw:
    """Return the crops of patches: those of the network, with a margin and the same step.

    Raises:
        SequenceError: The spacing matters and is unknown.
    """
    if entry.window_diameters is not None and source.spacing_um is None:
        raise SequenceError(
            f"{source.dataset.images}: the files do not state the size of a voxel."
            " Add spacing_um = [z, y, x] to the dataset, or give --spacing Z Y X."
        )
    if source.dataset.spacing_um is None:
        how = "Add spacing_um = [z, y, x] to the dataset, or give --spacing Z Y X."
        if source.spacing_um in (None, UNKNOWN):
            logger.warning(SPACING_UNKNOWN, source.dataset.images, how)
        warn_of_odd_spacing(Path(source.dataset.images), source.spacing_um, how)
    spacing = source.spacing_um or UNKNOWN
    law = CropLaw.of(entry.image_size, spacing, diameter, entry.window_diameters)
    size = law.size + 2 * margin_of(law.size)
    side = None if law.side_um is None else law.side_um * size / law.size
    return replace(law, size=size, side_um=side)


def split(patches: Sequence[Patch], seed: int, share: float) -> tuple[Patch, ...]:
    """Return patches with their parts; all patches of a frame are in one, by a hash of the frame.

    About this share of the frames of each dataset validates, at least one and never all; a
    dataset of one frame trains.
    """
    frames = sorted({(patch.dataset, patch.t) for patch in patches})
    validating = set()
    for number, count in Counter(dataset for dataset, _ in frames).items():
        wanted = min(count - 1, max(1, round(share * count)))
        mine = [frame for frame in frames if frame[0] == number]
        validating |= set(sorted(mine, key=lambda frame: _rank(seed, *frame))[:wanted])
    parts: dict[bool, Part] = {True: "validation", False: "training"}
    return tuple(replace(p, part=parts[(p.dataset, p.t) in validating]) for p in patches)


def _rank(seed: int, dataset: int, t: int) -> bytes:
    return hashlib.sha256(f"{seed} {dataset} {t}".encode()).digest()


def _frame_patches(
    number: int, source: Source, t: int, law: CropLaw, folder: Path
) -> Iterator[Patch]:
    """Cut and write the patches of a frame."""
    for label, crop, mask in large_objects(source, t, law):
        file = patch_name(number, t, label)
        sha256 = write_patch(folder / FOLDER / file, cut(FrameImage(source, t), crop), mask)
        yield Patch(
            file=file, sha256=sha256, dataset=number, t=t, label=label, voxels=int(mask.sum()),
            part="training",
        )  # fmt: skip


def _refuse_bad_frames(sources: Sequence[Source], laws: Sequence[CropLaw]) -> None:
    """Cut all patches and keep none: what cannot be cut may not cost the patches there are."""
    for source, law in zip(sources, laws, strict=True):
        for t in source.frames:
            for _, crop, _ in large_objects(source, t, law):
                cut(FrameImage(source, t), crop)


def _origin(source: Source, diameter: float) -> Mapping[str, Any]:
    files = {
        str(t): {"image": sha256_of(source.image_file(t)), "mask": sha256_of(source.mask_file(t))}
        for t in source.frames
    }
    spacing = list(source.spacing_um) if source.spacing_um else None
    used = {"spacing_um": spacing, "cell_diameter_px": diameter}
    return {**asdict(source.dataset), **used, "sha256": files}


def _refuse_too_little(sources: Sequence[Source], laws: Sequence[CropLaw]) -> None:
    """Refuse masks with nothing to train or to validate with, before any patch is cut."""
    most = 0
    for source, law in zip(sources, laws, strict=True):
        useful = (t for t in source.frames if any(True for _ in large_objects(source, t, law)))
        found = len(list(islice(useful, 2)))  # two are enough to know
        most = max(most, found)
        if not found:
            raise SequenceError(
                f"{source.dataset.masks}: no object is large enough: the network would see fewer"
                f" than {LEAST_VOXELS} voxels of each. Remove the dataset, correct its"
                " cell_diameter_px or spacing_um, or mark whole cells."
            )
    if most < 2:
        raise SequenceError(
            f"{sources[0].dataset.masks}: one frame has masks that can be learned from, which"
            " leaves none to validate with. Add the masks of a second frame."
        )
