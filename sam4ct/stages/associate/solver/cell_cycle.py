"""The shortest cell cycle: no cell divides sooner after its birth.

In: chosen links and divisions. Out: rows (3) of the chapter in `solver` for the paths from a
birth to a division that is too early. They are added lazily: most are never violated.

Only one division has a given region as daughter, and only one divides it. So a row holds all
divisions into the first region of the path, its links, and all divisions of its last region;
of these, one fewer than a whole path may be chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from sam4ct.stages.associate.features import Divisions, Ends
from sam4ct.tables import Flags, Ints


@dataclass(frozen=True)
class CellCycle:
    """The rule for one problem, whose first candidates are the links, the next the divisions."""

    links: Ends
    splits: Divisions
    t: Ints
    """Frame of every region."""
    min_frames: int
    """Frames from a cell's birth to its own division, at least."""
    born: Mapping[int, int]
    """Frame of birth by region, of cells that were born before the first frame."""
    forced: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """Candidates that outrank the rule: a path of these alone is no breach."""

    def cuts(self, chosen: Flags) -> tuple[list[Ints], list[int]]:
        """Return the candidates of each violated row, and how many of them may be chosen."""
        n, splits = len(self.links.u), self.splits
        paths, most = [], []
        for first, last, links, seen in self._too_early(chosen) if self.min_frames > 1 else ():
            into = np.flatnonzero((splits.v == first) | (splits.w == first)) if seen else links[:0]
            out = np.flatnonzero(splits.u == last)
            path, limit = np.concatenate([n + into, links, n + out]), len(links) + seen
            if np.isin(path, self.forced).sum() <= limit:
                paths.append(path)
                most.append(limit)
        return paths, most

    def _too_early(self, chosen: Flags) -> Iterator[tuple[int, int, Ints, bool]]:
        """Yield first region, last region, the links between, and whether the birth is in view."""
        n, k, v, t = len(self.links.u), len(self.splits.u), self.links.v, self.t
        onward, divides = np.full(len(t), -1), np.zeros(len(t), bool)
        links, splits = np.flatnonzero(chosen[:n]), np.flatnonzero(chosen[n : n + k])
        onward[self.links.u[links]] = links
        divides[self.splits.u[splits]] = True
        daughters = np.concatenate([self.splits.v[splits], self.splits.w[splits]]).tolist()
        births = [(region, birth, False) for region, birth in self.born.items()]
        births += [(region, int(t[region]), True) for region in daughters]
        for first, birth, seen in births:
            region, path = first, list[int]()
            while t[region] - birth + 1 < self.min_frames:
                if divides[region]:
                    yield first, region, np.array(path, np.int64), seen
                if onward[region] < 0:
                    break
                path.append(int(onward[region]))
                region = int(v[onward[region]])
