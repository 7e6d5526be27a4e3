"""Preparation: what can be refused below a folder is refused before any work, in one message.

Hours may lie between the first sequence and the last, and nobody may be watching.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sam4ct.errors import Sam4ctError, WeightsError
from sam4ct.models.device import choose_device
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.pipelines.batch.targets import Job, Target, find_targets
from sam4ct.pipelines.common.options import AUTO, Options, choose_network
from sam4ct.profile import load_profile, profile_names

logger = logging.getLogger(__name__)

_REASONS_NAMED = 5


@dataclass(frozen=True)
class Preparation:
    """What is to be done below a folder."""

    targets: Sequence[Target]
    """All that was found, done or not, in order."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """What cannot be run, a target or not: path below the root → problem."""
    jobs: Sequence[Job] = ()


class _Problems(list[str]):
    """What stands in the way of all sequences."""

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note an error of the block instead of raising it."""
        try:
            yield
        except Sam4ctError as error:
            self.append(str(error))


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
    refused: dict[str, str] = {}
    with problems.noted():
        targets, refused = find_targets(root, out)
    todo = [target for target in targets if options.overwrite or not target.stands(options)]
    if targets and not todo:
        return Preparation(targets, refused)
    reasons = {target.label: target.write_problem() for target in todo}
    unwritable = {label: reason for label, reason in reasons.items() if reason is not None}
    if len(unwritable) == len(todo):
        different = list(dict.fromkeys(unwritable.values()))
        more = len(different) - _REASONS_NAMED
        problems += different[:_REASONS_NAMED]
        problems += [f"(And {more} more such folders.)"] if more > 0 else []
    if options.profile not in (None, AUTO):
        with problems.noted():
            load_profile(options.profile)
    jobs: list[Job] = []
    unfit: dict[str, str] = {}
    # Whatever is noted so far would be said once more of every sequence.
    for target in [] if problems else todo:
        if target.label not in unwritable:
            try:
                jobs.append(Job(target, *target.settle(options)))
            except Sam4ctError as error:
                unfit[target.label] = str(error)
    with problems.noted():
        jobs = _with_weights(jobs, options.weights)
    _note_networks(problems, jobs, options)
    if problems:
        lines = [f"{label}: {problem}" for label, problem in unfit.items()]
        raise Sam4ctError("\n".join([*problems, *lines]))
    if options.profile is None:
        _warn_of_nameless(root, todo)
    return Preparation(targets, {**refused, **unwritable, **unfit}, jobs)


def _with_weights(jobs: Sequence[Job], names: Sequence[str]) -> list[Job]:
    """Return jobs that have each of the weights named only where they are used.

    Raises:
        WeightsError: A name is unknown, or no job uses it.
    """
    manifest = load_manifest()
    roles = {name: manifest.get(name).role for name in names}
    asked = frozenset[str]().union(*(job.roles for job in jobs))
    idle = [name for name, role in roles.items() if jobs and role not in asked]
    if idle:
        raise WeightsError(f"--weights {idle[0]}: is not used by any sequence here. Leave it out.")
    return [job.with_weights(roles) for job in jobs]


def _note_networks(problems: _Problems, jobs: Sequence[Job], options: Options) -> None:
    """Note a device that is not there, and weights that are missing or other ones."""
    if not (any(job.roles for job in jobs) or (not jobs and options.evidence == "sam2")):
        return
    before = len(problems)
    with problems.noted():
        choose_device(options.device)
    on_cpu = len(problems) > before  # where the weights can be looked at all the same
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
