"""The tracks of a result as one graph: a node is a cell in a frame, an edge leads to the next one.

`build_graph` reads every mask frame once and holds one at a time; the writers of all formats
take what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import ResultError
from sam4ct.io.export.confidences import link_of_edges
from sam4ct.io.files import in_one_message
from sam4ct.lineage import Track, frame_problems, table_problems
from sam4ct.profile import Spacing
from sam4ct.tables import Flags, Floats, Ints, Links, Table

FrameOf = Callable[[int], NDArray[np.integer]]
"""Returns the labels of a frame, ([z,] y, x)."""


@dataclass(frozen=True)
class Nodes(Table):
    """One row a cell in a frame, ordered by frame and label."""

    t: Ints
    label: Ints
    """Of the track: what the mask holds."""
    size: Ints
    """Pixels or voxels."""
    z: Floats
    y: Floats
    x: Floats
    """Centroid, pixels."""
    tracklet: Ints
    """Label of the first track of a path without a branch; a division begins new paths."""
    lineage: Ints
    """Label of the first ancestor."""


@dataclass(frozen=True)
class Edges(Table):
    """One row a step of a cell to the next frame in which it, or a daughter, is; by target."""

    source: Ints
    """Row of the nodes."""
    target: Ints
    """Row of the nodes; there is one edge into a node at most."""
    division: Flags
    confidence: Floats
    """Probability that the link is right; nan where it is unknown."""
    answered: Flags
    """A person said that it is right."""


@dataclass(frozen=True)
class TrackGraph:
    """A result, ready to be written in any format."""

    name: str
    """Of the result folder."""
    shape: tuple[int, ...]
    """Of every frame, ([z,] y, x)."""
    frames: int
    tracks: tuple[Track, ...]
    """By label."""
    nodes: Nodes
    edges: Edges
    labels: FrameOf
    """The masks of a frame."""
    given: Ints | None = None
    """Label of the given mask that each node has most pixels of, 0 without; None: unknown."""
    generated: Flags | None = None
    """Whether each node was made by the program; None: unknown."""
    spacing_um: Spacing | None = None
    """Size of a voxel (z, y, x); None: unknown."""
    interval_s: float | None = None
    """Seconds between frames; None: unknown."""

    @property
    def axes(self) -> tuple[str, ...]:
        """Axes of a frame."""
        return ("z", "y", "x")[-len(self.shape) :]

    @property
    def scale(self) -> tuple[float, ...]:
        """Micrometres a pixel along each axis of a frame; 1 where that is unknown."""
        return (self.spacing_um or (1.0, 1.0, 1.0))[-len(self.shape) :]

    @property
    def ids(self) -> Ints:
        """A number for each node; 0 is nobody, as some readers want it."""
        return np.arange(1, len(self.nodes) + 1)

    @property
    def sizes(self) -> Floats:
        """Area or volume of each node, in micrometres if the spacing is known, else in pixels."""
        return np.asarray(self.nodes.size * float(np.prod(self.scale)))


def build_graph(
    name: str,
    tracks: Iterable[Track],
    frames: int,
    labels: FrameOf,
    *,
    given: FrameOf | None = None,
    links: Links | None = None,
    generated: Iterable[tuple[int, int]] | None = None,
) -> TrackGraph:
    """Return the graph of a result.

    Args:
        name: Of the result folder; named in errors.
        tracks: Its track table.
        frames: How many there are.
        labels: Its masks.
        given: The masks that were linked.
        links: Accepted links with their confidence, between labels of `given`; without it,
            between labels of the result.
        generated: (t, track label) of what the program added.

    Raises:
        ResultError: The tracks contradict themselves or the masks.
    """
    ordered = sorted(tracks)
    _refuse(name, table_problems(ordered))
    parts, shares, shape = [], [], tuple[int, ...]()
    for t in range(frames):
        frame = labels(t)
        shape = frame.shape
        parts.append(_regions(t, frame))
        _refuse_other_labels(name, t, parts[-1].label, ordered)
        if given is not None:
            shares.append(_shares(frame, given(t)))
    nodes = _with_families(Nodes.concat(parts), ordered)
    edges = _edges(nodes, ordered)
    graph = TrackGraph(name, shape, frames, tuple(ordered), nodes, edges, labels)
    named = nodes.t, nodes.label, np.arange(len(nodes))
    if given is not None:
        source, named = _matched(nodes, shares)
        graph = replace(graph, given=source, generated=source == 0)
    if generated is not None:
        keys = np.array(sorted(generated), np.int64).reshape(-1, 2)
        here = _keys(nodes.t, nodes.label)
        graph = replace(graph, generated=np.isin(here, _keys(*keys.T)))
    if links is not None and len(links):
        row = link_of_edges(nodes.t, edges.source, edges.target, links, named)
        known = np.where(row < 0, np.nan, links.confidence[row])
        said = (row >= 0) & links.answered[row]
        graph = replace(graph, edges=replace(edges, confidence=known, answered=said))
    return graph


def _keys(t: Ints, label: Ints) -> Ints:
    return np.asarray(t << 32 | label)


def _refuse(name: str, problems: Sequence[str]) -> None:
    if problems:
        raise ResultError(
            f"{name}: breaks the rules of the challenge: {in_one_message(problems)} Correct the"
            " result first; `sam4ct validate` lists all problems."
        )


def _refuse_other_labels(name: str, t: int, found: Ints, tracks: Sequence[Track]) -> None:
    """Refuse a frame whose labels are not those of the tracks that are alive."""
    rows = np.array([track.row() for track in tracks], np.int64).reshape(-1, 4)
    alive = rows[(rows[:, 1] <= t) & (t <= rows[:, 2]), 0]
    if not np.array_equal(found, alive):
        by_label = {track.label: track for track in tracks}
        _refuse(name, frame_problems(t, found.tolist(), by_label))


def _regions(t: int, frame: NDArray[np.integer]) -> Nodes:
    """Return the cells of a frame; tracklets and lineages are yet to be filled in."""
    planes = frame.reshape(-1, *frame.shape[-2:])
    n = int(frame.max(initial=0)) + 1
    # Plane by plane, for coordinates need several times the memory of labels.
    sums = np.zeros((4, n))
    for z, plane in enumerate(planes):
        y, x = np.nonzero(plane)
        held = plane[y, x].astype(np.int64)
        count = np.bincount(held, minlength=n)
        sums += (count, z * count, *(np.bincount(held, weights=at, minlength=n) for at in (y, x)))
    label = np.flatnonzero(sums[0])
    size, *places = sums[:, label]
    unknown = np.zeros(len(label), np.int64)
    size_ = size.astype(np.int64)
    z_, y_, x_ = (at / size for at in places)
    return Nodes(np.full(len(label), t), label, size_, z_, y_, x_, unknown, unknown)


def _with_families(nodes: Nodes, tracks: Sequence[Track]) -> Nodes:
    """Fill in tracklets and lineages: an only child goes on with its parent's tracklet."""
    top = max((track.label for track in tracks), default=0) + 1
    children = np.bincount([track.parent for track in tracks], minlength=top)
    tracklet, lineage = np.arange(top), np.arange(top)
    # A parent ends before its children begin, so it comes first.
    for track in sorted(tracks, key=lambda track: track.begin):
        if track.parent:
            lineage[track.label] = lineage[track.parent]
            if children[track.parent] == 1:
                tracklet[track.label] = tracklet[track.parent]
    return replace(nodes, tracklet=tracklet[nodes.label], lineage=lineage[nodes.label])


