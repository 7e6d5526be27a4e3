"""Wrong edges of a result, one by one, as py-ctcmetrics counts them for LNK.

A node is a region of a frame, an edge joins it to the same cell's in the next frame, or a
mother to a daughter. Edges of the result count where both of their regions match one true
cell each; such an edge that is not in the truth is wrong, one in both that is a division (or
another track's beginning) in one only has wrong semantics, and a true edge without any is
missing. Why is left to `error_causes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sam4ct.lineage import Track
from sam4ct.metrics.files import find_result, find_truth, read_truth
from sam4ct.metrics.matching import Match, match

Node = tuple[int, int]
"""Frame and label."""
WEIGHTS = {"missing": 1.5, "wrong": 1.0, "semantics": 1.0}
"""What a wrong edge costs, by kind."""


@dataclass(frozen=True)
class Graph:
    """The edges of tracks; True for those from a parent to its child."""

    edges: Mapping[tuple[Node, Node], bool]
    children: Mapping[Node, Sequence[Node]]
    parent: Mapping[Node, Node]

    @classmethod
    def of(cls, tracks: Iterable[Track]) -> Graph:
        known = {track.label: track for track in tracks}
        edges: dict[tuple[Node, Node], bool] = {}
        for track in known.values():
            for t in range(track.begin, track.end):
                edges[(t, track.label), (t + 1, track.label)] = False
            if track.parent:
                mother = known[track.parent]
                edges[(mother.end, mother.label), (track.begin, track.label)] = True
        children: dict[Node, list[Node]] = {}
        for one, other in edges:
            children.setdefault(one, []).append(other)
        return cls(edges, children, {other: one for one, other in edges})

    def divides(self, node: Node) -> bool:
        return len(self.children.get(node, ())) > 1


@dataclass(frozen=True)
class EdgeError:
    """A wrong edge, between true cells."""

    kind: str
    """One of `WEIGHTS`."""
    one: Node
    other: Node


@dataclass(frozen=True)
class Compared:
    """A result beside the truth."""

    truth: Graph
    result: Graph
    found: Mapping[Node, Node]
    """The region of the result that matches a true cell."""
    shared: frozenset[Node]
    """True cells whose region matches another one, too."""
    nowhere: frozenset[Node]
    """The regions of the result that match no true cell and lie mostly in none."""
    errors: Sequence[EdgeError]

    def lnk(self) -> float:
        """LNK by these errors."""
        cost = sum(WEIGHTS[error.kind] for error in self.errors)
        whole = WEIGHTS["missing"] * len(self.truth.edges)
        return 1.0 - min(cost, whole) / whole


def compare(result_dir: Path, gt_dir: Path) -> Compared:
    """Find the wrong edges of a result.

    Args:
        result_dir: Holds `maskNNN.tif` and `res_track.txt`.
        gt_dir: Holds `TRA`.

    Raises:
        ResultError: The result is incomplete.
        SequenceError: The ground truth is of no use.
    """
    result, truth = find_result(result_dir), find_truth(gt_dir)
    matches: list[Match] = []
    nowhere: set[Node] = set()
    for t, path in enumerate(truth.files):
        frames = read_truth(path), result.read(t)
        matches.append(match(*frames))
        inside = match(*frames[::-1])
        of_cells = {*matches[t].matched, *inside.matched_true}
        nowhere |= {(t, label) for label in matches[t].labels if label not in of_cells}
    graphs = Graph.of(truth.tracks), Graph.of(result.tracks)
    found, cells = _matched(matches)
    shared = frozenset(cell for cell, region in found.items() if region not in cells)
    return Compared(*graphs, found, shared, frozenset(nowhere), _errors(*graphs, cells))


def _matched(matches: Sequence[Match]) -> tuple[dict[Node, Node], dict[Node, Node]]:
    """The region of each true cell, and the cell of each region that matches one only."""
    found: dict[Node, Node] = {}
    cells: dict[Node, Node] = {}
    for t, both in enumerate(matches):
        times = Counter(both.matched)
        for cell, label in zip(both.matched_true, both.matched, strict=True):
            found[t, cell] = t, label
            if times[label] == 1:
                cells[t, label] = t, cell
    return found, cells


def _errors(truth: Graph, result: Graph, cells: Mapping[Node, Node]) -> list[EdgeError]:
    made = {
        (cells[one], cells[other]): semantics
        for (one, other), semantics in result.edges.items()
        if one in cells and other in cells
    }
    errors = [EdgeError("missing", *edge) for edge in truth.edges if edge not in made]
    for edge, semantics in made.items():
        if edge not in truth.edges:
            errors.append(EdgeError("wrong", *edge))
        elif semantics != truth.edges[edge]:
            errors.append(EdgeError("semantics", *edge))
    return errors
