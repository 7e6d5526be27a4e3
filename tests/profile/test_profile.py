"""Profiles: what files may hold, what is said of the rest, and the shipped ones."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam4ct.errors import ProfileError
from sam4ct.profile import (
    Profile,
    TrackSettings,
    load_profile,
    profile_names,
    profiles_folder,
    to_toml,
)

LEAST = """\
dataset = "Cells"
mode = "link"
ndim = 2
window_px = 64
min_size = 30
link_radius_px = 20
"""
TRACK = """
[track]
seed_radius_px = 15.0
min_size_without_seed = 300
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        load_profile(written(folder, text))
    return str(caught.value)


# The shipped profiles

DATASETS = [
    "BF-C2DL-HSC",
    "BF-C2DL-MuSC",
    "DIC-C2DH-HeLa",
    "Fluo-C2DL-Huh7",
    "Fluo-C2DL-MSC",
    "Fluo-C3DH-A549",
    "Fluo-C3DH-A549-SIM",
    "Fluo-C3DH-H157",
    "Fluo-C3DL-MDA231",
    "Fluo-N2DH-GOWT1",
    "Fluo-N2DH-SIM+",
    "Fluo-N2DL-HeLa",
    "Fluo-N3DH-CE",
    "Fluo-N3DH-CHO",
    "Fluo-N3DH-SIM+",
    "Fluo-N3DL-DRO",
    "Fluo-N3DL-TRIC",
    "Fluo-N3DL-TRIF",
    "PhC-C2DH-U373",
    "PhC-C2DL-PSC",
]


def test_every_dataset_of_the_challenge_has_a_profile() -> None:
    assert profile_names() == sorted(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_shipped_profile_is_valid_and_named_after_its_dataset(name: str) -> None:
    assert load_profile(name).dataset == name


@pytest.mark.parametrize("name", DATASETS)
def test_shipped_profile_leaves_the_benchmark_masks_alone(name: str) -> None:
    assert not load_profile(name).edit_masks


@pytest.mark.parametrize("name", DATASETS)
def test_shipped_profile_says_in_its_first_line_where_it_comes_from(name: str) -> None:
    first = (profiles_folder() / f"{name}.toml").read_text().splitlines()[0]
    assert first.startswith("# ")
    assert "arXiv 2509.09943" in first


@pytest.mark.parametrize(
    ("name", "window", "min_size", "radius", "median", "gamma"),
    [
        ("Fluo-N2DH-SIM+", 512, 300, 20, 5, 0.1),
        ("Fluo-N2DL-HeLa", 128, 100, 30, 0, 0.5),
        ("PhC-C2DH-U373", 512, 2500, 50, 0, 1.0),
        ("Fluo-C3DH-A549", 512, 1000, 50, 0, 1.0),
        ("Fluo-C3DH-A549-SIM", 512, 1000, 50, 0, 1.0),
        ("Fluo-C3DH-H157", 512, 240000, 100, 0, 1.0),
        ("Fluo-C3DL-MDA231", 512, 250, 80, 0, 1.0),
        ("Fluo-N3DH-CE", 256, 1800, 50, 0, 1.0),
        ("Fluo-N3DH-CHO", 512, 1500, 50, 0, 1.0),
        ("Fluo-N3DH-SIM+", 512, 2500, 50, 5, 0.1),
        ("Fluo-N3DL-TRIF", 64, 1000, 20, 0, 1.0),
    ],
)
def test_shipped_profile_has_the_published_values(
    name: str, window: int, min_size: int, radius: float, median: int, gamma: float
) -> None:
    p = load_profile(name)
    found = (p.window_px, p.min_size, p.link_radius_px, p.median_px, p.gamma)
    assert found == (window, min_size, radius, median, gamma)


@pytest.mark.parametrize(
    ("name", "spacing_um"),
    [
        ("Fluo-C3DH-A549", (1.0, 0.126, 0.126)),
        ("Fluo-C3DH-A549-SIM", (1.0, 0.126, 0.126)),
        ("Fluo-C3DH-H157", (0.5, 0.126, 0.126)),
        ("Fluo-C3DL-MDA231", (6.0, 1.242, 1.242)),
        ("Fluo-N3DH-CE", (1.0, 0.09, 0.09)),
        ("Fluo-N3DH-CHO", (1.0, 0.202, 0.202)),
        ("Fluo-N3DH-SIM+", (0.2, 0.125, 0.125)),
    ],
)
def test_shipped_profile_of_volumes_links_with_their_voxel_size(
    name: str, spacing_um: tuple[float, float, float]
) -> None:
    p = load_profile(name)
    assert (p.mode, p.ndim, p.spacing_um) == ("link", 3, spacing_um)
    # Linking-only is the default of every one; SAM-Med3D comes with --generate-masks.
    assert (p.fill, p.generate_masks) == ("interpolate", False)


def test_only_volumes_of_few_slices_have_no_border_in_z() -> None:
    borderless = {n for n in DATASETS if load_profile(n).ndim == 3} - {
        n for n in DATASETS if load_profile(n).border_z_px
    }
    assert borderless == {"Fluo-N3DH-CHO", "Fluo-N3DL-TRIC"}


# Reading


def test_least_file_has_the_defaults_for_the_rest(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, LEAST))
    assert profile == Profile(
        dataset="Cells", mode="link", ndim=2, window_px=64, min_size=30, link_radius_px=20.0
    )


