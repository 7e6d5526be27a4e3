"""Plan: everything a run needs to know, settled before it begins.

Chooses profile, weights and device, and names what the result depends on, so
that a resumed run can tell what is still good.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from sam4ct.derive import cell_diameter, cell_height
from sam4ct.errors import ProfileError, WeightsError
from sam4ct.geometry import Margins, Slabs, WindowGrid, even
from sam4ct.io.ctc import CtcReader, CtcSequence
from sam4ct.io.tiff import (
    DERIVE_WITH_SPACING,
    refuse_unsaid_stack,
    warn_of_cubes,
    warn_of_odd_spacing,
)
from sam4ct.jumps import Jumps
from sam4ct.models.device import choose_device
from sam4ct.models.weights.entry import ROLES, Entry
from sam4ct.models.weights.load import choose, verified
from sam4ct.models.weights.manifest import Manifest, load_manifest
from sam4ct.pipelines.common.sources import digest_of_sources
from sam4ct.pipelines.link.survey import Survey, survey
from sam4ct.profile import Profile, load_profile, profile_names
from sam4ct.stages.repair import find_jumps

AUTO = "auto"

SOURCES = {
    "detect": "sam4ct.pipelines.link.survey",
    "propagate": "sam4ct.pipelines.link.propagate",
    "repair": "sam4ct.pipelines.link.repair",
    "associate": "sam4ct.pipelines.link.associate",
    "generate": "sam4ct.pipelines.link.generate",
    "fill": "sam4ct.pipelines.link.fill",
    "paint": "sam4ct.pipelines.link.paint",
}
"""The modules that make the stages, in order: when they or their imports change, so does the key
of the stage and of all later ones."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose for a run."""

    profile: str | None = None
    """A shipped profile, a file, or "auto"; None: the dataset's own, else "auto"."""
    weights: tuple[str, ...] = ()
    device: str = "auto"
    evidence: str = "sam2"
    """What links are judged by: "sam2", or "overlap" of unmoved masks."""
    fast: bool = False
    """Whether SAM 2 is asked only where the overlap of masks leaves a choice."""
    generate_masks: bool | None = None
    """Whether SAM-Med3D segments missed cells of volumes; None: as the profile says."""
    edit_masks: bool | None = None
    """Whether given masks may be joined, cut or dropped; None: as the profile says."""
    overwrite: bool = False
    report: bool = True
    seeds: Path | None = None
    """Mode "track": seeds, a folder or a table; None: in their place."""
    initial: Path | None = None
    """Mode "track": initial tracks, a JSON or a label TIFF; None: in their place."""


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
    fast: bool = False
    """Whether SAM 2 is asked only where the overlap of masks leaves a choice."""

    @property
    def diameter_px(self) -> float:
        """Typical in-plane diameter of a cell: the profile's, else measured."""
        return self.profile.cell_diameter_px or cell_diameter(self.survey.detections)

    @cached_property
    def jumps(self) -> Jumps:
        """Frames at which the whole picture jumps."""
        spacing = self.profile.spacing_um
        return find_jumps(self.survey.detections, spacing, self.diameter_px * spacing[-1])

    @property
    def edge(self) -> Margins:
        """Where cells may be cut by the frame; in z only if the profile has a rule for it."""
        slices = min(1, self.profile.border_z_px)
        return Margins(self.survey.checked.shape, slices=slices)

    @property
    def grid(self) -> WindowGrid:
        """The windows of this run's network."""
        sam2 = self.weights.get("sam2")
        diameters = sam2.window_diameters if sam2 else None
        side = even(diameters * self.diameter_px) if diameters else self.profile.window_px
        shape, step = self.survey.checked.shape, self.profile.window_step
        if len(shape) == 2:
            return WindowGrid(shape, side, step)
        height = max(1, round(cell_height(self.survey.detections) / 2.0))
        return WindowGrid(shape, side, step, slabs=Slabs(shape[0], height, reach=1))

    def key(self) -> dict[str, str]:
        """What the result depends on: part → digest."""
        settings = json.dumps(asdict(self.profile), sort_keys=True)
        return {
            "images": self.survey.checked.images_sha256,
            "masks": self.survey.checked.masks_sha256,
            "profile": hashlib.sha256(settings.encode()).hexdigest(),
            "evidence": self.evidence,
            **({"fast": "yes"} if self.fast else {}),
            "device": self.device.partition(":")[0],
            **{f"weights.{r}": f"{e.name} {e.sha256}" for r, e in sorted(self.weights.items())},
        }

    def stage_key(self, stage: str) -> dict[str, str]:
        """The same for one stage, with a digest of its code and that of the stages before."""
        stages = list(SOURCES)
        modules = (SOURCES[name] for name in stages[: stages.index(stage) + 1])
        return {**self.key(), "code": digest_of_sources(*modules)}


