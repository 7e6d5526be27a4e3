"""The record of a run, `run.json`: what was done, with what, and what came of it."""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from sam4ct import __version__
from sam4ct.models.device import device_name
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.result import Painted
from sam4ct.stages.fill import Generated
from sam4ct.tables import Links

LIBRARIES = ("numpy", "scipy", "highspy", "torch", "sam2", "tifffile", "pyarrow")
LIBRARIES_OF_CLICKS = ("medim",)
"""Has the network that generates masks."""


class Clock:
    """Seconds of each part of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """Enter the time since the last lap under a name."""
        now = time.monotonic()
        self.seconds[name] = round(now - self._last, 3)
        self._last = now


def record_of(
    plan: Plan,
    links: Links,
    filled: Sequence[Generated],
    painted: Painted,
    clicked: Mapping[str, int],
    edited: Mapping[str, int],
) -> dict[str, Any]:
    """Return everything about a run that is worth keeping and does not depend on how it went.

    Args:
        plan: The run.
        links: The accepted links.
        filled: The regions made for gaps.
        painted: The result.
        clicked: What came of the clicks of mask generation (`generation_counts`).
        edited: How many given masks were joined and cut (`edit_counts`).
    """
    traced = painted.traced
    generated = [(g.t, traced.of_generated[g.t, g.source_t, g.source_label]) for g in filled]
    generated += painted.segmented
    checked = plan.survey.checked
    libraries = LIBRARIES + (LIBRARIES_OF_CLICKS if clicked else ())
    return {
        **settings_of(plan, libraries),
        "fast": plan.fast,
        "inputs": {"images_sha256": checked.images_sha256, "masks_sha256": checked.masks_sha256},
        "window": asdict(plan.grid),
        "jumps": {str(t): list(step) for t, step in plan.jumps.by_frame.items()},
        "counts": {
            "frames": checked.frames,
            "regions": len(plan.survey.detections),
            "links": len(links),
            "divisions": int(links.division.sum()) // 2,
            "tracks": len(traced.tracks),
            "generated": len(generated),
            **edited,
            **({**clicked, "segmented": len(painted.segmented)} if clicked else {}),
        },
        "generated": sorted(generated),
    }


def settings_of(plan: Plan | TrackPlan, libraries: Sequence[str]) -> dict[str, Any]:
    """Return what a run of either mode was told to do, and with what it does it."""
    return {
        "version": __version__,
        "dataset": plan.sequence.dataset,
        "sequence": plan.sequence.name,
        "mode": plan.profile.mode,
        "profile": asdict(plan.profile),
        "reasons": dict(plan.reasons),
        "evidence": plan.evidence,
        "weights": {r: {"name": e.name, "sha256": e.sha256} for r, e in plan.weights.items()},
        "device": device_name(plan.device) if plan.weights else "CPU",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in libraries},
    }


def circumstances(clock: Clock, engine: Mapping[str, int], *, resumed: bool) -> dict[str, Any]:
    """Return how a run went: the part of the record that differs from run to run.

    Args:
        clock: The times of the command that finished the run.
        engine: What the network did, over all parts of the run (`engine_counts`).
        resumed: Whether an earlier command did a part of the work, of which the
            times are not known.
    """
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": dict(clock.seconds),
        "resumed": resumed,
        "engine": dict(engine),
    }