def test_whole_numbers_do_for_numbers(tmp_path: Path) -> None:
    assert type(load_profile(written(tmp_path, LEAST)).link_radius_px) is float


def test_name_is_looked_up_in_the_folder_given(tmp_path: Path) -> None:
    written(tmp_path, LEAST)
    assert load_profile("mine", tmp_path).dataset == "Cells"


def test_text_that_ends_in_toml_is_a_file(tmp_path: Path) -> None:
    assert load_profile(str(written(tmp_path, LEAST))).dataset == "Cells"


def test_unknown_name_hints_at_the_nearest_one() -> None:
    with pytest.raises(ProfileError, match="Did you mean 'Fluo-N2DL-HeLa'"):
        load_profile("Fluo-N2DL-Hela")


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"absent\.toml: cannot be read"):
        load_profile(tmp_path / "absent.toml")


@pytest.mark.parametrize("content", [b"window_px = ", b"\xff\xfe", b"a = 1\na = 2"])
def test_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match=r"mine\.toml: is not a TOML file"):
        load_profile(path)


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("windw_px = 512", "window_px"),
        ("link_radius = 5", "link_radius_px"),
        ("editmasks = true", "edit_masks"),
    ],
)
def test_unknown_key_hints_at_the_nearest_one(tmp_path: Path, typo: str, meant: str) -> None:
    message = refusal(tmp_path, LEAST + typo)
    assert str(tmp_path / "mine.toml") in message
    assert f"unknown key {typo.split()[0]!r}. Did you mean {meant!r}?" in message


def test_unknown_key_in_the_track_table_hints_at_the_nearest_one(tmp_path: Path) -> None:
    message = refusal(tmp_path, LEAST.replace("link", "track", 1) + TRACK + "seed_radius = 1")
    assert "[track]: unknown key 'seed_radius'. Did you mean 'seed_radius_px'?" in message


@pytest.mark.parametrize("key", ["dataset", "mode", "ndim", "window_px", "min_size"])
def test_missing_key_is_named(tmp_path: Path, key: str) -> None:
    text = "\n".join(line for line in LEAST.splitlines() if not line.startswith(key))
    assert refusal(tmp_path, text) == f"{tmp_path / 'mine.toml'}: {key} is missing. Add it."


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('max_gap = "1"', "a whole number"),
        ("max_gap = 1.0", "a whole number"),
        ("max_gap = true", "a whole number"),
        ("border_px = [1]", "a whole number"),
        ('gamma = "low"', "a number"),
        ("gamma = nan", "a number"),
        ("gamma = inf", "a number"),
        ("gamma = false", "a number"),
        ("gamma = 1" + 400 * "0", "a number"),
        ("division = 1", "true or false"),
        ('prompt = "box"', '"mask" or "points"'),
        ("spacing_um = 0.5", "3 numbers in brackets"),
        ("spacing_um = [0.5, 0.5]", "3 numbers in brackets"),
        ('spacing_um = [1, 1, "1"]', "a number"),
        ("track = 3", "a table, [track]"),
    ],
)
def test_wrong_type_names_file_key_and_what_is_wanted(
    tmp_path: Path, line: str, wanted: str
) -> None:
    message = refusal(tmp_path, LEAST + line)
    assert message.startswith(f"{tmp_path / 'mine.toml'}: {line.split()[0]} is ")
    assert message.endswith(f"Give {wanted}.")


@pytest.mark.parametrize("number", ["2.0", "true", "4"])
def test_number_of_axes_is_exactly_two_or_three(tmp_path: Path, number: str) -> None:
    message = refusal(tmp_path, LEAST.replace("ndim = 2", f"ndim = {number}"))
    assert message.endswith("Give 2 or 3.")


