"""Networks of mode "track", set up from a plan and loaded when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam4ct.intensity import prepared
from sam4ct.pipelines.common.segmenter import segmenter_of
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.stages.follow import Scope
from sam4ct.stages.propagate import StayPut
from sam4ct.types import Recogniser

if TYPE_CHECKING:
    from sam4ct.models.sam2.recogniser import Sam2Recogniser
    from sam4ct.models.sam_med3d.engine import SamMed3dSegmenter


@dataclass
class TrackEngines:
    """The movie, the seeds and the networks of a run."""

    plan: TrackPlan

    @cached_property
    def scope(self) -> Scope:
        """The movie, its seeds, and SAM-Med3D."""
        return Scope(self.plan.volumes, self.plan.seeds, self._segmenter[0])

    @cached_property
    def recogniser(self) -> Recogniser:
        """SAM 2, or a stand-in that needs no network."""
        return self._sam2 or StayPut()

    def counts(self) -> Mapping[str, int]:
        """What the networks have done so far."""
        clicks, sam2 = self._segmenter[1](), self._sam2
        if sam2 is None:
            return clicks
        windows = {
            "encoder_windows": sam2.encoder_windows,
            "halved_batches": sam2.halved_batches,
        }
        return windows | clicks

    @cached_property
    def _segmenter(self) -> tuple[SamMed3dSegmenter, Callable[[], dict[str, int]]]:
        return segmenter_of(self.plan, self.plan.volumes.volume)

    @cached_property
    def _sam2(self) -> Sam2Recogniser | None:
        if self.plan.options.evidence == "overlap":
            return None
        # Here, because torch takes seconds to load, and all frames may be done already.
        from sam4ct.models.sam2.recogniser import RecogniserSettings, Sam2Recogniser
        from sam4ct.models.weights.load import load_sam2

        plan = self.plan
        return Sam2Recogniser(
            load_sam2(plan.weights["sam2"], plan.device),
            plane_of(plan),
            plan.volumes.shape,
            plan.window_px,
            RecogniserSettings(device=plan.device),
        )


def plane_of(plan: TrackPlan) -> Callable[[int, int, slice, slice], NDArray[np.float32]]:
    """Return a function (t, z, y, x) that reads a part of a slice, with median filter and gamma.

    The whole frame is not read, so gamma applies to the range of values in the part.
    """

    def plane(t: int, z: int, y: slice, x: slice) -> NDArray[np.float32]:
        part = plan.volumes.window(t, (slice(z, z + 1), y, x))[0]
        return prepared(part, median_px=plan.profile.median_px, gamma=plan.profile.gamma)

    return plane
