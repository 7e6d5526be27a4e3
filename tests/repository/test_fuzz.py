"""The fuzz check finds what breaks its rules, and nothing where none is broken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scenes.commands import ROOT, sam4ct

sys.path.insert(0, str(ROOT / "benchmarks"))

from fuzz_faults import FAULTS
from fuzz_faults.cases import Case
from fuzz_faults.commands import COMMANDS
from fuzz_faults.judging import Drawn, carry_out, draw, make_case, ways
from fuzz_faults.outputs import result_of
from fuzz_faults.processes import Ending
from fuzz_faults.registry import REFUSED

Fake = Callable[[Case], Ending]
"""A program that gets the case and ends somehow."""


def problems_of(fake: Fake, folder: Path, command: str, *faults: str, ndim: int = 2) -> str:
    """Return what the check says of a program, with these faults in its input."""
    chosen = COMMANDS[command]
    case = make_case(np.random.default_rng(1), folder / "case", chosen, ndim)
    drawn = [ways(FAULTS[name], chosen, ndim)[0] for name in faults]
    verdict = carry_out(0, case, chosen, drawn, lambda case, arguments: fake(case))
    return "\n".join(verdict.problems)


def ends(status: int | None, said: str = "") -> Fake:
    return lambda case: Ending(status, "", said)


def images(case: Case) -> Path:
    return case.dataset / "01"


def changes_a_file(case: Case) -> Ending:
    (images(case) / "t000.tif").write_bytes(b"")
    return Ending(2, "", "t001.tif")


def changes_a_mode(case: Case) -> Ending:
    (images(case) / "t000.tif").chmod(0o600)
    return Ending(2, "", "t001.tif")


def removes_a_file(case: Case) -> Ending:
    (images(case) / "t000.tif").unlink()
    return Ending(2, "", "t001.tif")


def leaves_a_file(case: Case) -> Ending:
    (case.root / "cwd" / "core").write_text("")
    return Ending(2, "", "t001.tif")


def leaves_a_result(case: Case) -> Ending:
    result_of(case).mkdir()
    return Ending(2, "", "t001.tif")


@pytest.mark.parametrize(
    ("fake", "faults", "found"),
    [
        (ends(1, "Traceback (most recent call last)"), ["missing_frame"], "exit status 1"),
        (ends(2, "Traceback (most recent call last)"), ["missing_frame"], "there is a traceback"),
        (ends(-11), ["missing_frame"], "exit status -11"),
        (ends(None), ["missing_frame"], "did not end in time"),
        (ends(0), ["missing_frame"], "missing_frame was to be refused"),
        (ends(2, "something is wrong"), ["missing_frame"], "does not name"),
        (ends(2), ["missing_frame"], "does not name"),
        (ends(2, "Error: t001.tif"), ["compressed"], "nothing to refuse"),
        (ends(2, "Error: t001.tif"), [], "nothing to refuse"),
        (ends(0), ["background_has_a_label"], "no warning names"),
        (changes_a_file, ["missing_frame"], "data/Cells/01/t000.tif was changed"),
        (changes_a_mode, ["missing_frame"], "data/Cells/01/t000.tif was changed"),
        (removes_a_file, ["missing_frame"], "data/Cells/01/t000.tif was removed"),
        (leaves_a_file, ["missing_frame"], "cwd/core was added"),
        (leaves_a_result, ["missing_frame"], "01_RES was left behind"),
    ],
)
def test_program_that_breaks_a_rule_is_found(
    fake: Fake, faults: list[str], found: str, tmp_path: Path
) -> None:
    assert found in problems_of(fake, tmp_path, "run", *faults)


def linked(swap: bool) -> Fake:
    """A program that writes the true lineage, with two cells swapped in the last frame."""

    def write(case: Case) -> Ending:
        assert case.truth is not None
        folder = result_of(case)
        folder.mkdir()
        masks = [frame.copy() for frame in case.truth]
        if swap:
            exchanged = np.arange(masks[-1].max() + 1, dtype=np.uint16)
            exchanged[[1, 2]] = 2, 1
            masks[-1] = exchanged[masks[-1]]
        for t, mask in enumerate(masks):
            tifffile.imwrite(folder / f"mask{t:03d}.tif", mask, photometric="minisblack")
        rows = (" ".join(map(str, row)) for row in case.movie.tracks)
        (folder / "res_track.txt").write_text("\n".join(rows))
        return Ending(0, "", "")

    return write


@pytest.mark.parametrize("ndim", [2, 3])
def test_result_must_have_the_true_links(ndim: int, tmp_path: Path) -> None:
    assert problems_of(linked(swap=False), tmp_path / "right", "run", ndim=ndim) == ""
    assert "cell 1 has 2 partners" in problems_of(linked(True), tmp_path, "run", ndim=ndim)


@pytest.mark.parametrize("fault", [None, "compressed", "truncated", "big_endian", "empty_folder"])
def test_right_program_breaks_no_rule(fault: str | None, tmp_path: Path) -> None:
    command, faults = COMMANDS["convert"], [fault] if fault else []

    def real(case: Case) -> Ending:
        outcome = sam4ct(*command.arguments(case))
        return Ending(outcome.status, outcome.out, outcome.err)

    assert problems_of(real, tmp_path, "convert", *faults) == ""


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_drawn_and_done(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    command, ndim, drawn = draw(rng, [name], list(COMMANDS), most=1)
    case = make_case(rng, tmp_path / "case", command, ndim)
    heard: list[Any] = []

    def fake(case: Case, arguments: list[str]) -> Ending:
        heard.extend(arguments)
        return Ending(2, "", "")

    verdict = carry_out(0, case, command, drawn, fake)
    assert [way.fault.name for way in drawn] == [name]
    assert heard == list(verdict.arguments)
    assert FAULTS[name].meaning
    assert not any("was changed" in problem for problem in verdict.problems)


def test_faults_of_one_part_and_group_are_not_together() -> None:
    rng = np.random.default_rng(4)
    for _ in range(100):
        drawn: list[Drawn] = draw(rng, list(FAULTS), list(COMMANDS))[2]
        places = [(way.kind, way.fault.group) for way in drawn]
        assert len(set(places)) == len(places)


def test_refusal_of_one_fault_is_enough_where_two_are_harmful(tmp_path: Path) -> None:
    said = ends(2, "Error: mask002.tif: is empty")
    assert ways(FAULTS["zero_length"], COMMANDS["run"], 2)[1].expected == REFUSED
    assert "does not name" in problems_of(said, tmp_path / "one", "run", "missing_frame")
    assert problems_of(said, tmp_path, "run", "missing_frame", "binary_masks") == ""


def test_check_fails_if_a_run_breaks_a_rule() -> None:
    script = [sys.executable, ROOT / "benchmarks" / "fuzz.py", "--commands", "init_tracks"]
    once = [*script, "--runs", "1", "--most", "0", "--program"]
    done = subprocess.run([*once, "false"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "exit status 1" in done.stdout
    assert "again: python benchmarks/fuzz.py --seed 1 --first 0" in done.stdout
    assert done.stdout.endswith("1 violations\n")


def test_folder_that_two_faults_lock_is_not_said_to_be_changed(tmp_path: Path) -> None:
    locks = ("unreadable_folder", "folder_not_entered")
    assert problems_of(ends(2, "01: cannot be listed"), tmp_path, "run", *locks) == ""
