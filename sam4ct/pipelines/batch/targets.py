"""Targets: the sequences below a folder, and what can be said of each before any work.

Reads names, settings and the header of one image a sequence. `run_all` runs what passed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sam4ct.errors import ResultError, Sam4ctError, SequenceError
from sam4ct.io.ctc import MASK, MASKS, RESULT, TRACKS, refuse_target, work_dir_of
from sam4ct.io.datasets import Dataset, find_datasets
from sam4ct.io.files import count_frames, list_folder, write_problem
from sam4ct.io.follow import INITIAL, SEEDS, count_images
from sam4ct.pipelines.common.answers import answers_changed
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.dispatch import find_run

logger = logging.getLogger(__name__)

_LISTED = 5
_LACKING = "neither masks nor both seeds and initial tracks"


@dataclass(frozen=True)
class Target:
    """A sequence that can be run, and where its result goes."""

    label: str
    """The path of the sequence below the root: `DATASET/SS`, or `training/DATASET/SS`."""
    dataset_dir: Path
    name: str
    result_dir: Path

    @property
    def done(self) -> bool:
        """Whether the result is there, with a mask for every image; names alone tell."""
        masks, images = self._counts()
        return os.path.isfile(self.result_dir / TRACKS) and 0 < masks == images

    def stands(self, options: Options) -> bool:
        """Whether the result is there, and obeys the corrections that there are now."""
        return self.done and not self._answers_changed(options)

    def write_problem(self) -> str | None:
        """Return why the result or the work folder cannot be written; None if both can be."""
        result, work = self.result_dir, work_dir_of(self.result_dir)
        # Another user may have made some of these before.
        inner = [folder for folder in (work, work / "work") if os.path.isdir(folder)]
        places = [result.parent, Path(os.path.realpath(result)).parent, *inner]
        return next(filter(None, map(write_problem, places)), None)

    def settle(self, options: Options) -> tuple[Options, frozenset[str]]:
        """Return the options that are used for this sequence, and the roles of its networks.

        Raises:
            Sam4ctError: The sequence cannot be run with them; no pixels are read.
        """
        where = (self.dataset_dir, self.name, self.result_dir)
        used = find_run(*where, options).used()
        masks, images = self._counts()
        if not options.overwrite and os.path.isfile(self.result_dir / TRACKS) and not self.done:
            raise ResultError(
                f"{self.result_dir}: has {masks} masks for {images} images: it is incomplete, or"
                " was made from other images. Add --overwrite to replace it."
            )
        replaces = options.overwrite or self._answers_changed(options)
        refuse_target(self.result_dir, overwrite=replaces)
        return used, find_run(*where, used).settle()

    def _answers_changed(self, options: Options) -> bool:
        try:
            return answers_changed(self.result_dir, options)
        except Sam4ctError:
            return True  # The run itself says what is wrong.

    def _counts(self) -> tuple[int, int]:
        """How many masks the result has, and how many images the sequence."""
        return count_frames(self.result_dir, MASK), count_images(self.dataset_dir / self.name)


@dataclass(frozen=True)
class Job:
    """A target that passed, ready to be run."""

    target: Target
    options: Options
    """Those of the user that are used for this sequence."""
    roles: frozenset[str]
    """Of the networks that are used."""

    def with_weights(self, roles: dict[str, str]) -> Job:
        """Return the job with those of the named weights that it uses; `roles` by name."""
        used = tuple(name for name, role in roles.items() if role in self.roles)
        return replace(self, options=replace(self.options, weights=used))

    def arguments(self) -> list[str]:
        """Return what follows `sam4ct` on the command line that runs this sequence."""
        target, options = self.target, self.options
        words = ["run", str(target.dataset_dir), target.name, "--out", str(target.result_dir)]
        words += ["--evidence", options.evidence, "--device", options.device]
        if options.profile is not None:
            words += ["--profile", options.profile]
        for name in options.weights:
            words += ["--weights", name]
        for flag in ("generate_masks", "edit_masks", "report"):
            if (chosen := getattr(options, flag)) is not None:
                words.append(f"--{'' if chosen else 'no-'}{flag.replace('_', '-')}")
        return words + [f"--{flag}" for flag in ("fast", "overwrite") if getattr(options, flag)]


def find_targets(root: Path, out: Path | None = None) -> tuple[list[Target], dict[str, str]]:
    """Return the sequences below a folder that can be run, or could before they were done.

    Sequences of images alone are named in a warning.

    Args:
        root: Holds datasets, or is one.
        out: Results go to `DATASET/SS_RES` below it, DATASET as below the root; None:
            beside the input.

    Returns:
        The sequences, and what cannot be looked into or lacks its images: path below the
        root → problem.

    Raises:
        SequenceError: There is nothing.
    """
    root = Path(os.path.abspath(root))
    datasets, unreadable = find_datasets(root)
    refused = {
        str(folder.relative_to(root)): (
            f"{folder}: cannot be read. Make it readable for this user, or move it away."
        )
        for folder in unreadable
    }
    targets = []
    for dataset in datasets:
        folder = dataset.folder
        below = Path(folder.name) if folder == root else folder.relative_to(root)
        if dataset.idle:
            names = ", ".join(dataset.idle)
            logger.warning("%s: nothing to do for %s: %s", folder, names, _LACKING)
        results = folder if out is None else Path(os.path.abspath(out)) / below
        for name in dataset.ready:
            targets.append(Target(str(below / name), folder, name, results / f"{name}{RESULT}"))
        for name in dataset.bare:
            refused[str(below / name)] = f"{folder / name}: is missing. Put the images there."
    if not targets:
        problems = list(refused.values())[:_LISTED]
        raise SequenceError("\n".join([_nothing_found(root, datasets), *problems]))
    return targets, refused


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
