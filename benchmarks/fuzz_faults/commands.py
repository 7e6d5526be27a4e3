"""The commands that are tried: what each reads, where it may write, and what is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzz_faults import outputs
from fuzz_faults.cases import Case
from fuzz_faults.outputs import result_of

Paths = Callable[[Case], list[Path]]
Arguments = Callable[[Case], list[object]]
LINKED = ("images", "masks")
FOLLOWED = ("images", "seeds", "init")
SCORED = ("result", "result_table", "truth", "truth_table", "gold")
OVERLAP = ("--evidence", "overlap")
DIAMETER = 11


def _nowhere(case: Case) -> list[Path]:
    return []


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of the program."""

    name: str
    weight: float = 1.0
    """How often it is drawn, beside the others."""
    reads: tuple[str, ...]
    """Kinds of parts."""
    glances: tuple[str, ...] = ()
    """Kinds of parts of which it looks at names and headers: what is wrong inside may pass."""
    ndims: tuple[int, ...] = (2, 3)
    arguments: Arguments
    results: Paths = _nowhere
    """What it writes, whole or not at all."""
    works: Paths = _nowhere
    """Where it may keep what it goes on from."""
    right: Callable[[Case, str], list[str]]
    """(case, standard output) → what is wrong with the output."""
    refers: tuple[str, ...] = ()
    """Words that do for a name: which command tells it."""
    divide: bool = False
    """Whether a cell of the movie divides."""


def _linking(
    name: str,
    weight: float,
    *options: object,
    ndims: tuple[int, ...] = (2, 3),
    reads: tuple[str, ...] = LINKED,
    right: Callable[[Case, str], list[str]] = outputs.right_result,
) -> Command:
    """Return `run` with some options."""

    def arguments(case: Case) -> list[object]:
        to = ["--out", case.out] if case.out else []
        return ["run", case.dataset, "--device", "cpu", *options, *to]

    return Command(
        name=name,
        weight=weight,
        reads=reads,
        ndims=ndims,
        arguments=arguments,
        results=lambda case: [result_of(case)],
        works=outputs.beside,
        right=right,
    )


def _prepare(case: Case) -> list[object]:
    images, masks = (case.folder(case.parts[kind]) for kind in LINKED)
    to = outputs.PATCHES(case)
    return ["finetune", "prepare", images, to, "--masks", masks, "--spacing", 1, 1, 1]


def _evaluate(case: Case) -> list[object]:
    truth = case.dataset / f"{case.sequence}_GT"
    return ["evaluate", result_of(case), truth, "--json", outputs.SCORES(case)]


def _images(case: Case) -> Path:
    return case.folder(case.parts["images"])


_COMMANDS = (
    _linking("run", 8, *OVERLAP),
    _linking("fast", 0.5, "--fast", ndims=(2,)),
    _linking("sam2", 0.5),
    _linking("follow", 1.5, *OVERLAP, ndims=(3,), reads=FOLLOWED, right=outputs.right_follow),
    Command(
        name="check",
        weight=2,
        reads=LINKED,
        arguments=lambda case: ["check", case.dataset],
        right=outputs.says("frames"),
    ),
    Command(
        name="check_follow",
        weight=1.5,
        reads=FOLLOWED,
        glances=("images",),
        ndims=(3,),
        arguments=lambda case: ["check", case.dataset],
        right=outputs.says("frames"),
    ),
    Command(
        name="validate",
        weight=2,
        reads=("images", "result", "result_table"),
        glances=("images",),
        arguments=lambda case: ["validate", result_of(case), "--images", _images(case)],
        right=outputs.says("valid"),
        divide=True,
    ),
    Command(
        name="evaluate",
        weight=3,
        reads=SCORED,
        arguments=_evaluate,
        works=lambda case: [outputs.SCORES(case)],
        refers=("sam4ct validate",),
        right=outputs.right_scores,
        divide=True,
    ),
    Command(
        name="convert",
        weight=3,
        reads=("images",),
        arguments=lambda case: ["convert", _images(case), outputs.MOVIE(case)],
        results=lambda case: [outputs.MOVIE(case)],
        works=lambda case: [outputs.MOVIE(case).with_name("movie.zarr.sam4ct")],
        right=outputs.right_movie,
    ),
    Command(
        name="seeds",
        weight=2,
        reads=("images",),
        ndims=(3,),
        arguments=lambda case: [
            *("seeds", _images(case), outputs.SEEDS(case), "--diameter", DIAMETER)
        ],
        works=lambda case: [outputs.SEEDS(case)],
        right=outputs.right_seeds,
    ),
    Command(
        name="init_tracks",
        weight=1.5,
        reads=("labels",),
        ndims=(3,),
        arguments=lambda case: ["init-tracks", outputs.labels_file(case), outputs.CELLS(case)],
        results=lambda case: [outputs.CELLS(case)],
        right=outputs.right_cells,
    ),
    Command(
        name="prepare",
        weight=1.5,
        reads=LINKED,
        ndims=(3,),
        arguments=_prepare,
        results=lambda case: [outputs.PATCHES(case)],
        right=outputs.right_patches,
    ),
    Command(
        name="report",
        weight=1.5,
        reads=("images", "result", "result_table"),
        arguments=lambda case: ["report", result_of(case)],
        results=outputs.beside,
        right=outputs.right_report,
        divide=True,
    ),
    Command(
        name="derive",
        weight=1.5,
        reads=LINKED,
        arguments=lambda case: [
            *("profiles", "derive", case.dataset, case.sequence),
            *("--output", outputs.PROFILE(case)),
        ],
        results=lambda case: [outputs.PROFILE(case)],
        right=outputs.right_profile,
    ),
)
COMMANDS = {command.name: command for command in _COMMANDS}
"""By name."""
