"""Find, read and write profiles as TOML files.

A key that a file leaves out has the default of its field; TOML has no "none".
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from sam4ct.errors import ProfileError, suggestion
from sam4ct.profile.settings import Profile

T = TypeVar("T")
WIDTH = 96
"""Width of comment lines, characters."""
LARGEST = 1e300
"""Numbers must be smaller; this also refuses inf, nan and integers too large for a float."""
SCALARS = {int: "a whole number", float: "a number", bool: "true or false", str: "text in quotes"}


def profiles_folder() -> Path:
    """Return the folder of the shipped profiles: package data, or the checkout's top level."""
    package = Path(__file__).parents[1]
    for folder in (package / "dataset_profiles", package.parent / "dataset_profiles"):
        if folder.is_dir():
            return folder
    raise ProfileError(f"{package}: the dataset profiles are missing. Install sam4ct again.")


def profile_names(folder: Path | None = None) -> list[str]:
    """Return the names of the profiles in a folder (default: the shipped ones), sorted."""
    return sorted(path.stem for path in (folder or profiles_folder()).glob("*.toml"))


def load_profile(name_or_path: str | Path, folder: Path | None = None) -> Profile:
    """Read and check a profile.

    Args:
        name_or_path: A profile's name, or a file (a `Path`, or a text ending in .toml).
        folder: Folder of the profiles with names; None: the shipped ones.

    Raises:
        ProfileError: There is no such profile, it is not TOML, or a key is unknown, missing or
            wrong.
    """
    path = Path(name_or_path)
    if not isinstance(name_or_path, Path) and not name_or_path.endswith(".toml"):
        folder = folder or profiles_folder()
        known = profile_names(folder)
        if name_or_path not in known:
            raise ProfileError(
                f"{folder}: there is no profile {name_or_path!r}."
                f" {suggestion(name_or_path, known)} Or give a .toml file."
            )
        path = folder / f"{name_or_path}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(
            f"{path}: cannot be read ({error.strerror}). Give a profile's name or its file."
        ) from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise ProfileError(f"{path}: is not a TOML file ({error}). Correct that place.") from error
    try:
        return settings_from_table(Profile, table)
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}") from error


def settings_from_table(kind: type[T], table: Mapping[str, Any], where: str = "") -> T:
    """Return a settings object from a TOML table; raise ProfileError about a wrong key."""
    kinds = get_type_hints(kind)
    for key in table:
        if key not in kinds:
            raise ProfileError(f"{where}unknown key {key!r}. {suggestion(key, kinds)}")
    for field in fields(kind):  # type: ignore[arg-type]
        if field.default is MISSING and field.name not in table:
            raise ProfileError(f"{where}{field.name} is missing. Add it.")
    return kind(**{key: _typed(kinds[key], value, key) for key, value in table.items()})


def _typed(kind: Any, value: Any, key: str) -> Any:
    """Return a TOML value in the type of its field; raise ProfileError if it does not fit."""
    inner = [k for k in get_args(kind) if k is not NoneType]
    if NoneType in get_args(kind):
        return _typed(inner[0], value, key)
    if isinstance(kind, type) and is_dataclass(kind):
        if isinstance(value, dict):
            return settings_from_table(kind, value, f"[{key}]: ")
        raise _wrong(key, value, f"a table, [{key}]")
    if get_origin(kind) is tuple:
        if isinstance(value, list) and len(value) == len(inner):
            return tuple(_typed(k, v, key) for k, v in zip(inner, value, strict=True))
        raise _wrong(key, value, f"{len(inner)} numbers in brackets")
    if get_origin(kind) is Literal:
        if any(type(value) is type(choice) and value == choice for choice in inner):
            return value
        raise _wrong(key, value, " or ".join(_toml(choice) for choice in inner))
    if kind is float and type(value) in (int, float) and abs(value) < LARGEST:
        return float(value)
    if kind is not float and type(value) is kind:
        return value
    raise _wrong(key, value, SCALARS[kind])


def _wrong(key: str, value: object, wanted: str) -> ProfileError:
    return ProfileError(f"{key} is {value!r}. Give {wanted}.")


def to_toml(profile: Profile, source: str, reasons: Mapping[str, str] | None = None) -> str:
    """Return a profile as a commented TOML file that reads back equal.

    Args:
        profile: Every value is written, defaults too.
        source: The first line: where the values come from.
        reasons: By key ("table.key" in a table), why it has its value; written below the meaning.
    """
    lines = [*_comment(source), *_lines(profile, reasons or {})]
    return "\n".join(lines) + "\n"


def _lines(settings: Any, reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield for each key an empty line, its meaning, the reason, and its value; tables last."""
    meanings = _meanings(settings.__class__)
    for f in fields(settings):
        value = getattr(settings, f.name)
        yield ""
        yield from _comment(meanings[f.name])
        if f.name in reasons:
            yield from _comment(f"Here: {reasons[f.name]}")
        if value is None:
            yield f"# {f.name} is left out."
        elif is_dataclass(value):
            yield f"[{f.name}]"
            table = f"{f.name}."
            own = (key for key in reasons if key.startswith(table))
            yield from _lines(value, {key.removeprefix(table): reasons[key] for key in own})
        else:
            yield f"{f.name} = {_toml(value)}"


def _toml(value: object) -> str:
    """Return a value in TOML, which JSON equals for text, numbers, booleans and arrays."""
    return json.dumps(value, ensure_ascii=False)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH)]


@cache
def _meanings(cls: type) -> dict[str, str]:
    """Return the docstring of each field of a settings class, which files show as comments."""
    tree = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(tree.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
