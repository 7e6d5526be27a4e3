"""NaN and infinite pixels are refused with the true reason, wherever they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.zarr_movies import write_folder, write_group, write_ours

from sam4ct.errors import SequenceError
from sam4ct.io.movie import open_volumes
from sam4ct.pipelines.tools.convert import convert

MOVIE = np.random.default_rng(0).random((3, 6, 20, 30)).astype(np.float32)


def write_tiffs(path: Path, movie: np.ndarray, **how: object) -> Path:
    (folder := path.with_suffix("")).mkdir(parents=True)
    for t, frame in enumerate(movie):
        tifffile.imwrite(folder / f"t{t:03d}.tif", frame, photometric="minisblack", **how)
    return folder


def ours(path: Path, movie: np.ndarray) -> Path:
    write_ours(path, movie)
    return path


KINDS: dict[str, Callable[[Path, np.ndarray], Path]] = {
    "TIFF": write_tiffs,
    "compressed TIFF": lambda path, movie: write_tiffs(path, movie, compression="zlib"),
    "Zarr": ours,
    "Zarr frames": write_folder,
    "Zarr group": write_group,
}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", KINDS)
def test_window_with_other_than_numbers_is_refused(kind: str, value: float, tmp_path: Path) -> None:
    movie = MOVIE.copy()
    movie[1, 4, 10, 10] = value
    volumes = open_volumes(KINDS[kind](tmp_path / "01.zarr", movie))
    everything = [slice(None)] * 3
    assert volumes.window(0, everything).dtype == np.float32
    assert volumes.window(1, [slice(0, 4), slice(20), slice(30)]).shape == (4, 20, 30)
    with pytest.raises(SequenceError, match=r"1.*has NaN or infinite pixels.* Replace them"):
        volumes.window(1, everything)


@pytest.mark.parametrize("shape", [(20, 30), (6, 20, 30)], ids=["2D", "3D"])
def test_convert_refuses_what_no_command_could_read(shape: tuple[int, ...], tmp_path: Path) -> None:
    movie = np.ones((3, *shape), np.float32)
    movie[2, ..., :5] = np.nan
    source = write_tiffs(tmp_path / "01", movie)
    with pytest.raises(SequenceError, match=r"t002\.tif: the image has NaN or infinite pixels"):
        convert(source, tmp_path / "01.zarr")
    assert not (tmp_path / "01.zarr").exists()
