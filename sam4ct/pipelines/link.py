"""Link: one sequence from CTC folder to result, work folder and report."""

from __future__ import annotations

import datetime
import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct import __version__
from sam4ct.io.atomic import write_json
from sam4ct.io.ctc import CtcReader, CtcSequence
from sam4ct.io.result import prepare_target
from sam4ct.io.tables import read_table
from sam4ct.io.tiff import read_frame
from sam4ct.io.tracks import TRACKS, read_tracks
from sam4ct.io.workdir import WorkDir
from sam4ct.models.device import device_name
from sam4ct.pipelines.plan import Options, Plan
from sam4ct.pipelines.stages import (
    run_associate,
    run_detect,
    run_fill,
    run_paint,
    run_propagate,
)
from sam4ct.report import write_report
from sam4ct.stages.fill import Generated
from sam4ct.stages.trace import Traced
from sam4ct.tables import Links

LIBRARIES = ("numpy", "scipy", "torch", "sam2", "tifffile", "pyarrow")


class ResultReader:
    """Reads the mask frames of a result; for the report."""

    def __init__(self, folder: Path) -> None:
        self._files = sorted(folder.glob("mask*.tif"))

    def labels(self, t: int) -> NDArray[np.uint16]:
        """The result masks of a frame, ([z,] y, x)."""
        return np.asarray(read_frame(self._files[t]), dtype=np.uint16)


def run_sequence(plan: Plan, options: Options) -> WorkDir:
    """Do all stages of a planned run, or what is left of them.

    Args:
        plan: From `make_plan`.
        options: The same options.

    Returns:
        The work folder; the result is at `plan.sequence.result_dir`.

    Raises:
        Sam4ctError: Something the user can mend.
    """
    prepare_target(plan.sequence.result_dir, overwrite=options.overwrite)
    clock = Clock()
    with WorkDir.open(plan.sequence.work_dir, plan.key(), overwrite=options.overwrite) as work:
        run_detect(plan, work)
        clock.lap("detect")
        counters = run_propagate(plan, work)
        clock.lap("propagate")
        links = run_associate(plan, work)
        clock.lap("associate")
        finish(plan, work, links, options, counters, clock)
    return work


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


def finish(
    plan: Plan,
    work: WorkDir,
    links: Links,
    options: Options,
    counters: dict[str, Any],
    clock: Clock,
) -> None:
    """Fill, paint, report; run.json is written last of all.

    Args:
        plan: The run.
        work: Open work folder.
        links: The accepted links.
        options: For overwriting and the report.
        counters: What the engine did.
        clock: Has the times so far.
    """
    generated = run_fill(plan, work, links)
    clock.lap("fill")
    traced = run_paint(plan, work, links, generated, overwrite=options.overwrite)
    clock.lap("paint")
    facts = _facts(plan, counters, links, generated, traced)
    if options.report:
        _report(plan, work, traced, links, facts | {"seconds": sum(clock.seconds.values())})
        clock.lap("report")
    write_json(work.run_json, facts | {"seconds": clock.seconds})


def _facts(
    plan: Plan,
    counters: dict[str, Any],
    links: Links,
    generated: Sequence[Generated],
    traced: Traced,
) -> dict[str, Any]:
    """Everything about a run that is worth keeping, without its times."""
    keys = [(g.t, traced.of_generated[g.t, g.source_t, g.source_label]) for g in generated]
    return {
        "version": __version__,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "dataset": plan.sequence.dataset,
        "sequence": plan.sequence.name,
        "mode": plan.profile.mode,
        "profile": asdict(plan.profile),
        "reasons": dict(plan.reasons),
        "evidence": plan.evidence,
        "weights": {r: {"name": e.name, "sha256": e.sha256} for r, e in plan.weights.items()},
        "device": device_name(plan.device) if plan.weights else "CPU",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "inputs": {
            "images_sha256": plan.survey.checked.images_sha256,
            "masks_sha256": plan.survey.checked.masks_sha256,
        },
        "window": asdict(plan.grid),
        "engine": counters,
        "counts": {
            "frames": plan.survey.checked.frames,
            "regions": len(plan.survey.detections),
            "links": len(links),
            "divisions": int(links.division.sum()) // 2,
            "tracks": len(traced.tracks),
            "generated": len(generated),
        },
        "generated": keys,
    }


def _report(plan: Plan, work: WorkDir, traced: Traced, links: Links, facts: dict[str, Any]) -> None:
    shown = {**facts, **_names(facts)}
    write_report(
        work.report,
        CtcReader(plan.sequence),
        ResultReader(plan.sequence.result_dir),
        traced.tracks,
        links,
        shown,
    )


def rewrite_report(
    sequence: CtcSequence, work: WorkDir, scores: Mapping[str, float | None]
) -> None:
    """Write the report of a finished run again, now with its scores."""
    facts = json.loads(work.run_json.read_bytes())
    shown = {**facts, **_names(facts), "seconds": sum(facts["seconds"].values())}
    write_report(
        work.report,
        CtcReader(sequence),
        ResultReader(sequence.result_dir),
        read_tracks(sequence.result_dir / TRACKS),
        read_table(work.links, Links),
        shown,
        scores,
    )


def _names(facts: Mapping[str, Any]) -> dict[str, str]:
    """Profile and weights by name, as the report shows them."""
    weights = ", ".join(w["name"] for w in facts["weights"].values())
    return {
        "profile": "auto" if facts["reasons"] else facts["profile"]["dataset"],
        "weights": weights or "none (overlap)",
    }
