"""The simulated conditions that linkers are compared in: looks, densities, motion, mask errors.

Small movies, seeds fixed. Two thirds are of the kinds that networks are trained on, with other
seeds; a third is not: those of `unseen`, spores, cobbles and clumps (`laws.HELD_OUT`). Also
finds real sequences, so that whatever runs on the conditions runs on them, too.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from real_scores import find
from unseen import UnseenLaw, write_unseen

from sam4ct.io.simulated import SEQUENCE, write_dataset
from sam4ct.simulate import PRESETS, MovieLaw, SegmentationErrors, movie_law
from sam4ct.simulate.cells.cell import CellLaw
from sam4ct.simulate.imaging.optics import Optics

GOOD = SegmentationErrors(missed=0.01, split=0.003, merged=0.005, spurious=0.005)
USUAL = SegmentationErrors()
POOR = SegmentationErrors(missed=0.05, split=0.03, merged=0.04, spurious=0.03)
FIRST_SEED = 4000
"""Of the movies; seeds of training and fitting are far below or in other streams."""


@dataclass(frozen=True)
class Condition:
    """A kind of movie and how bad its masks are."""

    name: str
    law: MovieLaw
    errors: SegmentationErrors


@dataclass(frozen=True)
class Movie:
    """A sequence to be linked, with its truth."""

    label: str
    """For tables; movies of one condition have the same."""
    dataset: Path
    sequence: str

    @property
    def images(self) -> Path:
        return self.dataset / self.sequence

    @property
    def masks(self) -> Path:
        return self.dataset / f"{self.sequence}_ERR_SEG"

    @property
    def truth(self) -> Path:
        return self.dataset / f"{self.sequence}_GT"

    def result(self, out: Path, linker: str) -> Path:
        """Where a linker leaves its result."""
        folder = out / "results" / linker.replace(" ", "-")
        return folder / self.dataset.name / f"{self.sequence}_RES"


def _seen(
    name: str,
    preset: str,
    shape: tuple[int, ...],
    frames: int,
    cells: int,
    errors: SegmentationErrors,
    drift: float | None = None,
    **law: Any,
) -> Condition:
    """A preset of the simulator with other numbers."""
    movie = movie_law(preset, shape, frames, cells)
    drift = movie.drift if drift is None else drift
    return Condition(name, replace(movie, law=replace(movie.law, **law), drift=drift), errors)


def _unseen(
    name: str, cells: int, errors: SegmentationErrors, law: CellLaw, **rest: Any
) -> Condition:
    return Condition(
        name, UnseenLaw(shape=(300, 300), frames=24, cells=cells, law=law, **rest), errors
    )


def _clumps(name: str, cells: int, errors: SegmentationErrors) -> Condition:
    """Round cells that divide in growing colonies, as cocci: yeast whose cells do not bud."""
    movie = movie_law("yeast", (224, 224), 20, cells)
    law = CellLaw(
        radius=9.0, elongation=0.9, bumpiness=0.02, motion=0.03, cycle=10.0, separation=1.0
    )
    return Condition(name, replace(movie, law=law), errors)


_BLOBS = CellLaw(radius=15.0, elongation=0.7, bumpiness=0.12, motion=0.12, cycle=35.0)
_CRESCENTS = replace(_BLOBS, elongation=0.85, bumpiness=0.02)
_FILAMENTS = replace(_BLOBS, radius=11.0, turning=0.05)
_NET = Optics(look="net", texture=0.9, blur_px=1.0, noise=0.06, background=0.1)
_GRAINS = replace(_NET, look="grains")
_STAIN = PRESETS["nuclei"].optics

CONDITIONS = (
    _seen("nuclei", "nuclei", (288, 288), 24, 30, USUAL),
    _seen("nuclei, poor masks", "nuclei", (288, 288), 24, 30, POOR),
    _seen("nuclei, fast", "nuclei", (320, 320), 24, 32, GOOD, motion=0.5, drift=0.3),
    _seen("phase, dense", "phase", (288, 288), 24, 36, USUAL),
    _seen("spread, poor masks", "spread", (512, 512), 30, 14, POOR),
    _seen("brightfield, dividing", "brightfield", (224, 224), 24, 24, USUAL, cycle=18.0),
    _seen("tiny, drifting", "tiny", (180, 180), 20, 60, GOOD, drift=0.4),
    _seen("volume", "nuclei", (12, 160, 160), 14, 24, USUAL),
    _seen("volume, fast", "nuclei", (12, 160, 160), 14, 24, GOOD, motion=0.45, cycle=14.0),
    _seen("volume, poor masks", "sparse-nuclei", (16, 192, 192), 14, 10, POOR, cycle=20.0),
    _unseen(
        "crescents, dashing", 32, USUAL, _CRESCENTS, outline="crescent", optics=_STAIN, dashes=0.06
    ),
    _unseen("nets in a vortex", 36, USUAL, _BLOBS, optics=_NET, vortex=0.15),
    _unseen("grains, stage jumps", 32, GOOD, _BLOBS, optics=_GRAINS, jump_every=5),
    _unseen(
        "filaments, bleaching",
        26,
        USUAL,
        _FILAMENTS,
        outline="filament",
        optics=_STAIN,
        vortex=0.1,
        vignette=0.6,
        bleaching=0.6,
        contact=1.3,
    ),
    _unseen(
        "nets, dashes and jumps",
        32,
        POOR,
        _BLOBS,
        optics=_NET,
        dashes=0.04,
        jump_every=7,
        vignette=0.5,
    ),
    _seen("rods, colony", "rods", (256, 256), 20, 12, USUAL),
    _seen("rods, drifting", "drifting-rods", (256, 256), 24, 10, GOOD),
    _seen("channels", "channels", (224, 256), 16, 32, USUAL),
    _seen("yeast", "yeast", (256, 256), 24, 12, USUAL),
    _seen("epithelium", "epithelium", (224, 224), 16, 46, USUAL),
    _seen("crawlers, poor masks", "crawlers", (384, 384), 24, 13, POOR),
    _seen("spores", "spores", (224, 224), 24, 40, USUAL, motion=0.6),
    _seen("cobbles", "cobbles", (224, 224), 16, 35, USUAL),
    _clumps("clumps of round cells", 16, USUAL),
)


def simulated(folder: Path, only: Collection[str] = (), seeds: int = 1) -> list[Movie]:
    """Return the movies of conditions, simulated where they are not there.

    Args:
        folder: Where they are kept.
        only: Names of conditions; all if empty.
        seeds: Movies a condition.

    Raises:
        SystemExit: A movie there is of another definition of its condition.
    """
    movies = []
    for number, condition in enumerate(CONDITIONS):
        for seed in range(FIRST_SEED + number, FIRST_SEED + number + 100 * seeds, 100):
            if not only or condition.name in only:
                movies.append(_made(folder, condition, seed))
    return movies


def _made(folder: Path, condition: Condition, seed: int) -> Movie:
    dataset = f"{condition.name.replace(',', '').replace(' ', '-')}-{seed}"
    definition, note = repr((condition, seed)), folder / f"{dataset}.txt"
    if not (folder / dataset).exists():
        write = write_unseen if isinstance(condition.law, UnseenLaw) else write_dataset
        write(folder, dataset, condition.law, condition.errors, seed)
        note.write_text(definition)
    if not note.exists() or note.read_text() != definition:
        raise SystemExit(f"{folder / dataset}: is of another definition. Remove it.")
    return Movie(condition.name, folder / dataset, SEQUENCE)


def add_choice(parser: ArgumentParser) -> None:
    """Add the options that choose movies, for `chosen`."""
    parser.add_argument("out", type=Path, help="Holds movies and results.")
    parser.add_argument("--data", type=Path, help="Real sequences, instead of simulated ones.")
    parser.add_argument("--only", action="append", default=[], metavar="CONDITION")
    parser.add_argument("--seeds", type=int, default=1, help="Movies a condition.")


def chosen(arguments: Namespace) -> list[Movie]:
    """Return the movies that were chosen.

    Raises:
        SystemExit: There are none.
    """
    if arguments.data:
        movies = real(arguments.data, arguments.only)
    else:
        movies = simulated(arguments.out / "movies", arguments.only, arguments.seeds)
    if not movies:
        raise SystemExit("There is nothing of these names.")
    return movies


def real(data: Path, only: Collection[str] = ()) -> list[Movie]:
    """Return the sequences below a folder that have masks and truth; `only` names datasets."""
    found = [(d, s) for d, s in find(data) if not only or d in only]
    return [Movie(f"{dataset} {name}", data / dataset, name) for dataset, name in found]
