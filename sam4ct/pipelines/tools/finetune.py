"""Fine-tuning, first half: from what a user lists to a folder of patches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sam4ct.derive import cell_diameter
from sam4ct.errors import SequenceError
from sam4ct.finetune.patches.files import Index
from sam4ct.finetune.patches.prepare import Cutting, prepare
from sam4ct.finetune.patches.sources import Dataset, Source
from sam4ct.stages.detect import detect_frame
from sam4ct.tables import Detections


def prepare_patches(datasets: Sequence[Dataset], cutting: Cutting, folder: Path) -> Index:
    """Cut the patches of datasets; all of them are checked before the first is cut.

    Raises:
        SequenceError: A dataset cannot be used.
        WorkError: The folder holds patches already, or the disk refuses.
    """
    sources = [Source(dataset) for dataset in datasets]
    for source in sources:
        source.refuse_other_labels()
    return prepare(sources, [_diameter(source) for source in sources], cutting, folder)


def _diameter(source: Source) -> float:
    """The diameter of the cells as given, or as `run` measures it on masks to link."""
    if source.dataset.cell_diameter_px is not None:
        return source.dataset.cell_diameter_px
    found = Detections.concat(detect_frame(t, source.labels(t)) for t in source.frames)
    if not len(found):
        raise SequenceError(
            f"{source.dataset.masks}: the masks hold no objects. Label some cells, one number each."
        )
    return round(cell_diameter(found), 1)
