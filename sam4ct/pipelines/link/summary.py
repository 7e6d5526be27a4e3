"""Summary: what a planned run would do, and about how long it would take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sam4ct.geometry import WindowPlan
from sam4ct.io.ctc import CtcReader
from sam4ct.pipelines.common.run import described
from sam4ct.pipelines.link.networks import sam2_engine
from sam4ct.pipelines.link.plan import Plan
from sam4ct.regions import regions_of
from sam4ct.runtime import duration
from sam4ct.stages.propagate import frame_pairs

SAMPLE_REGIONS = 32
"""Regions propagated once to measure the speed of this machine."""
SHOWN_JUMPS = 12


def describe(plan: Plan) -> str:
    """Return a few lines about a planned run."""
    checked = plan.survey.checked
    shape = " x ".join(map(str, checked.shape))
    movie = (
        f"{checked.frames} frames of {shape} {checked.image_dtype},"
        f" {len(plan.survey.detections)} masks, cells of about {plan.diameter_px:.0f} px"
    )
    return described(plan, movie, _found(plan), _work(plan))


def estimate(plan: Plan) -> str:
    """Return about how long a run would take; a few regions are propagated. "" without SAM 2."""
    if "sam2" not in plan.weights:
        return ""
    return f"about {duration(_seconds(plan, _Load.of(plan)))}"


def _found(plan: Plan) -> Iterator[str]:
    if plan.profile.generate_masks:
        yield f"missed cells are segmented with {plan.weights['sam_med3d'].name}"
    if plan.answers:
        yield f"answers {plan.answers_file}: {len(plan.answers)}"
    if jumps := list(plan.jumps.by_frame):
        more = ", ..." if len(jumps) > SHOWN_JUMPS else ""
        yield f"the picture jumps into frames {', '.join(map(str, jumps[:SHOWN_JUMPS]))}{more}"


def _work(plan: Plan) -> Iterator[str]:
    if "sam2" in plan.weights:
        load = _Load.of(plan)
        yield (
            f"windows of {plan.window_px} px: {load.encodings} to encode,"
            f" {load.recalls} objects to recall"
        )


@dataclass(frozen=True)
class _Load:
    """How much the network has to do in a run."""

    windows: WindowPlan
    encodings: int
    """Windows of all frames."""
    recalls: int
    """Objects of all frame pairs, in both directions."""

    @classmethod
    def of(cls, plan: Plan) -> _Load:
        detections, frames = plan.survey.detections, plan.survey.checked.frames
        windows = WindowPlan.of(detections, plan.grid, plan.profile.max_gap + 1, plan.jumps)
        regions = np.bincount(detections.t, minlength=frames)
        pairs = frame_pairs(frames, plan.profile.max_gap)
        return cls(
            windows,
            sum(len(windows.needed(t)) for t in range(frames)),
            sum(int(regions[t] + regions[t + dt]) for t, dt in pairs),
        )


def _seconds(plan: Plan, load: _Load) -> float:
    """Estimate the time of the evidence from one small sample on this device."""
    reader = CtcReader(plan.sequence)
    t = int(plan.survey.detections.t[0])
    boxes = dict(list(load.windows.boxes[t].items())[:SAMPLE_REGIONS])
    sample = WindowPlan(load.windows.grid, {t: boxes}, 0)
    regions = {i: r for i, r in regions_of(reader.labels(t)).items() if i in boxes}
    engine = sam2_engine(plan, reader, sample)
    engine.propagate(t, regions, t)  # warms up
    engine.forget_before(t + 1)
    began = time.monotonic()
    engine.propagate(t, regions, t)
    encoded = time.monotonic()
    engine.propagate(t, regions, t)
    recall = (time.monotonic() - encoded) / len(regions)
    encode = max(0.0, encoded - began - recall * len(regions)) / len(sample.needed(t))
    return encode * load.encodings + recall * load.recalls
