"""Every profile for linking volumes runs, with the masks as they are and with masks added."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenes.commands import sam4ct

from sam4ct.profile import load_profile, profile_names

PROFILES = [n for n in profile_names() if (p := load_profile(n)).ndim == 3 and p.mode == "link"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated volume in which cells are missed."""
    folder = tmp_path_factory.mktemp("volumes")
    small = ["--size", 90, 90, "--slices", 10, "--cells", 6, "--frames", 5, "--missed", 0.2]
    assert sam4ct("simulate", folder, "--ndim", 3, "--dataset", "Cells", *small).status == 0
    return folder / "Cells"


def test_there_are_the_seven_of_the_linking_benchmark() -> None:
    assert len(PROFILES) == 7


@pytest.mark.parametrize("generate", ["--generate-masks", "--no-generate-masks"])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_runs(dataset: Path, tmp_path: Path, profile: str, generate: str) -> None:
    out = tmp_path / "01_RES"
    options = ["--profile", profile, "--evidence", "overlap", "--no-report", "--out", out]
    ran = sam4ct("-q", "run", dataset, "01", generate, *options)
    assert ran.status == 0, ran.err
    checked = sam4ct("validate", out, "--images", dataset / "01")
    assert checked.status == 0, checked.err
