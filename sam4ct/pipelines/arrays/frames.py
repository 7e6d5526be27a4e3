"""Arrays as the frames of a movie in a temporary folder, where the stages and scores read them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sam4ct.errors import Sam4ctError
from sam4ct.io.files import frame_name, require_temporary_folder
from sam4ct.io.tiff import write_image


class Movie(Protocol):
    """Frames that are read one by one: a NumPy, dask or Zarr array (t, [z,] y, x)."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, t: int, /) -> Any: ...


def write_frames(movie: Movie, folder: Path, prefix: str) -> None:
    """Write the frames of an array into a new folder, as they are."""
    folder.mkdir(parents=True)
    frames = movie.shape[0]
    for t in range(frames):
        write_image(folder / frame_name(prefix, t, digits(frames)), np.asarray(movie[t]))


def digits(frames: int) -> int:
    """Width of the frame numbers in names of files."""
    return 3 if frames <= 1000 else 4


@contextmanager
def temporary() -> Iterator[Path]:
    """Give a temporary folder for the block; errors name what is in it without its path."""
    require_temporary_folder()
    with tempfile.TemporaryDirectory(prefix="sam4ct-arrays-") as name:
        folder = Path(name).resolve()
        try:
            yield folder
        except Sam4ctError as error:
            raise type(error)(str(error).replace(f"{folder}/", "")) from error
