"""Plan: everything a run needs to know, settled before it begins.

Chooses profile, weights and device, and names what the result depends on, so
that a resumed run can tell what is still good.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sam4ct import __version__
from sam4ct.derive import cell_diameter
from sam4ct.errors import ProfileError, WeightsError
from sam4ct.geometry import WindowGrid, even
from sam4ct.io.ctc import CtcReader, CtcSequence
from sam4ct.models.device import choose_device
from sam4ct.models.entry import Entry
from sam4ct.models.weights import choose, load_manifest, verified
from sam4ct.pipelines.survey import Survey, survey
from sam4ct.profile import Profile, load_profile, profile_names

AUTO = "auto"

CODE_VERSIONS = {"detect": "1", "propagate": "1", "associate": "1", "fill": "1", "paint": "1"}
"""To be raised when a stage's code changes what it makes: old artifacts are then redone."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose for a run."""

    profile: str | None = None
    """A shipped profile, a file, or "auto"; None: the dataset's own, else "auto"."""
    weights: tuple[str, ...] = ()
    device: str = "auto"
    evidence: str = "sam2"
    """What links are judged by: "sam2", or "overlap" of unmoved masks."""
    overwrite: bool = False
    report: bool = True


@dataclass(frozen=True)
class Plan:
    """A settled run of one sequence."""

    sequence: CtcSequence
    survey: Survey
    profile: Profile
    reasons: Mapping[str, str]
    """Why `auto` chose each value; empty for other profiles."""
    evidence: str
    device: str
    weights: Mapping[str, Entry] = field(default_factory=dict)
    """By role; empty if no network is asked."""

    @property
    def diameter_px(self) -> float:
        """Typical in-plane diameter of a cell: the profile's, else measured."""
        return self.profile.cell_diameter_px or cell_diameter(self.survey.detections)

    @property
    def grid(self) -> WindowGrid:
        """The windows of this run's network."""
        sam2 = self.weights.get("sam2")
        diameters = sam2.window_diameters if sam2 else None
        side = even(diameters * self.diameter_px) if diameters else self.profile.window_px
        shape = self.survey.checked.shape
        return WindowGrid((shape[-2], shape[-1]), side, self.profile.window_step)

    def key(self) -> dict[str, str]:
        """What the result depends on: part → digest."""
        settings = json.dumps(asdict(self.profile), sort_keys=True)
        return {
            "images": self.survey.checked.images_sha256,
            "masks": self.survey.checked.masks_sha256,
            "profile": hashlib.sha256(settings.encode()).hexdigest(),
            "evidence": self.evidence,
            "device": self.device.partition(":")[0],
            **{f"weights.{r}": f"{e.name} {e.sha256}" for r, e in sorted(self.weights.items())},
        }

    def stage_key(self, stage: str) -> dict[str, str]:
        """The same for one stage, with the version of its code."""
        return {**self.key(), "code": CODE_VERSIONS[stage], "version": __version__}


def make_plan(sequence: CtcSequence, options: Options) -> Plan:
    """Settle a run: first what takes no time to refuse, then one look at all frames.

    Raises:
        Sam4ctError: The input, an option, a profile or a weight file cannot be used.
    """
    device, weights = choose_network(options)
    named = None if _wants_auto(sequence, options) else _named_profile(sequence, options)
    _refuse_unfit(sequence, named)
    _refuse_prompt(named, weights)
    seen = survey(sequence)
    if named is not None:
        return Plan(sequence, seen, named, {}, options.evidence, device, weights)
    found = seen.derived(sequence.dataset)
    return Plan(sequence, seen, found.profile, found.reasons, options.evidence, device, weights)


def choose_network(options: Options) -> tuple[str, dict[str, Entry]]:
    """Return the device and the verified weights by role; none for evidence without a network.

    Raises:
        WeightsError: The device or the weights are not there, or the file is another one.
    """
    if options.evidence != "sam2":
        if options.weights:
            raise WeightsError(
                f"--weights {options.weights[0]}: has no use with --evidence {options.evidence},"
                " which asks no network. Leave one of the two out."
            )
        return "cpu", {}
    device = choose_device(options.device)
    entry = choose(load_manifest(), options.weights, device.startswith("cuda"))["sam2"]
    verified(entry)
    return device, {"sam2": entry}


def _refuse_prompt(profile: Profile | None, weights: Mapping[str, Entry]) -> None:
    """Refuse a prompt that the network was not trained on: its masks would be noise."""
    entry = weights.get("sam2")
    if profile is not None and entry is not None and profile.prompt not in entry.prompts:
        raise ProfileError(
            f"{profile.dataset}: prompt is {profile.prompt!r}, but {entry.name} was trained with"
            f" {' and '.join(entry.prompts)} prompts only. Change the profile, or choose other"
            " weights with --weights."
        )


def _wants_auto(sequence: CtcSequence, options: Options) -> bool:
    if options.profile is None:
        return sequence.dataset not in profile_names()
    return options.profile == AUTO


def _named_profile(sequence: CtcSequence, options: Options) -> Profile:
    name = options.profile or sequence.dataset
    profile = load_profile(Path(name) if name.endswith(".toml") else name)
    return replace(profile, dataset=sequence.dataset)


def _refuse_unfit(sequence: CtcSequence, profile: Profile | None) -> None:
    """Refuse what this version cannot link, and a profile for another kind of frames."""
    ndim = len(CtcReader(sequence).shape)
    first = sequence.images[0]
    if profile is not None and profile.ndim != ndim:
        raise ProfileError(
            f"{first}: the image is {ndim}D, but the profile is for {profile.ndim}D."
            " Choose another profile, e.g. --profile auto."
        )
    if profile is not None and profile.mode != "link":
        raise ProfileError(
            f"{first}: the profile has mode {profile.mode!r}, but this version links given masks"
            " only. Choose another profile, e.g. --profile auto."
        )
