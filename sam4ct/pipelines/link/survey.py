"""Survey: one look at all frames of a sequence before any work is done.

Reads every file once: refuses what cannot be used, fingerprints the input for
resuming, and fills the table of detections.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.derive import Derivation, derive_profile
from sam4ct.intensity import contrasts
from sam4ct.io.ctc import CtcSequence, Preflight, preflight
from sam4ct.io.tiff import spacing_of
from sam4ct.profile import Spacing
from sam4ct.runtime import Progress
from sam4ct.stages.detect import detect_frame
from sam4ct.tables import Detections

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Survey:
    """What is known of a sequence after one look at all of it."""

    checked: Preflight
    detections: Detections
    spacing_um: Spacing | None
    """Size of a voxel (z, y, x) as the first image states it; None if it does not."""

    def derived(self, dataset: str, spacing_um: Spacing | None = None) -> Derivation:
        """Return the profile that fits the data, and why.

        Args:
            dataset: Its name.
            spacing_um: Size of a voxel, if known better than the files say.
        """
        return derive_profile(
            dataset,
            self.checked.shape,
            self.detections,
            spacing_um=spacing_um or self.spacing_um,
        )


def survey(sequence: CtcSequence) -> Survey:
    """Read all frames of a sequence once.

    Raises:
        SequenceError: A frame cannot be used, or there are no labels at all.
    """
    if len(sequence.images) == 1:
        logger.warning("%s: is a single frame: there is nothing to link.", sequence.images[0])
    rows: list[Detections] = []

    def look(t: int, image: NDArray[Any], labels: NDArray[np.int32]) -> None:
        rows.append(detect_frame(t, labels, contrasts(image, labels)))
        progress.step()

    with Progress(len(sequence.images), "check", "frames") as progress:
        checked = preflight(sequence, each_frame=look)
    spacing_um = spacing_of(sequence.images[0])
    return Survey(checked, Detections.concat(rows), spacing_um)
