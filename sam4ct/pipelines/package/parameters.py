"""Parameters: Markdown tables of profiles, with common values and differing ones apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields

from sam4ct.profile import Profile, TrackSettings

_ABSENT = "-"


def parameter_tables(profiles: Sequence[Profile]) -> str:
    """Return every parameter of every profile, in Markdown.

    Values that all have in common are in one line above the table. Settings of mode "track" have
    a table of their own.

    Args:
        profiles: At least one.
    """
    own = [f.name for f in fields(Profile) if f.name not in ("dataset", "track")]
    parts = [_table({p.dataset: asdict(p) for p in profiles}, own)]
    tracked = {p.dataset: asdict(p.track) for p in profiles if p.track}
    if tracked:
        parts += ["The table `[track]`:", _table(tracked, [f.name for f in fields(TrackSettings)])]
    return "\n\n".join(parts)


def _table(settings: dict[str, dict[str, object]], keys: Sequence[str]) -> str:
    """Return the values of some keys: first those that are the same for all."""
    texts = {name: {key: _toml(table[key]) for key in keys} for name, table in settings.items()}
    differing = [key for key in keys if len({table[key] for table in texts.values()}) > 1]
    first = next(iter(texts.values()))
    same = ", ".join(f"`{key} = {first[key]}`" for key in keys if key not in differing)
    rows = [(name, *(table[key] for key in differing)) for name, table in texts.items()]
    parts = [f"The same for all: {same}."] if same else []
    return "\n\n".join([*parts, markdown_table(("dataset", *differing), rows)])


def _toml(value: object) -> str:
    """JSON and TOML write text, numbers, booleans and arrays alike; TOML has no "none"."""
    return _ABSENT if value is None else json.dumps(value, ensure_ascii=False)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