def _edges(nodes: Nodes, tracks: Sequence[Track]) -> Edges:
    """Return the steps within tracks, and from a parent's last node to a child's first."""
    order = np.lexsort((nodes.t, nodes.label))
    same = nodes.label[order][1:] == nodes.label[order][:-1]
    rows = np.array([track.row() for track in tracks if track.parent], np.int64).reshape(-1, 4)
    end = np.zeros(max((track.label for track in tracks), default=0) + 1, np.int64)
    end[[track.label for track in tracks]] = [track.end for track in tracks]
    keys = _keys(nodes.t, nodes.label)
    child, begin, _, parent = rows.T
    source = np.r_[order[:-1][same], np.searchsorted(keys, _keys(end[parent], parent))]
    target = np.r_[order[1:][same], np.searchsorted(keys, _keys(begin, child))]
    by_target = np.argsort(target)
    source, target = source[by_target], target[by_target]
    division = np.bincount(source, minlength=len(nodes))[source] > 1
    unknown = np.full(len(source), np.nan)
    return Edges(source, target, division, unknown, np.zeros(len(source), bool))


def _shares(frame: NDArray[np.integer], given: NDArray[np.integer]) -> Ints:
    """Return rows (label, given label, common pixels) of a frame."""
    cells = frame.reshape(-1, frame.shape[-1])
    masks = given.reshape(cells.shape)
    both = (cells != 0) & (masks != 0)
    pairs, count = np.unique(_keys(cells[both].astype(np.int64), masks[both]), return_counts=True)
    return np.stack([pairs >> 32, pairs & 0xFFFFFFFF, count], axis=1)


def _matched(nodes: Nodes, shares: Sequence[Ints]) -> tuple[Ints, tuple[Ints, Ints, Ints]]:
    """Return the given label of each node, and (t, given label, row) of each given mask."""
    t = np.repeat(np.arange(len(shares)), [len(rows) for rows in shares])
    label, given, count = np.concatenate([np.zeros((0, 3), np.int64), *shares]).T
    row = np.searchsorted(_keys(nodes.t, nodes.label), _keys(t, label))
    source = np.zeros(len(nodes), np.int64)
    # The largest share is written last; of equal ones, that of the lower label.
    order = np.lexsort((-given, count))
    source[row[order]] = given[order]
    order = np.lexsort((-label, count, given, t))
    last = np.r_[np.diff(_keys(t, given)[order]) != 0, np.ones(min(1, len(order)), bool)]
    of = order[last]
    return source, (t[of], given[of], row[of])
