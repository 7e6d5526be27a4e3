"""Modes: which of them each sequence of a dataset is run in, and the steps that they share.

"link" joins given masks over time (`plan`, `link`), "track" follows chosen cells by seeds
(`follow.plan`, `track`). The profile says which; where it is yet to be derived, the
sequence's files do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from sam4ct.errors import ProfileError, SequenceError
from sam4ct.io.ctc import MASKS, RESULT, CtcSequence, find_sequences, sequence_name
from sam4ct.io.files import list_folder
from sam4ct.io.follow import INITIAL, SEEDS, TrackSequence, find_track_sequence, track_names
from sam4ct.io.movie import ZARR
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.follow.plan import TrackPlan, make_track_plan
from sam4ct.pipelines.follow.run import run_track
from sam4ct.pipelines.follow.summary import track_outlook
from sam4ct.pipelines.link.plan import AUTO, Options, Plan, make_plan
from sam4ct.pipelines.link.run import run_sequence
from sam4ct.pipelines.link.summary import outlook
from sam4ct.profile import load_profile, profile_names

_PART = re.compile(rf"([0-9]+)({re.escape(ZARR)}|{SEEDS}|{INITIAL})")

AnySequence = CtcSequence | TrackSequence
AnyPlan = Plan | TrackPlan


def find_runs(
    dataset_dir: Path, names: Sequence[str], out: Path | None, options: Options
) -> list[AnySequence]:
    """Return sequences of a dataset with all that their mode needs.

    Args:
        dataset_dir: Holds the sequences.
        names: Those wanted; (): all that can be run.
        out: The result folder if there is one sequence, else the root below which
            `DATASET/SS_RES` is written; None: beside the input.
        options: The profile chosen, and where seeds and initial tracks lie.

    Raises:
        Sam4ctError: A sequence is missing or incomplete, or its profile is unknown.
    """
    dataset_dir = Path(os.path.abspath(dataset_dir))
    named = [sequence_name(dataset_dir, name) for name in names]
    chosen = list(dict.fromkeys(named)) or _runnable(dataset_dir)
    if not chosen:
        return list(find_sequences(dataset_dir))  # says what is there instead
    if len(chosen) > 1 and (options.seeds or options.initial):
        raise SequenceError(
            f"{dataset_dir}: --seeds and --init-tracks are for one sequence, but there are"
            f" {', '.join(chosen)}. Name one of them."
        )
    found: list[AnySequence] = []
    for name in chosen:
        below = dataset_dir if out is None else Path(os.path.abspath(out)) / dataset_dir.name
        result = Path(out) if out is not None and len(chosen) == 1 else below / f"{name}{RESULT}"
        found.append(find_run(dataset_dir, name, result, options))
    return found


def find_run(dataset_dir: Path, name: str, result_dir: Path, options: Options) -> AnySequence:
    """Return one sequence; see `find_runs`."""
    if not _follows(dataset_dir, name, options):
        (sequence,) = find_sequences(dataset_dir, [name], result_dir)
        return sequence
    masked = (dataset_dir / f"{name}{MASKS}").is_dir()
    if masked and not options.seeds and not os.path.exists(dataset_dir / f"{name}{SEEDS}"):
        raise ProfileError(
            f"{dataset_dir / name}: the profile follows cells by seeds, but there are masks to link"
            " and no seeds. Use --profile auto to link them, or find seeds with `sam4ct seeds`."
        )
    return find_track_sequence(
        dataset_dir, name, result_dir, seeds=options.seeds, initial=options.initial
    )


def refuse_stages(dataset_dir: Path, name: str, options: Options) -> None:
    """Refuse to run stages one by one where cells are followed.

    Raises:
        Sam4ctError: They are, or the profile is unknown.
    """
    dataset_dir = Path(os.path.abspath(dataset_dir))
    if _follows(dataset_dir, name, options):
        raise ProfileError(
            f"{dataset_dir / name}: its cells are followed from frame to frame on one machine, so"
            f" that stages cannot run apart. Use `sam4ct run {dataset_dir} {name}`, which continues"
            " where it was stopped."
        )


def plan_run(sequence: AnySequence, options: Options) -> AnyPlan:
    """Settle the run of a sequence.

    Raises:
        Sam4ctError: The input, an option, a profile or a weight file cannot be used.
    """
    if isinstance(sequence, TrackSequence):
        return make_track_plan(sequence, options)
    return make_plan(sequence, options)


def outlook_of(plan: AnyPlan, *, timed: bool = False) -> str:
    """Return a few lines about a planned run; `timed` adds about how long it would take."""
    if isinstance(plan, TrackPlan):
        return track_outlook(plan, timed=timed)
    return outlook(plan, timed=timed)


def do_run(plan: AnyPlan, options: Options) -> WorkDir:
    """Do all of a planned run, or what is left of it, and return its work folder.

    Raises:
        Sam4ctError: Something the user can mend.
    """
    if isinstance(plan, TrackPlan):
        return run_track(plan, options)
    return run_sequence(plan, options)


def _follows(dataset_dir: Path, name: str, options: Options) -> bool:
    """Whether cells are followed: the profile or an option says so, or the files do.

    Files do not overrule a profile for linking: where it has no masks to link, but seeds
    or initial tracks, `settle_track_profile` says so.
    """
    asked = options.seeds is not None or options.initial is not None
    profile = options.profile
    if profile is None:
        profile = dataset_dir.name if dataset_dir.name in profile_names() else AUTO
    if profile != AUTO:
        path = Path(profile) if profile.endswith(".toml") else profile
        if load_profile(path).mode == "track":
            return True
        if asked:
            raise ProfileError(
                f"{dataset_dir / name}: the profile {profile} links masks and does not use"
                " --seeds and --init-tracks. Leave them out, or choose a profile of mode 'track',"
                " e.g. --profile auto."
            )
    if asked:
        return True
    begun = _with_parts(dataset_dir)
    there = {path.name for path in list_folder(dataset_dir) if path.is_dir()}
    return f"{name}{MASKS}" not in there and (name in begun or bool(begun and name not in there))


def _runnable(dataset_dir: Path) -> list[str]:
    """Return the sequences to run, sorted: those that have masks, or all to follow cells.

    If there are none, those that lack a part of the latter, to be told which.
    """
    folders = {path.name for path in list_folder(dataset_dir) if path.is_dir()}
    masked = {n for n in folders if n.isascii() and n.isdigit() and f"{n}{MASKS}" in folders}
    return sorted(masked.union(track_names(dataset_dir))) or _with_parts(dataset_dir)


def _with_parts(dataset_dir: Path) -> list[str]:
    """Return the sequences with some part of what following cells needs but linking does not."""
    found = map(_PART.fullmatch, (path.name for path in list_folder(dataset_dir)))
    return sorted({match[1] for match in found if match})
