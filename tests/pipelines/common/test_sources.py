"""A stage's key changes with the code that makes it, and nobody has to raise a number."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from scenes.layers import imports_of

from sam4ct.pipelines.common import sources
from sam4ct.pipelines.common.sources import PACKAGE, digest_of_sources, sources_of
from sam4ct.pipelines.follow import plan as follow_plan
from sam4ct.pipelines.link.plan import SOURCES

STAGES = list(SOURCES)


def digests(package: Path) -> list[str]:
    """What the keys of the stages hold of their code, in order."""
    modules = list(SOURCES.values())
    ends = range(1, len(STAGES) + 1)
    return [digest_of_sources(*modules[:end], package=package) for end in ends]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the sources, as another installation has them."""
    return shutil.copytree(
        PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__")
    )


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        ("stages/detect.py", "detect"),
        ("io/tiff/frame.py", "detect"),
        ("stages/propagate/evidence.py", "propagate"),
        ("models/sam2/attention.py", "propagate"),
        ("stages/repair/stage_shift.py", "propagate"),
        ("stages/repair/undersegmentation.py", "repair"),
        ("stages/associate/costs.json", "repair"),
        ("pipelines/link/lineage/associate.py", "associate"),
        ("stages/fill/generate.py", "generate"),
        ("models/sam_med3d/crops.py", "generate"),
        ("pipelines/link/fill.py", "fill"),
        ("stages/paint/tracks.py", "paint"),
        ("report/page.py", None),
        ("cli/track/run.py", None),
        ("pipelines/arrays/linking.py", None),
    ],
)
def test_changed_code_changes_the_keys_of_its_stage_and_all_later_ones(
    changed: str, first: str | None, package: Path
) -> None:
    before = digests(PACKAGE)
    with (package / changed).open("a") as file:
        file.write("\n")
    same = [a == b for a, b in zip(before, digests(package), strict=True)]
    kept = STAGES.index(first) if first else len(STAGES)
    assert same == [True] * kept + [False] * (len(STAGES) - kept)


def test_the_same_sources_have_the_same_digest_wherever_they_lie(package: Path) -> None:
    assert digests(package) == digests(PACKAGE)
    for path in package.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    sources._imports.cache_clear()
    digest_of_sources.cache_clear()
    assert digests(package) == digests(PACKAGE)


def test_code_of_following_is_told_from_that_of_painting(package: Path) -> None:
    seen, painted = (follow_plan.SOURCES[stage] for stage in ("propagate", "paint"))
    before = [digest_of_sources(*modules) for modules in (seen, painted)]
    with (package / "stages" / "follow" / "tracks.py").open("a") as file:
        file.write("\n")
    after = [digest_of_sources(*modules, package=package) for modules in (seen, painted)]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False]


def test_every_import_of_the_package_is_found() -> None:
    # The package itself loads `link` by a relative import, so that no key depends on it.
    for path in {*PACKAGE.rglob("*.py")} - {PACKAGE / "__init__.py"}:
        text = path.read_text(encoding="utf-8")
        module = ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts))
        names = {name for _, name in imports_of(text, module)}
        expected = {name for name in names if name.partition(".")[0] == PACKAGE.name}
        found = {f"{origin}.{name}".rstrip(".") for origin, name in sources._imports_in(text)}
        assert expected <= found, module


def test_a_name_that_a_package_passes_on_is_that_of_the_module_that_defines_it() -> None:
    found = {path.relative_to(PACKAGE).as_posix() for path in sources_of(SOURCES["propagate"])}
    assert "stages/repair/stage_shift.py" in found
    assert not {"stages/repair/__init__.py", "stages/repair/joined_masks.py"} & found
