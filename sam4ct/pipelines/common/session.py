"""Session: a run at work, with its plan, its open work folder and the time of each stage."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from sam4ct.errors import WorkError
from sam4ct.io.files import work_errors
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.run import RunPlan

PlanT = TypeVar("PlanT", bound=RunPlan)
T = TypeVar("T")


class Clock:
    """Seconds of each part of a run."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._part, self._since = "", time.monotonic()

    def begin(self, part: str) -> None:
        """Begin a part; the one before has ended."""
        self._seconds = self.seconds
        self._part, self._since = part, time.monotonic()

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by part; of the current part the seconds so far."""
        here = {self._part: round(time.monotonic() - self._since, 3)} if self._part else {}
        return self._seconds | here


@dataclass
class Session(Generic[PlanT]):
    """A plan at work in its work folder."""

    plan: PlanT
    work: WorkDir
    clock: Clock = field(default_factory=Clock)
    resumed: bool = False
    """Whether an earlier command did a part of the work; its time is not known."""

    def begin(self, stage: str) -> None:
        """Begin a stage: results made under another key are removed, later ones too.

        Raises:
            WorkError: See `WorkDir.stage`.
        """
        self.clock.begin(stage)
        self.work.stage(stage, self.plan.stage_key(stage))


def read_json(path: Path, convert: Callable[[Any], T], remedy: str) -> T:
    """Return what a JSON file of the work folder holds.

    Args:
        path: The file.
        convert: Takes the parsed content.
        remedy: What to do if the file is damaged.

    Raises:
        WorkError: The file is missing or damaged, or the disk refuses.
    """
    with work_errors(path):
        text = path.read_bytes()
    try:
        return convert(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WorkError(f"{path}: damaged. {remedy}") from error
