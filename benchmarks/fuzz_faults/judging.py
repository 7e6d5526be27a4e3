"""One run: drawn, carried out, and judged."""

from __future__ import annotations

import os
import shlex
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from fuzz_faults.cases import Call, Case, Part, add_parts, differences, snapshot
from fuzz_faults.commands import COMMANDS, Command
from fuzz_faults.processes import Ending
from fuzz_faults.registry import EITHER, FAULTS, FINE, REFUSED, SKIP, UNHEARD, WARNED, Fault
from fuzz_faults.scenes import draw_movie
from sam4ct.finetune.patches.files import UNFINISHED

MOST_FAULTS = 3
REFUSAL = 2
SHOWN = 12
"""Problems and lines of output that are shown of a run, at most."""
ORDER = (
    *("place", "sequence", "names", "pixels", "encoding", "text", "gold", "file", "listing"),
    *("folder", "target", "options", "streams", "variables"),
)
"""Groups of faults, in the order in which they are done: names before what refers to them."""
Runner = Callable[..., Ending]
"""(case, arguments=...) → how it ended."""


@dataclass(frozen=True)
class Drawn:
    """A fault, the kind of part that it is done to, and what is to come of it."""

    fault: Fault
    kind: str
    expected: str


@dataclass(frozen=True)
class Verdict:
    """What came of a run."""

    index: int
    command: str
    faults: tuple[Drawn, ...]
    arguments: tuple[str, ...]
    ending: Ending
    problems: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        faults = ", ".join(f"{d.fault.name} ({d.kind}: {d.expected})" for d in self.faults)
        said = [
            f"    {name}| {line}"
            for name, text in (("out", self.ending.out), ("err", self.ending.err))
            for line in text.splitlines()[-SHOWN:]
        ]
        problems = [f"  problem: {problem}" for problem in self.problems[:SHOWN]]
        head = f"run {self.index}: {self.command}; faults: {faults or 'none'}"
        call = f"  sam4ct {shlex.join(self.arguments)}"
        end = f"  exit status {self.ending.status} after {self.seconds:.1f} s"
        return "\n".join([head, call, end, *said, *problems])


def draw(
    rng: Generator, names: Sequence[str], commands: Sequence[str], most: int = MOST_FAULTS
) -> tuple[Command, int, list[Drawn]]:
    """Draw a command, planes or volumes, and faults that can be together.

    Args:
        rng: Of all that is drawn.
        names: Of the faults of which the first is drawn.
        commands: Names of those that may be drawn.
        most: Number of faults.
    """
    fitting = {
        name: [COMMANDS[key] for key in commands if ways(FAULTS[name], COMMANDS[key])]
        for name in names
    }
    able = [name for name in names if fitting[name]]
    if not able:
        raise ValueError(f"{', '.join(names)}: is nothing for {', '.join(commands)}")
    first = FAULTS[str(rng.choice(able))]
    weights = np.array([command.weight for command in fitting[first.name]])
    command = fitting[first.name][rng.choice(len(weights), p=weights / weights.sum())]
    ndim = int(rng.choice([ndim for ndim in command.ndims if first.ndim in (None, ndim)]))
    faults: list[Drawn] = []
    for _ in range(int(rng.integers(min(1, most), most + 1))):
        able = [
            way
            for fault in ([first] if not faults else FAULTS.values())
            for way in ways(fault, command, ndim)
            if all(_together(way, other) for other in faults)
        ]
        if able:
            faults.append(able[rng.integers(len(able))])
    return command, ndim, sorted(faults, key=lambda way: ORDER.index(way.fault.group))


def ways(fault: Fault, command: Command, ndim: int | None = None) -> list[Drawn]:
    """Return how a fault can be in what a command reads; [] if it cannot.

    Args:
        fault: Of the list.
        command: Of those that are tried.
        ndim: Of the movie; None: one of those that the command reads.
    """
    if fault.ndim is not None and fault.ndim not in ((ndim,) if ndim else command.ndims):
        return []
    kinds = [kind for kind in fault.on if kind in ("call", *command.reads)]
    drawn = [Drawn(fault, kind, _expected(fault, command, kind)) for kind in kinds]
    return [way for way in drawn if way.expected != SKIP]


def _expected(fault: Fault, command: Command, kind: str) -> str:
    expected = fault.expected(command.name, kind)
    return EITHER if expected == REFUSED and kind in command.glances else expected


