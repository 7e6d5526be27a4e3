"""Simulated embryos that the costs of following are fitted to, and which of their links are right.

What a case looks like, how its cells move and divide and how bad its seeds are is drawn by
its number. All of its cells are followed, so that every region counts. No real data is used.
Regions and evidence are gathered by the product itself and kept. See fit_track_costs.py.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sam4ct.io.ctc import read_tracks
from sam4ct.io.follow import find_track_sequence
from sam4ct.io.simulated import write_embryo
from sam4ct.io.tiff import read_frame
from sam4ct.metrics.matching import match
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.follow.frames import follow_rules, window_rules
from sam4ct.pipelines.follow.networks import TrackEngines
from sam4ct.pipelines.follow.plan import make_track_plan
from sam4ct.simulate.embryo.movie import LIGHT_SHEET, NUCLEI, EmbryoLaw
from sam4ct.simulate.embryo.seeds import SeedErrors
from sam4ct.stages.follow import FrameRegions, SlidingWindowRules, first_regions, follow
from sam4ct.stages.follow.missed_seeds import TrackEnd
from sam4ct.tables import Evidence, Sightings

FRAMES = 10
CELLS = 45
FINE = 15
"""Cases of this number and above have coarse time steps: cells move by up to their own size, and
divide every few frames, as where only every fifth frame of a recording is kept."""


@dataclass(frozen=True)
class TrackCase:
    """One simulated embryo: tables, and the truth."""

    rows: Sightings
    evidence: Evidence
    rules: SlidingWindowRules
    cells: list[set[int]]
    """True tracks of which each region covers more than half."""
    parents: dict[int, int]


def draw_embryo(number: int) -> tuple[EmbryoLaw, SeedErrors]:
    """Draw what a case looks like and how bad its seeds are."""
    rng = np.random.default_rng([78, number])
    radius = float(np.exp(rng.uniform(np.log(4.5), np.log(11.0))))
    apart = float(np.exp(rng.uniform(0.0, np.log(5.0))))
    distance = rng.uniform(2.1, 3.2)
    coarse = number >= FINE
    across = 3.0 * radius + 2.7 * radius * distance * np.sqrt(CELLS)
    law = EmbryoLaw(
        shape=(max(8, int(7.0 * radius / apart)), int(across), int(across)),
        frames=FRAMES,
        cells=CELLS,
        followed=CELLS,
        anisotropy=apart,
        distance=distance,
        flow=float(rng.choice([0.0, 1.0])) * rng.uniform(0.1, 0.9),
        law=replace(
            NUCLEI,
            radius=radius,
            elongation=rng.uniform(0.55, 0.95),
            bumpiness=rng.uniform(0.0, 0.12),
            motion=rng.uniform(0.3, 1.0) if coarse else rng.uniform(0.05, 0.4),
            cycle=rng.uniform(5.0, 14.0) if coarse else rng.uniform(10.0, 40.0),
            dimmest=rng.uniform(0.3, 0.9),
        ),
        optics=replace(
            LIGHT_SHEET,
            texture=rng.uniform(0.0, 0.4),
            blur_px=rng.uniform(0.6, 1.4) * radius / 7.0,
            noise=rng.uniform(0.05, 0.3),
        ),
        haze=rng.uniform(0.0, 0.12),
        dimming=rng.uniform(0.0, 0.6),
    )
    errors = SeedErrors(
        missed=rng.uniform(0.0, 0.15),
        doubled=rng.uniform(0.0, 0.06),
        spurious=rng.uniform(0.0, 0.15),
        noise=rng.uniform(0.05, 0.25),
    )
    return law, errors


def gather(folder: Path, number: int, evidence: str) -> TrackCase:
    """Simulate a case if it is not there, and read or make its tables."""
    kept = folder / evidence / f"{number:03d}.pickle"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(_gathered(folder, number, evidence)))
    case = pickle.loads(kept.read_bytes())  # written by this script alone
    assert isinstance(case, TrackCase)
    return case


def _gathered(folder: Path, number: int, evidence: str) -> TrackCase:
    dataset = folder / f"embryo-{number:03d}"
    if not dataset.exists():
        write_embryo(folder, dataset.name, *draw_embryo(number), number)
    sequence = find_track_sequence(dataset, "01", folder / "unused")
    plan = make_track_plan(sequence, Options(profile="auto", evidence=evidence))
    engines, rules = TrackEngines(plan), follow_rules(plan)
    seen = first_regions(engines.scope, plan.initial_um, rules.region_rules)
    rows, pairs, cells = [seen.rows], [], _cells(dataset, seen)
    for _ in range(1, plan.volumes.frames):
        places = seen.places_um(plan.profile.spacing_um)
        track_ends = [
            TrackEnd(label, place, int(not seeded))
            for label, place, seeded in zip(
                seen.rows.label.tolist(), places, seen.rows.seeded.tolist(), strict=True
            )
        ]
        seen, found = follow(engines.scope, engines.recogniser, seen, track_ends, rules)
        rows.append(seen.rows)
        pairs.append(found)
        cells += _cells(dataset, seen)
    tracks = read_tracks(dataset / "01_GT" / "TRA" / "man_track.txt")
    return TrackCase(
        Sightings.concat(rows),
        Evidence.concat(pairs),
        window_rules(plan),
        cells,
        {track.label: track.parent for track in tracks},
    )


def _cells(dataset: Path, seen: FrameRegions) -> list[set[int]]:
    """Return the true tracks that each region covers by more than half."""
    gold = read_frame(dataset / "01_GT" / "TRA" / f"man_track{seen.t:03d}.tif")
    drawn = np.zeros(gold.shape, np.uint16)
    for label, region in seen.regions.items():
        drawn[region.box][region.mask] = label
    found = match(gold, drawn)
    cells: dict[int, set[int]] = {}
    for label, track in zip(found.matched, found.matched_true, strict=True):
        cells.setdefault(label, set()).add(track)
    return [cells.get(label, set()) for label in seen.rows.label.tolist()]
