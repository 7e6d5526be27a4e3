"""Run: what a run of either mode can be asked, and what both know once it is planned."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from sam4ct.geometry import even
from sam4ct.io.work import WorkDir
from sam4ct.models.device import device_name
from sam4ct.models.weights.entry import Entry
from sam4ct.pipelines.common.options import Options
from sam4ct.profile import Profile

if TYPE_CHECKING:
    from sam4ct.io.ctc import CtcSequence
    from sam4ct.io.follow import TrackSequence  # zarr takes a moment to import


class Run(Protocol):
    """One sequence and what the user chose for it. All but `settle` read the movie first.

    All methods raise a `Sam4ctError` if the input, an option, a profile or weights cannot be used.
    """

    @property
    def sequence(self) -> CtcSequence | TrackSequence: ...

    @property
    def options(self) -> Options: ...

    @property
    def replaces(self) -> bool:
        """Whether a result that is there may be replaced: asked for, or only answers are new."""
        ...

    def used(self) -> Options:
        """The options without those that change nothing for this sequence."""
        ...

    def settle(self) -> frozenset[str]:
        """Check profile and options, reading no pixels; return the roles of the networks."""
        ...

    def describe(self) -> str:
        """What the run would do, in a few lines."""
        ...

    def estimate(self) -> str:
        """About how long it would take, tried on a few cells; "" if no network is used."""
        ...

    def key(self) -> dict[str, str]:
        """What the result depends on: part → digest."""
        ...

    def execute(self) -> WorkDir:
        """Do the run, or what is left of it; return its work folder."""
        ...


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What is settled for a run of either mode before it begins."""

    sequence: CtcSequence | TrackSequence
    options: Options
    profile: Profile
    reasons: Mapping[str, str]
    """Why `auto` chose each value; empty for other profiles."""
    device: str
    weights: Mapping[str, Entry]
    """By role; empty if no network is used."""

    @property
    @abstractmethod
    def diameter_px(self) -> float:
        """Typical in-plane diameter of a cell."""

    @property
    def window_px(self) -> int:
        """Side of the windows that SAM 2 sees, pixels."""
        sam2 = self.weights.get("sam2")
        diameters = sam2.window_diameters if sam2 else None
        return even(diameters * self.diameter_px) if diameters else self.profile.window_px

    def settings_key(self) -> dict[str, str]:
        """What the result depends on besides the input: part → digest."""
        settings = json.dumps(asdict(self.profile), sort_keys=True)
        return {
            "profile": hashlib.sha256(settings.encode()).hexdigest(),
            "evidence": self.options.evidence,
            "device": self.device.partition(":")[0],
            **{f"weights.{r}": f"{e.name} {e.sha256}" for r, e in sorted(self.weights.items())},
        }

    @abstractmethod
    def stage_key(self, stage: str) -> dict[str, str]:
        """What a stage depends on, its code included: part → digest."""


def described(
    plan: RunPlan, movie: str, inputs: Iterable[str] = (), work: Iterable[str] = ()
) -> str:
    """Return a few lines about a planned run.

    Args:
        plan: The run.
        movie: Its frames and cells.
        inputs: Lines about other inputs, and what they cause.
        work: Lines about the amount of work.
    """
    return "\n  ".join(_lines(plan, movie, inputs, work))


def _lines(plan: RunPlan, movie: str, inputs: Iterable[str], work: Iterable[str]) -> Iterator[str]:
    yield f"{plan.sequence.dataset} {plan.sequence.name}: {movie}"
    profile = "auto" if plan.reasons else plan.profile.dataset
    weights = ", ".join(entry.name for entry in plan.weights.values())
    network = f", weights {weights} on {device_name(plan.device)}" if weights else ""
    yield f"profile {profile}, evidence {plan.options.evidence}{network}"
    yield from inputs
    yield f"result {plan.sequence.result_dir}"
    yield from work
    for key, reason in plan.reasons.items():
        table, _, name = key.rpartition(".")
        settings = getattr(plan.profile, table) if table else plan.profile
        yield f"{key} = {getattr(settings, name)}: {reason}"
