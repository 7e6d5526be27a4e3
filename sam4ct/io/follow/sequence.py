"""Find the movie, seeds and initial tracks of a sequence for mode track, and hash them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sam4ct.errors import SequenceError
from sam4ct.io.ctc import refuse_input_as_result, text_of_name, work_dir_of
from sam4ct.io.files import (
    count_frames,
    digest_of,
    digest_of_file,
    frame_files,
    in_one_message,
    is_image,
    list_folder,
)
from sam4ct.io.follow.fingerprint import MovieDigests
from sam4ct.io.follow.layout import (
    INITIAL,
    TRACKS,
    TRUTH,
    has_all_parts,
    initial_in,
    initial_of,
    movie_of,
)
from sam4ct.io.follow.seeds import SEEDS
from sam4ct.io.movie import ZARR, digits_of, open_volumes
from sam4ct.io.tiff import PREFIX, TiffVolumes


@dataclass(frozen=True)
class TrackSequence:
    """The inputs of mode track of one sequence."""

    dataset: str
    """Name of the dataset's folder, see `text_of_name`."""
    name: str
    """Digits, e.g. `01`."""
    source: Path
    """The movie: the folder `SS` of `tNNN.tif` or `tNNN.zarr`, or `SS.zarr`."""
    seeds: Path
    """A folder with a file a frame, or a table of all frames."""
    initial: Path
    """The cells to follow: a JSON of centroids, or a label TIFF of frame 0."""
    digits: int
    """Width of the frame numbers in names of result files, 3 or 4."""
    result_dir: Path

    @property
    def work_dir(self) -> Path:
        """Folder of all files except the result."""
        return work_dir_of(self.result_dir)


def track_names(dataset_dir: Path) -> list[str]:
    """Return the sequences with a movie, seeds and initial tracks, sorted; no file is opened.

    Raises:
        SequenceError: The folder cannot be listed.
    """
    names = sorted({path.name.removesuffix(ZARR) for path in list_folder(dataset_dir)})
    numbered = (name for name in names if name.isascii() and name.isdigit())
    return [name for name in numbered if has_all_parts(dataset_dir, name, _names_in)]


def find_track_sequence(
    dataset_dir: Path,
    name: str,
    result_dir: Path,
    *,
    seeds: Path | None = None,
    initial: Path | None = None,
) -> TrackSequence:
    """Return a sequence with its movie, seeds and initial tracks; see `layout`.

    Args:
        dataset_dir: Holds the movie, `SS` or `SS.zarr`.
        name: SS.
        result_dir: The result folder; it need not exist.
        seeds: A folder or table of seeds; None: `SS_SEEDS`.
        initial: A file of initial tracks, or a folder with one; None: that in `SS_INIT`,
            else `SS_GT/TRA/man_track000.tif`.

    Raises:
        SequenceError: The movie, seeds or initial tracks are missing or ambiguous, the movie
            cannot be opened or has no z, or the result would be written into the input.
    """
    dataset_dir, result_dir = (Path(os.path.abspath(path)) for path in (dataset_dir, result_dir))
    list_folder(dataset_dir)
    source = movie_of(dataset_dir, name, _names_in)
    places = Path(os.path.abspath(seeds or dataset_dir / f"{name}{SEEDS}"))
    begins = _initial(dataset_dir, name, initial)
    problems = [
        *([] if source else [_no_movie(dataset_dir, name)]),
        *([] if os.path.exists(places) else [_no_seeds(places, source or dataset_dir / name)]),
        *([] if len(begins) == 1 else [_not_one_initial(dataset_dir, name, initial, begins)]),
    ]
    if source is None or problems:
        raise SequenceError(in_one_message(problems))
    parts = [dataset_dir / f"{name}{suffix}" for suffix in (INITIAL, TRUTH)]
    refuse_input_as_result(result_dir, [source, places, *begins, *parts])
    digits = _digits(source)
    return TrackSequence(
        text_of_name(dataset_dir), name, source, places, begins[0], digits, result_dir
    )


def count_images(movie: Path) -> int:
    """Return the number of frames of a movie `DATASET/SS`, TIFF or Zarr; 0 if unknown.

    TIFF files are counted by their names.
    """
    if images := count_frames(movie, PREFIX):
        return images
    try:
        return open_volumes(movie).frames
    except SequenceError:
        return 0


def fingerprint(sequence: TrackSequence, movie: MovieDigests) -> dict[str, str]:
    """Return the SHA-256 of the inputs by name: "images", "seeds" and "initial".

    Seeds and initial tracks are hashed by their content.

    Raises:
        SequenceError: A file cannot be read.
    """
    seeds = sequence.seeds
    tables = list_folder(seeds) if seeds.is_dir() else [seeds]
    return {
        "images": movie.whole,
        "seeds": digest_of((path.name, digest_of_file(path)) for path in tables if path.is_file()),
        "initial": digest_of_file(sequence.initial),
    }


def _names_in(folder: Path) -> list[str]:
    return [path.name for path in list_folder(folder)] if os.path.isdir(folder) else []


def _initial(dataset_dir: Path, name: str, asked: Path | None) -> list[Path]:
    """Return the files of initial tracks: those the user named, or the default ones."""
    if asked is None:
        return initial_of(dataset_dir, name, _names_in)
    asked = Path(os.path.abspath(asked))
    if os.path.isdir(asked):
        return initial_in(asked, _names_in)
    return [asked] if os.path.exists(asked) else []


def _no_movie(dataset_dir: Path, name: str) -> str:
    folder = dataset_dir / name
    if folder.is_dir() and any(map(is_image, list_folder(folder))):
        return in_one_message(frame_files(folder, PREFIX).problems)
    others = ", ".join(track_names(dataset_dir))
    return (
        f"{dataset_dir / name}: there is no movie. Put t000.tif, t001.tif, ... there, or make"
        f" {name}{ZARR} beside it with `sam4ct convert`."
        + (f" Sequences that have all they need: {others}." if others else "")
    )


def _no_seeds(places: Path, source: Path) -> str:
    return (
        f"{places}: there are no seeds. Find them with `sam4ct seeds {source}`, or give them"
        " with --seeds PATH."
    )


def _not_one_initial(dataset_dir: Path, name: str, asked: Path | None, found: list[Path]) -> str:
    where = asked or dataset_dir / f"{name}{INITIAL}"
    if found:
        names = ", ".join(path.name for path in found[:5])
        # A label TIFF with that name would be taken for a JSON file.
        by_name = any(path.suffix == Path(TRACKS).suffix for path in found)
        return (
            f"{found[0].parent}: holds {len(found)} files of initial tracks ({names}). Keep one of"
            f" them{f', or name the JSON file to be used {TRACKS}' if by_name else ''}."
        )
    return (
        f"{where}: there are no initial tracks. Label the cells to follow in frame 0 and run"
        f" `sam4ct init-tracks LABELS.tif {dataset_dir / f'{name}{INITIAL}' / TRACKS}`, or give"
        " them with --init-tracks FILE."
    )


def _digits(source: Path) -> int:
    """Open a movie, refuse one without z, and return the width of its frame numbers."""
    volumes = open_volumes(source)
    if len(volumes.shape) != 3:
        first = volumes.files[0] if isinstance(volumes, TiffVolumes) else source
        raise SequenceError(
            f"{first}: has the shape {volumes.shape}, so this is a movie of images. Cells"
            " are followed by seeds in volumes (z, y, x) only; link masks of them instead."
        )
    return digits_of(source, volumes)
