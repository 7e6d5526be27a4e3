"""Jobs: what there is to do below a folder, sequence by sequence, settled without reading pixels.

Owns which sequences are run, where their results go, and which of the user's options
have a use for each. What stands in the way of all of them is left to `preparation`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sam4ct.errors import ResultError, Sam4ctError, SequenceError, WeightsError
from sam4ct.io.ctc import MASK, MASKS, RESULT, TRACKS, refuse_target, work_dir_of
from sam4ct.io.datasets import Dataset, find_datasets
from sam4ct.io.files import count_frames, list_folder
from sam4ct.io.follow import INITIAL, SEEDS, count_images
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.dispatch import find_run

logger = logging.getLogger(__name__)

_LISTED = 5
_LACKING = "neither masks nor both seeds and initial tracks"


@dataclass(frozen=True)
class Target:
    """A sequence with something to do, and where its result goes."""

    label: str
    """The path of the sequence below the root: `DATASET/SS`, or `training/DATASET/SS`."""
    dataset_dir: Path
    name: str
    result_dir: Path

    @property
    def work_dir(self) -> Path:
        """Where everything but the result is written."""
        return work_dir_of(self.result_dir)

    @property
    def done(self) -> bool:
        """Whether the result is there, with a mask for every image; names alone tell."""
        masks = count_frames(self.result_dir, MASK)
        images = count_images(self.dataset_dir / self.name)
        return os.path.isfile(self.result_dir / TRACKS) and 0 < masks == images


@dataclass(frozen=True)
class Job:
    """A target that passed, ready to be run."""

    target: Target
    options: Options
    """Those of the user that are used for this sequence."""
    roles: frozenset[str]
    """Of the networks that are asked."""


@dataclass(frozen=True)
class Refusal:
    """What cannot be run, and why."""

    label: str
    """That of a target, or the path below the root of what was not looked into."""
    problem: str


def find_targets(root: Path, out: Path | None = None) -> tuple[list[Target], list[Refusal]]:
    """Return the sequences below a folder that have something to do, or had before it was done.

    Sequences of images alone are told in a warning.

    Args:
        root: Holds datasets, or is one.
        out: Results go to `DATASET/SS_RES` below it, DATASET as below the root; None:
            beside the input.

    Returns:
        The sequences, and what may be some but cannot be told or lacks its images.

    Raises:
        SequenceError: There is nothing.
    """
    root = Path(os.path.abspath(root))
    datasets, unreadable = find_datasets(root)
    refusals = [_unreadable(folder, root) for folder in unreadable]
    targets = []
    for dataset in datasets:
        folder = dataset.folder
        below = Path(folder.name) if folder == root else folder.relative_to(root)
        if dataset.idle:
            names = ", ".join(dataset.idle)
            logger.warning("%s: nothing to do for %s: %s", folder, names, _LACKING)
        results = folder if out is None else Path(os.path.abspath(out)) / below
        targets += [
            Target(str(below / name), folder, name, results / f"{name}{RESULT}")
            for name in dataset.ready
        ]
        refusals += [
            Refusal(str(below / name), f"{folder / name}: is missing. Put the images there.")
            for name in dataset.bare
        ]
    if not targets:
        problems = [refusal.problem for refusal in refusals[:_LISTED]]
        raise SequenceError("\n".join([_nothing_found(root, datasets), *problems]))
    return targets, refusals


def _unreadable(folder: Path, root: Path) -> Refusal:
    problem = f"{folder}: cannot be read. Make it readable for this user, or move it away."
    return Refusal(str(folder.relative_to(root)), problem)


def _nothing_found(root: Path, datasets: Sequence[Dataset]) -> str:
    names = [path.name for path in list_folder(root)]
    here = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    if idle := next((d.folder / d.idle[0] for d in datasets if d.idle), None):
        here = f"images, e.g. {idle}, with {_LACKING}"
    return (
        f"{root}: there is nothing to run. Put datasets there, with images DATASET/01/t000.tif,"
        f" ... and the masks to link DATASET/01{MASKS}/mask000.tif, ..., or the seeds and cells to"
        f" follow, DATASET/01{SEEDS} and 01{INITIAL}; it holds {here or 'nothing'}. In a container,"
        f" mount your folder there: docker run -v FOLDER:{root}, apptainer run --bind"
        f" FOLDER:{root}."
    )


def settle(targets: Iterable[Target], options: Options) -> tuple[list[Job], list[Refusal]]:
    """Return the jobs, and what is wrong with the other targets as far as no pixel tells."""
    jobs, refusals = [], []
    for target in targets:
        try:
            jobs.append(_job(target, options))
        except Sam4ctError as error:
            refusals.append(Refusal(target.label, str(error)))
    return jobs, refusals


def _job(target: Target, options: Options) -> Job:
    found = find_run(target.dataset_dir, target.name, target.result_dir, options)
    if not options.overwrite:
        _refuse_incomplete(target)
    refuse_target(target.result_dir, overwrite=options.overwrite)
    used = found.used()
    run = find_run(target.dataset_dir, target.name, target.result_dir, used)
    return Job(target, used, run.settle())


def _refuse_incomplete(target: Target) -> None:
    """Say that a result is not that of all images: it was copied in part, or they changed."""
    if os.path.isfile(target.result_dir / TRACKS) and not target.done:
        masks = count_frames(target.result_dir, MASK)
        images = count_images(target.dataset_dir / target.name)
        raise ResultError(
            f"{target.result_dir}: has {masks} masks for {images} images: it is incomplete, or was"
            " made from other images. Add --overwrite to replace it."
        )


def with_weights(jobs: Sequence[Job], names: Sequence[str]) -> list[Job]:
    """Return jobs that have each of the weights named only where they have a use for them.

    Raises:
        WeightsError: A name is unknown, or no job has a use for it.
    """
    manifest = load_manifest()
    roles = {name: manifest.get(name).role for name in names}
    asked = frozenset[str]().union(*(job.roles for job in jobs))
    idle = [name for name, role in roles.items() if jobs and role not in asked]
    if idle:
        raise WeightsError(f"--weights {idle[0]}: is not used by any sequence here. Leave it out.")
    fitting = (tuple(name for name in names if roles[name] in job.roles) for job in jobs)
    return [
        replace(job, options=replace(job.options, weights=chosen))
        for job, chosen in zip(jobs, fitting, strict=True)
    ]
