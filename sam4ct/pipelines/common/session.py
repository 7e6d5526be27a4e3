"""A run at work: its plan, its open work folder, and how long each stage takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.run import RunPlan

PlanT = TypeVar("PlanT", bound=RunPlan)


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
        """Seconds by part, of the one at work those so far."""
        here = {self._part: round(time.monotonic() - self._since, 3)} if self._part else {}
        return self._seconds | here


@dataclass
class Session(Generic[PlanT]):
    """A plan that is being carried out in its work folder."""

    plan: PlanT
    work: WorkDir
    clock: Clock = field(default_factory=Clock)
    resumed: bool = False
    """Whether an earlier command did a part of the work, of which the times are not known."""

    def begin(self, stage: str) -> None:
        """Begin a stage: results made under another key are removed, later ones too.

        Raises:
            WorkError: See `WorkDir.stage`.
        """
        self.clock.begin(stage)
        self.work.stage(stage, self.plan.stage_key(stage))
