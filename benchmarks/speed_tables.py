"""Tables of a long crowded movie, made without its pixels: what association takes by itself.

Round cells of one size crawl, divide, are missed now and then, and look in the evidence as
such cells do: whoever is near is a candidate, SAM 2's masks find the right one nearly always.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from sam4ct.geometry import Margins
from sam4ct.stages.associate import Scene, associate, load_costs
from sam4ct.stages.propagate import frame_pairs
from sam4ct.stages.propagate.evidence import NEIGHBOURS
from sam4ct.stages.repair import find_fragments, join
from sam4ct.tables import Detections, Evidence, Floats, Ints

SHAPE = (576, 720)
RADIUS = 5.5
STEP = 0.2
"""Of a cell from frame to frame, in radii."""
MISSED, DIVIDES = 0.02, 0.01
"""Of the cells of a frame."""
MAX_GAP = 2
REACH = 3.0
"""How far a candidate may be, in radii."""


@dataclass(frozen=True)
class Crowd:
    """The masks of all frames: where they are, and of which cells."""

    places: list[Floats]
    """By frame, (n, 2)."""
    cells: list[Ints]
    """By frame: the number of the cell that each mask shows."""

    @classmethod
    def crawl(cls, frames: int, count: int) -> Crowd:
        """Let about so many cells crawl; where one divides, another one leaves."""
        rng = np.random.default_rng(0)
        at = rng.uniform(0, 1, (count, 2)) * SHAPE
        cells, first_free = np.arange(count), count
        places, seen = [], []
        for _ in range(frames):
            there = rng.random(count) > MISSED
            places.append(at[there])
            seen.append(cells[there])
            at = np.clip(at + rng.normal(0, STEP * RADIUS, at.shape), 0, np.array(SHAPE) - 1)
            mothers, gone = rng.permutation(count)[: 2 * round(DIVIDES * count)].reshape(2, -1)
            at[gone] = at[mothers] + rng.normal(0, RADIUS, (len(gone), 2))
            cells = cells.copy()
            for rows in (mothers, gone):
                cells[rows] = first_free + np.arange(len(rows))
                first_free += len(rows)
        return cls(places, seen)

    def detections(self) -> Detections:
        """The table of all masks; labels count from 1 in every frame."""
        t = np.repeat(np.arange(len(self.places)), [len(p) for p in self.places])
        label = np.concatenate([np.arange(1, len(p) + 1) for p in self.places])
        y, x = np.concatenate(self.places).T
        zero, low, high = np.zeros(len(t), int), np.floor(-RADIUS), np.ceil(RADIUS) + 1
        box = {f"{a}{e}": np.rint(c + o).astype(int) for a, c in (("y", y), ("x", x))
               for e, o in ((0, low), (1, high))}  # fmt: skip
        size = np.full(len(t), round(np.pi * RADIUS**2))
        return Detections(
            t=t, label=label, size=size, z=zero * 1.0, y=y, x=x, z0=zero, z1=zero + 1,
            border=np.zeros(len(t), bool), contrast=np.full(len(t), np.nan), **box,
        )  # fmt: skip

    def evidence(self, t: int, t2: int) -> Evidence:
        """What is known of the masks of one frame in another."""
        here, there = self.places[t], self.places[t2]
        reach = REACH * RADIUS * np.sqrt(abs(t2 - t))
        far, near = cKDTree(there).query(here, k=NEIGHBOURS, distance_upper_bound=reach)
        a, column = np.nonzero(np.isfinite(far))
        b, distance = near[a, column], far[a, column]
        right = self.cells[t][a] == self.cells[t2][b]
        still = shared(distance)
        found = np.where(right, 0.85, 0.1 * still)
        size = np.full(len(a), 1.0)
        return Evidence(
            t=np.full(len(a), t), label=a + 1, t2=np.full(len(a), t2), label2=b + 1,
            iou_prop=found, containment_prop=np.minimum(1, found * 1.1),
            coverage_prop=np.minimum(1, found * 1.1), overlap=still / (2 - still),
            distance_um=distance, size_ratio=size, object_score=np.where(right, 9.0, 2.0),
            similarity=np.zeros(len(a)), border=np.zeros(len(a), bool),
        )  # fmt: skip


def shared(distance: Floats) -> Floats:
    """Share of a disc that another one at a distance covers."""
    half = np.minimum(1.0, distance / (2 * RADIUS))
    return np.asarray(2 / np.pi * (np.arccos(half) - half * np.sqrt(1 - half**2)))


def association(frames: int, cells: int) -> tuple[int, float, float, float]:
    """Link a crowd from tables to links.

    Returns:
        How many links, seconds on the clock, seconds of CPU, and peak MB.
    """
    crowd = Crowd.crawl(frames, cells)
    detections = crowd.detections()
    pairs = [(t, t + dt) for t, dt in frame_pairs(frames, MAX_GAP)]
    evidence = Evidence.concat(crowd.evidence(*p) for pair in pairs for p in (pair, pair[::-1]))
    scene = Scene(frames=frames, ndim=2, spacing_um=(1.0, 1.0, 1.0), border=Margins(SHAPE))
    began, clock = time.process_time(), time.perf_counter()
    joins = find_fragments(detections, evidence)
    detections, evidence = join(detections, evidence, joins, scene.spacing_um)
    links = associate(detections, evidence, load_costs("sam2", "2d"), scene)
    clock, seconds = time.perf_counter() - clock, time.process_time() - began
    return len(links), clock, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
