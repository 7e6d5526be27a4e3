"""`entrypoint.py`, what a container starts: `sam4ct`, and all that is mounted without arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bad_inputs import make_dataset
from commands import ROOT, finished, sam4ct, start

WITHOUT_ARGUMENTS = """
import sys
import entrypoint

if __name__ == "__main__":
    entrypoint.DATA = sys.argv.pop()
    entrypoint.start()
"""


def test_arguments_are_those_of_the_program() -> None:
    as_program, as_entrypoint = sam4ct("profiles", "list"), finished(start("profiles", "list"))
    assert (as_entrypoint.status, as_entrypoint.out) == (0, as_program.out)


def test_status_comes_through() -> None:
    assert finished(start("profiles", "show", "nothing")).status == 2


def test_without_arguments_all_that_is_mounted_is_run(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "mounted")
    script = tmp_path / "script.py"
    script.write_text(WITHOUT_ARGUMENTS)
    ended = subprocess.run(
        [sys.executable, script, tmp_path / "mounted"],
        env={"PYTHONPATH": str(ROOT), "SAM4CT_DEVICE": "cpu", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        f"Tiny/01  written {dataset / '01_RES'}",
        "1 written, 0 there already, 0 failed",
    ]


def test_what_is_mounted_is_expected_at_data() -> None:
    program = "import entrypoint; print(entrypoint.DATA)"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "/data\n"
