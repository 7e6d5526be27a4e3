"""`entrypoint.py`, what a container starts: `sam4ct`, and all that is mounted without arguments."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scenes.bad_inputs import make_dataset
from scenes.commands import PATIENCE, ROOT, SOON, finished, sam4ct, start
from scenes.embryo_runs import make_embryo

import entrypoint

pytestmark = pytest.mark.who


def test_arguments_are_those_of_the_program() -> None:
    as_program, as_entrypoint = sam4ct("profiles", "list"), finished(start("profiles", "list"))
    assert (as_entrypoint.status, as_entrypoint.out) == (0, as_program.out)


def test_status_comes_through() -> None:
    assert finished(start("profiles", "show", "nothing")).status == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, ["passive", "AUTO,STRICT", "0"]),
        (
            {"OMP_WAIT_POLICY": "A", "MKL_CBWR": "AVX2", "JOBLIB_MULTIPROCESSING": "1"},
            ["A", "AVX2", "1"],
        ),
    ],
)
def test_threads_do_not_spin_nor_change_sums_nor_try_semaphores_unless_told_so(
    given: dict[str, str], kept: list[str]
) -> None:
    program = """
import os
from sam4ct.cli import main
try:
    main(["--version"])
finally:
    print(os.environ["OMP_WAIT_POLICY"])
    print(os.environ["MKL_CBWR"])
    print(os.environ["JOBLIB_MULTIPROCESSING"])
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], env=given, cwd=ROOT, capture_output=True, text=True
    )
    assert shown.stdout.splitlines()[-3:] == kept


@pytest.mark.parametrize("command", [["-m", "sam4ct"], [str(ROOT / "entrypoint.py")]])
def test_sigterm_while_modules_load_says_try_again(command: list[str], tmp_path: Path) -> None:
    loading = tmp_path / "loading"
    module = f"import time; open({str(loading)!r}, 'w').close(); time.sleep(60)"
    (tmp_path / "click.py").write_text(module)
    process = subprocess.Popen(
        [sys.executable, *command, "--version"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + PATIENCE
        while not loading.exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        process.terminate()
        assert process.wait(timeout=SOON) == 75
    finally:
        process.kill()


@pytest.mark.usefixtures("at_home")
def test_without_arguments_all_that_is_mounted_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = make_dataset(tmp_path / "mounted")
    embryo = make_embryo(tmp_path / "mounted", "--frames", 1, "--tiff")
    monkeypatch.setattr(entrypoint, "DATA", str(tmp_path / "mounted"))
    monkeypatch.setattr(sys, "argv", ["entrypoint.py"])
    monkeypatch.setenv("SAM4CT_DEVICE", "cpu")
    with pytest.raises(SystemExit) as leaving:
        entrypoint.start()
    said = capsys.readouterr()
    assert leaving.value.code == 0, said.err
    assert said.out.splitlines() == [
        f"Embryo/01  written {embryo / '01_RES'}",
        f"Tiny/01    written {dataset / '01_RES'}",
        "2 written, 0 there already, 0 failed",
    ]


def test_what_is_mounted_is_expected_at_data() -> None:
    program = "import entrypoint; print(entrypoint.DATA)"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "/data\n"


def test_openmp_understands_how_threads_wait_in_a_turkish_locale(tmp_path: Path) -> None:
    made = ["localedef", "-i", "tr_TR", "-f", "ISO-8859-9", str(tmp_path / "tr_TR.ISO-8859-9")]
    if shutil.which("localedef") is None or subprocess.run(made, capture_output=True).returncode:
        pytest.skip("this machine cannot make a Turkish locale")
    program = """
from sam4ct.cli import main
try:
    main(["--version"])
finally:
    import torch
"""
    shown = subprocess.run(
        [sys.executable, "-c", program],
        env={"LOCPATH": str(tmp_path), "LC_ALL": "tr_TR.ISO-8859-9"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
