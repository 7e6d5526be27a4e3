"""Paint: write the result folder from the accepted links, and collect the content of `run.json`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sam4ct.io.ctc import MASK, ResultWriter
from sam4ct.io.files import frame_files
from sam4ct.pipelines.common.answers import recorded
from sam4ct.pipelines.common.record import LIBRARIES, LIBRARIES_OF_CLICKS, settings_of
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import Repaired
from sam4ct.runtime import Progress
from sam4ct.stages.associate import find_breaks
from sam4ct.stages.fill import Generated, as_background, without
from sam4ct.stages.paint import Traced, trace
from sam4ct.stages.paint import paint as paint_frames
from sam4ct.stages.repair import joined_detections
from sam4ct.tables import Links, row_numbers

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Painted:
    """A painted result that is still in its temporary folder."""

    traced: Traced
    masks: Mapping[int, Path]
    """By frame."""
    segmented: Sequence[tuple[int, int]]
    """(t, track label) of the regions that mask generation added."""


@contextmanager
def paint(
    run: Session[Plan],
    masks: Repaired,
    links: Links,
    filled: Sequence[Generated],
    *,
    overwrite: bool,
) -> Iterator[Painted]:
    """Paint the result; the result folder appears when the block has ended without an error.

    All other files of a finished run are written in the block: if the result is there, so are
    they.

    Raises:
        ResultError: A result is in the way, there are too many tracks, or the disk refuses.
    """
    run.begin("paint")
    plan, (detections, reader) = run.plan, masks.painted
    _warn_of_breaks(masks, links)
    traced = trace(detections, links, filled)
    with ResultWriter(
        plan.sequence.result_dir,
        traced.tracks,
        frames=reader.frames,
        shape=plan.survey.checked.shape,
        digits=plan.sequence.digits,
        overwrite=overwrite,
    ) as writer:
        with Progress(reader.frames, "paint", "frames") as progress:
            for _ in paint_frames(reader, detections, traced, filled, writer):
                progress.step()
        made = without(masks.generated, as_background(masks.dropped))
        debris = set(zip(masks.debris.t.tolist(), masks.debris.label.tolist(), strict=True))
        rows = zip(made.t.tolist(), made.label.tolist(), strict=True)
        made = made.take(np.array([row not in debris for row in rows], dtype=bool))
        tracks = traced.of_detection[row_numbers(detections, made.t, made.label)]
        yield Painted(
            traced,
            frame_files(writer.folder, MASK).files,
            list(zip(made.t.tolist(), tracks.tolist(), strict=True)),
        )


def _warn_of_breaks(masks: Repaired, links: Links) -> None:
    """Warn of frames that few tracks reach; in resumed runs, too."""
    plan, (detections, _) = masks.plan, masks.painted
    if not plan.profile.edit_masks:
        # Fragments are painted each by itself, but were linked as one region.
        detections = joined_detections(detections, masks.joins)
    for t, reached, cells in find_breaks(detections, links):
        logger.warning(
            "%s: only %d of %d cells are linked to an earlier frame. Look at this frame and the"
            " one before it: the stage may have moved, frames may be missing, or time steps may"
            " be too long for cells to be recognised.",
            plan.sequence.masks[t],
            reached,
            cells,
        )


def record_of(
    masks: Repaired,
    links: Links,
    filled: Sequence[Generated],
    painted: Painted,
    clicked: Mapping[str, int],
) -> dict[str, Any]:
    """Return the content of `run.json` that is the same for every run with the same input.

    Args:
        masks: The painted masks.
        links: The accepted links.
        filled: The regions that fill gaps.
        painted: The result.
        clicked: Counts of mask generation (`generation_counts`).
    """
    plan, traced = masks.plan, painted.traced
    generated = [(g.t, traced.of_generated[g.t, g.source_t, g.source_label]) for g in filled]
    generated += painted.segmented
    checked = plan.survey.checked
    libraries = LIBRARIES + (LIBRARIES_OF_CLICKS if clicked else ())
    return {
        **settings_of(plan, libraries),
        **recorded(plan.answers),
        "fast": plan.options.fast,
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
            **masks.counts(),
            **({**clicked, "segmented": len(painted.segmented)} if clicked else {}),
        },
        "generated": sorted(generated),
    }
