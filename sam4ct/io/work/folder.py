"""Name the files of a work folder, `SS_RES.sam4ct/`, lock it, and remove outdated files.

Every stage has a key: digests of all that its results depend on. Files that were made with another
key are removed, and so are those of all later stages.

    SS_RES.sam4ct/
        lock, lock.guard      see `files.locks`
        run.json              written last: then the run is finished
        links.parquet, questions.json, report.html
        work/answered.json    the corrections that the result obeys
        work/key.json         the keys with which the files were made
        work/detections.parquet, work/evidence/, work/masks/, work/<stage>/
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sam4ct.errors import WorkError
from sam4ct.io.files import FolderLock, disk_errors, read_json, remove_leftovers, write_json

logger = logging.getLogger(__name__)

Key = Mapping[str, str]
"""What a run or a stage depends on: part → digest; readable for people, too."""

STAGES = (
    "detect", "propagate", "repair", "associate", "generate", "edit", "correct", "fill", "paint",
)  # fmt: skip
BY_MACHINE = ("weights.", "device")
"""Beginnings of parts of a key that may differ between machines: `weights.sam2`, `device`."""


@dataclass(frozen=True)
class WorkDir:
    """Paths of the files of one sequence. Use `open` to write, the constructor to read only."""

    root: Path
    _lock: FolderLock | None = field(default=None, repr=False, compare=False)
    _shared: bool = field(default=False, repr=False, compare=False)

    @classmethod
    @contextmanager
    def open(
        cls, root: Path, key: Key, *, shared: bool = False, overwrite: bool = False
    ) -> Iterator[WorkDir]:
        """Lock the folder for the block; make it if need be.

        Args:
            root: `SS_RES.sam4ct`.
            key: What the whole run depends on.
            shared: Other shards may work here at the same time, each on its own frames.
            overwrite: Discard an unfinished run with other weights or on another device.

        Raises:
            WorkError: Another run holds the lock, an unfinished run has other weights or
                another device, or the disk refuses.
        """
        with FolderLock.held(root, shared=shared) as lock:
            work = cls(root, lock, shared)
            with lock.guarded():
                work._claim(key, overwrite=overwrite)
            if not shared:
                leftovers = remove_leftovers(root)
                if leftovers:
                    logger.info("%s: removed %d half-written files", root, leftovers)
            yield work

    def stage(self, name: str, key: Key) -> None:
        """Begin a stage: remove its files and those of later stages if its key has changed.

        Stages are begun in their order, also by a shard that runs only a later one.

        Args:
            name: One of `STAGES`.
            key: All that this stage depends on, its code included.

        Raises:
            WorkError: Files would have to be removed while other shards work here.
        """
        assert self._lock is not None, "a work folder is opened before a stage is begun"
        outdated = STAGES[STAGES.index(name) :]
        with self._lock.guarded():
            stored = self._stored()
            if stored["stages"].get(name) == dict(key):
                return
            present = [path for stage in outdated for path in self._owned(stage) if _is_made(path)]
            # Keys are removed before files and added after: a killed removal is repeated.
            stored["stages"] = {n: k for n, k in stored["stages"].items() if n not in outdated}
            with self._lock.alone() if self._shared and present else nullcontext():
                write_json(self._key_path, stored)
                for path in present:
                    logger.info("%s: made with other input or settings, removed", path)
                    _remove(path)
            stored["stages"][name] = dict(key)
            write_json(self._key_path, stored)

    def run_key(self) -> dict[str, str]:
        """Return the key of the run that was here; {} if there was none.

        Raises:
            WorkError: It cannot be read.
        """
        return {part: str(value) for part, value in self._stored()["run"].items()}

    def has(self, path: Path) -> bool:
        """Whether a file exists; then it is whole."""
        with disk_errors(path):
            return path.is_file()

    def artifact(self, stage: str, name: str) -> Path:
        """Return the path of another file of a stage."""
        assert stage in STAGES, stage
        return self._work / stage / name

    def evidence(self, t: int, dt: int) -> Path:
        """Path of the evidence of the frame pair t, t + dt."""
        return self._work / "evidence" / f"{t:05d}_{dt}.parquet"

    def masks(self, t: int, dt: int) -> Path:
        """Path of the propagated masks of the frame pair t, t + dt."""
        return self._work / "masks" / f"{t:05d}_{dt}.parquet"

    @property
    def detections(self) -> Path:
        return self._work / "detections.parquet"

    @property
    def links(self) -> Path:
        return self.root / "links.parquet"

    @property
    def run_json(self) -> Path:
        """Settings and versions of a finished run; written last."""
        return self.root / "run.json"

    @property
    def answered(self) -> Path:
        """With which corrections the result was made; it belongs to no stage."""
        return self._work / "answered.json"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def questions(self) -> Path:
        """What to ask a person about the lineage."""
        return self.root / "questions.json"

    @property
    def _work(self) -> Path:
        return self.root / "work"

    @property
    def _key_path(self) -> Path:
        return self._work / "key.json"

    def _owned(self, stage: str) -> list[Path]:
        """Return the files and folders that a stage writes."""
        more = {
            "detect": [self.detections],
            "propagate": [self._work / "evidence", self._work / "masks"],
            "correct": [self.links],
            "paint": [self.run_json, self.report, self.questions],
        }
        return [self._work / stage, *more.get(stage, [])]

    def _stored(self) -> dict[str, Any]:
        """Return `{"run": key, "stages": {name: key}}` as stored; empty keys in a new folder."""
        parts = "run", "stages"
        stored = read_json(self._key_path, self._work, lambda s: {p: dict(s[p]) for p in parts})
        return stored or {part: {} for part in parts}

    def _claim(self, key: Key, *, overwrite: bool) -> None:
        """Store the key of the run; refuse to discard a run for weights that nobody chose."""
        stored = self._stored()
        before, now = stored["run"], dict(key)
        if before == now:
            return
        changed = {part for part in before | now if before.get(part) != now.get(part)}
        unfinished = stored["stages"] and not self.run_json.exists()
        # The default weights depend on the machine: a run that was begun on a GPU node and is
        # resumed elsewhere would lose hours of work, although nobody asked for it.
        if unfinished and not overwrite and all(part.startswith(BY_MACHINE) for part in changed):
            begun = ", ".join(f"{part} {before[part]}" for part in sorted(changed & before.keys()))
            raise WorkError(
                f"{self.root}: holds an unfinished run that was begun with other weights or on"
                f" another device ({begun or 'without any'}). Choose these with --weights and"
                " --device to continue it, or start over with --overwrite."
            )
        write_json(self._key_path, stored | {"run": now})


def _is_made(path: Path) -> bool:
    """Whether a path has content; workflow programs make empty folders before their jobs."""
    with disk_errors(path):
        return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _remove(path: Path) -> None:
    with disk_errors(path):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
