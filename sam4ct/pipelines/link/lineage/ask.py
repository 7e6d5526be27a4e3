"""Ask: what a person should look at in a lineage, and what the lineage is after some answers.

    questions.json          {"version", "sequence", "questions": [...]}, see `sam4ct.questions`

Works on the solved problem that a run has kept, without images and masks: answers are settled by
the table of the linked regions. Answers that change masks wait for the next run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sam4ct.corrections import OF_MASKS, Correction, End, in_order
from sam4ct.errors import WorkError
from sam4ct.geometry import Margins
from sam4ct.io.files import disk_errors, write_json
from sam4ct.io.work import WorkDir
from sam4ct.jumps import Jumps
from sam4ct.pipelines.link.lineage.solved import read_solved, solved_stage
from sam4ct.questions import VERSION, Question, as_json
from sam4ct.stages.associate import Costs, Scene, accepted, load_costs, measured
from sam4ct.stages.associate.solver import Solved
from sam4ct.stages.correct import answered, ask, resolve
from sam4ct.tables import Detections, Links

ASKED = 100
"""Questions that a run writes."""
SHOWN = 24
"""Questions that its report asks."""
_FROM_RUN = "Only `sam4ct run` on given masks leaves what questions need: run it with this version."


@dataclass(frozen=True)
class SolvedRun:
    """The linking problem of a run, and its optimum without answers."""

    cells: Detections
    base: Solved
    costs: Costs
    scene: Scene

    @classmethod
    def read(cls, work: WorkDir) -> SolvedRun:
        """Read what a finished run has kept.

        Raises:
            WorkError: It is no finished run of mode link, or a file is damaged.
        """
        with disk_errors(work.run_json):
            text = work.run_json.read_bytes() if work.run_json.is_file() else b"{}"
        try:
            record = json.loads(text)
            return cls.of(work, load_costs(record["evidence"], _kind(record)), _scene(record))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise WorkError(f"{work.root}: holds no linked masks. {_FROM_RUN}") from error

    @classmethod
    def of(cls, work: WorkDir, costs: Costs, scene: Scene) -> SolvedRun:
        """Read the problem of a run whose settings are known.

        Raises:
            WorkError: It is not there, or damaged.
        """
        try:
            stage = solved_stage(work)
        except StopIteration as error:
            raise WorkError(f"{work.root}: holds no solved problem. {_FROM_RUN}") from error
        return cls(*read_solved(work, stage, scene.min_cycle_frames), costs, scene)

    def answered(
        self, corrections: Iterable[Correction], n: int = ASKED
    ) -> tuple[Links, list[Question]]:
        """Return the links that obey answers, and what to ask next.

        Args:
            corrections: The answers; those whose regions are not there any more are left out, and
                those that change masks count as answered only.
            n: Questions, at most.
        """
        answers = self._settled(corrections)
        obeyed = [one for one in answers if one.kind not in OF_MASKS]
        found = resolve(self.base, self.cells, obeyed) if obeyed else self.base
        links = answered(accepted(self.cells, found, self.costs), obeyed)
        return links, ask(found, self.cells, *measured(self.cells, self.scene), answers, n)

    def _settled(self, corrections: Iterable[Correction]) -> tuple[Correction, ...]:
        found = []
        in_frame = cache(self.cells.in_frame)
        for one in corrections:
            ends = [self._end(end, in_frame(end.t)) for end in one.ends]
            known = tuple(end for end in ends if end is not None)
            if len(known) == len(ends) and not (now := replace(one, ends=known)).problem:
                found.append(now)
        return in_order(found)

    def _end(self, end: End, here: Detections) -> End | None:
        """Return a region among those of its frame: by place, else by label."""
        axes = "zyx"[-self.scene.ndim :]
        row = np.flatnonzero(here.label == end.label)
        if end.place and len(end.place) == len(axes) and len(here):
            place = np.stack([getattr(here, axis) for axis in axes], axis=1)
            low = np.stack([getattr(here, f"{axis}0") for axis in axes], axis=1)
            high = np.stack([getattr(here, f"{axis}1") for axis in axes], axis=1)
            inside = np.all((low <= end.place) & (end.place <= high), axis=1)
            far = np.linalg.norm(place - end.place, axis=1)
            if not (len(row) and inside[row[0]]):
                row = np.flatnonzero(inside)[np.argsort(far[inside], kind="stable")]
        return End(end.t, int(here.label[row[0]])) if len(row) else None


def resolve_and_ask(
    work_folder: Path, corrections: Iterable[Correction], n: int = ASKED
) -> tuple[Links, list[Question]]:
    """Return the links of a finished run that obey answers, and what to ask next.

    Args:
        work_folder: `SS_RES.sam4ct`.
        corrections: The answers.
        n: Questions, at most.

    Raises:
        WorkError: See `SolvedRun.read`.
    """
    return SolvedRun.read(WorkDir(work_folder)).answered(corrections, n)


def write_questions(work: WorkDir, sequence: str, questions: Sequence[Question]) -> Path:
    """Write `questions.json`; return its path.

    Raises:
        WorkError: The disk refuses.
    """
    rows = [as_json(question) for question in questions]
    write_json(work.questions, {"version": VERSION, "sequence": sequence, "questions": rows})
    return work.questions


def _kind(record: Mapping[str, Any]) -> str:
    return f"{record['profile']['ndim']}d"


def _scene(record: Mapping[str, Any]) -> Scene:
    """Return the rules of association from `run.json`."""
    profile, shape = record["profile"], tuple(record["window"]["shape"])
    jumps = {int(t): (int(z), int(y), int(x)) for t, (z, y, x) in record["jumps"].items()}
    z, y, x = map(float, profile["spacing_um"])
    return Scene(
        frames=record["counts"]["frames"],
        ndim=len(shape),
        spacing_um=(z, y, x),
        border=Margins(shape, profile["border_px"], profile["border_z_px"]),
        divide=profile["division"],
        min_cycle_frames=profile["min_cycle_frames"],
        jumps=Jumps(jumps),
    )
