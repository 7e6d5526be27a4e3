"""`sam4ct profiles`: what it prints and writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from sam4ct.cli.profiles import profiles
from sam4ct.errors import ProfileError, SequenceError
from sam4ct.io.files.atomic import write_json
from sam4ct.io.movie import open_volumes
from sam4ct.io.simulated.embryo import EmbryoFiles, write_embryo
from sam4ct.profile import Profile, load_profile, profile_names
from sam4ct.simulate.embryo.movie import EmbryoLaw
from sam4ct.simulate.embryo.seeds import SeedErrors


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


# --- of cells to follow ----------------------------------------------------------------


@pytest.fixture(scope="module", params=[False, True], ids=["zarr", "tiff"])
def simulated(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Nuclei of about 11.5 pixels and voxels of 1.2 x 0.4 x 0.4 um, with seeds of some detector."""
    law = EmbryoLaw(shape=(24, 160, 160), frames=3, cells=12, followed=4)
    files = EmbryoFiles(tiff=request.param)
    return write_embryo(tmp_path_factory.mktemp("nuclei"), "Nuclei", law, SeedErrors(), 0, files)


@pytest.fixture
def embryo(simulated: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(simulated, tmp_path / simulated.name)


def derived(folder: Path, *options: object) -> Profile:
    path = folder.with_suffix(".toml")
    path.write_text(output("derive", folder, "01", *options))
    return load_profile(path)


def test_derive_measures_the_cells_to_follow(embryo: Path) -> None:
    profile = derived(embryo)
    assert (profile.dataset, profile.mode) == ("Nuclei", "track")
    assert profile.cell_diameter_px == pytest.approx(11.5, rel=0.2)
    assert profile.spacing_um == pytest.approx((1.2, 0.4, 0.4))


def test_derive_tells_the_reasons_of_the_table_too(embryo: Path) -> None:
    printed = output("derive", embryo, "01")
    assert "Derived from the seeds and initial tracks of Nuclei 01." in printed
    below = printed.partition("\n[track]\n")[2]
    assert below.count("# Here: ") == below.count(" = ") == 4


def test_derive_knows_for_which_cells_seeds_were_searched(embryo: Path) -> None:
    write_json(embryo / "01_SEEDS" / "settings.json", {"diameter_px": [15, 30.0]})
    assert derived(embryo).cell_diameter_px == pytest.approx(20.0)


def test_derive_takes_the_spacing_of_cells_to_follow_from_the_user(embryo: Path) -> None:
    assert derived(embryo, "--spacing", 2, 1, 1).spacing_um == (2.0, 1.0, 1.0)


@pytest.fixture
def silent(embryo: Path) -> Path:
    """The same, of which no file says how large voxels are."""
    movie = open_volumes(embryo / "01")
    frames = [movie.frame(t) for t in range(movie.frames)]
    shutil.rmtree(embryo / "01.zarr", ignore_errors=True)
    (embryo / "01").mkdir(exist_ok=True)
    for t, frame in enumerate(frames):
        tifffile.imwrite(embryo / "01" / f"t{t:03}.tif", frame, photometric="minisblack")
    return embryo


def test_derive_takes_the_spacing_of_the_search_for_seeds_where_the_movie_says_none(
    silent: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_json(silent / "01_SEEDS" / "settings.json", {"spacing": [1.2, 0.4, 0.4]})
    assert derived(silent).spacing_um == (1.2, 0.4, 0.4)
    assert not caplog.records


def test_derive_prefers_the_spacing_of_the_movie(embryo: Path) -> None:
    write_json(embryo / "01_SEEDS" / "settings.json", {"spacing": [7, 1, 1]})
    assert derived(embryo).spacing_um == pytest.approx((1.2, 0.4, 0.4))


@pytest.mark.parametrize("searched", [{}, {"spacing": [1.0, 1.0, 1.0]}])
def test_derive_warns_where_nobody_says_the_spacing(
    searched: dict[str, object], silent: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if searched:
        write_json(silent / "01_SEEDS" / "settings.json", searched)
    assert derived(silent).spacing_um == (1.0, 1.0, 1.0)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "nothing says the size of a voxel" in record.getMessage()
    caplog.clear()
    derived(silent, "--spacing", 1, 1, 1)
    assert not caplog.records


def test_derive_prefers_masks_to_link(dataset: Path, embryo: Path) -> None:
    for part in ("01_SEEDS", "01_INIT"):
        (embryo / part).rename(dataset / part)
    assert derived(dataset).mode == "link"


def test_derive_names_the_frames_without_seeds(embryo: Path) -> None:
    (embryo / "01_SEEDS" / "t001.csv").unlink()
    with pytest.raises(SequenceError, match=r"01_SEEDS: no seeds for 1 frames, t001\.csv missing"):
        output("derive", embryo, "01")
