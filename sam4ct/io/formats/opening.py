"""Which reader a path is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sam4ct.errors import SequenceError
from sam4ct.io.files import is_tiff
from sam4ct.io.formats.array_file import ArrayFile, open_npy, open_npz, open_picture
from sam4ct.io.formats.folder import Folder, files_of
from sam4ct.io.formats.movie import Movie
from sam4ct.io.formats.tiff_stack import TiffStack
from sam4ct.io.formats.vendor import is_vendor, open_vendor, refuse_unknown
from sam4ct.io.formats.zarr_image import ZarrImage
from sam4ct.io.ome_zarr import is_zarr

_ARRAYS: Mapping[str, Callable[[Path], ArrayFile]] = {
    ".npy": open_npy,
    ".npz": open_npz,
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".bmp"), open_picture),
}
"""By ending."""


@contextmanager
def open_movie(path: Path, *, masks: bool = False) -> Iterator[Movie]:
    """Open a movie in any format that is read, for the block.

    Args:
        path: A file, a folder of files, a Zarr folder, or an image in a file of several.
        masks: Whether masks are wanted, where images lie beside them.

    Raises:
        SequenceError: There is nothing, or it cannot be read.
    """
    if is_zarr(path) or (path.name == "labels" and is_zarr(path.parent)):
        yield ZarrImage(path, masks=masks)
    elif path.is_dir():
        files = files_of(path, kind_of, masks=masks)
        yield Folder(path, files, partial(open_movie, masks=masks))
    elif is_vendor(path):
        with open_vendor(path) as movie:
            yield movie
    elif not path.exists():
        raise SequenceError(f"{path}: there is no such file or folder. Give one that exists.")
    elif is_tiff(path.name):
        with TiffStack(path) as stack:
            yield stack
    elif reader := _ARRAYS.get(path.suffix.lower()):
        yield reader(path)
    else:
        refuse_unknown(path)


def kind_of(path: Path) -> str | None:
    """Return the kind of a file in a folder of frames by its name; None for what is no image."""
    if is_tiff(path.name):
        return "TIFF"
    ending = path.suffix.lower()
    return ending.removeprefix(".").upper() if ending in _ARRAYS else None
