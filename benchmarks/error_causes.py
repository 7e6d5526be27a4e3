"""Tell why edges of results are wrong, and what each cause costs.

    python benchmarks/error_causes.py OUT [--data FOLDER] [--only CONDITION] [--linker NAME]

OUT holds what suite.py left there: the results of the linker are read, nothing is linked.
A wrong edge (edge_errors.py) is missing, wrong, or of wrong semantics, which costs 1.5, 1
and 1; the costs over 1.5 times the number of true edges are the gap of LNK to 1. Each has
one cause, the first of these that holds for what it concerns: both ends, and of a wrong edge
also where the earlier cell truly went and where the later one came from.

    missed mask        no given mask covers more than half of one of these cells, as it is missed
                       or far too small, and fewer than two lie mostly in it
    merged masks       the mask of one of these cells covers more than half of another, too
    split masks        two or more masks lie mostly in one of these cells
    joined wrongly     the region of one of these cells in the result covers more than half of
                       another, too: the linker joined their masks
    spurious mask      the result goes on from the earlier cell, or came to the later one, by
                       a region that is of no cell
    division missed    in truth, one of these cells divides or is born by a division, and the
                       result does not say so
    division invented  the result has the earlier cell divide, or the later one born by a
                       division, which in truth it does not
    fast motion        the masks of one of these cells, of this frame and of the other, share
                       less than a third of the smaller one
    border             one of these cells touches the edge of the frame, in y or x
    other              all else

Ends on an error unless the costs add up to LNK as evaluated.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from conditions import add_choice, chosen
from edge_errors import WEIGHTS, Compared, EdgeError, Node, compare

from sam4ct.io.ctc import MASK
from sam4ct.io.files import frame_files
from sam4ct.io.tiff import read_frame
from sam4ct.metrics import evaluate
from sam4ct.metrics.files import find_truth, read_truth
from sam4ct.metrics.matching import match
from sam4ct.regions import LabelFrame

CAUSES = (
    *("missed mask", "merged masks", "split masks", "joined wrongly", "spurious mask"),
    *("division missed", "division invented", "fast motion", "border", "other"),
)
STAYS = 1.0 / 3.0
"""Share of the smaller mask that stays where it was, unless the cell is fast."""
Table = Counter[tuple[str, str]]
"""Number of wrong edges by cause and kind."""


class GivenMasks:
    """How the masks that were to be linked cover the true cells."""

    def __init__(self, masks: Sequence[LabelFrame], truth: Sequence[LabelFrame]) -> None:
        self._masks = masks
        self._own: dict[Node, int] = {}
        self._shared: set[Node] = set()
        self._pieces: Counter[Node] = Counter()
        self._edge: set[Node] = set()
        for t, (mask, cells) in enumerate(zip(masks, truth, strict=True)):
            both, inside = match(cells, mask), match(mask, cells)
            times = Counter(both.matched)
            for cell, label in zip(both.matched_true, both.matched, strict=True):
                self._own[t, cell] = label
                if times[label] > 1:
                    self._shared.add((t, cell))
            self._pieces.update((t, cell) for cell in inside.matched)
            rims = (cells[..., 0, :], cells[..., -1, :], cells[..., 0], cells[..., -1])
            self._edge |= {(t, cell) for rim in rims for cell in np.unique(rim).tolist()}

    def missed(self, cell: Node) -> bool:
        return cell not in self._own and not self.split(cell)

    def merged(self, cell: Node) -> bool:
        return cell in self._shared

    def split(self, cell: Node) -> bool:
        return self._pieces[cell] > 1

    def at_border(self, cell: Node) -> bool:
        return cell in self._edge

    def moves_fast(self, one: Node, other: Node) -> bool:
        if one not in self._own or other not in self._own:
            return False
        a, b = (self._masks[node[0]] == self._own[node] for node in (one, other))
        return bool((a & b).sum() < STAYS * min(a.sum(), b.sum()))


def cause_of(error: EdgeError, compared: Compared, given: GivenMasks) -> str:
    """Return the cause of a wrong edge, one of `CAUSES`."""
    truth, one, other = compared.truth, error.one, error.other
    edges = [(one, other)]
    if error.kind == "wrong":
        edges = [(one, after) for after in truth.children.get(one, ())]
        edges += [(truth.parent[other], other)] if other in truth.parent else []
    cells = {one, other, *(cell for edge in edges for cell in edge)}
    divided = any(truth.divides(a) for a, _ in edges)
    holds = {
        "missed mask": any(map(given.missed, cells)),
        "merged masks": any(map(given.merged, cells)),
        "split masks": any(map(given.split, cells)),
        "joined wrongly": bool(compared.shared & cells),
        "spurious mask": _by_way_of_nothing(error, compared),
        "division missed": divided,
        "division invented": _divides_in_result(error, compared),
        "fast motion": any(given.moves_fast(*edge) for edge in edges),
        "border": any(map(given.at_border, cells)),
        "other": True,
    }
    return next(cause for cause in CAUSES if holds[cause])


def _by_way_of_nothing(error: EdgeError, compared: Compared) -> bool:
    result, found = compared.result, compared.found
    after = result.children.get(found.get(error.one, (-1, 0)), ())
    before = result.parent.get(found.get(error.other, (-1, 0)))
    return bool(compared.nowhere & {*after, before})


def _divides_in_result(error: EdgeError, compared: Compared) -> bool:
    result, found = compared.result, compared.found
    mother = found.get(error.one)
    parent = result.parent.get(found.get(error.other, (-1, 0)))
    return any(node is not None and result.divides(node) for node in (mother, parent))


def causes(result: Path, masks: Path, truth: Path) -> tuple[Table, int]:
    """Return the wrong edges of a result by cause and kind, and the number of true edges.

    Raises:
        SystemExit: They do not add up to LNK.
    """
    compared = compare(result, truth)
    lnk = evaluate(result, truth)["LNK"]
    if lnk is None or abs(compared.lnk() - lnk) > 1e-9:
        raise SystemExit(f"{result}: LNK is {lnk}, but the wrong edges say {compared.lnk()}")
    cells = [read_truth(path) for path in find_truth(truth).files]
    given = [read_frame(path) for path in frame_files(masks, MASK).files.values()]
    known = GivenMasks(given, cells)
    table = Counter((cause_of(error, compared, known), error.kind) for error in compared.errors)
    return table, len(compared.truth.edges)


def cost(table: Mapping[tuple[str, str], int], cause: str) -> float:
    """What a cause costs."""
    return sum(weight * table.get((cause, kind), 0) for kind, weight in WEIGHTS.items())


def overview(table: Table, edges: int) -> list[str]:
    """Lines of a table: causes down, kinds and costs across."""
    whole = WEIGHTS["missing"] * edges
    total = sum(cost(table, cause) for cause in CAUSES)
    head = f"{'cause':<20}" + "".join(f"{kind:>10}" for kind in (*WEIGHTS, "cost", "of LNK"))
    lines = [head]
    for cause in CAUSES:
        counts = "".join(f"{table.get((cause, kind), 0):>10}" for kind in WEIGHTS)
        points = cost(table, cause)
        lines.append(f"{cause:<20}{counts}{points:>10.1f}{points / whole:>10.4f}")
    counts = "".join(f"{sum(table.get((c, k), 0) for c in CAUSES):>10}" for k in WEIGHTS)
    return [*lines, f"{'all':<20}{counts}{total:>10.1f}{total / whole:>10.4f}"]


def by_condition(tables: Mapping[str, tuple[Table, int]]) -> Iterable[str]:
    """Lines of a table: conditions down, shares of LNK by cause across."""
    yield f"{'LNK lost':<24}" + "".join(f"  {cause}" for cause in CAUSES)
    for label, (table, edges) in tables.items():
        shares = {cause: cost(table, cause) / (WEIGHTS["missing"] * edges) for cause in CAUSES}
        yield f"{label:<24}" + "".join(f"{v:>{len(c) + 2}.4f}" for c, v in shares.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_choice(parser)
    parser.add_argument("--linker", default="sam4ct", help="As suite.py names them.")
    arguments = parser.parse_args()
    tables: dict[str, tuple[Table, int]] = {}
    for movie in chosen(arguments):
        result = movie.result(arguments.out, arguments.linker)
        table, edges = causes(result, movie.masks, movie.truth)
        before, count = tables.get(movie.label, (Counter(), 0))
        tables[movie.label] = before + table, count + edges
    print("\n".join(by_condition(tables)))
    total = sum((table for table, _ in tables.values()), Counter())
    print("\n".join(overview(total, sum(edges for _, edges in tables.values()))))


if __name__ == "__main__":
    main()
