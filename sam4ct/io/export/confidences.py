"""Which link of the run each edge of a result is a part of: it has the confidence.

A link speaks of regions as they were when they were linked. Most are given masks, which are
found again in the result. The others (halves of a cut mask, generated regions) are found by
following the tracks from the known end of a link.
"""

from __future__ import annotations

import numpy as np

from sam4ct.tables import Ints, Links


def link_of_edges(
    times: Ints, source: Ints, target: Ints, links: Links, named: tuple[Ints, Ints, Ints]
) -> Ints:
    """Return the row of the link that each edge is a part of; -1 where there is none.

    Args:
        times: Frame of each node.
        source: Node that each edge leaves.
        target: Node that each edge enters; there is one edge into a node at most.
        links: Between regions (t, label). A link over frames that were filled is several edges.
        named: (t, label, node) of the regions that are known in the result.
    """
    n = len(times)
    edge_into = np.full(n, -1)
    edge_into[target] = np.arange(len(target))
    before = np.full(n, -1)
    before[target] = source
    # Where a cell goes on alone; a mother and the last node of a track have no such node.
    after = np.full(n, -1)
    after[source] = target
    after[np.bincount(source, minlength=n) != 1] = -1

    first, last = _ends(times, links, named, before, after)
    result = np.full(len(target), -1)
    rows = np.flatnonzero(last >= 0)
    steps, node = [], last[rows]
    moving = np.arange(len(rows))
    while len(moving := moving[(times[node[moving]] > links.t[rows[moving]])]):
        edge = edge_into[node[moving]]
        steps.append((moving[edge >= 0], edge[edge >= 0]))
        node[moving] = before[node[moving]]
        moving = moving[node[moving] >= 0]
    # A link that the result does not contain says nothing about its edges.
    true = (node >= 0) & ((first[rows] < 0) | (first[rows] == node))
    for link, edge in steps:
        result[edge[true[link]]] = rows[link[true[link]]]
    return result


def _ends(
    times: Ints, links: Links, named: tuple[Ints, Ints, Ints], before: Ints, after: Ints
) -> tuple[Ints, Ints]:
    """Return the nodes of both ends of each link; -1 where they cannot be found."""
    first, last = _found(named, links.t, links.label), _found(named, links.t2, links.label2)
    while True:
        rows = np.flatnonzero((last < 0) & (first >= 0) & ~links.division)
        onward = _walked(times, first[rows], links.t2[rows], after)
        back = np.flatnonzero((first < 0) & (last >= 0))
        origin = _walked(times, last[back], links.t[back], before)
        new = [
            (links.t2[rows], links.label2[rows], onward),
            (links.t[back], links.label[back], origin),
        ]
        t, label, node = (np.concatenate(parts) for parts in zip(*new, strict=True))
        known = node >= 0
        if not known.any():
            return first, last
        more = t[known], label[known], node[known]
        # Each name found here may be the known end of a neighbouring link.
        first = np.where(first < 0, _found(more, links.t, links.label), first)
        last = np.where(last < 0, _found(more, links.t2, links.label2), last)


def _walked(times: Ints, node: Ints, until: Ints, step: Ints) -> Ints:
    """Follow steps from each node to frame `until`; -1 where none is there."""
    node = node.copy()
    sign = np.sign(until - times[node])
    while len(far := np.flatnonzero((node >= 0) & ((until - times[node]) * sign > 0))):
        node[far] = step[node[far]]
    return np.where((node >= 0) & (times[node] == until), node, -1)


def _found(named: tuple[Ints, Ints, Ints], t: Ints, label: Ints) -> Ints:
    """Return the node of each (t, label); -1 where it has no name."""
    keys = named[0] << 32 | named[1]
    order = np.argsort(keys, kind="stable")
    wanted = t << 32 | label
    if not len(keys):
        return np.full(len(wanted), -1)
    at = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    return np.where(keys[at] == wanted, named[2][at], -1)
