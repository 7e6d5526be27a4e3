"""Write the result folder, `maskNNN.tif` and `res_track.txt`: complete and valid, or absent.

Frames are written or moved into a hidden folder beside the target, checked one by one by the rules
in `lineage`, and the folder is renamed at the end. The lock on the work folder ensures that one
process at a time writes a target.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import ResultError
from sam4ct.io.ctc.track_table import TRACKS, write_tracks
from sam4ct.io.files import (
    disk_errors,
    frame_name,
    frame_pattern,
    in_one_message,
    is_hidden,
    labels_in,
    move,
    new_place,
    old_place,
    recover_folder,
    refuse_unwritable,
    swap_folder,
)
from sam4ct.io.tiff import encode_frame
from sam4ct.lineage import Track, frame_problems, table_problems

MASK = "mask"
_OURS = re.compile(rf"{frame_pattern(MASK).pattern}|{re.escape(TRACKS)}")


class ResultWriter:
    """Writes a result; a `FrameWriter` and a context manager.

    Frames are written in order of time. If the block ends well, the folder is moved to the
    target; if it raises, the folder is removed and an older result stays as it was.
    """

    def __init__(
        self,
        target: Path,
        tracks: Iterable[Track],
        *,
        frames: int,
        shape: Sequence[int],
        digits: int = 3,
        overwrite: bool = False,
    ) -> None:
        """Check the target and the tracks; the folder is made when the block begins.

        Args:
            target: The result folder, e.g. `DATASET/01_RES`.
            tracks: All tracks of the result.
            frames: Number of frames of the result.
            shape: Of every frame, ([z,] y, x).
            digits: Width of the frame numbers, as in the input.
            overwrite: Replace an older result.

        Raises:
            ResultError: The tracks break the rules, or the target must not be replaced.
        """
        self._target = prepare_target(target, overwrite=overwrite)
        ordered = sorted(tracks)
        self._tracks = {track.label: track for track in ordered}
        self._frames, self._shape, self._digits = frames, tuple(shape), digits
        self._written = 0
        self._refuse(table_problems(ordered))
        late = [track for track in ordered if track.end >= frames]
        self._refuse(f"track {track.label}: ends after frame {frames - 1}" for track in late)
        self._folder = new_place(self._target)

    def __enter__(self) -> Self:
        with disk_errors(self._target, ResultError):
            self._folder.mkdir(parents=True)
        return self

    @property
    def folder(self) -> Path:
        """Holds the frames until the block ends."""
        return self._folder

    def write(self, t: int, labels: NDArray[np.uint16]) -> None:
        """Write the mask of the next frame.

        Raises:
            ResultError: The labels are not those of the tracks in this frame, or the disk
                refuses.
        """
        if labels.shape != self._shape:
            raise ValueError(
                f"frame {t} of shape {labels.shape}; expected frame {self._written}"
                f" of shape {self._shape}"
            )
        path = self._admitted(t, labels_in(labels.reshape(-1, *labels.shape[-2:])))
        with disk_errors(self._target / path.name, ResultError), path.open("wb") as file:
            file.write(encode_frame(labels))
            file.flush()
            os.fsync(file.fileno())
        self._written += 1

    def take(self, t: int, source: Path, labels: Iterable[int]) -> None:
        """Move the file of the next mask here; its pixels are not read.

        If the block raises, the file is lost with the folder.

        Args:
            t: The frame.
            source: A file that `VolumeFrames` wrote, in the shape of this result.
            labels: All labels in it.

        Raises:
            ResultError: The labels are not those of the tracks in this frame, there is no such
                file, or the disk refuses.
        """
        path = self._admitted(t, labels)
        with disk_errors(self._target / path.name, ResultError):
            move(source, path)
        self._written += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            # A disk error here must not hide an earlier one; the next run removes the rest.
            shutil.rmtree(self._folder, ignore_errors=True)

    def _finish(self) -> None:
        if self._written != self._frames:
            raise ValueError(f"{self._written} frames written of {self._frames}")
        with disk_errors(self._target, ResultError):
            write_tracks(self._folder / TRACKS, self._tracks.values())
            swap_folder(self._target, self._folder, old_place(self._target))

    def _admitted(self, t: int, labels: Iterable[int]) -> Path:
        """Return the file of the next frame; refuse labels that break the rules."""
        if t != self._written:
            raise ValueError(f"frame {t}; expected frame {self._written}")
        self._refuse(frame_problems(t, labels, self._tracks))
        return self._folder / frame_name(MASK, t, self._digits)

    def _refuse(self, problems: Iterable[str]) -> None:
        if found := list(problems):
            raise ResultError(
                f"{self._target}: not written, it would break the rules of the challenge:"
                f" {in_one_message(found)} This is a fault of the program: please report it."
            )


def refuse_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that must not be replaced or cannot be written; nothing is changed.

    Call this before any work, so that a run does not fail at its end.

    Raises:
        ResultError: There is a result and `overwrite` is off, or something else than a result;
            or the folder cannot be made.
    """
    target = target.resolve()
    with disk_errors(target, ResultError):
        _refuse_unusable(target)
        # After a kill in the middle of a swap, the older result is beside the target.
        taken = next((folder for folder in (target, old_place(target)) if folder.exists()), None)
        names = [path.name for path in taken.iterdir()] if taken else []
    if names and not overwrite and taken == old_place(target):
        raise ResultError(
            f"{taken}: is the older result, left by a run that was killed while replacing it."
            f" Rename it {target.name}, or add --overwrite."
        )
    if names and not overwrite:
        raise ResultError(
            f"{target}: is not empty. Add --overwrite to replace the result, or choose"
            " another folder with --out."
        )
    foreign = [name for name in names if not _OURS.fullmatch(name) and not is_hidden(name)]
    if names and (foreign or TRACKS not in names):
        raise ResultError(
            f"{target}: holds {', '.join(sorted(foreign)[:3]) or f'no {TRACKS}'}, so it is not"
            " a result and is not replaced. Choose another folder with --out."
        )
    _refuse_unremovable(target)


def prepare_target(target: Path, *, overwrite: bool) -> Path:
    """Refuse a target as `refuse_target` does, and remove what a killed run left.

    Only the process that may write there calls this: the files of another run would go, too.

    Returns:
        The target with symbolic links resolved.

    Raises:
        ResultError: As `refuse_target`.
    """
    target = target.resolve()
    refuse_target(target, overwrite=overwrite)
    recover_folder(target, ResultError)
    return target


def _refuse_unusable(target: Path) -> None:
    """Refuse a target that is a file, is mounted, or cannot be made."""
    if target.exists() and not target.is_dir():
        raise ResultError(f"{target}: is a file. Choose another output folder.")
    if target.is_mount():
        raise ResultError(
            f"{target}: is a mounted folder, which cannot be replaced as a whole. Give a"
            f" folder in it, e.g. {target / '01_RES'}."
        )
    refuse_unwritable(target)


def _refuse_unremovable(target: Path) -> None:
    """Refuse folders whose files this user may not remove, mostly those of another user."""
    for folder in (target, old_place(target), new_place(target)):
        with disk_errors(folder, ResultError):
            filled = folder.exists() and any(folder.iterdir())
            if filled and not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "no right to remove the files in it")
