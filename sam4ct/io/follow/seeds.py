"""Read the seeds of a sequence by frame, in voxels, and check them.

Seeds are a folder with one file a frame (`tNNN.csv`, TWANG's `tNNN_item_0005_..._.csv`,
`tNNN.parquet`), or one table of all frames with a column t (`seeds.csv`, `seeds.parquet`). The
seeds of one frame are in memory, or the whole table.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.files import file_ranges, list_folder, reading
from sam4ct.io.follow.seed_table import SUFFIXES, SeedTable, read_seed_table
from sam4ct.types import Seeds

logger = logging.getLogger(__name__)

SEEDS = "_SEEDS"
SETTINGS = "settings.json"
"""Settings in a folder of `sam4ct seeds`, whose z are slices of the image already."""
_TABLES = tuple(f"seeds{suffix}" for suffix in SUFFIXES)
_DIGITS = 3
"""Least digits of frame numbers in messages."""
_ADD = (
    "Add the files (one with nothing but the header if there is no cell), or find seeds with"
    " `sam4ct seeds`."
)
_FROM_ONE = (
    "They seem to be counted from 1. Renumber them from 0: t000 is the first frame, or 0 in the"
    " column t."
)
_FRAME = re.compile(r"t([0-9]+)(?:[_.].*)?\.(?:csv|parquet)")


def seeds_dir_of(source: Path) -> Path:
    """Return the folder of a movie's seeds: `SS_SEEDS` beside `SS` or `SS.zarr`."""
    name = source.stem if source.suffix == ".zarr" else source.name
    return source.with_name(f"{name}{SEEDS}")


