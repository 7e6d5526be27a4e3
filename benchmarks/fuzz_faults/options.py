"""Options, profiles, and results that are there already."""

from __future__ import annotations

from pathlib import Path

from fuzz_faults.cases import Call, Case, Frames
from fuzz_faults.registry import CALL, EITHER, FINE, IMAGES, REFUSED, SKIP, Blame, fault

LINKING = ("run", "fast", "sam2")
RUNNING = (*LINKING, "follow")
CHECKING = ("check", "check_follow")


def _only(*commands: str, expected: str = REFUSED) -> dict[str, str]:
    """Return the expectations of a fault that exists for these commands alone."""
    return dict.fromkeys(commands, expected)


def _give(case: Case, *options: object) -> None:
    case.call.options += [str(option) for option in options]


@fault("options", CALL, SKIP, **_only("convert", "seeds", "prepare", "derive"))
def odd_spacing_option(case: Case, call: Call) -> Blame:
    """--spacing is nothing that a voxel can have."""
    values = ["0 1 1", "-1 1 1", "nan 1 1", "inf 1 1", "a b c", "1,1,1 1 1"]
    _give(case, "--spacing", *str(case.rng.choice(values)).split())
    return ["--spacing"]


@fault("options", CALL, SKIP, **_only("convert", "seeds", "prepare", "derive", expected=EITHER))
def extreme_spacing_option(case: Case, call: Call) -> Blame:
    """--spacing is in metres, or in nothing near micrometres."""
    values = ["1e-9 1e-9 1e-9", "1e9 1e9 1e9", "1e-300 1 1", "1000 0.1 0.1", "1e308 1e308 1e308"]
    case.unknown()
    case.same = "convert" in call.options or case.parts.keys() == {"images"}
    _give(case, "--spacing", *str(case.rng.choice(values)).split())
    return ["spacing", "--spacing", "diameter", "cell"]


@fault("options", CALL, SKIP, **_only("seeds"))
def odd_frames_option(case: Case, call: Call) -> Blame:
    """--frames is no part of the movie."""
    _give(
        case, "--frames", case.rng.choice(["3:1", "a:b", "7:9", "-1:2", "2", "1:2:3", "", "0:99"])
    )
    return ["frames"]


@fault("options", CALL, SKIP, **_only("seeds"))
def odd_diameter_option(case: Case, call: Call) -> Blame:
    """--diameter is no size of a cell."""
    _give(case, "--diameter", case.rng.choice(["0", "-3", "nan", "inf", "24:10", "10:", "x", ":"]))
    return ["diameter"]


@fault("options", CALL, SKIP, **_only("seeds", expected=EITHER))
def extreme_diameter_option(case: Case, call: Call) -> Blame:
    """--diameter is out of reach."""
    case.unknown()
    _give(case, "--diameter", case.rng.choice(["0.1", "2", "500", "1e9", "5:5000", "11:11"]))
    return ["diameter", "seeds"]


@fault("options", CALL, SKIP, **_only("seeds"))
def odd_threshold_option(case: Case, call: Call) -> Blame:
    """--threshold is none."""
    _give(case, "--threshold", case.rng.choice(["0", "-1", "nan", "x", "inf"]))
    return ["threshold"]


@fault("options", CALL, SKIP, **_only("prepare"))
def odd_share_option(case: Case, call: Call) -> Blame:
    """--validation is no share, or --cell-diameter-px no size."""
    option = str(case.rng.choice(["--validation", "--cell-diameter-px"]))
    _give(case, option, case.rng.choice(["0", "nan", "x", "-1", "inf"]))
    return [option]


@fault("options", CALL, SKIP, **_only(*RUNNING, *CHECKING))
def odd_device(case: Case, call: Call) -> Blame:
    """--device is none."""
    value = str(case.rng.choice(["gpu", "cuda:x", "CPU0", "", "mps"]))
    _give(case, "--device", value)
    return ["device", value or "--device"]


@fault("options", CALL, SKIP, **_only("sam2", "follow", *CHECKING, "prepare"))
def unknown_weights(case: Case, call: Call) -> Blame:
    """--weights names none."""
    _give(case, "--weights", "sam2.1-hiera-enormous")
    return ["sam2.1-hiera-enormous"]


@fault("options", CALL, REFUSED, check=REFUSED)
def unknown_option(case: Case, call: Call) -> Blame:
    """There is no such option."""
    _give(case, "--quality", "best")
    return ["--quality"]


@fault("options", CALL, SKIP, **_only(*RUNNING, *CHECKING))
def unknown_sequence(case: Case, call: Call) -> Blame:
    """There is no such sequence."""
    value = str(case.rng.choice(["07", "../01", "01_ERR_SEG", "*", "1"]))
    _give(case, value)
    return [value]


