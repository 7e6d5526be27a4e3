"""A movie and its masks given to `run` in place of a dataset: imported beside the result, once."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from sam4ct.io.ctc import IMPORTED, INPUT, sequence_name, work_dir_of
from sam4ct.io.files import reading, work_errors, write_json
from sam4ct.io.movie import ZARR
from sam4ct.io.ome_zarr import is_zarr
from sam4ct.pipelines.tools.export import ExportOptions, refuse_result
from sam4ct.pipelines.tools.importing.look import Wishes
from sam4ct.pipelines.tools.importing.movie import import_movie

logger = logging.getLogger(__name__)


def are_images_and_masks(first: Path, names: Sequence[str]) -> bool:
    """Whether what stands in the place of a dataset and a sequence are images and masks."""
    if len(names) != 1:
        return False
    name = sequence_name(first, names[0])
    if name.isdecimal() and first.is_dir() and not is_zarr(first):
        return not any((first / n).exists() for n in (name, f"{name}{ZARR}")) and (
            len(Path(names[0]).parts) > 1 and os.path.exists(names[0])
        )
    return os.path.exists(names[0]) or first.is_file()


@contextmanager
def dataset_of(
    images: Path,
    masks: Path,
    out: Path | None,
    wishes: Wishes,
    *,
    exports: Sequence[str],
    overwrite: bool,
    to_run: bool,
) -> Iterator[tuple[Path, str]]:
    """Give the dataset of a movie and its masks, and what they were taken for in words.

    It lies in `OUT.sam4ct/input`, beside `input.json` that says of which files, and is made again
    where it was of others, or of other settings.

    Args:
        images: A file or folder, see `import_movie`.
        masks: The same.
        out: The result folder; None, where nothing is to be run.
        wishes: What the user says of the movie.
        exports: Formats that the result is to be exported to.
        overwrite: The result may be replaced.
        to_run: Keep the dataset; else it is a temporary one, unless a run has kept it.

    Raises:
        Sam4ctError: See `import_movie`; or a result is there already.
    """
    command = shlex.join(["sam4ct", "run" if to_run else "check", str(images), str(masks)])
    command += "" if out is None else f" --out {shlex.quote(str(out))}"
    stamp = {"images": _stamp(images), "masks": _stamp(masks), "wishes": repr(asdict(wishes))}
    name = images.name.split(".")[0] or "movie"
    if out is not None:
        out = Path(os.path.abspath(out))
        if to_run:
            refuse_result(out, ExportOptions(formats=exports, overwrite=overwrite))
        kept = work_dir_of(out) / INPUT
        said = kept.with_suffix(".json")
        if (kept / name / IMPORTED).is_dir() and (before := _read(said)).get("stamp") == stamp:
            logger.info("%s: imported before", kept / name)
            yield kept / name, str(before["words"])
            return
        if to_run:
            with _no_empty_folders(kept, work_dir_of(out)):
                words = import_movie(
                    images, masks, kept / name, wishes, overwrite=True, command=command
                ).words
            _remove_others(kept, name)
            write_json(said, {"stamp": stamp, "words": words})
            yield kept / name, words
            return
    with tempfile.TemporaryDirectory() as folder:
        dataset = Path(folder) / name
        yield dataset, import_movie(images, masks, dataset, wishes, command=command).words


@contextmanager
def _no_empty_folders(*folders: Path) -> Iterator[None]:
    """Remove folders that hold nothing if the block fails, the first one first."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for folder in folders:
                folder.rmdir()
        raise


def _remove_others(kept: Path, name: str) -> None:
    """Remove what was imported from another movie, whose result is replaced."""
    with work_errors(kept):
        for other in kept.iterdir():
            if other.name != name:
                shutil.rmtree(other)


def _stamp(path: Path) -> list[list[str | int]]:
    """The files that a path is of: name, size and time of the last change."""
    path = Path(os.path.abspath(path))
    with reading(path):
        # An image in a file of several has no path of its own.
        real = path if path.exists() else path.parent
        files = sorted(real.rglob("*")) if real.is_dir() else [real]
        facts = [(file, file.stat()) for file in files if file.is_file()]
    rows: list[list[str | int]] = [[str(f), s.st_size, s.st_mtime_ns] for f, s in facts]
    return [[str(path)], *rows]


def _read(path: Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):  # It is written again.
        return {}