class SeedFiles:
    """The seeds of one movie, by frame number."""

    def __init__(self, path: Path, shape: Sequence[int], z_scale: float = 1.0) -> None:
        """Find the files; a file of one frame is read when its seeds are needed.

        Args:
            path: A folder, or a table of all frames.
            shape: Of the movie's frames, ([z,] y, x); a seed outside is refused.
            z_scale: Multiplies the z of the files to slices of the image; not used for seeds
                of `sam4ct seeds`, which are in slices.

        Raises:
            SequenceError: There are no seeds, two files have seeds of one frame, or the table
                cannot be used.
        """
        self._path = path
        self._shape = (1,) * (3 - len(shape)) + tuple(shape)
        self._files: Mapping[int, Path] = {}
        self._table: SeedTable | None = None
        with reading(path):
            is_folder, is_ours = path.is_dir(), (path / SETTINGS).is_file()
        self._z_scale = 1.0 if is_ours else z_scale
        if is_folder:
            self._find(path)
        else:
            self._load(path)

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames with a file, or with rows in the table, in increasing order."""
        if self._table is None:
            return tuple(self._files)
        return tuple(np.unique(self._times).tolist())

    def require(self, frames: Iterable[int]) -> None:
        """Refuse seeds without a file for some frames.

        An empty frame has a file with only a header. In a table, frames without rows are empty.

        Args:
            frames: All frames of the movie, or some.

        Raises:
            SequenceError: Files are missing, or the table has no row of these frames.
        """
        wanted = set(frames)
        if self._table is not None:
            if wanted and not wanted & set(self.frames):
                raise SequenceError(
                    f"{self._path}: has seeds of the frames {self.frames[0]} to"
                    f" {self.frames[-1]} only. Give the seeds of this movie."
                )
            return
        if missing := wanted - set(self._files):
            first = next(iter(self._files.values()))
            width = len(re.sub(r"^t([0-9]+).*", r"\1", first.name))
            names = file_ranges("t", missing, width, first.suffix)
            counted = 0 in missing and max(wanted) + 1 in self._files
            raise SequenceError(
                f"{self._path}: no seeds for {len(missing)} frames, {names} missing."
                f" {_FROM_ONE if counted else _ADD}"
            )

    def check(self, frames: int) -> tuple[str, ...]:
        """Read and check the seeds of all frames, so that none stops a run half-way.

        Args:
            frames: Number of frames of the movie.

        Returns:
            By frame, the SHA-256 of its seeds, the same for all file formats.

        Raises:
            SequenceError: As `require` and `seeds`, or there are seeds of later frames.
        """
        self._refuse_later(frames)
        self.require(range(frames))
        digests, empty = [], []
        for t in range(frames):
            seeds = self.seeds(t)
            digests.append(_digest(seeds))
            if not len(seeds):
                empty.append(t)
        if empty:
            names = file_ranges("t", empty, _DIGITS, "")
            logger.warning(
                "%s: %d of %d frames have no seeds (%s)", self._path, len(empty), frames, names
            )
        return tuple(digests)

    def seeds(self, t: int) -> Seeds:
        """Return the seeds of a frame, (n, 3) places (z, y, x) in voxels; none without a file.

        Raises:
            SequenceError: The file cannot be used, or seeds are outside the volume.
        """
        if self._table is not None:
            first, last = np.searchsorted(self._times, [t, t + 1]).tolist()
            file, found = self._path, self._table.take(slice(first, last))
        elif t in self._files:
            file = self._files[t]
            found = read_seed_table(file).take(slice(None))
        else:
            return Seeds(np.empty((0, 3)))
        places = found.places * (self._z_scale, 1.0, 1.0)
        self._refuse_outside(file, t, places)
        return Seeds(places, found.scores)

    def _find(self, folder: Path) -> None:
        files: dict[int, Path] = {}
        tables = []
        for path in list_folder(folder):
            match = _FRAME.fullmatch(path.name)
            if path.name in _TABLES:
                tables.append(path)
            elif match and (t := int(match[1])) in files:
                raise SequenceError(
                    f"{path}: holds seeds of frame {t}, as does {files[t].name}. Remove one of"
                    " them."
                )
            elif match:
                files[int(match[1])] = path
        if len(tables) + bool(files) > 1:
            raise SequenceError(
                f"{folder}: holds {tables[0].name} and other seeds, too. Keep one of them."
            )
        if tables:
            self._load(tables[0])
        elif not files:
            raise SequenceError(
                f"{folder}: holds no seeds. Put t000.csv, t001.csv, ... or seeds.csv there, or"
                " find seeds with `sam4ct seeds`."
            )
        self._files = dict(sorted(files.items()))

    def _load(self, path: Path) -> None:
        table = read_seed_table(path, timed=True)
        assert table.times is not None, "asked for with times"
        if not len(table.times):
            raise SequenceError(f"{path}: holds no seeds. Give a table with rows t, z, y, x.")
        order = np.argsort(table.times, kind="stable")
        self._path, self._times = path, table.times[order]
        scores = None if table.scores is None else table.scores[order]
        self._table = SeedTable(table.places[order], self._times, scores)

    def _refuse_later(self, frames: int) -> None:
        """Refuse seeds of frames after the end of the movie: all may be off by one."""
        last = self.frames[-1]
        if last < frames:
            return
        where = self._path if self._table is not None else self._files[last]
        counted = last == frames and not len(self.seeds(0)) and len(self.seeds(1))
        raise SequenceError(
            f"{where}: has seeds of frame {last}, but the movie has the frames 0 to {frames - 1}."
            f" {_FROM_ONE if counted else 'Remove the seeds of later frames.'}"
        )

    def _refuse_outside(self, file: Path, t: int, places: NDArray[np.float64]) -> None:
        """Refuse seeds beyond the outer faces of the outermost voxels."""
        outside = ~_inside(places, self._shape)
        if not outside.any():
            return
        where = ", ".join(f"{c:g}" for c in places[outside][0])
        raise SequenceError(
            f"{file}: {np.count_nonzero(outside)} of {len(places)} seeds of frame {t} lie outside"
            f" the volume of {' x '.join(map(str, self._shape))} voxels (z, y, x), the first at"
            f" ({where}). {self._remedy(places)}"
        )

    def _remedy(self, places: NDArray[np.float64]) -> str:
        """Return what is probably wrong with places outside the volume."""
        remedies = []
        deepest = places[:, 0].max()
        if _inside(places[:, 1:], self._shape[1:]).all() and deepest > self._shape[0] - 0.5:
            remedies.append(
                f"Only z is too large, up to {deepest:g} for {self._shape[0]} slices: if the seeds"
                " are of a volume with other slices, set seeds_z_scale in the profile (now"
                f" {self._z_scale:g})."
            )
        turned = (places / (self._z_scale, 1.0, 1.0))[:, ::-1] * (self._z_scale, 1.0, 1.0)
        if _inside(turned, self._shape).all():
            remedies.append("If their columns are in the order x, y, z, name them so.")
        return " ".join(remedies) or (
            "Do seeds and images belong together? Places count in voxels, from 0."
        )


def _digest(seeds: Seeds) -> str:
    parts = [seeds.places, *([] if seeds.scores is None else [seeds.scores])]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _inside(places: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.bool_]:
    within = (places >= -0.5) & (places <= np.array(shape) - 0.5)
    return np.asarray(within.all(axis=1))
