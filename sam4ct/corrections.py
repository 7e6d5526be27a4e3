"""Corrections: what a person says about the lineage, one answer at a time.

Pure: no files and no masks. `io.corrections` reads and writes them, and finds the regions that they
name; `stages.correct` makes the lineage obey them. Frames are zero-based; places are pixels in
array order, ([z,] y, x).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Kind(StrEnum):
    """What an answer says; the words are those of the file."""

    SAME_CELL = "same cell"
    """The second region is the next one of the cell of the first."""
    NOT_SAME_CELL = "not same cell"
    """The two regions are not linked, nor are they mother and daughter."""
    DIVIDES = "divides"
    """The cell of the first region divides into the other two."""
    DOES_NOT_DIVIDE = "does not divide"
    BEGINS = "begins"
    """The region has no earlier one."""
    ENDS = "ends"
    """The region has no later one."""
    NO_CELL = "no cell"
    """The region is dropped."""
    CELL = "cell"
    """The region is kept."""
    ONE_CELL = "one cell"
    """The regions, all of one frame, are fragments of one cell."""
    TWO_CELLS = "two cells"
    """The region covers two cells."""


COUNTS = {
    Kind.SAME_CELL: (2,),
    Kind.NOT_SAME_CELL: (2,),
    Kind.DIVIDES: (3,),
    Kind.ONE_CELL: (2, 3),
}
"""How many regions a kind names; one if it is not listed."""
OF_MASKS = (Kind.ONE_CELL, Kind.TWO_CELLS)
"""Kinds that change which regions there are; they are obeyed first."""
_DIGITS = 2
"""Decimal digits of a place."""


@dataclass(frozen=True, order=True)
class End:
    """One region: by its label in the given masks, by a place in it, or by both."""

    t: int
    label: int = 0
    """0: by place alone."""
    place: tuple[float, ...] = ()
    """Pixels, ([z,] y, x), e.g. the centroid; () if not said."""

    def __str__(self) -> str:
        what = f"region {self.label}" if self.label else f"the region at {text_of(self.place)}"
        return f"{what} of frame {self.t}"


@dataclass(frozen=True)
class Correction:
    """One answer. Two are equal if they say the same of the same regions."""

    kind: Kind
    ends: tuple[End, ...]
    """One to three, in the order of the kind's words."""
    line: int = field(default=0, compare=False)
    """Line number in its file, which messages name; 0 if it is not from a file."""
    note: str = field(default="", compare=False)

    @property
    def problem(self) -> str:
        """What is wrong with it by itself; "" if nothing."""
        counts, times = COUNTS.get(self.kind, (1,)), [end.t for end in self.ends]
        if len(self.ends) not in counts:
            wanted = " or ".join(map(str, counts))
            return f"{self.kind.value!r} names {wanted} regions, but {len(self.ends)} are given"
        if len(set(self.ends)) < len(self.ends):
            return f"{self.kind.value!r} names the same region twice"
        if self.kind is Kind.ONE_CELL and len(set(times)) > 1:
            return f"{self.kind.value!r} is for regions of one frame; these are of several"
        if self.kind is Kind.DIVIDES and not times[0] < times[1] == times[2]:
            return f"{self.kind.value!r} needs both daughters in one frame after the mother's"
        if self.kind in (Kind.SAME_CELL, Kind.NOT_SAME_CELL) and times[0] == times[1]:
            return f"{self.kind.value!r} is for regions of two frames; these are of one"
        return ""

    @property
    def normal(self) -> Correction:
        """The same answer with its regions in the usual order, and places rounded."""
        ends = [
            replace(end, place=tuple(round(c, _DIGITS) for c in end.place)) for end in self.ends
        ]
        if self.kind is Kind.DIVIDES:
            ends[1:] = sorted(ends[1:])
        elif len(ends) > 1:
            ends.sort()
        return replace(self, ends=tuple(ends), note=" ".join(self.note.split()))


def in_order(corrections: Iterable[Correction]) -> tuple[Correction, ...]:
    """Return answers in the order of the file, each once; of equal ones, that with a note stays."""
    found: dict[Correction, Correction] = {}
    for one in (correction.normal for correction in corrections):
        found[one] = max(one, found.get(one, one), key=lambda c: c.note)
    return tuple(sorted(found.values(), key=lambda c: (c.ends, c.kind)))


def contradictions(corrections: Iterable[Correction]) -> Iterator[tuple[Correction, Correction]]:
    """Yield pairs of answers that cannot both be obeyed, in the order given.

    Regions are told apart by frame, label and place, so answers should be settled first.
    """
    claims: dict[tuple[str, End], tuple[Correction, object]] = {}
    seen: dict[End, list[Correction]] = {}
    for one in corrections:
        for key, value in _claims(one):
            before, other = claims.setdefault(key, (one, value))
            if other != value:
                yield before, one
        for end in one.ends:
            for before in seen.get(end, ()):
                if _exclude(before, one):
                    yield before, one
            seen.setdefault(end, []).append(one)


def digest(corrections: Iterable[Correction]) -> str:
    """Return a digest of what answers say, whatever their order and notes; "" if there are none."""
    said = [
        (one.kind.value, *map(str, one.ends), *(e.place for e in one.ends))
        for one in in_order(corrections)
    ]
    return hashlib.sha256(repr(said).encode()).hexdigest() if said else ""


def text_of(place: tuple[float, ...]) -> str:
    """Return a place as in the file: numbers separated by spaces."""
    return " ".join(f"{c:.{_DIGITS}f}".rstrip("0").rstrip(".") for c in place)


def _claims(one: Correction) -> Iterator[tuple[tuple[str, End], object]]:
    """Yield what an answer says of one side of a region: two answers must say the same."""
    first, *others = one.ends
    match one.kind:
        case Kind.SAME_CELL:
            yield ("out", first), others[0]
            yield ("in", others[0]), (first, Kind.SAME_CELL)
        case Kind.DIVIDES:
            yield ("out", first), frozenset(others)
            for daughter in others:
                yield ("in", daughter), (first, Kind.DIVIDES)
        case Kind.BEGINS:
            yield ("in", first), None
        case Kind.ENDS:
            yield ("out", first), None


_CELLS = frozenset(Kind) - {Kind.NO_CELL, Kind.NOT_SAME_CELL}
"""Kinds that say that the regions they name are cells."""


def _exclude(one: Correction, other: Correction) -> bool:
    """Whether two answers that name a common region exclude each other, besides `_claims`."""
    for a, b in ((one, other), (other, one)):
        if a.kind is Kind.NO_CELL and b.kind in _CELLS:
            return True
        same = a.ends[0] == b.ends[0]
        if same and a.kind is Kind.DOES_NOT_DIVIDE and b.kind is Kind.DIVIDES:
            return True
        linked = b.kind in (Kind.SAME_CELL, Kind.DIVIDES)
        if same and linked and a.kind is Kind.NOT_SAME_CELL and a.ends[1] in b.ends[1:]:
            return True
        if a.kind is Kind.ONE_CELL and b.kind is Kind.TWO_CELLS:
            return True
    return False
