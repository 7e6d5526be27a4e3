"""Sources: a digest of the source files that the result of a stage depends on.

The key of a stage holds the digest of its module and of all modules that this one imports,
directly or not. So a stage is computed again whenever its code has changed, and no version number
has to be raised by hand.

Files are read, not imported, so torch is not loaded. If a package only re-exports a name, the
module that defines the name counts, and not the rest of the package.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
"""The folder of the package, in a checkout or where it was installed."""
DATA = "*.json"
"""Data beside a module, such as fitted costs, counts as a part of it."""

_IMPORT = re.compile(
    r"^[ \t]*from (sam4ct(?:\.\w+)*) import (\([^)]*\)|[^(\n]+)|^[ \t]*import (sam4ct(?:\.\w+)*)",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")


@cache
def digest_of_sources(*modules: str, package: Path = PACKAGE) -> str:
    """Return the SHA-256 of modules of the package and of all that they import of it.

    Args:
        modules: Their dotted names.
        package: Folder of the package.
    """
    found = sources_of(*modules, package=package)
    digest = hashlib.sha256()
    for file in sorted(found | {data for path in found for data in path.parent.glob(DATA)}):
        content = file.read_bytes().replace(b"\r\n", b"\n")
        name = file.relative_to(package).as_posix().encode()
        digest.update(b"%s\0%d\0" % (name, len(content)) + content)
    return digest.hexdigest()


def sources_of(*modules: str, package: Path = PACKAGE) -> set[Path]:
    """Return the files of modules of the package and of all that they import of it."""
    found: set[Path] = set()
    waiting = [_file(module, package) for module in modules]
    while waiting:
        path = waiting.pop()
        assert path is not None, modules
        if path not in found:
            found.add(path)
            if path == package / "__init__.py":
                continue  # What it offers to users is loaded when they ask for it.
            waiting += [_defined_in(*each, package) for each in _imports(path)]
    return found


@cache
def _defined_in(module: str, name: str, package: Path) -> Path:
    """Return the file that defines what is imported by a name; "" stands for the module."""
    if name and (submodule := _file(f"{module}.{name}", package)):
        return submodule
    path = _file(module, package)
    assert path is not None, f"{module} is imported and not there"
    if name and path.name == "__init__.py":
        for origin, passed_on in _imports(path):
            if passed_on == name:
                return _defined_in(origin, name, package)
    return path


@cache
def _imports(path: Path) -> tuple[tuple[str, str], ...]:
    """Return what a file imports of the package, wherever it does so: (module, name or "")."""
    return tuple(_imports_in(path.read_text(encoding="utf-8")))


def _imports_in(source: str) -> Iterator[tuple[str, str]]:
    for origin, names, module in _IMPORT.findall(source):
        if module:
            yield module, ""
        for name in _COMMENT.sub("", names).strip("() \t\n").split(","):
            if words := name.split():
                yield origin, words[0]


@cache
def _file(module: str, package: Path) -> Path | None:
    """Return the file of a module, a package's `__init__.py`; None if there is no such module."""
    path = package.joinpath(*module.split(".")[1:])
    files = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)
