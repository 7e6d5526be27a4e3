"""Plan: profile, weights and device of a run, and what its result depends on.

Settled before the run begins. A run that is continued compares the keys, and so knows which
files of the work folder it can still use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sam4ct.corrections import OF_MASKS, Correction, Kind, digest
from sam4ct.derive import cell_diameter, cell_height
from sam4ct.errors import ProfileError
from sam4ct.geometry import Margins, Slabs, WindowGrid
from sam4ct.io.ctc import CtcReader, CtcSequence
from sam4ct.io.tiff import (
    DERIVE_WITH_SPACING,
    refuse_unsaid_stack,
    warn_of_cubes,
    warn_of_odd_spacing,
)
from sam4ct.jumps import Jumps
from sam4ct.models.weights.entry import Entry
from sam4ct.pipelines.common.options import Options, choose_network
from sam4ct.pipelines.common.run import RunPlan
from sam4ct.pipelines.common.sources import digest_of_sources
from sam4ct.pipelines.link.survey import Survey, survey
from sam4ct.profile import Profile
from sam4ct.stages.repair import find_jumps

SOURCES = {
    "detect": "sam4ct.pipelines.link.survey",
    "propagate": "sam4ct.pipelines.link.propagate",
    "repair": "sam4ct.pipelines.link.repair",
    "associate": "sam4ct.pipelines.link.associate",
    "generate": "sam4ct.pipelines.link.generate",
    "edit": "sam4ct.pipelines.link.edit",
    "correct": "sam4ct.pipelines.link.correct",
    "fill": "sam4ct.pipelines.link.fill",
    "paint": "sam4ct.pipelines.link.paint",
}
"""The modules that make the stages, in order: when they or their imports change, so does the key
of the stage and of all later ones."""


@dataclass(frozen=True, kw_only=True)
class Plan(RunPlan):
    """All that linking one sequence needs."""

    sequence: CtcSequence
    survey: Survey
    answers: tuple[Correction, ...] = ()
    """Corrections of a person (`answers`)."""
    answers_file: Path = Path()
    """Where they were read, for messages."""

    @property
    def diameter_px(self) -> float:
        """Typical in-plane diameter of a cell: the profile's, else measured."""
        return self.profile.cell_diameter_px or cell_diameter(self.survey.detections)

    @cached_property
    def jumps(self) -> Jumps:
        """Stage shifts: frames in which all cells have moved alike."""
        spacing = self.profile.spacing_um
        return find_jumps(self.survey.detections, spacing, self.diameter_px * spacing[-1])

    @property
    def edge(self) -> Margins:
        """Margins in which cells may be cut off by the frame; in z only if the profile says so."""
        slices = min(1, self.profile.border_z_px)
        return Margins(self.survey.checked.shape, slices=slices)

    @property
    def grid(self) -> WindowGrid:
        """The windows that SAM 2 sees."""
        side, shape, step = self.window_px, self.survey.checked.shape, self.profile.window_step
        if len(shape) == 2:
            return WindowGrid(shape, side, step)
        height = max(1, round(cell_height(self.survey.detections) / 2.0))
        return WindowGrid(shape, side, step, slabs=Slabs(shape[0], height, reach=1))

    def key(self) -> dict[str, str]:
        """What the result depends on: part → digest."""
        return {
            "images": self.survey.checked.images_sha256,
            "masks": self.survey.checked.masks_sha256,
            **({"fast": "yes"} if self.options.fast else {}),
            **self.settings_key(),
        }

    def stage_key(self, stage: str) -> dict[str, str]:
        """The same for one stage, with a digest of its code and of all earlier stages.

        Answers are in the keys of the stages that they concern. When these begin, files of later
        stages are removed, so their keys need no answers.
        """
        stages = list(SOURCES)
        modules = (SOURCES[name] for name in stages[: stages.index(stage) + 1])
        concerned = {"edit": OF_MASKS, "correct": tuple(Kind)}.get(stage, ())
        answers = [one for one in self.answers if one.kind in concerned]
        said = {"answers": digest(answers)} if answers else {}
        return {**self.key(), **said, "code": digest_of_sources(*modules)}


def make_plan(sequence: CtcSequence, options: Options) -> Plan:
    """Settle a run: first what can be refused at once, then every frame is read.

    Raises:
        Sam4ctError: The input, an option, a profile or a weight file cannot be used.
    """
    named = settle_profile(sequence, options)
    generate = named.generate_masks if named else bool(options.generate_masks)
    device, weights = choose_network(options, generate=generate)
    _refuse_prompt(named, weights)
    seen = survey(sequence)
    reasons: dict[str, str] = {}
    if named is not None:
        warn_of_cubes(sequence.images[0], named, options.spacing_um or seen.spacing_um)
        profile = named
    else:
        if options.spacing_um is None:
            warn_of_odd_spacing(sequence.images[0], seen.spacing_um, DERIVE_WITH_SPACING)
        found = seen.derived(sequence.dataset, options.spacing_um)
        chosen = _chosen_in(found.profile, options)
        profile = replace(found.profile, **chosen)
        reasons = {**found.reasons, **dict.fromkeys(chosen, "asked for")}
    return Plan(
        sequence=sequence,
        survey=seen,
        profile=profile,
        reasons=reasons,
        options=options,
        device=device,
        weights=weights,
    )


def settle_profile(sequence: CtcSequence, options: Options) -> Profile | None:
    """Return the profile of a run; None if it is to be derived. Reads no pixels.

    Raises:
        Sam4ctError: The profile or the first image cannot be used, or not together.
    """
    named = options.named_profile(sequence.dataset)
    if named is not None:
        named = replace(named, dataset=sequence.dataset, **_chosen_in(named, options))
    _refuse_unfit(sequence, named, options)
    return named


def _refuse_prompt(profile: Profile | None, weights: Mapping[str, Entry]) -> None:
    """Refuse a prompt that the network was not trained on: its masks would be noise."""
    entry = weights.get("sam2")
    if profile is not None and entry is not None and profile.prompt not in entry.prompts:
        raise ProfileError(
            f"{profile.dataset}: prompt is {profile.prompt!r}, but {entry.name} was trained with"
            f" {' and '.join(entry.prompts)} prompts only. Change the profile, or choose other"
            " weights with --weights."
        )


def _chosen_in(profile: Profile, options: Options) -> dict[str, Any]:
    """Return the settings of the profile that the user chose: name → value."""
    chosen = {"edit_masks": options.edit_masks, "generate_masks": options.generate_masks}
    if profile.ndim == 2:  # refused, with a word on the images rather than on the profile
        del chosen["generate_masks"]
    return {name: value for name, value in chosen.items() if value is not None}


def _refuse_unfit(sequence: CtcSequence, profile: Profile | None, options: Options) -> None:
    """Refuse options and profiles that do not fit the images."""
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
