"""`sam4ct profiles`: what it prints and writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from sam4ct.cli.profiles import profiles
from sam4ct.errors import ProfileError
from sam4ct.profile import load_profile, profile_names


def output(*arguments: object) -> str:
    """What the command prints; whatever it raises, the test sees."""
    result = CliRunner().invoke(profiles, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Four dim cells and a bright one, 12 x 12 pixels, that move down by 3 pixels a frame."""
    folder = tmp_path / "Squares"
    for name in ("01", "01_ERR_SEG"):
        (folder / name).mkdir(parents=True)
    for t in range(4):
        labels = np.zeros((120, 200), np.uint16)
        for cell in range(5):
            labels[30 + 3 * t : 42 + 3 * t, 15 + 35 * cell : 27 + 35 * cell] = cell + 1
        noise = np.random.default_rng(t).integers(90, 110, labels.shape)
        image = noise + np.array([0, 100, 100, 100, 100, 1000])[labels]
        tifffile.imwrite(folder / "01" / f"t{t:03}.tif", image.astype(np.uint16))
        tifffile.imwrite(folder / "01_ERR_SEG" / f"mask{t:03}.tif", labels)
    return folder


def test_list_has_a_line_for_every_profile() -> None:
    lines = output("list").splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", *profile_names()]


def test_show_prints_a_file_that_means_the_same(tmp_path: Path) -> None:
    path = tmp_path / "shown.toml"
    path.write_text(output("show", "Fluo-N3DL-TRIC"))
    assert load_profile(path) == load_profile("Fluo-N3DL-TRIC")


def test_derive_measures_the_cells_of_the_sequence(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "derived.toml"
    path.write_text(output("derive", dataset, "01"))
    profile = load_profile(path)
    assert profile.dataset == "Squares"
    assert profile.cell_diameter_px == pytest.approx(12 * np.sqrt(4 / np.pi), abs=0.1)
    assert profile.link_radius_px == pytest.approx(9.0)
    assert profile.border_px == 3


def test_derive_looks_at_the_brightness_of_the_cells(dataset: Path) -> None:
    assert "gamma = 0.5" in output("derive", dataset, "01")


def test_derive_takes_the_spacing_from_the_user(dataset: Path) -> None:
    printed = output("derive", dataset, "01", "--spacing", 2, 0.5, 0.5)
    assert "spacing_um = [2.0, 0.5, 0.5]" in printed


def test_derive_writes_what_it_would_print(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    said = output("derive", dataset, "01", "--output", path)
    assert said.startswith(f"{path}: written.")
    assert path.read_text() == output("derive", dataset, "01")


def test_derive_does_not_replace_a_file(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("edited by hand")
    with pytest.raises(ProfileError, match=r"mine\.toml: is there already"):
        output("derive", dataset, "01", "--output", path)
    assert path.read_text() == "edited by hand"


def test_derive_refuses_a_spacing_of_zero(dataset: Path) -> None:
    arguments = ["derive", str(dataset), "01", "--spacing", "0", "1", "1"]
    result = CliRunner().invoke(profiles, arguments)
    assert result.exit_code == 2
    assert "0" in result.stderr
