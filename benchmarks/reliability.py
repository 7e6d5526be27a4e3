"""Tell whether links that are said to be so sure are right so often.

    python benchmarks/reliability.py OUT [--data FOLDER] [--only CONDITION] [--linker NAME]

OUT holds what suite.py left there: the links.parquet of the linker's runs are read, nothing
is linked. A link is right if a true cell that the earlier mask covers by more than half is
that of the later one or its mother; one of a division, if it is its mother. Masks that were
joined as fragments of one cell count as one.

Prints by tenths of confidence how many links there are, how sure they are said to be and how
many are right, and the mean distance of the two: of the links, and of the tenths that hold
links. The first is 0 for links that are as sure as said, and so is the second.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conditions import Movie, add_choice, chosen
from fit_cases import matched_cells

from sam4ct.io.ctc import find_sequences, read_tracks, work_dir_of
from sam4ct.io.work import WorkDir, read_table
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.plan import make_plan
from sam4ct.pipelines.link.propagate import detect, propagate
from sam4ct.pipelines.link.repair import repair
from sam4ct.tables import Flags, Floats, Ints, Links, row_numbers

BINS = 10


@dataclass(frozen=True)
class Judged:
    """Links: how sure they are said to be, and whether they are right."""

    confidence: Floats
    right: Flags

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            np.concatenate([self.confidence, other.confidence]),
            np.concatenate([self.right, other.right]),
        )


@dataclass(frozen=True)
class Bin:
    """The links of a tenth of confidence."""

    count: int
    said: float
    """Their mean confidence; nan without links."""
    right: float
    """The share that is right; nan without links."""


def judged(movie: Movie, result: Path, linker: str) -> Judged:
    """Return the links of a run beside the truth.

    Raises:
        SequenceError: The movie is not as it was.
        WorkError: The run has left no links.
    """
    (sequence,) = find_sequences(movie.dataset, [movie.sequence], out=result)
    links = read_table(WorkDir(work_dir_of(result)).links, Links)
    evidence = "overlap" if linker.endswith("overlap") else "sam2"
    plan = make_plan(sequence, Options(profile="auto", evidence=evidence))
    with WorkDir.open(sequence.work_dir, plan.key()) as work:
        run = Session(plan, work)
        detections, reader = repair(run, propagate(run, detect(run))).painted
    cells = matched_cells(reader, detections, movie.truth)
    tracks = read_tracks(movie.truth / "TRA" / "man_track.txt")
    parents = {track.label: track.parent for track in tracks}
    u = row_numbers(detections, links.t, links.label)
    v = row_numbers(detections, links.t2, links.label2)
    return Judged(links.confidence, right(cells, parents, u, v, links.division))


def right(
    cells: Sequence[set[int]], parents: dict[int, int], u: Ints, v: Ints, division: Flags
) -> Flags:
    """Whether links u -> v, of divisions or not, are right.

    Args:
        cells: True tracks of each region.
        parents: Of each true track.
        u: Rows of the earlier regions.
        v: Of the later ones.
        division: Whether the links are said to be of divisions.
    """

    def holds(a: int, b: int, born: bool) -> bool:
        mothers = {parents[cell] for cell in cells[b]}
        return bool(cells[a] & (mothers if born else mothers | cells[b]))

    rows = zip(u.tolist(), v.tolist(), division.tolist(), strict=True)
    return np.array([holds(*row) for row in rows], dtype=bool)


def binned(links: Judged) -> list[Bin]:
    """Return the tenths of confidence, from the lowest."""
    number = np.minimum((links.confidence * BINS).astype(int), BINS - 1)
    bins = []
    for i in range(BINS):
        rows = number == i
        said, share = np.nan, np.nan
        if rows.any():
            said, share = links.confidence[rows].mean(), links.right[rows].mean()
        bins.append(Bin(int(rows.sum()), float(said), float(share)))
    return bins


def gaps(bins: Sequence[Bin]) -> tuple[float, float]:
    """Mean distance of said and right: of all links, and of the bins that hold any."""
    held = [b for b in bins if b.count]
    apart = [abs(b.said - b.right) for b in held]
    if not held:
        return float("nan"), float("nan")
    return float(np.average(apart, weights=[b.count for b in held])), float(np.mean(apart))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_choice(parser)
    parser.add_argument("--linker", default="sam4ct", choices=["sam4ct", "sam4ct overlap"])
    arguments = parser.parse_args()
    by_label: dict[str, Judged] = {}
    for movie in chosen(arguments):
        links = judged(movie, movie.result(arguments.out, arguments.linker), arguments.linker)
        before = by_label.get(movie.label)
        by_label[movie.label] = links if before is None else before + links
    print(f"{'':<24}{'links':>8}{'said':>8}{'right':>8}{'gap':>8}{'of bins':>9}")
    for label, links in by_label.items():
        of_links, of_bins = gaps(binned(links))
        said, share = links.confidence.mean(), links.right.mean()
        row = f"{said:>8.4f}{share:>8.4f}{of_links:>8.4f}{of_bins:>9.4f}"
        print(f"{label:<24}{len(links.right):>8}{row}")
    first, *rest = by_label.values()
    bins = binned(sum(rest, first))
    for i, one in enumerate(bins):
        name = f"{i / BINS:.1f} to {(i + 1) / BINS:.1f}"
        print(f"{name:<24}{one.count:>8}{one.said:>8.4f}{one.right:>8.4f}")
    print("mean gap: {:.4f} of links, {:.4f} of bins".format(*gaps(bins)))


if __name__ == "__main__":
    main()