@fault("options", CALL, SKIP, **_only(*RUNNING, *CHECKING, expected=EITHER), apart=("sequence",))
def sequence_twice(case: Case, call: Call) -> Blame:
    """The sequence is named twice, with a slash, or by its path."""
    way = int(case.rng.integers(3))
    _give(case, *[("01", "01"), ("01/",), (case.dataset / "01",)][way])
    return ["01"]


# Profiles


PROFILES = {
    "unknown key": "cell_size = 12\n",
    "no TOML": "cell_diameter_px: 12\n",
    "word for a number": 'cell_diameter_px = "twelve"\n',
    "nothing": "",
    "negative": "cell_diameter_px = -3\n",
    "nan": "cell_diameter_px = nan\n",
    "list": "cell_diameter_px = [1, 2]\n",
    "noise": "\0\1\2\3",
}


@fault("options", CALL, SKIP, **_only(*RUNNING, *CHECKING, "seeds"), apart=("options",))
def odd_profile(case: Case, call: Call) -> Blame:
    """The profile has an unknown key, a wrong value, or is no TOML."""
    path = case.root / "mine.toml"
    text = PROFILES[str(case.rng.choice(list(PROFILES)))]
    case.on_disk.append(lambda: path.write_text(text))
    _give(case, "--profile", path)
    return ["mine.toml"]


@fault("options", CALL, SKIP, **_only(*RUNNING, *CHECKING, "seeds"))
def missing_profile(case: Case, call: Call) -> Blame:
    """There is no such profile."""
    value = str(
        case.rng.choice(["/nowhere/mine.toml", "Fluo-N2DL-Hela", "..", "/dev/null", "/tmp"])
    )
    _give(case, "--profile", value)
    return [value]


# Results


@fault("target", CALL, SKIP, **_only(*RUNNING))
def result_is_there(case: Case, call: Call) -> Blame:
    """A result is there, of another run."""
    folder = case.dataset / f"{case.sequence}_RES"
    return _leave(case, folder, "res_track.txt", "1 0 4 0\n")


@fault("target", CALL, SKIP, **_only(*RUNNING))
def thesis_in_the_way(case: Case, call: Call) -> Blame:
    """Something else is where the result goes, and --overwrite is given."""
    _give(case, "--overwrite")
    return _leave(case, case.dataset / f"{case.sequence}_RES", "thesis.doc", "years of work")


@fault("target", CALL, SKIP, **_only(*RUNNING))
def file_for_a_result(case: Case, call: Call) -> Blame:
    """A file is where the result goes."""
    path = case.dataset / f"{case.sequence}_RES"
    case.on_disk.append(lambda: path.write_text("kept"))
    return [path.name]


@fault("target", CALL, SKIP, **_only(*RUNNING, expected=EITHER))
def noise_in_the_work_folder(case: Case, call: Call) -> Blame:
    """The work folder of an earlier run holds noise."""
    folder = case.dataset / f"{case.sequence}_RES.sam4ct"
    name = str(
        case.rng.choice(["work/key.json", "work/detections.parquet", "run.json", "lock", "work"])
    )
    return _leave(case, folder, name, "\0noise")


@fault("target", CALL, SKIP, **_only(*RUNNING))
def result_into_the_input(case: Case, call: Call) -> Blame:
    """--out is the folder of the images, or within it."""
    case.out = case.dataset / case.sequence
    if case.rng.integers(2):
        case.out /= "result"
    return [str(case.out), "--out"]


@fault("target", CALL, SKIP, **_only("convert", "init_tracks", "prepare", "seeds"))
def output_is_there(case: Case, call: Call) -> Blame:
    """Something of the user's is where the output goes."""
    names = {"convert": "movie.zarr", "init_tracks": "tracks.json"}
    for name in (*names.values(), "patches", "seeds"):
        _leave(case, case.root / "out" / name, "thesis.doc", "years of work")
    return ["movie.zarr", "tracks.json", "patches", "seeds"]


def _leave(case: Case, folder: Path, name: str, text: str) -> Blame:
    """Let a file be there beforehand; return what names it."""

    def leave() -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    case.on_disk.append(leave)
    return [folder.name, name]


@fault("options", IMAGES, SKIP, **_only(*RUNNING, *CHECKING, expected=FINE))
def folder_of_another_sequence(case: Case, part: Frames) -> Blame:
    """Other folders lie in the dataset, one of them like a sequence's result."""
    for name in ("02_RES", "notes", "01_RES_old", "02_GT/TRA"):
        case.on_disk.append(lambda name=name: (case.dataset / name).mkdir(parents=True))
    return []
