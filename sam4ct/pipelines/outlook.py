"""Outlook: what a planned run would do, and about how long it would take."""

from __future__ import annotations

import time

import numpy as np

from sam4ct.geometry import WindowPlan
from sam4ct.io.ctc import CtcReader
from sam4ct.io.progress import duration
from sam4ct.models.device import device_name
from sam4ct.pipelines.plan import Plan
from sam4ct.stages.propagate import frame_pairs

SAMPLE_REGIONS = 32
"""Regions propagated once to measure the speed of this machine."""


def outlook(plan: Plan, *, timed: bool = False) -> str:
    """Return a few lines about a planned run.

    Args:
        plan: The run.
        timed: Propagate a few regions to estimate the time; takes seconds.
    """
    checked, detections = plan.survey.checked, plan.survey.detections
    shape = " x ".join(map(str, checked.shape))
    weights = ", ".join(entry.name for entry in plan.weights.values())
    profile = "auto" if plan.reasons else plan.profile.dataset
    lines = [
        f"{plan.sequence.dataset} {plan.sequence.name}: {checked.frames} frames of {shape}"
        f" {checked.image_dtype}, {len(detections)} masks, cells of about"
        f" {plan.diameter_px:.0f} px",
        f"  profile {profile}, evidence {plan.evidence}"
        + (f", weights {weights} on {device_name(plan.device)}" if weights else ""),
        f"  result {plan.sequence.result_dir}",
    ]
    if plan.weights:
        windows = WindowPlan.of(detections, plan.grid, plan.profile.max_gap + 1)
        count = sum(len(windows.needed(t)) for t in range(checked.frames))
        recalls = sum(
            int(np.isin(detections.t, [t, t + dt]).sum())
            for t, dt in frame_pairs(checked.frames, plan.profile.max_gap)
        )
        lines.append(
            f"  windows of {plan.grid.side} px: {count} to encode, {recalls} objects to recall"
        )
        if timed:
            lines.append(f"  about {duration(_seconds(plan, windows, count, recalls))}")
    return "\n".join(lines)


def _seconds(plan: Plan, windows: WindowPlan, count: int, recalls: int) -> float:
    """Estimate the time of the evidence from one small sample on this device."""
    from sam4ct.intensity import prepared
    from sam4ct.models.sam2 import EngineSettings, Sam2Propagator
    from sam4ct.models.weights import load_sam2
    from sam4ct.regions import regions_of

    reader = CtcReader(plan.sequence)
    t = int(plan.survey.detections.t[0])
    boxes = dict(list(windows.boxes[t].items())[:SAMPLE_REGIONS])
    small = WindowPlan(windows.grid, {t: boxes}, 0)
    regions = {i: r for i, r in regions_of(reader.labels(t)).items() if i in boxes}
    engine = Sam2Propagator(
        load_sam2(plan.weights["sam2"], plan.device),
        lambda s: prepared(
            reader.image(s), median_px=plan.profile.median_px, gamma=plan.profile.gamma
        ),
        small,
        EngineSettings(device=plan.device, prompt=plan.profile.prompt),
    )
    engine.propagate(t, regions, t)
    engine.forget_before(t + 1)
    began = time.monotonic()
    engine.propagate(t, regions, t)
    encoded = time.monotonic()
    engine.propagate(t, regions, t)
    recall = (time.monotonic() - encoded) / len(regions)
    encode = max(0.0, encoded - began - recall * len(regions)) / len(small.needed(t))
    return encode * count + recall * recalls
