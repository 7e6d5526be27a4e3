"""A voxel size that nothing says is never assumed without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.bad_inputs import make_dataset
from scenes.commands import sam4ct
from scenes.lone_profile import PROFILE

UNKNOWN = "nothing says the size of a voxel, and they are taken for cubes"
VOLUME = (6, 16, 20)


def command(name: str, dataset: Path) -> list[object]:
    return {
        "seeds": ["seeds", dataset / "01", "--diameter", 6],
        "convert": ["convert", dataset / "01", dataset.parent / "01.zarr"],
    }[name]


@pytest.mark.parametrize("name", ["seeds", "convert"])
def test_unknown_voxels_are_warned_of(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = sam4ct("-q", *command(name, make_dataset(tmp_path, VOLUME)))
    assert outcome.status == 0
    (record,) = (r for r in caplog.records if r.levelname == "WARNING")
    assert UNKNOWN in record.getMessage()
    assert record.getMessage().endswith("Add --spacing Z Y X.")


@pytest.mark.parametrize("name", ["seeds", "convert"])
def test_images_and_what_was_said_are_not_warned_of(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    volumes, images = make_dataset(tmp_path / "3D", VOLUME), make_dataset(tmp_path / "2D")
    assert sam4ct(*command(name, images)).status == 0
    assert sam4ct(*command(name, volumes), "--spacing", 3, 1, 1).status == 0
    assert UNKNOWN not in caplog.text


@pytest.mark.parametrize("side", ["1e308", "1e-300", "0", "nan"])
def test_sides_of_voxels_that_computers_cannot_count_with_are_refused(
    side: str, tmp_path: Path
) -> None:
    images, out = make_dataset(tmp_path, VOLUME) / "01", tmp_path / "out"
    for call in (["seeds", images, out, "--diameter", 6], ["convert", images, out]):
        outcome = sam4ct(*call, "--spacing", side, side, side)
        assert outcome.status == 2
        assert "'--spacing'" in outcome.err


def say_spacing(dataset: Path, spacing: float) -> None:
    """Let the headers of all images say voxels of spacing x 0.5 x 0.5 um."""
    for path in (dataset / "01").iterdir():
        frame = tifffile.imread(path)
        metadata = {"axes": "ZYX", "spacing": spacing, "unit": "um"}
        options = {"imagej": True, "resolution": (2.0, 2.0), "metadata": metadata}
        tifffile.imwrite(path, np.asarray(frame), **options)


@pytest.mark.parametrize("name", ["seeds", "convert", "derive", "check"])
def test_slices_that_a_header_puts_a_kilometre_apart_are_warned_of(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = make_dataset(tmp_path, VOLUME)
    say_spacing(dataset, 1e9)
    calls = {"derive": ["profiles", "derive", dataset, "01"], "check": ["check", dataset]}
    assert sam4ct(*(calls.get(name) or command(name, dataset))).status == 0
    (said,) = (r.getMessage() for r in caplog.records if "no microscope" in r.getMessage())
    assert "t000.tif: has voxels of 1e+09 x 0.5 x 0.5 um (z, y, x) by its header" in said
    assert "--spacing Z Y X" in said


def test_spacing_that_the_profile_leaves_out_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = make_dataset(tmp_path, VOLUME)
    say_spacing(dataset, 2.0)
    (tmp_path / "mine.toml").write_text(PROFILE.replace("spacing_um = [2.0, 1.0, 1.0]", ""))
    outcome = sam4ct("check", dataset, "--profile", tmp_path / "mine.toml")
    assert outcome.status == 0, outcome.err
    assert "t000.tif: has voxels of 2 x 0.5 x 0.5 um (z, y, x) by its header" in caplog.text
