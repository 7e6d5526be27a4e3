"""The list of faults, and what a command is to make of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fuzz_faults.cases import Call, Case, Part

FINE = "fine"
"""Exit 0, and the right output."""
REFUSED = "refused"
"""Exit 2, with a message that names what is wrong; no output."""
WARNED = "warned"
"""Exit 0 with a warning that names it, or REFUSED."""
EITHER = "either"
"""FINE or REFUSED: right, or refused by name."""
UNHEARD = "unheard"
"""The right output, and exit 0, or 2 with a message that says what could not be printed."""
SKIP = "skip"
"""There is no such case."""

IMAGES = ("images",)
MASKS = ("masks",)
GIVEN = ("images", "masks", "labels")
"""What other programs wrote."""
FRAMES = (*GIVEN, "result", "truth")
CALL = ("call",)

Blame = list[str]
"""Names, one of which a message must have: a file, its folder, an option."""
Function = Callable[..., Blame]
"""(case, part) → what is to be named."""


@dataclass(frozen=True, eq=False)
class Fault:
    """One thing that may be wrong or unusual."""

    name: str
    group: str
    """At most one fault of a group is drawn for a part."""
    on: tuple[str, ...]
    """The kinds of parts that it can be done to."""
    function: Function
    usual: str
    others: dict[str, str]
    ndim: int | None
    """2 or 3, if it exists in planes or volumes only."""
    apart: tuple[str, ...]
    """Groups whose faults would undo it, or change what it is to end with."""

    @property
    def meaning(self) -> str:
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    def expected(self, command: str, kind: str) -> str:
        """Return what a command is to make of it."""
        for key in (f"{command}_{kind}", command, kind):
            if key in self.others:
                return self.others[key]
        return self.usual

    def apply(self, case: Case, part: Part | Call) -> tuple[str, ...]:
        return tuple(self.function(case, part))


FAULTS: dict[str, Fault] = {}


def fault(
    group: str,
    on: tuple[str, ...],
    expected: str,
    *,
    ndim: int | None = None,
    apart: tuple[str, ...] = (),
    **others: str,
) -> Callable[[Function], Function]:
    """Register a fault.

    Args:
        group: See `Fault`.
        on: See `Fault`.
        expected: What commands are to make of it.
        ndim: See `Fault`.
        apart: See `Fault`.
        others: Exceptions, by command_kind, command or kind of part, in this order.
    """

    def register(function: Function) -> Function:
        name = function.__name__
        assert name not in FAULTS, name
        FAULTS[name] = Fault(name, group, on, function, expected, others, ndim, apart)
        return function

    return register
