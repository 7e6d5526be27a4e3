"""A case: the input of one run as it will be written, and how the run is called.

Faults change a case before it is written, and its files afterwards.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.random import Generator
from numpy.typing import NDArray

from fuzz_faults.scenes import Labels, Movie, relabelled

Writer = Callable[[Path, NDArray[Any]], None]


def write_plain(path: Path, frame: NDArray[Any]) -> None:
    tifffile.imwrite(path, frame, photometric="minisblack")


@dataclass
class Frames:
    """A folder with a TIFF file a frame."""

    kind: str
    """images, masks, result, truth or labels."""
    folder: str
    """Below the dataset."""
    prefix: str
    arrays: list[NDArray[Any]]
    names: list[str] = field(default_factory=list)
    writers: list[Writer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = [f"{self.prefix}{t:03d}.tif" for t in range(len(self.arrays))]
        self.writers = [write_plain] * len(self.arrays)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array, write in zip(self.names, self.arrays, self.writers, strict=True):
            write(folder / name, array)

    def change(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Change the pixels of every frame."""
        self.arrays = [change(array) for array in self.arrays]

    def encode(self, write: Writer) -> None:
        """Let every frame be written so."""
        self.writers = [write] * len(self.arrays)


@dataclass
class Texts:
    """Text files in a folder."""

    kind: str
    """seeds, init, truth_table or result_table."""
    folder: str
    files: dict[str, bytes]

    @property
    def names(self) -> list[str]:
        return list(self.files)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        self.files[name] = change(self.files[name].decode()).encode()


@dataclass
class Call:
    """How the command is called, beside its arguments."""

    options: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    streams: str = ""
    """What a shell would be told, e.g. `2>&-`; "|" is a pipe that nobody reads."""
    relative: bool = False
    """Whether paths are given from the working folder."""
    umask: int = 0o022
    fresh: bool = False
    """Whether it needs an interpreter of its own."""

    @property
    def heard(self) -> bool:
        """Whether what it says can be read."""
        return not self.streams or self.streams == "<&-"


Part = Frames | Texts
Later = Callable[[], None]


@dataclass
class Case:
    """One run: input, call, what is true of it, and what faults did to it."""

    root: Path
    ndim: int
    rng: Generator
    movie: Movie
    name: str = "Cells"
    """Name of the dataset's folder."""
    sequence: str = "01"
    parts: dict[str, Part] = field(default_factory=dict)
    call: Call = field(default_factory=Call)
    truth: list[Labels] | None = None
    """The lineage that a result must have; None: any valid one."""
    same: bool = True
    """Whether the output must be that of the same case without faults."""
    out: Path | None = None
    """Where the output is to go, if not to its usual place."""
    on_disk: list[Later] = field(default_factory=list)
    """Damage to do once everything is written, in this order."""
    locks: list[tuple[Path, int]] = field(default_factory=list)
    """Modes that files and folders have during the run."""

    def __post_init__(self) -> None:
        self.truth = list(self.movie.truth)

    @property
    def dataset(self) -> Path:
        return self.root / "data" / self.name

    def folder(self, part: Part) -> Path:
        return self.dataset / part.folder

    def file(self, part: Part, name: str) -> Path:
        return self.folder(part) / name

    def pick(self, part: Part) -> str:
        """Return the name of one file of a part."""
        return str(self.rng.choice(part.names))

    def unknown(self) -> None:
        """Say that no certain lineage is to be expected."""
        self.truth, self.same = None, False

    def write(self) -> None:
        for place in ("tmp", "home", "cwd"):
            (self.root / place).mkdir(parents=True)
        for part in self.parts.values():
            part.write(self.folder(part))


def add_parts(case: Case, kinds: tuple[str, ...]) -> None:
    """Give a case the parts that a command reads."""
    made = {
        "images": lambda: Frames("images", "01", "t", list(case.movie.images)),
        "masks": lambda: Frames(
            "masks", "01_ERR_SEG", "mask", relabelled(case.rng, case.movie.truth)
        ),
        "result": lambda: Frames("result", "01_RES", "mask", list(case.movie.truth)),
        "result_table": lambda: Texts("result_table", "01_RES", {"res_track.txt": table(case)}),
        "truth": lambda: Frames("truth", "01_GT/TRA", "man_track", list(case.movie.truth)),
        "truth_table": lambda: Texts("truth_table", "01_GT/TRA", {"man_track.txt": table(case)}),
        "gold": lambda: Frames("gold", "01_GT/SEG", "man_seg", list(case.movie.truth)),
        "seeds": lambda: Texts("seeds", "01_SEEDS", _seed_files(case)),
        "init": lambda: Texts("init", "01_INIT", {"tracks.json": _initial_cells(case)}),
        "labels": lambda: Frames("labels", "labels", "labels", list(case.movie.truth[:1])),
    }
    case.parts = {kind: made[kind]() for kind in kinds}


def table(case: Case) -> bytes:
    return "".join(" ".join(map(str, row)) + "\n" for row in case.movie.tracks).encode()


def _seed_files(case: Case) -> dict[str, bytes]:
    return {
        f"t{t:03d}.csv": (
            "z,y,x\n" + "".join(f"{z:.2f},{y:.2f},{x:.2f}\n" for z, y, x in at)
        ).encode()
        for t, at in enumerate(list(frame.values()) for frame in case.movie.places)
    }


def _initial_cells(case: Case) -> bytes:
    cells = [
        {"centroid": list(place), "label": label}
        for label, place in list(case.movie.places[0].items())[:4]
    ]
    return json.dumps({"axes": ["z", "y", "x"], "frame": 0, "tracks": cells}).encode()


def snapshot(root: Path, but: set[Path]) -> dict[str, tuple[str, int, str]]:
    """Return everything below a folder: path → kind, mode, contents; without some places.

    What may not be read counts as such, so that a change of it shows by its mode alone.
    """
    found: dict[str, tuple[str, int, str]] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if Path(folder, name) not in but]
        for name in (*folders, *names):
            path = Path(folder, name)
            if path not in but:
                found[str(path.relative_to(root))] = _entry(path)
    return found


def _entry(path: Path) -> tuple[str, int, str]:
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return "link", 0, os.readlink(path)
    if not stat.S_ISREG(status.st_mode):
        return "folder" if stat.S_ISDIR(status.st_mode) else "other", mode, ""
    try:
        return "file", mode, hashlib.sha256(path.read_bytes()).hexdigest()
    except PermissionError:
        return "file", mode, "unreadable"


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Say what was changed, removed or added."""
    return [
        f"{path} was {'changed' if path in after else 'removed'}"
        for path in sorted(before)
        if before[path] != after.get(path)
    ] + [f"{path} was added" for path in sorted(after.keys() - before.keys())]


def same_lineage(truth: list[Labels], result: list[NDArray[Any]]) -> list[str]:
    """Compare links: every cell must have one label of its own in all frames."""
    pairs = np.unique(
        np.concatenate([np.c_[a.ravel(), b.ravel()] for a, b in zip(truth, result, strict=True)]),
        axis=0,
    )
    pairs = pairs[pairs.any(1)]
    wrong = [f"cell {a} has label {b} in places" for a, b in pairs if 0 in (a, b)]
    for column, word in enumerate(("cell", "label")):
        value, count = np.unique(pairs[:, column], return_counts=True)
        wrong += [
            f"{word} {v} has {n} partners" for v, n in zip(value, count, strict=True) if v and n > 1
        ]
    return wrong[:6]
