"""Write a simulated movie as a CTC dataset: images, masks to link, and exact ground truth.

One frame is in memory at a time; equal arguments give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError, WorkError
from sam4ct.intensity import Image
from sam4ct.io.ctc import MASK, MASKS, write_tracks
from sam4ct.io.files import frame_name, new_folder
from sam4ct.io.tiff import encode_frame, encode_stack
from sam4ct.simulate import MovieLaw, SegmentationErrors, Truth, damaged, simulate

SEQUENCE = "01"
DARK_COUNTS = 4000.0
"""Camera counts of the background; objects may be darker."""
COUNTS_PER_CONTRAST = 2000.0
"""Camera counts between the background and a cell of brightness 1."""
PIXEL_UM = 0.4
"""In-plane pixel size, micrometres: nuclei are then about 10 micrometres wide."""


def write_dataset(
    folder: Path,
    dataset: str,
    law: MovieLaw,
    errors: SegmentationErrors,
    seed: int,
    digits: int = 3,
) -> Path:
    """Simulate a movie and write it as sequence 01 of a CTC dataset.

    Writes `DATASET/01/tNNN.tif` (uint16), `01_ERR_SEG/maskNNN.tif`,
    `01_GT/TRA/man_trackNNN.tif` with `man_track.txt`, and `01_GT/SEG/man_segNNN.tif`
    (every cell of every frame). The images of volumes state their voxel spacing.
    The dataset appears when it is complete.

    Args:
        folder: Where the dataset's folder is made.
        dataset: Its name.
        law: The movie.
        errors: Errors of the masks to link. The movie does not depend on them.
        seed: Seed of all random numbers.
        digits: Width of the frame numbers.

    Returns:
        The dataset's folder.

    Raises:
        SequenceError: It exists, or has more frames or tracks than CTC numbers allow.
        WorkError: The disk refuses.
    """
    with new_dataset(folder, dataset, law.frames, digits) as hidden:
        _write_sequence(hidden, law, errors, seed, digits)
    return folder / dataset


@contextmanager
def new_dataset(folder: Path, dataset: str, frames: int, digits: int) -> Iterator[Path]:
    """Give a hidden folder that becomes `folder / dataset` when the block ends well.

    Raises:
        SequenceError: The dataset exists, its name is not a folder name, or it has too many frames.
        WorkError: The disk refuses.
    """
    target = folder / dataset
    if Path(dataset).name != dataset or dataset in ("", ".."):
        raise SequenceError(
            f"{dataset!r}: is not the name of a folder. Give one without slashes, e.g. Simulated."
        )
    if target.exists():
        raise SequenceError(
            f"{target}: exists already. Remove it, or choose another folder or dataset name."
        )
    if frames > 10**digits:
        raise SequenceError(
            f"{target}: {frames} frames do not fit into numbers of {digits} digits."
            " Ask for fewer frames or more digits."
        )
    with new_folder(target, WorkError) as hidden:
        yield hidden


def _write_sequence(
    folder: Path, law: MovieLaw, errors: SegmentationErrors, seed: int, digits: int
) -> None:
    images, masks = folder / SEQUENCE, folder / f"{SEQUENCE}{MASKS}"
    tra, seg = (folder / f"{SEQUENCE}_GT" / name for name in ("TRA", "SEG"))
    for part in (images, masks, tra, seg):
        part.mkdir(parents=True)
    truth = Truth()
    missed: frozenset[int] | None = None
    # Two streams, so that other errors leave the movie as it was.
    movie_seed, errors_seed = np.random.SeedSequence(seed).spawn(2)
    errors_rng = np.random.default_rng(errors_seed)
    for t, frame in enumerate(simulate(np.random.default_rng(movie_seed), law)):
        labels = truth.add(frame.labels, {c.label: c.parent for c in frame.cells.values()})
        given, missed = damaged(errors_rng, labels, errors, missed, law.spacing)
        files: Mapping[Path, NDArray[np.uint16]] = {
            masks / frame_name(MASK, t, digits): given,
            tra / frame_name("man_track", t, digits): labels,
            seg / frame_name("man_seg", t, digits): labels,
        }
        for path, pixels in files.items():
            path.write_bytes(encode_frame(pixels))
        path = images / frame_name("t", t, digits)
        path.write_bytes(_encoded(_counts(frame.image), law.spacing))
    write_tracks(tra / "man_track.txt", truth.tracks())


def _counts(image: Image) -> NDArray[np.uint16]:
    """Return the counts of a 16-bit camera."""
    counts = np.rint(DARK_COUNTS + COUNTS_PER_CONTRAST * image)
    return np.asarray(np.clip(counts, 0.0, 65535.0), dtype=np.uint16)


def _encoded(counts: NDArray[np.uint16], spacing: Sequence[float] | None) -> memoryview:
    """Return the bytes of an image file; a volume states its spacing."""
    if counts.ndim == 2:
        return encode_frame(counts)
    z, y, x = spacing or (1.0, 1.0, 1.0)
    return encode_stack(counts, (z * PIXEL_UM, y * PIXEL_UM, x * PIXEL_UM))
