"""SlidingWindow: the lineages of the cells to follow, decided a few frames behind what is seen.

Works on tables only. Every new frame is linked together with the last ones, all regions of
them, so that the neighbours of a cell that is followed claim what is theirs. What lies
further back is settled. Later frames may thus undo what earlier ones suggested, and
memory does not grow with the movie, but for the links that are settled.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np

from sam4ct.geometry import Margins
from sam4ct.stages.associate import Costs, Scene, accepted, build_problem
from sam4ct.stages.associate.solver import Problem, solved
from sam4ct.stages.follow.missed_seeds import TrackEnd
from sam4ct.stages.motion import LinkedMotion, gone_on
from sam4ct.tables import Evidence, Floats, Links, Sightings, row_numbers

MOST_CELLS = 0.85
"""Share of the regions of frame 0 that are to be followed, at least, where all cells are: the
others are seeds that are no cells."""
FROM_NOWHERE = 18.0
"""Cost of a cell that begins where all cells are followed: it can only be the daughter of one.
By simulated embryos: fine time steps (TRA .99 and more at any value) do not mind, coarse ones
gain (cases 15 and 16 of fit_track_cases.py: .869 to .911, .955 to .980)."""


@dataclass(frozen=True, kw_only=True)
class SlidingWindowRules:
    """How lineages are decided."""

    spacing_um: tuple[float, float, float]
    """Voxel size (z, y, x)."""
    border: Margins
    """Regions in it may come and go."""
    ahead: int
    """Frames that are seen before a link is settled."""
    divide: bool = True
    min_cycle_frames: int = 1
    """Frames from a cell's birth to its own division, at least."""


@dataclass(frozen=True)
class Followed:
    """The cells that are followed, in one frame."""

    t: int
    labels: frozenset[int]
    born: dict[int, int] = field(default_factory=dict)
    """By label: the frame of birth, if it was seen."""
    unseeded: dict[int, int] = field(default_factory=dict)
    """By label: the frames in a row, up to this one, in which there was no seed; 0 is left out."""

    def after(self, links: Links, rows: Sightings) -> Followed:
        """Return the cells that are followed in the next frame.

        Args:
            links: Accepted ones; those into the next frame count.
            rows: The regions of the next frame.
        """
        t = self.t + 1
        into = _of(links, t, self.labels)
        seeded = dict(zip(rows.label.tolist(), rows.seeded.tolist(), strict=True))
        born, unseeded = {}, {}
        steps = zip(into.label.tolist(), into.label2.tolist(), into.division.tolist(), strict=True)
        for source, label, division in steps:
            if division:
                born[label] = t
            elif source in self.born:
                born[label] = self.born[source]
            if not seeded[label]:
                unseeded[label] = self.unseeded.get(source, 0) + 1
        return Followed(t, frozenset(into.label2.tolist()), born, unseeded)


