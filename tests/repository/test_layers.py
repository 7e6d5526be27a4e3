"""The package keeps the rules of the house, and the checker of these rules can find a breach."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from scenes.layers import (
    PACKAGE,
    circles,
    import_problems,
    imports_among,
    imports_of,
    name_problems,
)

ROOT = Path(__file__).resolve().parents[2]
PROFILES = sorted(path.stem for path in (ROOT / "dataset_profiles").glob("*.toml"))


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
in_every_module = pytest.mark.parametrize("module", MODULES)


@in_every_module
def test_imports_keep_the_layers(module: str) -> None:
    path = MODULES[module]
    is_package = path.name == "__init__.py"
    assert import_problems(path.read_text(encoding="utf-8"), module, is_package=is_package) == []


def test_neither_modules_nor_rooms_import_each_other_in_a_circle() -> None:
    sources = {module: path.read_text(encoding="utf-8") for module, path in MODULES.items()}
    assert circles(imports_among(sources)).keys() <= UNTIDY


UNTIDY: frozenset[str] = frozenset()
"""Rooms that do not keep the rules of rooms yet."""
ENTRIES = 12
"""A room has at most this many modules, files and rooms, besides its `__init__.py`."""
LINES = 300
"""A module has at most this many lines."""


def entries_of(room: Path) -> list[str]:
    """The entries of a room, without what Python leaves there."""
    return sorted(entry.name for entry in room.iterdir() if not entry.name.startswith("__"))


@pytest.mark.parametrize(
    "room", [name for name, path in MODULES.items() if path.stem == "__init__"]
)
def test_a_room_is_seen_at_a_glance(room: str) -> None:
    entries = entries_of(MODULES[room].parent)
    # The package itself holds the layers of design.md, not the modules of one task.
    assert room in {PACKAGE, *UNTIDY} or len(entries) <= ENTRIES, entries


@in_every_module
def test_a_module_is_short(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LINES


@in_every_module
def test_no_code_names_a_dataset(module: str) -> None:
    assert name_problems(MODULES[module].read_text(encoding="utf-8"), module, PROFILES) == []


def test_there_are_dataset_names_to_look_for() -> None:
    assert "Fluo-N2DL-HeLa" in PROFILES


@in_every_module
def test_every_module_says_what_it_is_for(module: str) -> None:
    source = MODULES[module].read_text(encoding="utf-8")
    assert not source.strip() or source.lstrip().startswith(('"""', 'r"""'))


def test_stages_work_without_torch() -> None:
    stages = [name for name in MODULES if name.startswith(f"{PACKAGE}.stages")]
    script = f"""
import importlib, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is blocked")

sys.meta_path.insert(0, Refuse())
try:
    import torch
except ImportError:
    pass
else:
    sys.exit("torch is not blocked")
