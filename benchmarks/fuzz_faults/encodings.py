"""How pixels are stored in TIFF files: compression, order, tiles, pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from fuzz_faults.cases import Case, Frames
from fuzz_faults.registry import (
    EITHER,
    FINE,
    FRAMES,
    IMAGES,
    MASKS,
    REFUSED,
    Blame,
    fault,
)
from fuzz_faults.writers import Pixels, in_all, in_one, stored, write_pages


@fault("encoding", FRAMES, FINE)
def compressed(case: Case, part: Frames) -> Blame:
    """Compressed without loss."""
    how = str(case.rng.choice(["zlib", "lzw", "zstd", "packbits", "lzma"]))
    return in_all(part, stored(compression=how, rowsperstrip=int(case.rng.integers(3, 70))))


@fault("encoding", FRAMES, FINE, apart=("pixels",))
def compressed_by_differences(case: Case, part: Frames) -> Blame:
    """Compressed with a predictor."""
    return in_all(part, stored(compression="zlib", predictor=2))


@fault("encoding", FRAMES, FINE)
def one_compressed(case: Case, part: Frames) -> Blame:
    """One file is compressed, the others are not."""
    return in_one(case, part, stored(compression="zlib"))


@fault("encoding", FRAMES, FINE)
def tiled(case: Case, part: Frames) -> Blame:
    """Stored in tiles, the last of which reach beyond the frame."""
    how = [None, "zlib"][int(case.rng.integers(2))]
    return in_all(part, stored(tile=(32, 48), compression=how))


@fault("encoding", FRAMES, FINE)
def big_endian(case: Case, part: Frames) -> Blame:
    """Stored with the highest byte first."""
    return in_all(part, stored(byteorder=">"))


@fault("encoding", FRAMES, FINE)
def one_big_endian(case: Case, part: Frames) -> Blame:
    """One file is stored with the highest byte first."""
    return in_one(case, part, stored(byteorder=">"))


@fault("encoding", FRAMES, FINE)
def bigtiff(case: Case, part: Frames) -> Blame:
    """Written as BigTIFF."""
    return in_all(part, stored(bigtiff=True))


@fault("encoding", FRAMES, FINE)
def thin_strips(case: Case, part: Frames) -> Blame:
    """Stored in strips of a row each."""
    return in_all(part, stored(rowsperstrip=1))


@fault("encoding", FRAMES, FINE, ndim=3)
def page_for_each_slice(case: Case, part: Frames) -> Blame:
    """A page for each slice, and no header that says so."""
    return in_all(part, write_pages)


@fault("encoding", FRAMES, EITHER)
def preview_page(case: Case, part: Frames) -> Blame:
    """A second, smaller image follows in the file."""

    def write(path: Path, frame: Pixels) -> None:
        with tifffile.TiffWriter(path) as tif:
            tif.write(frame, photometric="minisblack", metadata=None)
            tif.write(frame[..., ::4, ::4], photometric="minisblack", metadata=None)

    return in_one(case, part, write)


@fault("encoding", FRAMES, EITHER)
def pyramid(case: Case, part: Frames) -> Blame:
    """Smaller levels lie below the image, as in a pyramid."""

    def write(path: Path, frame: Pixels) -> None:
        with tifffile.TiffWriter(path) as tif:
            tif.write(frame, photometric="minisblack", subifds=1)
            tif.write(frame[..., ::2, ::2], photometric="minisblack", subfiletype=1)

    return in_all(part, write)


@fault("encoding", FRAMES, FINE, ndim=2)
def single_slice(case: Case, part: Frames) -> Blame:
    """Planes are written as volumes of one slice."""
    return in_all(part, lambda path, frame: stored()(path, frame[None]))


@fault("encoding", MASKS, REFUSED, apart=("pixels", "names"))
def lossy_masks(case: Case, part: Frames) -> Blame:
    """Masks are saved as JPEG in TIFF, which changes labels at the rims."""
    part.change(lambda frame: (frame * (250 // frame.max())).astype(np.uint8))
    return in_all(part, stored(compression="jpeg"))


@fault("encoding", IMAGES, FINE, apart=("pixels",))
def lossy_images(case: Case, part: Frames) -> Blame:
    """Images of 8 bits are saved as JPEG in TIFF."""
    case.same = False
    part.change(lambda frame: (frame / frame.max() * 255).astype(np.uint8))
    return in_all(part, stored(compression="jpeg"))
