"""The rules of the house, as a checker of source text. Which modules there are is not its concern.

Layers, and imports go down only:
    cli, __main__ > pipelines > io models finetune metrics report > stages >
    regions corrections lineage geometry intensity profile derive simulate tables
    runtime > errors types
Stages and adapters do not import each other: they meet in the Protocols of `types`.
An adapter imports `io` and no other adapter. `EXCEPTIONS` lists what may differ, and why.
Within a room, too, imports go one way: no circle among modules, nor among the entries of a room.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

PACKAGE = "sam4ct"

PURE = frozenset(
    {
        "regions",
        "corrections",
        "questions",
        "lineage",
        "geometry",
        "intensity",
        "profile",
        "derive",
        "simulate",
        "tables",
        "jumps",
        "runtime",
    }
)
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"", "errors", "types"}),
    PURE,
    frozenset({"stages"}),
    frozenset({"io", "models", "finetune", "metrics", "report"}),
    frozenset({"pipelines"}),
    frozenset({"cli", "__main__"}),
)
"""From the bottom up; "" is the package itself, which holds its version."""

STAGES, ADAPTERS = LAYERS[2], LAYERS[3]

EXCEPTIONS = {
    ("", "pipelines"): "functions for users, loaded when they are asked for",
    ("types", "regions"): "the Protocols speak of regions",
    ("finetune", "models"): "training needs the networks that it trains",
}

OWNERS = {
    **dict.fromkeys(("torch", "torchvision", "sam2", "medim", "monai"), ("models", "finetune")),
    **dict.fromkeys(("tifffile", "imagecodecs", "zarr", "pyarrow"), ("io",)),
    "click": ("cli",),
    "highspy": ("stages",),
}
"""Third-party modules that only some parts of the package may import."""


DYNAMIC = ("import_module", "__import__")


def part_of(module: str) -> str:
    """Return the part that a module belongs to: "io" for "sam4ct.io.ctc", "" for the package."""
    return module.partition(".")[2].partition(".")[0]


def layer_of(part: str) -> int | None:
    """Return the layer of a part, 0 at the bottom; None for a part that no layer lists."""
    return next((n for n, parts in enumerate(LAYERS) if part in parts), None)


def imports_of(source: str, module: str, *, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Yield line and absolute name of everything a module imports, wherever it does so.

    `from a import b` yields "a.b": b may be a module. Relative imports and
    `import_module("...")` with a literal name count too.
    """
    here = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, name.name) for name in names)
            case ast.ImportFrom(module=origin, names=names, level=level):
                base = here[: len(here) - level + 1] if level else []
                prefix = ".".join([*base, *([origin] if origin else [])])
                yield from ((node.lineno, f"{prefix}.{name.name}") for name in names)
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]) if (
                getattr(function, "attr", getattr(function, "id", "")) in DYNAMIC
            ):
                yield node.lineno, name


def _refusal(importer: str, imported: str) -> str | None:
    """Return why one part may not import another, or None if it may."""
    if importer == imported or (importer, imported) in EXCEPTIONS:
        return None
    above, below = layer_of(importer), layer_of(imported)
    if above is None or below is None:
        return f"{imported if below is None else importer!r} is in no layer"
    if below > above:
        return "imports go down only"
    if importer in ADAPTERS and imported in STAGES:
        return "an adapter meets the stages in the Protocols of types only"
    if importer in ADAPTERS and imported in ADAPTERS and imported != "io":
        return "an adapter imports no other adapter but io"
    return None


def import_problems(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Return the imports of a module that break a rule, one sentence each; [] if none does."""
    part = part_of(module)
    if layer_of(part) is None:
        return [f"{module}: {part!r} is in no layer"]
    problems = []
    for line, name in imports_of(source, module, is_package=is_package):
        top = name.partition(".")[0]
        if top == PACKAGE:
            reason = _refusal(part, _imported_part(name))
        elif part not in OWNERS.get(top, (part,)):
            reason = f"{top} belongs to {' and '.join(OWNERS[top])}"
        else:
            reason = None
        if reason:
            problems.append(f"{module}:{line} imports {name}: {reason}")
    return problems


def _imported_part(name: str) -> str:
    """Like `part_of`, but `from sam4ct import __version__` names the package, not a part."""
    part = part_of(name)
    return "" if part == "__version__" else part


def imports_among(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return which modules each module imports, wherever it does so, even for types only.

    Args:
        sources: Text of each module by dotted name; that of a package is its `__init__.py`.

    Returns:
        Names of `sources` by name, without those that `EXCEPTIONS` allows.
    """
    packages = {name.rpartition(".")[0] for name in sources}
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        names = imports_of(source, module, is_package=module in packages)
        targets = {_module_of(name, sources) for _, name in names} - {module, ""}
        graph[module] = {
            target for target in targets if (part_of(module), part_of(target)) not in EXCEPTIONS
        }
    return graph


def _module_of(name: str, sources: Mapping[str, str]) -> str:
    """Return the module that holds an imported name; "" if none of the sources does."""
    while name and name not in sources:
        name = name.rpartition(".")[0]
    return name


def circles(graph: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """Return import circles, one for each room that has one.

    Args:
        graph: Imports among modules, see `imports_among`.

    Returns:
        By room: entries of the room, the last of which is the first again, each imported by the
        next. Under "modules": modules of any rooms.
    """
    graphs = {"modules": dict(graph)}
    for module, targets in graph.items():
        for room in _rooms_around(module):
            entries = {_entry(target, room) for target in targets} - {_entry(module, room), ""}
            graphs.setdefault(room, {}).setdefault(_entry(module, room), set()).update(entries)
    found = {}
    for room, imports in graphs.items():
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            found[room] = list(error.args[1])
    return found


def _rooms_around(module: str) -> Iterator[str]:
    """Yield all packages above a module."""
    while module := module.rpartition(".")[0]:
        yield module


def _entry(module: str, room: str) -> str:
    """Return the module or room directly in a room that holds a module; "" if none does."""
    inside = module.removeprefix(f"{room}.")
    return "" if inside == module else inside.partition(".")[0]


def name_problems(source: str, module: str, names: Iterable[str]) -> list[str]:
    """Return the places where a module spells out one of the given dataset names."""
    known = set(names)
    return [
        f"{module}:{node.lineno} spells out {node.value}: make the difference a profile field"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known
    ]
