"""Segmenter: the network that segments a cell of a volume at a click, set up from a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sam4ct.io.work import read_masks, write_masks
from sam4ct.pipelines.common.run import RunPlan
from sam4ct.regions import Region
from sam4ct.types import VolumeSegmenter

if TYPE_CHECKING:
    from sam4ct.models.sam_med3d.crops import Volume
    from sam4ct.models.sam_med3d.engine import SamMed3dSegmenter


def segmenter_of(
    plan: RunPlan, image: Callable[[int], Volume]
) -> tuple[SamMed3dSegmenter, Callable[[], dict[str, int]]]:
    """Return SAM-Med3D with its weights on its device, and a function that counts what it did.

    Args:
        plan: The run.
        image: Returns the volume of a frame, (z, y, x), float32, as it is in the file: the
            network scales every crop by itself, as it was trained.

    Raises:
        WeightsError: The weights are missing, or not what the manifest says.
    """
    # Here, because torch takes seconds to load, and there may be nothing to segment.
    from sam4ct.models.sam_med3d.crops import CropLaw
    from sam4ct.models.sam_med3d.engine import SamMed3dSegmenter, SegmenterSettings
    from sam4ct.models.weights.load import load_sam_med3d

    entry = plan.weights["sam_med3d"]
    law = CropLaw.of(
        entry.image_size, plan.profile.spacing_um, plan.diameter_px, entry.window_diameters
    )
    network = load_sam_med3d(entry, plan.device)
    engine = SamMed3dSegmenter(network, image, law, SegmenterSettings(device=plan.device))
    return engine, lambda: {
        "clicks_segmented": engine.clicks,
        "halved_click_batches": engine.halved_batches,
    }


class Remembered:
    """A `VolumeSegmenter` that keeps its answers in files, one a frame, and reads them again.

    For one pass over the frames, in which the clicks of a frame are always the same: a run that
    was killed continues without segmenting them again.
    """

    def __init__(self, segmenter: VolumeSegmenter, file_of: Callable[[int], Path]) -> None:
        """Take the segmenter, and where the answers of a frame lie."""
        self._segmenter, self._file_of = segmenter, file_of

    def segment(self, t: int, points: Sequence[tuple[float, ...]]) -> list[Region]:
        """Return one region per click, from the file of the frame if it is there."""
        path = self._file_of(t)
        if not path.is_file():
            found = self._segmenter.segment(t, points)
            write_masks(path, [(t, i, t, 0.0, region) for i, region in enumerate(found)])
            return found
        return [row.region for row in read_masks(path)]