def make_plan(sequence: CtcSequence, options: Options) -> Plan:
    """Settle a run: first what takes no time to refuse, then one look at all frames.

    Raises:
        Sam4ctError: The input, an option, a profile or a weight file cannot be used.
    """
    named = settle_profile(sequence, options)
    generate = named.generate_masks if named else bool(options.generate_masks)
    device, weights = choose_network(options, generate=generate)
    _refuse_prompt(named, weights)
    seen = survey(sequence)
    if named is not None:
        warn_of_cubes(sequence.images[0], named, seen.spacing_um)
        return Plan(sequence, seen, named, {}, options.evidence, device, weights, options.fast)
    warn_of_odd_spacing(sequence.images[0], seen.spacing_um, DERIVE_WITH_SPACING)
    found = seen.derived(sequence.dataset)
    profile, reasons = _with_options(found.profile, options), dict(found.reasons)
    for name in _chosen_in(profile, options):
        reasons[name] = "asked for"
    return Plan(sequence, seen, profile, reasons, options.evidence, device, weights, options.fast)


def settle_profile(sequence: CtcSequence, options: Options) -> Profile | None:
    """Return the profile of a run; None if it is yet to be derived. Reads no pixels.

    Raises:
        Sam4ctError: The profile or the first image cannot be used, or not together.
    """
    named = None if _wants_auto(sequence, options) else _named_profile(sequence, options)
    _refuse_unfit(sequence, named, options)
    return named


def choose_network(options: Options, *, generate: bool = False) -> tuple[str, dict[str, Entry]]:
    """Return the device and the verified weights by role; none for work without a network.

    Args:
        options: What the user chose.
        generate: Whether masks are generated.

    Raises:
        WeightsError: The device or the weights are not there, the file is another one, or
            options contradict each other.
    """
    if options.fast and options.evidence != "sam2":
        raise WeightsError(
            f"--fast: is not used with --evidence {options.evidence}, which runs no network. Leave"
            " one of the two out."
        )
    manifest = load_manifest()
    useless = {}
    if options.evidence != "sam2":
        useless["sam2"] = f"with --evidence {options.evidence}"
    if not generate:
        useless["sam_med3d"] = "where no masks are generated"
    for name in options.weights:
        if why := useless.get(manifest.get(name).role):
            raise WeightsError(f"--weights {name}: is not used {why}. Leave it out.")
    roles = [role for role in ROLES if role not in useless]
    if not roles:
        return "cpu", {}
    device = choose_device(options.device)
    usable = Manifest(tuple(entry for entry in manifest.entries if entry.role in roles))
    chosen = choose(usable, options.weights, device.startswith("cuda"))
    for role in roles:
        if role not in chosen:
            raise WeightsError(
                f"weights: there are none for {role} by default on {device}. Name some with"
                " --weights; `sam4ct weights list` says which there are."
            )
        verified(chosen[role])
    return device, chosen


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
    return _with_options(replace(profile, dataset=sequence.dataset), options)


def _with_options(profile: Profile, options: Options) -> Profile:
    """Return the profile with what the user chose otherwise."""
    chosen = _chosen_in(profile, options)
    return replace(
        profile,
        edit_masks=chosen.get("edit_masks", profile.edit_masks),
        generate_masks=chosen.get("generate_masks", profile.generate_masks),
    )


def _chosen_in(profile: Profile, options: Options) -> dict[str, bool]:
    """Return the settings of the profile that the user chose: name → value."""
    chosen = {"edit_masks": options.edit_masks, "generate_masks": options.generate_masks}
    if profile.ndim == 2:  # refused, with a word on the images rather than on the profile
        del chosen["generate_masks"]
    return {name: value for name, value in chosen.items() if value is not None}


def _refuse_unfit(sequence: CtcSequence, profile: Profile | None, options: Options) -> None:
    """Refuse what this version cannot link, and a profile for another kind of frames."""
    ndim = len(CtcReader(sequence).shape)
    first = sequence.images[0]
    if ndim == 2 and options.generate_masks:
        raise ProfileError(
            f"{first}: the image is 2D, but masks are generated in volumes only. Leave out"
            " --generate-masks: gaps in images are filled as the profile's `fill` says."
        )
    if len(sequence.images) == 1 and (profile is None or profile.ndim != ndim):
        refuse_unsaid_stack(first)
    if profile is not None and profile.ndim != ndim:
        raise ProfileError(
            f"{first}: the image is {ndim}D, but the profile is for {profile.ndim}D."
            " Choose another profile, e.g. --profile auto."
        )
    if profile is not None and profile.mode != "link":
        raise ProfileError(
            f"{first}: the profile has mode {profile.mode!r}, but this links given masks. Choose"
            " another profile, e.g. --profile auto."
        )
