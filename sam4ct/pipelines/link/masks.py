"""Masks: what one stage passes to the next: all regions, a reader of their masks, their evidence.

`detect` begins with the given masks, `propagate` adds their evidence, `repair` joins and cuts,
`generate` adds regions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Self

from sam4ct.errors import WorkError
from sam4ct.io.work import read_masks, read_table
from sam4ct.pipelines.link.plan import Plan
from sam4ct.regions import Region
from sam4ct.tables import Detections, Evidence
from sam4ct.types import FrameReader, Propagated

Pair = tuple[int, int]
"""Two frames, t and t + dt, as (t, dt)."""


class PairFiles(NamedTuple):
    """The files of a frame pair: its evidence, and the masks that were propagated for it."""

    evidence: Path
    masks: Path


@dataclass(frozen=True, kw_only=True)
class Masks:
    """The masks of a sequence after some stage."""

    plan: Plan
    detections: Detections
    """All regions, ordered by frame and label."""
    reader: FrameReader
    """Reads their masks."""
    files: Mapping[Pair, tuple[PairFiles, ...]] = field(default_factory=dict)
    """By frame pair, in the order of the stages. The last one has the evidence that counts;
    propagated masks are in all of them, each region in one."""

    def with_files(self, files: Mapping[Pair, PairFiles]) -> Self:
        """Return the same masks with further files of some frame pairs."""
        more = {pair: (*self.files.get(pair, ()), one) for pair, one in files.items()}
        return replace(self, files={**self.files, **more})

    def evidence(self) -> Evidence:
        """Read the evidence of all frame pairs, in order.

        Raises:
            WorkError: That of some pair is missing, or damaged.
        """
        paths = {pair: files[-1].evidence for pair, files in self.files.items()}
        missing = [pair for pair, path in paths.items() if not path.is_file()]
        if missing:
            raise WorkError(
                f"{self.plan.sequence.work_dir}: the evidence of {len(missing)} frame pairs is"
                f" missing, the first begins at frame {missing[0][0]}. Run `sam4ct stage"
                " propagate` for all frames first."
            )
        return Evidence.concat(read_table(path, Evidence) for path in paths.values())

    def propagated(self, t: int, t2: int) -> dict[int, Propagated]:
        """Return the propagated masks of regions of frame t in frame t2, by label."""
        rows = (row for file in self._mask_files(t, t2) for row in read_masks(file, t=t))
        return {row.label: Propagated(row.region, row.object_score) for row in rows}

    def propagated_region(self, t: int, label: int, t2: int) -> Region | None:
        """Return the propagated mask of region (t, label) in frame t2; None if there is none."""
        files = self._mask_files(t, t2)
        rows = (row for file in files for row in read_masks(file, t=t, labels=[label]))
        return next((row.region for row in rows), None)

    def _mask_files(self, t: int, t2: int) -> list[Path]:
        """Return the files with propagated masks between two frames, in either direction."""
        files = self.files.get((min(t, t2), abs(t2 - t)), ())
        return [file.masks for file in files if file.masks.is_file()]
