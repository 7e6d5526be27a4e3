"""Preparation: all that stands in the way of the jobs below a folder, told before any work.

Hours may lie between the first sequence and the last, and nobody may be watching: what
would end them all is said at once, in one message.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sam4ct.errors import Sam4ctError
from sam4ct.io.files import write_problem
from sam4ct.models.device import choose_device
from sam4ct.pipelines.batch.targets import Job, Refusal, Target, find_targets, settle, with_weights
from sam4ct.pipelines.common.options import AUTO, Options, choose_network
from sam4ct.profile import load_profile, profile_names

logger = logging.getLogger(__name__)

_REASONS_NAMED = 5


@dataclass(frozen=True)
class Preparation:
    """What is to be done below a folder."""

    targets: Sequence[Target]
    """All that was found, done or not, in order."""
    jobs: Sequence[Job] = ()
    refusals: Sequence[Refusal] = ()
    """What cannot be run, be it one of the targets or not; the others can."""


@dataclass
class _Problems:
    """What stands in the way of all."""

    found: list[str] = field(default_factory=list)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note an error of the block instead of raising it."""
        try:
            yield
        except Sam4ctError as error:
            self.found.append(str(error))


def prepare(root: Path, options: Options, out: Path | None) -> Preparation:
    """Find what there is to do below a folder, and refuse what cannot be done.

    Args:
        root: Holds datasets, or is one.
        options: What the user chose.
        out: As for `find_targets`.

    Raises:
        Sam4ctError: There is nothing to run; none of the results can be written; a
            profile or weights are unknown; there is no such device. One message for all.
    """
    problems = _Problems()
    targets: list[Target] = []
    lost: list[Refusal] = []
    with problems.noted():
        targets, lost = find_targets(root, out)
    todo = [target for target in targets if options.overwrite or not target.done]
    if targets and not todo:
        return Preparation(targets, refusals=lost)
    unwritable = _unwritable(todo)
    if len(unwritable) == len(todo):
        problems.found += _reasons(unwritable)
    if options.profile not in (None, AUTO):
        with problems.noted():
            load_profile(options.profile)
    # Whatever is noted so far would be said once more of every sequence.
    refused = {refusal.label for refusal in unwritable}
    open_ones = [target for target in todo if target.label not in refused]
    jobs, refusals = ([], []) if problems.found else settle(open_ones, options)
    with problems.noted():
        jobs = with_weights(jobs, options.weights)
    _note_networks(problems, jobs, options)
    if problems.found:
        problems.found += [f"{refusal.label}: {refusal.problem}" for refusal in refusals]
        raise Sam4ctError("\n".join(problems.found))
    if options.profile is None:
        _warn_of_nameless(root, todo)
    return Preparation(targets, jobs, [*lost, *unwritable, *refusals])


def _unwritable(targets: Iterable[Target]) -> list[Refusal]:
    """Refuse the targets whose results or work folders cannot be written."""
    reasons = (
        (target.label, next(filter(None, map(write_problem, _places(target))), None))
        for target in targets
    )
    return [Refusal(label, reason) for label, reason in reasons if reason is not None]


def _reasons(refusals: Iterable[Refusal]) -> list[str]:
    """Return the first reasons, each once: a folder may be that of many targets."""
    reasons = list(dict.fromkeys(refusal.problem for refusal in refusals))
    more = len(reasons) - _REASONS_NAMED
    return reasons[:_REASONS_NAMED] + ([f"(And {more} more such folders.)"] if more > 0 else [])


def _places(target: Target) -> list[Path]:
    """Folders in which a run makes files; another user may have made some of them before."""
    result, work = target.result_dir, target.work_dir
    inner = [folder for folder in (work, work / "work") if os.path.isdir(folder)]
    return [result.parent, Path(os.path.realpath(result)).parent, *inner]


def _note_networks(problems: _Problems, jobs: Sequence[Job], options: Options) -> None:
    """Note a device that is not there, and weights that are missing or other ones."""
    if not (any(job.roles for job in jobs) or (not jobs and options.evidence == "sam2")):
        return
    before = len(problems.found)
    with problems.noted():
        choose_device(options.device)
    on_cpu = len(problems.found) > before  # where the weights can be looked at all the same
    for chosen, generate in dict.fromkeys((job.options, "sam_med3d" in job.roles) for job in jobs):
        with problems.noted():
            choose_network(replace(chosen, device="cpu") if on_cpu else chosen, generate=generate)


def _warn_of_nameless(root: Path, targets: Sequence[Target]) -> None:
    """Say that the folder which is a dataset chose no profile by its name: a mount has none."""
    folder = Path(os.path.abspath(root))
    if folder.name not in profile_names() and any(t.dataset_dir == folder for t in targets):
        logger.warning(
            "%s: is a dataset itself, and no profile is named %r, so auto derives one."
            " For another, give --profile, or put the dataset into a folder of its name.",
            folder,
            folder.name,
        )
