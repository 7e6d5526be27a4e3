"""One entry of the weights manifest: checks its fields; reads and writes JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from sam4ct.errors import WeightsError, suggestion

ROLES = ("sam2", "sam_med3d")
PROMPTS = ("mask", "points")
SUFFIXES = (".safetensors", ".pt", ".pth")

_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("name", "file", "role", "config", "source", "licence", "sha256"), (str,)),
    "note": (str,),
    "overrides": (Mapping,),
    "image_size": (int,),
    "bytes": (int,),
    "window_diameters": (int, float, type(None)),
    "used_by": (list, tuple),
    "prompts": (list, tuple),
    "default_on": (str, type(None)),
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One weight file: what it is, where it comes from, and its size and hash."""

    name: str
    file: str
    """File name without folder; `search_folders` says where the file may be."""
    role: str
    """"sam2" or "sam_med3d"."""
    config: str
    """Name of the architecture in its package, e.g. "sam2.1_hiera_l"."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Dotted keys of that configuration, and their values."""
    image_size: int
    """Side in pixels (voxels) of the square (cube) that the network sees."""
    window_diameters: float | None = None
    """Side of a window in cell diameters; None: the profile's `window_px` holds."""
    source: str
    """URL, "included" (in the package), or "local" (the user's own)."""
    licence: str
    bytes: int
    sha256: str
    used_by: tuple[str, ...] = ()
    """Modes or profiles that use the file."""
    prompts: tuple[str, ...] = PROMPTS
    """Prompts it was trained with; for SAM 2 "mask" and "points"."""
    default_on: str | None = None
    """Default of its role: "cuda", if its file and a CUDA device are present; "any", otherwise."""
    note: str = ""
    folder: Path | None = field(default=None, compare=False)
    """Folder of the manifest that lists it; searched first, not written to the manifest."""

    def __post_init__(self) -> None:
        for key, kinds in _KINDS.items():
            value = getattr(self, key)
            if not isinstance(value, kinds) or isinstance(value, bool):
                wanted = " or ".join("null" if k is type(None) else k.__name__ for k in kinds)
                raise WeightsError(f"weights entry {self.name!r}: {key} is {value!r}, not {wanted}")
        object.__setattr__(self, "used_by", tuple(self.used_by))
        object.__setattr__(self, "prompts", tuple(self.prompts))
        for key, right, wanted in self._rules():
            if not right:
                raise WeightsError(
                    f"weights entry {self.name!r}: {key} is {getattr(self, key)!r}. Give {wanted}."
                )

    def _rules(self) -> Iterable[tuple[str, bool, str]]:
        plain = Path(self.file).name == self.file and Path(self.file).suffix in SUFFIXES
        return (
            ("name", bool(re.fullmatch(r"\w[\w.+-]*", self.name)), "letters, digits, . _ + -"),
            ("file", plain, f"a file name without folder, ending in {', '.join(SUFFIXES)}"),
            ("role", self.role in ROLES, f"one of {', '.join(ROLES)}"),
            ("source", bool(re.match(r"https?://|(included|local)$", self.source)),
             'an http(s) URL, "included" or "local"'),
            ("image_size", self.image_size > 0, "a positive number"),
            ("window_diameters", self.window_diameters is None or self.window_diameters > 0,
             "a positive number or null"),
            ("bytes", self.bytes > 0, "a positive number"),
            ("sha256", bool(re.fullmatch(r"[0-9a-f]{64}", self.sha256)),
             "64 hex digits, lower case"),
            ("used_by", all(isinstance(u, str) for u in self.used_by), "a list of texts"),
            ("prompts", bool(self.prompts) and set(self.prompts) <= set(PROMPTS),
             f"a list of {', '.join(PROMPTS)}"),
            ("default_on", self.default_on in (None, "cuda", "any"), '"cuda", "any" or null'),
        )  # fmt: skip

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Entry:
        """Build an entry from its JSON object; unknown and missing keys are refused."""
        known = {f.name: f for f in fields(cls) if f.name != "folder"}
        name = raw.get("name", "(unnamed)")
        for key in raw:
            if key not in known:
                raise WeightsError(
                    f"weights entry {name!r}: unknown key {key!r}. {suggestion(key, known)}"
                )
        needed = {f.name for f in known.values() if f.default is f.default_factory is MISSING}
        missing = needed - set(raw)
        if missing:
            raise WeightsError(f"weights entry {name!r}: no {', '.join(sorted(missing))}. Add it.")
        return cls(**raw)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of the entry."""
        raw = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "folder"}
        lists = {name: list(raw[name]) for name in ("used_by", "prompts")}
        return {**raw, **lists, "overrides": dict(self.overrides)}
