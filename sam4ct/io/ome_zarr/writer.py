"""Write a movie as one OME-Zarr array by planes, so that a killed conversion can continue.

Until the movie is complete it is in the folder `OUT.zarr.sam4ct/`:

    lock, lock.guard    see `files.locks`
    progress.json       which frames are done, from which files, and the SHA-256 of their voxels
    new.zarr/           is renamed to OUT.zarr when all frames were read back without a difference

One row of chunks is in memory: the planes of a frame that share their chunks.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from sam4ct.errors import ResultError, SequenceError, WorkError
from sam4ct.io.files import (
    FolderLock,
    disk_errors,
    read_json,
    refuse_unwritable,
    swap_folder,
    write_json,
)
from sam4ct.io.ome_zarr.create import Movie, create_movie
from sam4ct.io.ome_zarr.metadata import ARRAY
from sam4ct.io.ome_zarr.movie import ZarrVolumes
from sam4ct.io.tiff import Frame

logger = logging.getLogger(__name__)


class ZarrWriter:
    """A conversion in progress; use `ZarrWriter.open`."""

    def __init__(self, target: Path, work: Path, movie: Movie) -> None:
        self._target, self._work, self._movie = target, work, movie
        self._new, self._progress = work / "new.zarr", work / "progress.json"
        self._is_volume = len(movie.shape) == 3
        self._done: dict[str, dict[str, str]] = {}
        self._resume()
        # Chunks of zeros are written, too: then an absent chunk is a lost one. The array keeps
        # the setting under which it is opened.
        with zarr.config.set({"array.write_empty_chunks": True}):
            self._array: zarr.Array[Any] = zarr.open_array(self._new, path=ARRAY, mode="r+")
        self._depth = self._array.chunks[1] if self._is_volume else 1

    @classmethod
    @contextmanager
    def open(cls, target: Path, movie: Movie, *, overwrite: bool) -> Iterator[ZarrWriter]:
        """Begin or continue a conversion, and lock its target for the block.

        Raises:
            ResultError: The target must not be replaced (see `refuse_zarr_target`).
            WorkError: Another process converts to this target, or the disk refuses.
        """
        target = target.resolve()
        work = target.with_name(f"{target.name}.sam4ct")
        refuse_zarr_target(target, overwrite=overwrite)
        with FolderLock.held(work, shared=False):
            # Again: whoever held the lock may have finished in between.
            refuse_zarr_target(target, overwrite=overwrite)
            with disk_errors(target):
                writer = cls(target, work, movie)
            yield writer

    def has(self, t: int, source: str) -> bool:
        """Whether a frame was written from a file with this digest."""
        return bool(self._done.get(str(t), {}).get("source") == source)

    def write(self, t: int, planes: Iterable[Frame], source: str) -> None:
        """Write a frame; one that is half written is overwritten.

        Args:
            t: Frame number.
            planes: All planes (y, x) in order of z.
            source: Digest of the file with these planes.

        Raises:
            WorkError: The disk refuses.
        """
        digest = hashlib.sha256()
        for z, slab in self._slabs(planes):
            digest.update(slab.data)
            place = (t, slice(z, z + len(slab))) if self._is_volume else slice(t, t + 1)
            with disk_errors(self._target):
                self._array[place] = slab
        self._done[str(t)] = {"source": source, "voxels": digest.hexdigest()}
        self._record()

    def finish(self, checked: Callable[[], None]) -> None:
        """Read every frame back, then move the movie to its target.

        Args:
            checked: Called after every frame.

        Raises:
            WorkError: A frame differs from what was written. The same command then writes it
                again.
        """
        volumes = ZarrVolumes(self._new)
        for t in range(self._movie.frames):
            if not self._reads_back(volumes, t):
                del self._done[str(t)]
                self._record()
                raise WorkError(
                    f"{self._target}: frame {t} does not read back as it was written."
                    " Check the disk; the same command then writes this frame again."
                )
            checked()
        with disk_errors(self._target):
            swap_folder(self._target, self._new, self._work / "old.zarr")
        shutil.rmtree(self._work, ignore_errors=True)

    def _slabs(self, planes: Iterable[Frame]) -> Iterator[tuple[int, Frame]]:
        """Yield rows of chunks: the first z, and the planes (z, y, x)."""
        depth, last = self._depth, prod(self._movie.shape[:-2]) - 1
        slab = np.empty((depth, *self._movie.shape[-2:]), self._movie.dtype)
        for z, plane in enumerate(planes):
            slab[z % depth] = plane
            if z % depth == depth - 1 or z == last:
                yield z - z % depth, slab[: z % depth + 1]

    def _reads_back(self, volumes: ZarrVolumes, t: int) -> bool:
        digest = hashlib.sha256()
        try:
            for z in range(0, prod(self._movie.shape[:-2]), self._depth):
                window = [slice(z, z + self._depth), slice(None), slice(None)]
                digest.update(volumes.window(t, window[-len(self._movie.shape) :]).data)
        except SequenceError:  # a chunk is missing or damaged
            return False
        return digest.hexdigest() == self._done[str(t)]["voxels"]

    def _resume(self) -> None:
        """Continue what an earlier process did; begin again if it wrote another movie."""
        stored = read_json(self._progress, self._work)
        same = stored.get("movie") == json.loads(json.dumps(asdict(self._movie)))
        if same and self._new.exists():
            self._done = stored["frames"]
            for half_written in self._new.rglob("*.partial"):
                half_written.unlink()
            return
        if self._new.exists():
            logger.info("%s: begun with other input or spacing, removed", self._new)
            shutil.rmtree(self._new)
        create_movie(self._new, self._movie, every_chunk=True)
        self._record()

    def _record(self) -> None:
        write_json(self._progress, {"movie": asdict(self._movie), "frames": self._done})


def refuse_zarr_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that must not be replaced or cannot be written; changes nothing.

    Raises:
        ResultError: It exists and `overwrite` is off, or it is not a Zarr folder.
        WorkError: The folder above it cannot be written.
    """
    if target.exists() and not overwrite:
        raise ResultError(
            f"{target}: is there already. Add --overwrite to replace it, or choose another name."
        )
    if target.exists() and not any((target / n).is_file() for n in ("zarr.json", ".zgroup")):
        raise ResultError(
            f"{target}: is not a Zarr folder and is not replaced. Choose another name."
        )
    with disk_errors(target):
        refuse_unwritable(target.resolve())