# Values


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dataset", ""),
        ("dataset", "two\nlines"),
        ("spacing_um", (1.0, 0.0, 1.0)),
        ("cell_diameter_px", 0.0),
        ("window_px", 0),
        ("window_px", -2),
        ("window_px", 33),
        ("window_step", -0.1),
        ("window_step", 0.6),
        ("median_px", 4),
        ("median_px", -1),
        ("gamma", 0.0),
        ("link_radius_px", 0.0),
        ("max_gap", -1),
        ("border_px", -1),
        ("border_z_px", -1),
        ("min_size", -1),
        ("min_cycle_frames", 0),
        ("generate_masks", True),
        ("mode", "track"),
        (
            "track",
            TrackSettings(seed_radius_px=1.0, min_size_without_seed=0),
        ),
    ],
)
def test_value_out_of_range_is_refused(key: str, value: object) -> None:
    good = dict(dataset="A", mode="link", ndim=2, window_px=64, min_size=3, link_radius_px=5.0)
    with pytest.raises(ProfileError, match=r"(?s)is .*\. Give "):
        Profile(**{**good, key: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed_radius_px", 0.0),
        ("min_size_without_seed", -1),
        ("seeds_z_scale", 0.0),
        ("horizon_frames", 0),
    ],
)
def test_track_value_out_of_range_is_refused(key: str, value: float) -> None:
    good = dict(seed_radius_px=1.0, min_size_without_seed=0)
    with pytest.raises(ProfileError, match=rf"\[track\]: {key} is "):
        TrackSettings(**{**good, key: value})  # type: ignore[arg-type]


# Writing

lengths = st.floats(1e-6, 1e9)
tracks = st.builds(
    TrackSettings,
    seed_radius_px=lengths,
    min_size_without_seed=st.integers(0, 10**6),
    seeds_z_scale=lengths,
    horizon_frames=st.integers(1, 9),
)
names = st.text(min_size=1).filter(str.isprintable)


@st.composite
def drawn_profiles(draw: st.DrawFn) -> Profile:
    mode = draw(st.sampled_from(["link", "track"]))
    ndim = draw(st.sampled_from([2, 3]))
    return Profile(
        dataset=draw(names),
        mode=mode,
        ndim=ndim,
        spacing_um=draw(st.tuples(lengths, lengths, lengths)),
        cell_diameter_px=draw(st.none() | lengths),
        window_px=2 * draw(st.integers(1, 4096)),
        window_step=draw(st.floats(0, 0.5)),
        prompt=draw(st.sampled_from(["mask", "points"])),
        median_px=draw(st.sampled_from([0, 1, 3, 5])),
        gamma=draw(lengths),
        link_radius_px=draw(lengths),
        max_gap=draw(st.integers(0, 9)),
        border_px=draw(st.integers(0, 99)),
        border_z_px=draw(st.integers(0, 99)),
        division=draw(st.booleans()),
        min_cycle_frames=draw(st.integers(1, 99)),
        min_size=draw(st.integers(0, 10**12)),
        fill=draw(st.sampled_from(["propagate", "interpolate", "none"])),
        generate_masks=ndim == 3 and draw(st.booleans()),
        edit_masks=draw(st.booleans()),
        track=draw(tracks) if mode == "track" else None,
    )


@settings(max_examples=40)
@given(drawn_profiles(), st.text().filter(str.isprintable))
def test_written_profile_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, profile: Profile, text: str
) -> None:
    path = tmp_path_factory.mktemp("profile") / "p.toml"
    path.write_text(to_toml(profile, text, {"gamma": text}), encoding="utf-8")
    assert load_profile(path) == profile


def test_written_file_explains_every_key(tmp_path: Path) -> None:
    text = to_toml(load_profile("Fluo-N3DL-TRIC"), "Source.")
    lines = text.splitlines()
    for cls in (Profile, TrackSettings):
        for key in (f.name for f in fields(cls) if f.name != "track"):
            at = next(i for i, line in enumerate(lines) if line.startswith(f"{key} = "))
            assert lines[at - 1].startswith("# "), key


def test_written_file_gives_source_and_reasons(tmp_path: Path) -> None:
    text = to_toml(load_profile("Fluo-N2DL-HeLa"), "From here.", {"gamma": "dim cells"})
    assert text.startswith("# From here.\n")
    assert "# Here: dim cells\ngamma = 0.5\n" in text
