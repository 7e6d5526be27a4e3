"""Record: the content of `run.json`, which both modes share."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from sam4ct import __version__
from sam4ct.models.device import device_name
from sam4ct.pipelines.common.engine_counts import engine_counts
from sam4ct.pipelines.common.run import RunPlan
from sam4ct.pipelines.common.session import Session

LIBRARIES = ("numpy", "scipy", "highspy", "torch", "sam2", "tifffile", "pyarrow")
LIBRARIES_OF_CLICKS = ("medim",)
"""Has the network that generates masks."""


def settings_of(plan: RunPlan, libraries: Sequence[str]) -> dict[str, Any]:
    """Return the settings of a run, and the programs and weights that it uses."""
    return {
        "version": __version__,
        "dataset": plan.sequence.dataset,
        "sequence": plan.sequence.name,
        "mode": plan.profile.mode,
        "profile": asdict(plan.profile),
        "reasons": dict(plan.reasons),
        "evidence": plan.options.evidence,
        "weights": {r: {"name": e.name, "sha256": e.sha256} for r, e in plan.weights.items()},
        "device": device_name(plan.device) if plan.weights else "CPU",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in libraries},
    }


def circumstances(run: Session[Any]) -> dict[str, Any]:
    """Return date, times and work done so far: what differs from run to run."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": run.clock.seconds,
        "resumed": run.resumed,
        "engine": engine_counts(run.work),
    }
