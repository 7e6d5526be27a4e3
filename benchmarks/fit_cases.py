"""Simulated cases that costs are fitted to: their evidence, and which links in it are right.

What a case looks like, how its cells move and how bad its masks are is drawn by its
seed. No real data is used. Evidence is gathered by the product itself and kept, so
that nothing is done twice. See fit_costs.py.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.finetune.compact.laws import draw_trained
from sam4ct.finetune.compact.sam2_examples import draw_movie, log_uniform
from sam4ct.finetune.compact.scenes import enlarged
from sam4ct.io.ctc import CtcReader, find_sequences, read_tracks
from sam4ct.io.simulated import write_dataset
from sam4ct.io.tiff import read_frame
from sam4ct.io.work import WorkDir, read_table
from sam4ct.metrics.matching import match
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.plan import Plan, make_plan
from sam4ct.pipelines.link.propagate import detect, propagate
from sam4ct.simulate import MovieLaw, SegmentationErrors
from sam4ct.stages.propagate import frame_pairs
from sam4ct.stages.repair import JoinedFrames, find_fragments, join
from sam4ct.tables import Detections, Evidence, Joins
from sam4ct.types import FrameReader

FIRST_WIDER = 200
"""Cases of images from this seed on follow the wider laws of training."""
FRAMES = {2: 18, 3: 10}
"""Of a case, by its dimensions: volumes take longer."""


@dataclass(frozen=True)
class Case:
    """One simulated sequence: tables with fragments joined, and the truth."""

    plan: Plan
    detections: Detections
    evidence: Evidence
    joins: Joins
    cells: list[set[int]]
    """True tracks matched by each detection."""
    parents: dict[int, int]
    truth: Path


def draw_case(seed: int, ndim: int) -> tuple[MovieLaw, SegmentationErrors]:
    """Draw what a case looks like and how bad its masks are."""
    rng = np.random.default_rng([77, seed] if ndim == 2 else [77, seed, ndim])
    if ndim == 2 and seed >= FIRST_WIDER:
        law = _wider(rng)
    else:
        movie = draw_movie(rng, 256)
        law = _flat(rng, movie) if ndim == 2 else _deep(rng, movie)
    limits = {"missed": 0.06, "split": 0.04, "merged": 0.05, "spurious": 0.04}
    chances = {name: float(rng.uniform(0, high)) for name, high in limits.items()}
    return law, SegmentationErrors(**chances, eroded=0.1, dilated=0.1)


def _flat(rng: np.random.Generator, movie: MovieLaw) -> MovieLaw:
    diameter = log_uniform(rng, 16.0, 44.0)
    side = int(np.clip(diameter * rng.uniform(6, 11), 150, 360))
    scale = diameter / 2.0 / movie.law.radius
    cover = rng.uniform(0.08, 0.6)
    return replace(
        movie,
        shape=(side, side),
        frames=FRAMES[2],
        cells=int(np.clip(cover * side**2 / (0.57 * diameter**2), 3, 45)),
        law=replace(
            movie.law,
            radius=diameter / 2.0,
            motion=movie.law.motion * log_uniform(rng, 0.2, 1.6),
            cycle=log_uniform(rng, 8.0, 60.0),
            death=float(rng.choice([0.0, 0.01])),
        ),
        optics=replace(movie.optics, blur_px=max(0.5, movie.optics.blur_px * scale)),
    )


def _wider(rng: np.random.Generator) -> MovieLaw:
    """A movie by a wider law; cells divide less often than in training, the stage jumps less."""
    movie = draw_trained(rng, 128)
    assert movie.setting is not None
    diameter = log_uniform(rng, 16.0, 44.0)
    side = int(np.clip(diameter * rng.uniform(6, 11), 150, 360))
    cover = movie.cells * movie.law.radius**2 / 128.0**2
    count = int(np.clip(cover * side**2 / (diameter / 2.0) ** 2, 3, 60))
    if movie.setting.kind == "colonies":
        count = max(3, count // 3)  # they grow
    law = enlarged(movie, side, diameter / 2.0, count)
    assert law.setting is not None
    return replace(
        law,
        frames=FRAMES[2],
        drift=law.drift * log_uniform(rng, 0.1, 1.0),
        law=replace(law.law, cycle=log_uniform(rng, 12.0, 60.0), death=law.law.death / 4.0),
        setting=replace(
            law.setting,
            jolts=law.setting.jolts * rng.uniform(0.05, 0.3),
            strain=law.setting.strain / 4.0,
            off_centre=0.4,
        ),
    )


def _deep(rng: np.random.Generator, movie: MovieLaw) -> MovieLaw:
    """A volume: smaller cells, coarser slices, coarser time: far steps, short cycles."""
    diameter = log_uniform(rng, 12.0, 24.0)
    apart = log_uniform(rng, 1.0, 7.0)
    across = diameter * np.array([rng.uniform(2.5, 4.5), *(rng.uniform(5.0, 8.0, 2))])
    shape = tuple(int(n) for n in np.ceil(across / [apart, 1.0, 1.0]))
    scale = diameter / 2.0 / movie.law.radius
    cover = rng.uniform(0.05, 0.35)
    return replace(
        movie,
        shape=shape,
        spacing=(apart, 1.0, 1.0),
        frames=FRAMES[3],
        cells=int(np.clip(cover * across.prod() / (0.4 * diameter**3), 4, 60)),
        law=replace(
            movie.law,
            radius=diameter / 2.0,
            elongation=float(np.clip(movie.law.elongation, 0.6, 0.95)),
            motion=log_uniform(rng, 0.05, 0.9),
            persistence=rng.uniform(0.0, 0.5),
            cycle=log_uniform(rng, 4.0, 40.0),
            death=float(rng.choice([0.0, 0.01])),
            separation=rng.uniform(0.7, 2.0),
            dimmest=rng.uniform(0.15, 0.9),
            inherited=float(rng.choice([1.0, rng.uniform(0.0, 1.0)])),
        ),
        drift=float(rng.choice([0.0, 1.0]) * rng.uniform(0.0, 0.5)),
        optics=replace(movie.optics, blur_px=max(0.5, movie.optics.blur_px * scale)),
    )


def gather(folder: Path, seed: int, ndim: int, options: Options) -> Case:
    """Simulate a case if it is not there, and read or make its evidence."""
    dataset = folder / f"{'case' if ndim == 2 else 'volume'}-{seed:03d}"
    if not dataset.exists():
        write_dataset(folder, dataset.name, *draw_case(seed, ndim), seed)
    out = folder / options.evidence / dataset.name
    (sequence,) = find_sequences(dataset, out=out)
    plan = make_plan(sequence, options)
    with WorkDir.open(sequence.work_dir, plan.key(), overwrite=True) as work:
        run = Session(plan, work)
        propagate(run, detect(run))
        pairs = frame_pairs(len(sequence.images), plan.profile.max_gap)
        evidence = Evidence.concat(read_table(work.evidence(*p), Evidence) for p in pairs)
    detections = plan.survey.detections
    joins = find_fragments(detections, evidence)
    detections, evidence = join(detections, evidence, joins, plan.profile.spacing_um)
    truth = dataset / f"{sequence.name}_GT"
    tracks = read_tracks(truth / "TRA" / "man_track.txt")
    return Case(
        plan,
        detections,
        evidence,
        joins,
        matched_cells(JoinedFrames(CtcReader(sequence), joins), detections, truth),
        {track.label: track.parent for track in tracks},
        truth,
    )


def matched_cells(reader: FrameReader, detections: Detections, truth: Path) -> list[set[int]]:
    """Return the true tracks that each detection covers by more than half."""
    cells: dict[tuple[int, int], set[int]] = {}
    for t in range(reader.frames):
        gold = read_frame(truth / "TRA" / f"man_track{t:03d}.tif")
        found = match(gold, reader.labels(t))
        for label, track in zip(found.matched, found.matched_true, strict=True):
            cells.setdefault((t, label), set()).add(track)
    keys = zip(detections.t.tolist(), detections.label.tolist(), strict=True)
    return [cells.get(key, set()) for key in keys]


def are_one_cell(case: Case, u: NDArray[np.int64], v: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether u and v are the same cell."""
    rows = zip(u.tolist(), v.tolist(), strict=True)
    return np.array([bool(case.cells[a] & case.cells[b]) for a, b in rows], bool)


def are_kin(case: Case, u: NDArray[np.int64], v: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether u and v are the same cell, or mother and daughter."""

    def related(a: int, b: int) -> bool:
        later = case.cells[b] | {case.parents.get(c, 0) for c in case.cells[b]}
        return bool(case.cells[a] & later)

    return np.array([related(a, b) for a, b in zip(u.tolist(), v.tolist(), strict=True)], bool)


def are_daughters(
    case: Case, u: NDArray[np.int64], v: NDArray[np.int64], w: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether v and w are the two daughters of u."""

    def born(a: int, b: int, c: int) -> bool:
        pairs = itertools.product(case.cells[b], case.cells[c])
        mothers = ((case.parents.get(x, 0), case.parents.get(y, 0), x != y) for x, y in pairs)
        return any(p and p == q and other and p in case.cells[a] for p, q, other in mothers)

    rows = zip(u.tolist(), v.tolist(), w.tolist(), strict=True)
    return np.array([born(*row) for row in rows], bool)
