"""Segmenter: what segments a cell of a volume at a click, set up from a run's plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam4ct.io.ctc import CtcReader
from sam4ct.io.work import read_masks, write_masks
from sam4ct.pipelines.common.run import RunPlan
from sam4ct.regions import Region
from sam4ct.types import VolumeSegmenter

if TYPE_CHECKING:
    from sam4ct.models.sam_med3d.crops import Volume
    from sam4ct.models.sam_med3d.engine import SamMed3dSegmenter


def segmenter_of(
    plan: RunPlan, reader: CtcReader
) -> tuple[VolumeSegmenter, Callable[[], dict[str, int]]]:
    """Return the segmenter of missed cells, and a function that tells what it has done so far.

    Args:
        plan: The run.
        reader: For the images.

    Raises:
        WeightsError: The weights are missing, or not what the manifest says.
    """

    def image(t: int) -> NDArray[np.float32]:
        # As it is: the engine scales every crop by itself, as SAM-Med3D was trained.
        return reader.image(t).astype(np.float32)

    engine = sam_med3d_engine(plan, image)
    return engine, lambda: click_counts(engine)


def sam_med3d_engine(plan: RunPlan, image: Callable[[int], Volume]) -> SamMed3dSegmenter:
    """Return the SAM-Med3D engine of a run of either mode, with its weights on its device.

    Args:
        plan: The run.
        image: Returns the volume of a frame, (z, y, x).

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
    return SamMed3dSegmenter(network, image, law, SegmenterSettings(device=plan.device))


def click_counts(engine: SamMed3dSegmenter) -> dict[str, int]:
    """Return what an engine has done so far, as it is counted in the work folder."""
    return {
        "clicks_segmented": engine.clicks,
        "halved_click_batches": engine.halved_batches,
    }


class Remembered:
    """A `VolumeSegmenter` whose answers are kept in files, one a frame, and asked for once.

    It serves one pass over the frames, in which the clicks of a frame are always the
    same: a run that was killed then goes on without asking again.
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
