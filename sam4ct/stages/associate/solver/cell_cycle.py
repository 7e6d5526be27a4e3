"""Cycles: no cell divides sooner after its birth than the shortest cell cycle takes.

That rule speaks of a birth, of the links that follow, and of a division; a program's rules
speak of ways that one choice takes at most. So where an answer breaks the rule, every link
between the birth and the division gets a twin: the same link, of a cell that does not divide
before it is ripe. Whoever is born before such a link takes the twin; whoever comes by a twin
goes on by twins, and does not divide. Whoever comes another way is as free as before.
What choices save, and which are taken, is the business of `solve` and `prices`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.sparse import coo_array, csr_array, hstack, vstack

from sam4ct.stages.associate.features import Divisions, Ends
from sam4ct.stages.associate.solver.set_packing import Program
from sam4ct.tables import Flags, Ints

Young = tuple[int, int]
"""A link or a region, and the first frame after which a young cell there may divide."""


class Cycles:
    """A program, and what its first answers show to be missing in it."""

    def __init__(
        self,
        plain: Program,
        links: Ends,
        splits: Divisions,
        t: Ints,
        min_cycle: int,
        born: Mapping[int, int],
    ) -> None:
        """Begin with a program that does not know the rule.

        Args:
            plain: Its first choices are the links, the next the divisions.
            links: Lead to later frames.
            splits: Divisions.
            t: Frame of every region.
            min_cycle: Frames from a cell's birth to its own division, at least.
            born: Frame of birth by region, of cells whose past is settled.
        """
        self._plain, self._u, self._v, self._splits = plain, links.u, links.v, splits
        self._t, self._min_cycle, self._born = t, min_cycle, born
        self._twins: dict[Young, int] = {}
        """The choice that each link's twin is, in the order in which they were needed."""
        self._ways: dict[Young, int] = {}
        """The way of young cells in each region, likewise."""

    def chosen(self, taken: Flags) -> tuple[Ints, Ints]:
        """Return the links and the divisions among the choices that are taken, in order."""
        n, k = len(self._u), len(self._splits.u)
        links = taken[:n].copy()
        links[self._originals()[taken[len(self._plain.saving) :]]] = True
        return np.flatnonzero(links), np.flatnonzero(taken[n : n + k])

    def broken(self, taken: Flags) -> bool:
        """Say whether these choices break the rule, and see to it that they do not again.

        They may be taken in part, too; then they may do so again.
        """
        if self._min_cycle <= 1:
            return False
        known = len(self._twins), len(self._ways)
        links, splits = self.chosen(taken)
        daughters = np.unique(np.concatenate([self._splits.v[splits], self._splits.w[splits]]))
        born = dict(zip(daughters.tolist(), self._t[daughters].tolist(), strict=True))
        onward = _Onward(self._u, self._v, self._t, links)
        mothers = set(self._splits.u[splits].tolist())
        for region, birth in [*self._born.items(), *born.items()]:
            ripe = birth + self._min_cycle - 1
            between, at = onward.to_some_of(mothers, region, ripe)
            for link in between:
                self._twins.setdefault((link, ripe), len(self._plain.saving) + len(self._twins))
            for place in at:
                self._ways.setdefault((place, ripe), self._plain.ways.shape[1] + len(self._ways))
        return known != (len(self._twins), len(self._ways))

    def program(self) -> Program:
        """Return the program with twins as its last choices, and young cells' ways as its last."""
        originals = self._originals()
        saving = np.concatenate([self._plain.saving, self._plain.saving[originals]])
        ways = vstack([self._plain.ways, self._plain.ways[originals]])
        wider = Program(saving, hstack([ways, self._ways_of_the_young(len(saving))]).tocsr())
        # Who is born before the first frame takes these ways already.
        full = np.zeros(wider.ways.shape[1], bool)
        born = ((region, t + self._min_cycle - 1) for region, t in self._born.items())
        full[[self._ways[place] for place in born if place in self._ways]] = True
        saving[wider.taking(full)] = 0.0
        return wider

    def _originals(self) -> Ints:
        """Return the link of every twin."""
        return np.array([link for link, _ in self._twins], dtype=np.int64)

    def _ways_of_the_young(self, choices: int) -> csr_array:
        """Return which choices take them: ones, (choices, ways of young cells)."""
        n, k, plain = len(self._u), len(self._splits.u), self._plain.ways.shape[1]
        links = np.array(list(self._versions()), dtype=np.int64).reshape(-1, 2)
        # All divisions: those into the region make young cells, those of it are of old ones.
        split = n + np.tile(np.arange(k), 3)
        at = np.concatenate([self._splits.u, self._splits.v, self._splits.w])
        regions = np.array([region for region, _ in self._ways], dtype=np.int64)
        by_region = coo_array((np.ones(3 * k), (split, at)), (choices, len(self._t))).tocsc()
        shape = choices, len(self._ways)
        ones = np.ones(len(links))
        return by_region[:, regions] + coo_array((ones, (links[:, 0], links[:, 1] - plain)), shape)

    def _versions(self) -> Iterator[tuple[int, int]]:
        """Yield the ways that twins, and the links that have some, take: (choice, way)."""
        versions = {link: [(link, 0)] for link, _ in self._twins}
        for (link, ripe), twin in self._twins.items():
            versions[link].append((twin, ripe))
        for link, ripe in self._twins:
            young_out = self._ways[int(self._u[link]), ripe]
            young_in = self._ways[int(self._v[link]), ripe]
            for choice, other in versions[link]:
                yield choice, young_in if other >= ripe else young_out


class _Onward:
    """Where some links lead, one after the other."""

    def __init__(self, u: Ints, v: Ints, t: Ints, links: Ints) -> None:
        self._u, self._v, self._t = u, v, t
        self._links = links[np.argsort(u[links], kind="stable")]
        self._begins = np.searchsorted(u[self._links], np.arange(len(t) + 1))

    def to_some_of(self, ends: set[int], first: int, until: int) -> tuple[list[int], set[int]]:
        """Return the links on all paths from a region to some others, and all regions on them.

        Only as far as there are such others before the frame `until`.
        """
        reached, links = [first] if self._t[first] < until else [], []
        for region in reached:
            for link in self._links[self._begins[region] : self._begins[region + 1]].tolist():
                target = int(self._v[link])
                if self._t[target] < until:
                    links.append(link)
                    if target not in reached:
                        reached.append(target)
        on_paths = ends.intersection(reached)
        between = []
        for link in sorted(links, key=lambda link: -int(self._t[self._u[link]])):
            if int(self._v[link]) in on_paths:
                on_paths.add(int(self._u[link]))
                between.append(link)
        return between, on_paths
