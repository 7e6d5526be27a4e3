"""Dispatch: find the sequences of a dataset, and choose the mode of each.

Mode "link" joins given masks over time (`link`), mode "track" follows chosen cells by seeds
(`follow`). The profile says which; if none is given, the files of the sequence do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from sam4ct.errors import ProfileError, SequenceError
from sam4ct.io.ctc import MASKS, RESULT, find_sequences, sequence_name
from sam4ct.io.files import list_folder
from sam4ct.io.follow import INITIAL, SEEDS, find_track_sequence, track_names
from sam4ct.io.movie import ZARR
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.run import Run
from sam4ct.pipelines.follow.run import FollowRun
from sam4ct.pipelines.link.run import LinkRun

_PART = re.compile(rf"([0-9]+)({re.escape(ZARR)}|{SEEDS}|{INITIAL})")


def find_runs(
    dataset_dir: Path, names: Sequence[str], out: Path | None, options: Options
) -> list[Run]:
    """Return the runs of a dataset's sequences; no pixels are read.

    Args:
        dataset_dir: Holds the sequences.
        names: Those wanted; (): all that can be run.
        out: The result folder if there is one sequence, else the root below which
            `DATASET/SS_RES` is written; None: beside the input.
        options: The profile chosen, and where seeds and initial tracks lie.

    Raises:
        Sam4ctError: A sequence is missing or incomplete, or its profile or an option is wrong.
    """
    dataset_dir = Path(os.path.abspath(dataset_dir))
    named = [sequence_name(dataset_dir, name) for name in names]
    chosen = list(dict.fromkeys(named)) or _runnable(dataset_dir)
    if not chosen:
        find_sequences(dataset_dir)  # says what is there instead
    if len(chosen) > 1 and (options.seeds or options.initial):
        raise SequenceError(
            f"{dataset_dir}: --seeds and --init-tracks are for one sequence, but there are"
            f" {', '.join(chosen)}. Name one of them."
        )
    if len(chosen) > 1 and options.corrections:
        raise SequenceError(
            f"{dataset_dir}: --corrections is for one sequence, but there are {', '.join(chosen)}."
            " Name one of them, or put each file beside its result, as SS_CORRECTIONS.csv."
        )
    found: list[Run] = []
    for name in chosen:
        below = dataset_dir if out is None else Path(os.path.abspath(out)) / dataset_dir.name
        result = Path(out) if out is not None and len(chosen) == 1 else below / f"{name}{RESULT}"
        found.append(find_run(dataset_dir, name, result, options))
    for run in found:
        run.settle()
    return found


def find_run(dataset_dir: Path, name: str, result_dir: Path, options: Options) -> Run:
    """Return the run of one sequence; see `find_runs`."""
    if not _follows(dataset_dir, name, options):
        (sequence,) = find_sequences(dataset_dir, [name], result_dir)
        return LinkRun(sequence, options)
    masked = (dataset_dir / f"{name}{MASKS}").is_dir()
    if masked and not options.seeds and not os.path.exists(dataset_dir / f"{name}{SEEDS}"):
        raise ProfileError(
            f"{dataset_dir / name}: the profile follows cells by seeds, but there are masks to link"
            " and no seeds. Use --profile auto to link them, or find seeds with `sam4ct seeds`."
        )
    followed = find_track_sequence(
        dataset_dir, name, result_dir, seeds=options.seeds, initial=options.initial
    )
    return FollowRun(followed, options)


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


def _follows(dataset_dir: Path, name: str, options: Options) -> bool:
    """Whether cells are followed: the profile or an option says so, or the files do.

    A profile of mode "link" wins over the files.
    """
    asked = options.seeds is not None or options.initial is not None
    if profile := options.named_profile(dataset_dir.name):
        if profile.mode == "track":
            return True
        if asked:
            chosen = options.profile or dataset_dir.name
            raise ProfileError(
                f"{dataset_dir / name}: the profile {chosen} links masks and does not use"
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
