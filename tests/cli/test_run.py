"""`sam4ct run`, `check` and the manners of the program: what it says, where, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from scenes.bad_inputs import make_dataset
from scenes.commands import PATIENCE, ROOT, environment, finished, sam4ct, start, tree

from sam4ct.cli import cli

PROGRESS = re.compile(r"(check|propagate|paint) \d+/\d+(, [\d.]+ [a-z ]+/s, .* left)?(, \d+ \w+)?")
OVERLAP = ["--evidence", "overlap"]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Four frames with two cells."""
    return make_dataset(tmp_path)


@pytest.fixture
def two_sequences(dataset: Path) -> Path:
    for folder in ("", "_ERR_SEG"):
        shutil.copytree(dataset / f"01{folder}", dataset / f"02{folder}")
    return dataset


def commands(group: click.Group, *above: str) -> list[tuple[str, ...]]:
    """Return every command below a group, by its words."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*above, name))
        if isinstance(command, click.Group):
            found += commands(command, *above, name)
    return found


# What is written


def test_run_writes_result_and_work_folder_and_nothing_else(dataset: Path) -> None:
    before = tree(dataset)
    ran = sam4ct("run", dataset, *OVERLAP)
    assert ran.status == 0
    assert ran.out.splitlines() == [
        f"{dataset / '01_RES'}: written",
        f"{dataset / '01_RES.sam4ct' / 'report.html'}: look at it in a browser",
    ]
    after = tree(dataset)
    assert before.items() <= after.items()
    assert {name.split("/")[0] for name in after} == {
        "01", "01_ERR_SEG", "01_RES", "01_RES.sam4ct",
    }  # fmt: skip
    masks = {f"01_RES/mask{t:03d}.tif" for t in range(4)}
    assert {name for name in after if name.startswith("01_RES/")} == {
        *masks, "01_RES/res_track.txt",
    }  # fmt: skip
    beside = {name for name in after if re.fullmatch(r"01_RES\.sam4ct/[^/]+", name)}
    assert {f"01_RES.sam4ct/{name}" for name in ("run.json", "links.parquet", "report.html")} <= (
        beside
    )


def test_two_cells_that_stay_are_two_tracks(dataset: Path) -> None:
    assert sam4ct("run", dataset, *OVERLAP).status == 0
    assert (dataset / "01_RES" / "res_track.txt").read_text() == "1 0 3 0\n2 0 3 0\n"


def test_run_links_all_sequences_unless_some_are_named(two_sequences: Path) -> None:
    assert sam4ct("run", two_sequences, "02", *OVERLAP).status == 0
    assert not (two_sequences / "01_RES").exists()
    shutil.rmtree(two_sequences / "02_RES")
    assert sam4ct("run", two_sequences, *OVERLAP).status == 0
    assert (two_sequences / "01_RES" / "res_track.txt").exists()
    assert (two_sequences / "02_RES" / "res_track.txt").exists()


def test_out_is_the_result_of_one_sequence(dataset: Path, tmp_path: Path) -> None:
    before = tree(dataset)
    assert sam4ct("run", dataset, *OVERLAP, "--out", tmp_path / "mine").status == 0
    assert (tmp_path / "mine" / "res_track.txt").exists()
    assert (tmp_path / "mine.sam4ct" / "run.json").exists()
    assert tree(dataset) == before


def test_out_is_the_root_of_the_results_of_several_sequences(
    two_sequences: Path, tmp_path: Path
) -> None:
    assert sam4ct("run", two_sequences, *OVERLAP, "--out", tmp_path / "all").status == 0
    for name in ("01_RES", "02_RES"):
        assert (tmp_path / "all" / "Tiny" / name / "res_track.txt").exists()


def test_report_is_left_out_if_asked(dataset: Path) -> None:
    ran = sam4ct("run", dataset, *OVERLAP, "--no-report")
    assert ran.out == f"{dataset / '01_RES'}: written\n"
    assert not (dataset / "01_RES.sam4ct" / "report.html").exists()


def test_record_of_a_run_says_what_was_done_and_with_what(dataset: Path) -> None:
    assert sam4ct("run", dataset, "--device", "cpu").status == 0
    record = json.loads((dataset / "01_RES.sam4ct" / "run.json").read_text())
    assert record["counts"] == {
        "frames": 4, "regions": 8, "links": 6, "divisions": 0, "tracks": 2, "generated": 0,
        "joined": 0, "cut": 0, "debris": 0,
    }  # fmt: skip
    assert record["weights"]["sam2"]["name"] == "compact-sam2"
    assert len(record["weights"]["sam2"]["sha256"]) == 64
    assert record["profile"]["dataset"] == "Tiny"
    assert record["reasons"]
    assert record["device"].startswith("CPU")
    assert {"numpy", "torch", "sam2"} <= record["libraries"].keys()
    assert record["seconds"].keys() == {
        "detect", "propagate", "repair", "associate", "correct", "fill", "paint", "ask", "report",
    }  # fmt: skip


def test_named_profile_is_used_whole(dataset: Path) -> None:
    assert sam4ct("run", dataset, *OVERLAP, "--profile", "Fluo-N2DL-HeLa").status == 0
    profile = json.loads((dataset / "01_RES.sam4ct" / "run.json").read_text())["profile"]
    assert (profile["window_px"], profile["min_size"], profile["gamma"]) == (128, 100, 0.5)


def test_folder_named_like_a_profile_takes_it(dataset: Path) -> None:
    known = dataset.rename(dataset.with_name("PhC-C2DL-PSC"))
    checked = sam4ct("check", known, *OVERLAP)
    assert "profile PhC-C2DL-PSC, evidence overlap" in checked.out


def test_check_says_what_run_would_do_and_writes_nothing(dataset: Path) -> None:
    before = tree(dataset)
    checked = sam4ct("check", dataset, "--device", "cpu")
    assert checked.status == 0
    assert "Tiny 01: 4 frames of 16 x 20 uint16, 8 masks" in checked.out
    assert "profile auto, evidence sam2, weights compact-sam2 on CPU" in checked.out
    assert re.search(r"^  about \d+ s$", checked.out, re.MULTILINE)
    assert re.search(r"^  link_radius_px = \d+.*: \w", checked.out, re.MULTILINE)
    assert tree(dataset) == before


# Manners


def test_stderr_holds_plain_lines_of_progress_alone(dataset: Path) -> None:
    ran = finished(start("run", dataset, "--device", "cpu"))
    assert ran.status == 0
    lines = ran.err.splitlines()
    assert "\r" not in ran.err
    others = [line for line in lines if not PROGRESS.fullmatch(line)]
    assert others[0] == "weights for sam2: compact-sam2"
    assert [line for line in others if "warn" in line.lower()] == []
    steps = [line.split(",")[0] for line in lines if line.startswith("check ")]
    assert steps == [f"check {t}/4" for t in (1, 2, 3, 4)]


def test_quiet_run_says_nothing_on_stderr(dataset: Path) -> None:
    ran = finished(start("-q", "run", dataset, "--device", "cpu"))
    assert (ran.status, ran.err) == (0, "")
    assert len(ran.out.splitlines()) == 2


@pytest.mark.parametrize("words", [(), *commands(cli)], ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    helped = sam4ct(*words, "--help")
    assert (helped.status, helped.err) == (0, "")
    assert helped.out.startswith(f"Usage: sam4ct {' '.join(words)}".rstrip())
    assert "Options:" in helped.out


@pytest.mark.parametrize("words", [(), ("stage",), ("profiles",), ("weights",)])
def test_group_without_a_command_shows_its_help(words: tuple[str, ...]) -> None:
    shown = sam4ct(*words)
    heading = "Commands:" if words else "Start here:"
    assert heading in shown.out + shown.err  # click 8.2 moved it


HEAVY = {"torch", "sam2", "medim", "monai", "matplotlib", "ctc_metrics", "sklearn"}


LOADED = """
import json, sys
from sam4ct.cli import main
for words in json.loads(sys.argv.pop()):
    sys.argv[1:] = ["-q", *words]
    try:
        main()
    except SystemExit as leaving:
        assert not leaving.code, words
