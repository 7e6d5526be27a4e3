"""A sequence of a single file: a movie in it is not taken for a volume, and nothing is linked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.bad_inputs import label_frame
from scenes.commands import Outcome, sam4ct
from scenes.lone_profile import PROFILE

from sam4ct.io.ctc.validate import validate_result

MOVIE = np.stack([label_frame(t) for t in range(6)])
VOLUME = np.stack([label_frame(0)] * 6)


def lone(root: Path, labels: np.ndarray, **how: object) -> Path:
    """A dataset whose sequence is one file."""
    for name, frame in (("01/t000.tif", labels * 90 + 10), ("01_ERR_SEG/mask000.tif", labels)):
        (root / "Lone" / name).parent.mkdir(parents=True)
        path = root / "Lone" / name
        tifffile.imwrite(path, frame.astype(np.uint16), photometric="minisblack", **how)
    return root / "Lone"


def run(dataset: Path, *args: object) -> Outcome:
    return sam4ct("run", dataset, "--evidence", "overlap", "--no-report", *args)


@pytest.mark.parametrize("command", ["run", "check"])
def test_planes_that_may_be_a_movie_are_refused_with_both_ways_out(
    command: str, tmp_path: Path
) -> None:
    outcome = sam4ct(command, lone(tmp_path, MOVIE))
    assert outcome.status == 2
    assert "01/t000.tif: is the only frame, has 6 planes" in outcome.err
    assert "01/t000.tif MASKS NEW_DATASET --axes TYX" in outcome.err
    assert "save it with the axes ZYX" in outcome.err


def test_header_with_time_is_refused_as_a_movie(tmp_path: Path) -> None:
    outcome = run(lone(tmp_path, MOVIE, imagej=True, metadata={"axes": "TYX"}))
    assert outcome.status == 2
    assert "t000.tif: holds 6 time points by its header" in outcome.err


@pytest.mark.parametrize(
    ("labels", "how"),
    [
        (VOLUME[0], {}),
        (VOLUME, {"metadata": {"axes": "ZYX"}}),
        (VOLUME, {"imagej": True, "metadata": {"axes": "ZYX"}}),
    ],
    ids=["image", "volume", "ImageJ volume"],
)
def test_single_frame_has_a_valid_result_and_a_warning(
    labels: np.ndarray, how: dict[str, object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = run(dataset := lone(tmp_path, labels, **how))
    assert outcome.status == 0, outcome.err
    assert "t000.tif: is a single frame: there is nothing to link" in caplog.text
    assert validate_result(dataset / "01_RES", dataset / "01") == []
    assert (dataset / "01_RES" / "res_track.txt").read_text() == "1 0 0 0\n2 0 0 0\n"


def test_profile_for_volumes_says_what_the_planes_are(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PROFILE)
    outcome = run(lone(tmp_path, VOLUME), "--profile", tmp_path / "mine.toml")
    assert outcome.status == 0, outcome.err


@pytest.mark.parametrize("command", ["convert", "seeds"])
def test_planes_that_may_be_a_movie_are_warned_of_where_a_volume_may_be_meant(
    command: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = lone(tmp_path, MOVIE) / "01"
    more = ["--diameter", 5] if command == "seeds" else [tmp_path / "01.zarr"]
    outcome = sam4ct(command, source, *more)
    assert outcome.status == 0, outcome.err
    assert "t000.tif: is the only frame, has 6 planes" in caplog.text
    assert "It is taken for a volume." in caplog.text