for name in {stages!r}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_every_imported_package_is_a_declared_requirement() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=\[ ]", entry)[0] for entry in project["dependencies"]}
    known = packages_distributions()
    undeclared = {
        f"{module} imports {top}"
        for module, path in MODULES.items()
        for _, name in imports_of(path.read_text(encoding="utf-8"), module)
        if (top := name.partition(".")[0]) not in {PACKAGE, *sys.stdlib_module_names}
        and not declared & {n.lower().replace("_", "-") for n in known.get(top, [])}
    }
    assert undeclared == set()


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("sam4ct.regions", "from sam4ct.stages import fill", "imports go down only"),
        ("sam4ct.errors", "import sam4ct.tables", "imports go down only"),
        ("sam4ct.stages.fill", "from sam4ct.io.ctc import read", "imports go down only"),
        ("sam4ct.stages.fill", "from ..models import sam2", "imports go down only"),
        ("sam4ct.pipelines.link", "from sam4ct import cli", "imports go down only"),
        ("sam4ct.io.ctc", "from sam4ct.stages.fill import fill", "Protocols of types"),
        ("sam4ct.report.html", "import sam4ct.models.sam2", "no other adapter but io"),
        ("sam4ct.models.sam2", "from sam4ct.finetune import pairs", "no other adapter but io"),
        ("sam4ct.stages.fill", "def f():\n    import torch", "torch belongs to models"),
        ("sam4ct.metrics.ctc", "from torch.nn import functional", "torch belongs to models"),
        ("sam4ct.cli.run", "from sam2.build_sam import x", "sam2 belongs to models"),
        ("sam4ct.report.html", "import tifffile as tf", "tifffile belongs to io"),
        ("sam4ct.pipelines.link", "import pyarrow.parquet", "pyarrow belongs to io"),
        ("sam4ct.io.ctc", "import click", "click belongs to cli"),
        ("sam4ct.cli.run", "import importlib\nimportlib.import_module('torch')", "torch belongs"),
        ("sam4ct.helpers", "import numpy", "'helpers' is in no layer"),
        ("sam4ct.cli.run", "from sam4ct.helpers import x", "'helpers' is in no layer"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str, complaint: str) -> None:
    (problem,) = import_problems(source, module)
    assert complaint in problem


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sam4ct.report.html", "from sam4ct.io.work.tables import read"),
        ("sam4ct.finetune.train", "from sam4ct.models.sam2.network import build"),
        ("sam4ct.types", "from sam4ct.regions import Region"),
        ("sam4ct.cli.run", "from sam4ct import __version__\nimport click"),
        ("sam4ct.stages.fill", "from . import detect\nfrom ..types import FrameReader"),
        ("sam4ct.models.sam2", "import torch\nfrom sam4ct.geometry import Window"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert import_problems(source, module) == []


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (
            {"sam4ct.io.a": "import sam4ct.io.b", "sam4ct.io.b": "from sam4ct.io import a"},
            "modules",
        ),
        (
            {
                "sam4ct.io.a": "def f():\n    from sam4ct.io.b import x",
                "sam4ct.io.b": "if TYPE_CHECKING:\n    from .a import y",
            },
            "sam4ct.io",
        ),
        (
            # No module is in a circle, but room a imports room b, and b imports a.
            {
                "sam4ct.io.a": "",
                "sam4ct.io.a.one": "from sam4ct.io.b.two import x",
                "sam4ct.io.a.three": "",
                "sam4ct.io.b.two": "",
                "sam4ct.io.b.four": "from sam4ct.io.a.three import y",
            },
            "sam4ct.io",
        ),
    ],
)
def test_an_import_circle_is_found(sources: dict[str, str], found: str) -> None:
    assert found in circles(imports_among(sources))


def test_imports_one_way_are_no_circle() -> None:
    sources = {
        "sam4ct": "def f():\n    from sam4ct.pipelines import link",
        "sam4ct.pipelines.link": "from sam4ct import __version__\nfrom sam4ct.io import a, b",
        "sam4ct.io": "from sam4ct.io.a import x",
        "sam4ct.io.a": "import sam4ct.io.b",
        "sam4ct.io.b": "import numpy",
    }
    assert circles(imports_among(sources)) == {}


def test_a_relative_import_in_a_package_counts_from_the_package() -> None:
    (problem,) = import_problems("from ..models import x", "sam4ct.stages", is_package=True)
    assert "sam4ct.models.x" in problem


def test_no_function_is_for_one_number_of_dimensions_only() -> None:
    """One function serves images and volumes; names that say 2D or 3D are twins in the making."""
    names = {
        f"{module}.{node.name}"
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and re.search(r"[23]d", node.name.lower().replace("sam_med3d", "").replace("sammed3d", ""))
    }
    assert names == set()


def test_a_comparison_with_a_dataset_name_is_found() -> None:
    source = 'def f(dataset):\n    return dataset == "Fluo-N2DL-HeLa"'
    (problem,) = name_problems(source, "sam4ct.profile", ["Fluo-N2DL-HeLa"])
    assert "sam4ct.profile:2" in problem


def test_a_dataset_name_in_prose_is_no_comparison() -> None:
    source = '"""For example Fluo-N2DL-HeLa."""'
    assert name_problems(source, "sam4ct.profile", ["Fluo-N2DL-HeLa"]) == []
