"""What is other in a lineage after some answers: links, and the tracks that they are in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sam4ct.tables import Links


def changes(before: Links, after: Links) -> tuple[int, int]:
    """Return how many links are other, and how many tracks of the lineage before they touch.

    A link counts once where it is gone or new; one that became a division counts as another.
    A track is a cell from one division, beginning or end to the next; regions that were in no track
    count as one each if a link touches them now.
    """
    rows = np.concatenate([_rows(before), _rows(after)])
    if not len(rows):
        return 0, 0
    links, place, count = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    changed = links[count == 1]
    regions = np.unique(np.concatenate([links[:, :2], links[:, 2:4]]), axis=0)
    ends = [_numbers(regions, links[:, columns]) for columns in (slice(0, 2), slice(2, 4))]
    old = np.zeros(len(links), bool)
    old[place[: len(before)]] = True
    joined = old & (links[:, 4] == 0)
    graph = coo_array(
        (np.ones(joined.sum()), (ends[0][joined], ends[1][joined])), (len(regions),) * 2
    )
    track = connected_components(graph, directed=False)[1]
    touched = np.concatenate([track[end[count == 1]] for end in ends])
    return len(changed), len(np.unique(touched))


def _rows(links: Links) -> NDArray[np.int64]:
    columns = (links.t, links.label, links.t2, links.label2, links.division)
    return np.stack([np.asarray(column, np.int64) for column in columns], axis=1)


def _numbers(regions: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of each wanted region, (t, label), in the sorted table of all."""
    most = int(regions[:, 1].max()) + 1
    key = regions[:, 0] * most + regions[:, 1]
    return np.searchsorted(key, wanted[:, 0] * most + wanted[:, 1])
