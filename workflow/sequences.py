"""Which sequences a workflow runs, and how each is cut into shards.

For the Snakefile; standard library only, for Snakemake lives in an environment
without sam4ct. What is wrong with a sequence is left to `sam4ct` itself, which
refuses it in the first job; here it is enough to know that it is one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

MASKS = "_ERR_SEG"
RESULT = "_RES"
TRACKS = "res_track.txt"
_IMAGE = re.compile(r"t[0-9]+\.tiff?")


@dataclass(frozen=True)
class Movie:
    """One sequence to be linked, and where its result goes."""

    dataset: Path
    """The folder that holds `SS` and `SS_ERR_SEG`."""
    name: str
    """Digits, e.g. `01`."""
    result: Path
    """The result folder, `SS_RES`; the work folder `SS_RES.sam4ct` lies beside it."""

    @property
    def arguments(self) -> list[str]:
        """What every stage of this sequence is told; options come after it."""
        return [str(self.dataset), self.name, "--out", str(self.result)]

    @property
    def folders(self) -> tuple[Path, Path]:
        """Its images and its masks."""
        return self.dataset / self.name, self.dataset / f"{self.name}{MASKS}"

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return sum(bool(_IMAGE.fullmatch(path.name)) for path in self.folders[0].iterdir())

    @property
    def tracks(self) -> Path:
        """A file of the result. If it is there, all of it is: sam4ct writes all or nothing."""
        return self.result / TRACKS


def find_movies(root: Path, wanted: Sequence[str] = (), out: Path | None = None) -> list[Movie]:
    """Return the sequences below a folder that have masks to link.

    Args:
        root: Holds `DATASET/SS` and `DATASET/SS_ERR_SEG`.
        wanted: `DATASET` or `DATASET/SS` each; () for all.
        out: Results are written to `DATASET/SS_RES` below it; None: below the root.

    Raises:
        ValueError: Nothing is there, or something wanted is not.
    """
    # Absolute, but with its symbolic links: inside a container only the bound path may exist.
    root, out = (Path(os.path.abspath(path)) for path in (root, out or root))
    masks = sorted(root.glob(f"*/*{MASKS}"))
    found = [
        Movie(dataset, name, out / dataset.name / f"{name}{RESULT}")
        for dataset, name in ((path.parent, path.name.removesuffix(MASKS)) for path in masks)
        if name.isdecimal() and (dataset / name).is_dir()
    ]
    known = {choice for movie in found for choice in _names(movie)}
    if not found or (missing := [name for name in wanted if name not in known]):
        what = ", ".join(missing) if found else f"DATASET/SS with DATASET/SS{MASKS}"
        raise ValueError(
            f"{root}: holds no {what}. It holds: {', '.join(sorted(known)) or 'none'}."
        )
    return [movie for movie in found if not wanted or not _names(movie).isdisjoint(wanted)]


def _names(movie: Movie) -> set[str]:
    return {movie.dataset.name, f"{movie.dataset.name}/{movie.name}"}


def shards(frames: int, most: int) -> list[tuple[int, int]]:
    """Cut frames into ranges (first, last), last not included, of nearly equal length.

    Args:
        frames: How many there are. None is left to sam4ct to refuse, in one shard.
        most: How many frames a shard may have, at least 1.
    """
    count = max(1, -(-frames // most))
    cuts = [i * frames // count for i in range(count + 1)]
    return list(pairwise(cuts))


def options(config: Mapping[str, Any]) -> list[str]:
    """Return the options of the configuration that every stage must be given alike."""
    given = ["--device", config["device"], "--evidence", config["evidence"]]
    if config["profile"]:
        given += ["--profile", config["profile"]]
    for name in config["weights"]:
        given += ["--weights", name]
    for name in ("generate-masks", "edit-masks"):
        if (wanted := config[name.replace("-", "_")]) is not None:
            given.append(f"--{name}" if wanted else f"--no-{name}")
    return given


def paint_options(config: Mapping[str, Any]) -> list[str]:
    """Return the options that `stage paint` has beside those."""
    return [*["--overwrite"][: config["overwrite"]], *["--no-report"][config["report"] :]]
