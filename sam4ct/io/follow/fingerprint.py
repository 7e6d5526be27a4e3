"""Hash a movie frame by frame, to find the frames that have changed.

Movies are too large to be read for this: the hash covers names, sizes and times of change of their
files, and the content of metadata.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sam4ct.io.files import digest_of, digest_of_file, frame_files, is_hidden, reading
from sam4ct.io.movie import Volumes
from sam4ct.io.ome_zarr import ZARR_METADATA
from sam4ct.io.tiff import PREFIX, TiffVolumes

_Row = tuple[str, str]
"""Name of a file of the movie, and its size and time, or the hash of its content."""


@dataclass(frozen=True)
class MovieDigests:
    """SHA-256 digests of a movie."""

    whole: str
    """All files."""
    shared: str
    """What all frames share: shape, type, and metadata."""
    frames: tuple[str, ...]
    """By frame: the files with its voxels, and its own metadata."""


def digest_movie(source: Path, volumes: Volumes) -> MovieDigests:
    """Return the digests of a movie; its files are listed once, and only metadata are read.

    Args:
        source: The movie.
        volumes: The open movie.

    Raises:
        SequenceError: A file cannot be read.
    """
    frames_of = _frames_of_tiff(source) if isinstance(volumes, TiffVolumes) else volumes.frames_of
    rows: list[_Row] = []
    shared: list[_Row] = [("frame", f"{volumes.shape} {volumes.dtype}")]
    by_frame: list[list[_Row]] = [[] for _ in range(volumes.frames)]
    for path in _files_below(source):
        is_metadata = path.name in ZARR_METADATA
        known = digest_of_file(path) if is_metadata else _size_and_time(path)
        rows.append((path.relative_to(source).as_posix(), known))
        held = frames_of(path)
        for t in held:
            by_frame[t].append(rows[-1])
        if is_metadata and not held:
            shared.append(rows[-1])
    return MovieDigests(digest_of(rows), digest_of(shared), tuple(map(digest_of, by_frame)))


def _frames_of_tiff(folder: Path) -> Callable[[Path], range]:
    frames = {path: t for t, path in frame_files(folder, PREFIX).files.items()}
    return lambda path: range(frames[path], frames[path] + 1) if path in frames else range(0)


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a movie in a fixed order; links are followed."""
    with reading(folder):
        for above, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
            folders.sort()
            for name in sorted(files):
                if name in ZARR_METADATA or not is_hidden(name):
                    yield Path(above, name)


def _raise(error: OSError) -> None:
    raise error


def _size_and_time(path: Path) -> str:
    with reading(path):
        status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"
