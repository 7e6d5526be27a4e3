"""The built wheel holds what the installed command needs besides its code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*pip, "-w", folder, ROOT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("sam4ct-*.whl")
    return set(ZipFile(wheel).namelist())


def test_the_wheel_holds_every_file_of_the_package(wheel_files: set[str]) -> None:
    """Code, report templates and the like."""
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "sam4ct").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files <= wheel_files


def test_the_wheel_holds_every_profile(wheel_files: set[str]) -> None:
    profiles = {f"sam4ct/{p.relative_to(ROOT)}" for p in ROOT.glob("dataset_profiles/*.toml")}
    assert profiles
    assert profiles <= wheel_files


def test_the_wheel_holds_the_manifest_and_the_compact_weights(wheel_files: set[str]) -> None:
    weights = {p.relative_to(ROOT).as_posix() for p in ROOT.glob("sam4ct/weights/*.safetensors")}
    assert weights
    assert weights | {"sam4ct/weights_manifest.json"} <= wheel_files


def test_the_wheel_holds_the_licence_and_the_notices(wheel_files: set[str]) -> None:
    kept = {name.rpartition("/")[2] for name in wheel_files if "/licenses/" in name}
    assert kept == {"LICENSE", "NOTICE"}
