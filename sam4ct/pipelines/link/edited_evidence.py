"""Anew: evidence of regions that are not among the given ones, and which file counts.

Stages after `propagate` may change what there is to link: `associate` cuts masks, `generate`
adds some. Evidence of frame pairs with such regions is gathered again, by the stage that
made them, but the propagator is asked about these regions only.

    work/associate/evidence/, work/associate/masks/     and the same below work/generate/
"""

from __future__ import annotations

from pathlib import Path

from sam4ct.io.ctc import CtcReader
from sam4ct.io.work import WorkDir, read_masks
from sam4ct.pipelines.link.networks import propagator_of
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.propagate import Asked, PairFiles, all_pairs, gather
from sam4ct.regions import Region
from sam4ct.stages.fill import KnownFirst
from sam4ct.tables import Detections
from sam4ct.types import FrameReader, Propagated

STAGES = ("associate", "generate")
"""Those that may change what there is to link, in their order."""


def gather_anew(
    plan: Plan,
    work: WorkDir,
    stage: str,
    reader: FrameReader,
    detections: Detections,
    new: Detections,
) -> None:
    """Gather the evidence of frame pairs with new regions, as far as it is not there.

    Args:
        plan: The run.
        work: Open work folder.
        stage: The one that made the new regions.
        reader: For the masks, the new ones among them.
        detections: All regions.
        new: The new ones.
    """
    changed = set(new.t.tolist())
    files = {
        (t, dt): _pair_files(work, stage, (t, dt))
        for t, dt in all_pairs(plan)
        if changed & {t, t + dt}
    }
    mine = set(zip(new.t.tolist(), new.label.tolist(), strict=True))

    def known(t: int, t2: int) -> dict[int, Propagated]:
        rows = [row for file in mask_files(work, t, t2) for row in read_masks(file, t=t)]
        return {row.label: Propagated(row.region, row.object_score) for row in rows}

    def asked() -> Asked:
        engine, counts = propagator_of(plan, CtcReader(plan.sequence), new)
        propagator = KnownFirst(engine, known)
        return Asked(reader, detections, propagator, counts, lambda t, i: (t, i) in mine)

    gather(plan, work, files, asked, stage)


def evidence_files(plan: Plan, work: WorkDir) -> list[Path]:
    """Return the file of every frame pair: that of the last stage that has one."""
    found = []
    for pair in all_pairs(plan):
        later = [_pair_files(work, stage, pair).evidence for stage in STAGES]
        found.append(next(filter(work.has, reversed(later)), work.evidence(*pair)))
    return found


def mask_files(work: WorkDir, t: int, t2: int) -> list[Path]:
    """Return the files with propagated masks between two frames, either way."""
    pair = min(t, t2), abs(t2 - t)
    files = [work.masks(*pair), *(_pair_files(work, stage, pair).masks for stage in STAGES)]
    return [file for file in files if work.has(file)]


def propagated(work: WorkDir, t: int, label: int, t2: int) -> Region | None:
    """Return where region (t, label) is in frame t2 according to the propagator."""
    files = mask_files(work, t, t2)
    rows = (row for file in files for row in read_masks(file, t=t, labels=[label]))
    return next((row.region for row in rows), None)


def _pair_files(work: WorkDir, stage: str, pair: tuple[int, int]) -> PairFiles:
    """Paths of what a stage gathers of a frame pair (t, dt)."""
    name = "{}/{:05d}_{}.parquet"
    return PairFiles(
        *(work.artifact(stage, name.format(part, *pair)) for part in ("evidence", "masks"))
    )
