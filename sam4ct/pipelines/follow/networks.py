"""The networks of mode "track", set up from a run's plan; loaded when they are first asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam4ct.intensity import prepared
from sam4ct.pipelines.common.segmenter import click_counts, sam_med3d_engine
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.stages.follow import Scope
from sam4ct.stages.propagate import StayPut
from sam4ct.types import Recogniser

if TYPE_CHECKING:
    from sam4ct.models.sam2.recogniser import Sam2Recogniser
    from sam4ct.models.sam_med3d.engine import SamMed3dSegmenter


@dataclass
class TrackEngines:
    """What looks at the movie for a run."""

    plan: TrackPlan

    @cached_property
    def scope(self) -> Scope:
        """The movie, its seeds, and SAM-Med3D."""
        return Scope(self.plan.volumes, self.plan.seeds, self._segmenter)

    @cached_property
    def recogniser(self) -> Recogniser:
        """SAM 2, or what does without."""
        return self._sam2 or StayPut()

    def counts(self) -> Mapping[str, int]:
        """What the networks have done so far."""
        clicks = click_counts(self._segmenter)
        sam2 = self._sam2
        if sam2 is None:
            return clicks
        windows = {
            "encoder_windows": sam2.encoder_windows,
            "halved_batches": sam2.halved_batches,
        }
        return windows | clicks

    @cached_property
    def _segmenter(self) -> SamMed3dSegmenter:
        return sam_med3d_engine(self.plan, self.plan.volumes.volume)

    @cached_property
    def _sam2(self) -> Sam2Recogniser | None:
        if self.plan.options.evidence == "overlap":
            return None
        # Here, because torch takes seconds to load, and a run may find everything done.
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
    """Return what reads a part of a slice, prepared as the profile says.

    The frame as a whole is not known, so gamma is applied to the levels of the part.
    """

    def plane(t: int, z: int, y: slice, x: slice) -> NDArray[np.float32]:
        part = plan.volumes.window(t, (slice(z, z + 1), y, x))[0]
        return prepared(part, median_px=plan.profile.median_px, gamma=plan.profile.gamma)

    return plane