class SlidingWindow:
    """Takes frame after frame, and tells which regions the cells to follow are."""

    def __init__(
        self, first: Sightings, followed: int, costs: Costs, rules: SlidingWindowRules
    ) -> None:
        """Begin with frame 0.

        Args:
            first: Its regions; those with the labels 1 to `followed` are the cells to follow.
            followed: How many these are.
            costs: What links cost.
            rules: How.
        """
        if followed >= MOST_CELLS * len(first):
            costs = replace(costs, appear=max(costs.appear, FROM_NOWHERE))
        self._costs, self._rules = costs, rules
        self._frames = [first]
        self._evidence: list[Evidence] = []
        self._links = Links.empty()
        """Of all regions, into every frame but the first."""
        self._past = Followed(0, frozenset(range(1, followed + 1)))
        """In the first frame."""
        self._joined = frozenset(first.label.tolist())
        """Labels in the first frame that a settled link leads into; all in frame 0."""
        self._settled: list[Links] = []

    def add(self, rows: Sightings, evidence: Evidence) -> None:
        """Take the regions of the next frame, and the evidence between the last one and it."""
        self._frames.append(rows)
        self._evidence.append(evidence)
        if len(self._frames) > self._rules.ahead + 2:
            self._settle()
        self._links = self._solved()

    def track_ends(self) -> list[TrackEnd]:
        """Return the cells that are followed, in the last frame that was taken, by label."""
        followed = reduce(
            lambda before, rows: before.after(self._links, rows), self._frames[1:], self._past
        )
        last = self._frames[-1]
        chosen = last.take(np.isin(last.label, list(followed.labels)))
        return [
            TrackEnd(label, place, followed.unseeded.get(label, 0))
            for label, place in zip(chosen.label.tolist(), self._expected(chosen), strict=True)
        ]

    def links(self) -> Links:
        """Return the links of the cells that are followed, settled or not, by target."""
        followed, found = self._past, list(self._settled)
        for rows in self._frames[1:]:
            found.append(_of(self._links, followed.t + 1, followed.labels))
            followed = followed.after(self._links, rows)
        return Links.concat(found)

    def _settle(self) -> None:
        """Settle the links into the second frame, which becomes the first."""
        self._settled.append(_of(self._links, self._past.t + 1, self._past.labels))
        into = self._links.label2[self._links.t2 == self._past.t + 1]
        self._joined = frozenset(into.tolist())
        self._past = self._past.after(self._links, self._frames[1])
        del self._frames[0], self._evidence[0]

    def _solved(self) -> Links:
        window, evidence = Sightings.concat(self._frames), Evidence.concat(self._evidence)
        if not len(evidence):
            return Links.empty()
        rules = self._rules
        scene = Scene(
            frames=self._past.t + len(self._frames),
            ndim=len(rules.border.shape),
            spacing_um=rules.spacing_um,
            border=rules.border,
            divide=rules.divide,
            min_cycle_frames=rules.min_cycle_frames,
        )
        problem = self._settled_first(build_problem(window, evidence, self._costs, scene), window)
        return accepted(window, solved(problem), self._costs)

    def _settled_first(self, problem: Problem, window: Sightings) -> Problem:
        """Return the problem with what is known of the first frame and of what was looked at."""
        extra = np.where(window.seeded, 0.0, self._costs.unseeded)
        links, splits = problem.links, problem.splits
        costs, at_search_edge = self._costs, window.at_search_edge
        appear = np.where(
            at_search_edge, np.minimum(problem.appear, costs.appear_border), problem.appear
        )
        disappear = np.where(
            at_search_edge, np.minimum(problem.disappear, costs.disappear_border), problem.disappear
        )
        # However a region of the first frame came about, it is there.
        first = window.t == self._past.t
        appear = np.where(first, 0.0, appear)
        alone = np.where(window.seeded, np.minimum(problem.alone, appear + disappear), 0.0)
        joined = first & np.isin(window.label, list(self._joined))
        rows = {int(label): row for row, label in enumerate(self._frames[0].label)}
        return replace(
            problem,
            link_cost=problem.link_cost + extra[links.v],
            split_cost=problem.split_cost + extra[splits.v] + extra[splits.w],
            appear=appear,
            disappear=disappear,
            alone=np.where(joined, disappear, alone),
            born={rows[label]: t for label, t in self._past.born.items()},
        )

    def _expected(self, chosen: Sightings) -> Floats:
        """Return where regions of the last frame are in the next, (n, 3), micrometres.

        They move on as they moved last, and as their neighbours did.
        """
        spacing = np.asarray(self._rules.spacing_um)
        places = chosen.places_um(spacing)
        t = self._past.t + len(self._frames) - 1
        window = Sightings.concat(self._frames)
        motion = LinkedMotion(window, self._links, spacing)
        around = np.array([motion.step(t - 1, place, 1) for place in places]).reshape(-1, 3)
        own = np.full_like(around, np.nan)
        into = self._links.take(
            (self._links.t2 == t)
            & ~self._links.division
            & np.isin(self._links.label2, chosen.label)
        )
        source = window.take(row_numbers(window, into.t, into.label))
        rows = np.searchsorted(chosen.label, into.label2)
        own[rows] = places[rows] - source.places_um(spacing)
        return gone_on(places, own, around)


def _of(links: Links, t: int, labels: frozenset[int]) -> Links:
    """Return the links into frame t from some regions of the frame before."""
    return links.take((links.t2 == t) & np.isin(links.label, list(labels)))