"""


def loaded_by(*commands: list[str]) -> set[str]:
    """Return which of the heavy packages some commands load, one after the other."""
    program = f"{LOADED}print(*({HEAVY} & sys.modules.keys()), file=sys.stderr)"
    ended = subprocess.run(
        [sys.executable, "-c", program, json.dumps(commands)],
        capture_output=True, text=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return set(ended.stderr.split())


def test_commands_that_need_no_network_load_nothing_heavy(dataset: Path) -> None:
    commands = [["--help"], ["weights", "list"], ["run", str(dataset), *OVERLAP]]
    assert loaded_by(*commands) == set()
    assert (dataset / "01_RES").exists()


def test_status_of_an_invalid_result_reaches_the_shell(dataset: Path) -> None:
    assert sam4ct("run", dataset, *OVERLAP).status == 0
    (dataset / "01_RES" / "mask002.tif").unlink()
    outcome = finished(start("validate", dataset / "01_RES"))
    assert outcome.status == 2
    assert "mask002.tif" in outcome.out


def test_unexpected_fault_keeps_its_traceback_and_exits_with_1(dataset: Path) -> None:
    program = (
        "import sys, sam4ct.pipelines.link.run as link\n"
        "from sam4ct.cli import main\n"
        "link.fill = None\n"
        "main()"
    )
    options = ["run", str(dataset), *OVERLAP]
    ended = subprocess.run(
        [sys.executable, "-c", program, *options],
        capture_output=True, text=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    assert ended.returncode == 1
    assert "TypeError" in ended.stderr
    assert not (dataset / "01_RES").exists()


def test_ctrl_c_ends_with_130_and_one_line(tmp_path: Path) -> None:
    simulate = ["simulate", tmp_path, "--frames", 500]
    process = start("-q", *simulate)
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / ".Simulated.sam4ct-new" / "01" / "t000.tif").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    ended = finished(process)
    assert ended.status == 130
    assert ended.err == "stopped by SIGINT; run the same command to continue\n"


def test_reader_that_goes_away_causes_no_traceback(tmp_path: Path) -> None:
    shell = f"{sys.executable} {ROOT / 'entrypoint.py'} profiles show Fluo-N2DL-HeLa | head -n 1"
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert ended.stdout.count("\n") == 1
    assert "Traceback" not in ended.stderr


def test_program_runs_as_a_module_too() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "sam4ct", "--version"], capture_output=True, text=True, cwd=ROOT
    )
    assert shown.stdout.startswith("sam4ct, version ")