def _together(one: Drawn, other: Drawn) -> bool:
    """Whether two faults may be in one case: neither undoes what the other did."""
    if one.fault is other.fault or one.fault.group in other.fault.apart:
        return False
    if other.fault.group in one.fault.apart:
        return False
    return (one.kind, one.fault.group) != (other.kind, other.fault.group)


def make_case(rng: Generator, root: Path, command: Command, ndim: int) -> Case:
    case = Case(root, ndim, rng, draw_movie(rng, ndim, divide=command.divide))
    add_parts(case, command.reads)
    return case


def carry_out(
    index: int, case: Case, command: Command, faults: Sequence[Drawn], start: Runner
) -> Verdict:
    """Damage a case, write it, run the command, and judge what came of it."""
    blamed = {drawn: drawn.fault.apply(case, _part(case, drawn.kind)) for drawn in faults}
    case.write()
    for damage in case.on_disk:
        damage()
    (case.root / "out").mkdir(exist_ok=True)
    arguments = [str(value) for value in (*command.arguments(case), *case.call.options)]
    if case.call.relative:
        arguments = [_from(case.root / "cwd", value) for value in arguments]
    # What was there before is the user's, also where results go.
    results = {path for path in command.results(case) if not os.path.lexists(path)}
    places = {*results, *command.works(case), case.root / "stdout", case.root / "stderr"}
    places |= {path.resolve() for path in places}
    locks: dict[Path, int] = {}
    for path, mode in case.locks:
        if path.exists():  # two faults may lock one folder
            locks[path] = mode & locks.get(path, mode)
    # Looked at while nothing is locked: an ordinary user could not look into locked folders.
    before = snapshot(case.root, places)
    modes = [(path, locked, stat.S_IMODE(path.stat().st_mode)) for path, locked in locks.items()]
    for path, locked, _ in modes:
        path.chmod(locked)
    began = time.monotonic()
    ending = start(case, arguments=arguments)
    seconds = time.monotonic() - began
    changes = []
    for path, locked, mode in reversed(modes):
        if stat.S_IMODE(path.stat().st_mode) != locked:
            changes.append(f"{path} was changed")
        path.chmod(mode)
    changes += differences(before, snapshot(case.root, places))
    problems = judge(case, command, faults, blamed, ending) + changes
    if ending.status == REFUSAL and all(way.expected != UNHEARD for way in faults):
        # Patches that say themselves that they are unfinished are taken up by the same command.
        left = [path for path in results if os.path.lexists(path)]
        left = [path for path in left if not (path / UNFINISHED).is_file()]
        problems += [f"{path} was left behind" for path in left]
    return Verdict(
        index, command.name, tuple(faults), tuple(arguments), ending, tuple(problems), seconds
    )


def _from(folder: Path, argument: str) -> str:
    return os.path.relpath(argument, folder) if argument.startswith("/") else argument


def _part(case: Case, kind: str) -> Part | Call:
    return case.call if kind == "call" else case.parts[kind]


def judge(
    case: Case,
    command: Command,
    faults: Sequence[Drawn],
    blamed: dict[Drawn, tuple[str, ...]],
    ending: Ending,
) -> list[str]:
    """Return what is wrong with the end of a run."""
    said = ending.out + ending.err
    if ending.status is None:
        return ["it did not end in time"]
    if ending.status not in (0, REFUSAL):
        return [f"exit status {ending.status}"]
    problems = ["there is a traceback"] if "Traceback (most recent" in said else []
    expected = {drawn: drawn.expected for drawn in faults}
    names = {drawn: [n for n in blamed[drawn] if n in said] for drawn in faults}
    if ending.status == 0:
        problems += [f"{d.fault.name} was to be refused" for d in faults if d.expected == REFUSED]
        if problems:
            return problems
        problems += [
            f"no warning names {' or '.join(blamed[d])}"
            for d in faults
            if expected[d] == WARNED and case.call.heard and not names[d]
        ]
        return problems + command.right(case, ending.out)
    if all(word == FINE for word in expected.values()):
        return [*problems, "refused, but there is nothing to refuse"]
    if all(word in (FINE, UNHEARD) for word in expected.values()):
        return problems + command.right(case, ending.out)
    to_blame = [d for d in faults if expected[d] != FINE]
    told = any(names[d] for d in to_blame) or any(words in said for words in command.refers)
    if case.call.heard and not told:
        wanted = " or ".join(name for d in to_blame for name in blamed[d])
        problems.append(f"the message does not name {wanted}")
    if not said.strip() and case.call.heard:
        problems.append("nothing was said")
    return problems
