"""Networks: set up the propagator of a run, which finds regions of a frame in another frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam4ct.geometry import WindowPlan
from sam4ct.intensity import prepared
from sam4ct.pipelines.common.prefetch import Ahead
from sam4ct.pipelines.link.plan import Plan
from sam4ct.stages.propagate import ChainEnds, Chains, OverlapFirst, StayPut
from sam4ct.tables import Detections
from sam4ct.types import FrameReader, Propagator

if TYPE_CHECKING:
    from sam4ct.models.sam2.engine import Sam2Propagator

SMALL = 256
"""Networks of this image size and smaller take more objects at once."""


def propagator_of(
    plan: Plan, reader: FrameReader, regions: Detections | None = None
) -> tuple[Propagator, Callable[[], dict[str, int]]]:
    """Return the propagator, and a function that counts what it has done so far.

    Args:
        plan: The run.
        reader: For the images, and for the masks of a fast run.
        regions: Those that will be propagated; None: all given ones. `fast` applies to None only.
    """
    if plan.options.evidence == "overlap":
        return StayPut(plan.jumps), dict
    asked = plan.survey.detections if regions is None else regions
    windows = WindowPlan.of(asked, plan.grid, plan.profile.max_gap + 1, plan.jumps)
    if not plan.options.fast or regions is not None:
        engine = sam2_engine(plan, reader, windows)
        return engine, lambda: asdict(engine.counters)
    chains = Chains(reader, plan.jumps)
    ends = ChainEnds(windows.grid, windows.boxes, windows.reach, chains, jumps=plan.jumps)
    engine = sam2_engine(plan, reader, ends)
    overlap_first = OverlapFirst(engine, reader, chains)
    return overlap_first, lambda: {
        **asdict(engine.counters),
        "objects_settled": overlap_first.matched,
    }


def sam2_engine(plan: Plan, reader: FrameReader, windows: WindowPlan) -> Sam2Propagator:
    """Return the SAM 2 engine of a run, with its weights on its device.

    Args:
        plan: The run.
        reader: For the images.
        windows: Where the engine will look.

    Raises:
        WeightsError: The weights are missing, or not what the manifest says.
    """
    # Here, because torch takes seconds to load and other stages do not need it.
    from sam4ct.models.sam2.engine import EngineSettings, Sam2Propagator
    from sam4ct.models.weights.load import load_sam2

    profile = plan.profile

    def image(t: int) -> NDArray[np.float32]:
        return prepared(reader.image(t), median_px=profile.median_px, gamma=profile.gamma)

    return Sam2Propagator(
        load_sam2(plan.weights["sam2"], plan.device),
        Ahead(image, reader.frames),
        windows,
        EngineSettings(
            device=plan.device,
            prompt=profile.prompt,
            object_batch=64 if plan.weights["sam2"].image_size <= SMALL else 32,
        ),
    )
