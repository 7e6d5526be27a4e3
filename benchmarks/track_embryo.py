"""Following cells through simulated embryos: sam4ct, sam4ct without parts of it, nearest seeds.

    python benchmarks/track_embryo.py OUT --seeds 901 902 903

Simulates embryos of 40 frames and about 400 cells, of which 30 are followed, with 10 % of
the seeds missing and 10 % spurious (the defaults of `simulate-embryo`), and scores, as the
challenge does, what is made of them by
    sam4ct              `sam4ct run`, profile derived from the data
    no similarity       the same, blind to how alike SAM 2's memories are
    no SAM 2            `sam4ct run --evidence overlap`
    nearest seed        a cell goes on in the nearest seed that is nearer to no other cell or
                        seed, within the same radius; masks by the same clicks
    nearest two         the same, and divides where there are two such seeds
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from unittest import mock

import numpy as np
from scipy.spatial import cKDTree

from sam4ct.io.ctc import ResultWriter, VolumeFrames
from sam4ct.io.follow import find_track_sequence
from sam4ct.io.simulated import write_embryo
from sam4ct.metrics import evaluate
from sam4ct.models.sam2.recogniser import Sam2Recogniser
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.follow.frames import follow_rules
from sam4ct.pipelines.follow.networks import TrackEngines
from sam4ct.pipelines.follow.plan import TrackPlan
from sam4ct.pipelines.follow.run import FollowRun
from sam4ct.regions import Region
from sam4ct.simulate.embryo.movie import EmbryoLaw
from sam4ct.simulate.embryo.seeds import SeedErrors
from sam4ct.stages.follow import FollowedTracks, followed_tracks
from sam4ct.stages.follow.prompts import clicks_at
from sam4ct.stages.follow.suppression import disjoint
from sam4ct.tables import Floats, Links

SHOWN = ("DET", "TRA", "LNK", "CT", "TF", "BC(0)", "BC(1)", "BIO")


def planned(dataset: Path, result: Path, evidence: str = "sam2") -> FollowRun:
    options = Options(profile="auto", evidence=evidence, report=False, overwrite=True)
    return FollowRun(find_track_sequence(dataset, "01", result), options)


def run_sam4ct(dataset: Path, result: Path) -> None:
    planned(dataset, result).execute()


def run_without_similarity(dataset: Path, result: Path) -> None:
    def blind(
        self: Sam2Recogniser, frames: object, regions: object, pairs: Sequence[object]
    ) -> Floats:
        return np.zeros(len(pairs))

    with mock.patch.object(Sam2Recogniser, "similarities", blind):
        planned(dataset, result).execute()


def run_without_sam2(dataset: Path, result: Path) -> None:
    planned(dataset, result, "overlap").execute()


def run_nearest_two(dataset: Path, result: Path) -> None:
    run_nearest(dataset, result, most=2)


def run_nearest(dataset: Path, result: Path, most: int = 1) -> None:
    plan = planned(dataset, result).plan
    spacing, reach = np.asarray(plan.profile.spacing_um), follow_rules(plan).region_rules.reach_um
    # By frame: the places of followed cells, and the number of each one's mother or self before.
    places = [plan.initial_um]
    sources: list[list[int]] = [[]]
    around = plan.initial_um
    for t in range(1, plan.volumes.frames):
        seeds = plan.seeds.seeds(t).places * spacing
        before = np.concatenate([places[-1], _others(around, places[-1])])
        distance, nearest = cKDTree(before).query(seeds, distance_upper_bound=reach)
        order = np.argsort(distance, kind="stable")
        taken: dict[int, list[int]] = {}
        for seed in order[distance[order] < np.inf].tolist():
            if nearest[seed] < len(places[-1]):
                taken.setdefault(int(nearest[seed]), []).append(seed)
        rows = [(seed, cell) for cell, own in sorted(taken.items()) for seed in own[:most]]
        places.append(seeds[[seed for seed, _ in rows]].reshape(-1, 3))
        sources.append([cell for _, cell in rows])
        around = seeds
    found = followed_tracks(plan.cells.labels, _links(sources))
    _write(plan, found, places, result)


def _others(seeds: Floats, followed: Floats) -> Floats:
    """Seeds of a frame that no followed cell is at."""
    if not len(followed):
        return seeds
    return np.asarray(seeds[cKDTree(followed).query(seeds)[0] > 1e-9])


def _links(sources: Sequence[Sequence[int]]) -> Links:
    rows = []
    for t, cells in enumerate(sources):
        for label2, cell in enumerate(cells, start=1):
            rows.append((t - 1, cell + 1, t, label2, cells.count(cell) > 1, 1.0))
    t, label, t2, label2, division, confidence = zip(*rows, strict=True)
    return Links(*(np.array(c) for c in (t, label, t2, label2, division, confidence)))


def _write(plan: TrackPlan, found: FollowedTracks, places: Sequence[Floats], result: Path) -> None:
    engines, region_rules = TrackEngines(plan), follow_rules(plan).region_rules
    frames = VolumeFrames(result.with_name(f"{result.name}-frames"), plan.volumes.shape)
    for t, at in enumerate(places):
        clicks = clicks_at(engines.scope, t, at, region_rules) if len(at) else []
        regions = dict(enumerate(disjoint(clicks, region_rules), start=1))
        frames.write(t, _with_pixels(found.in_frame(t), regions, at / region_rules.spacing_um))
    with ResultWriter(
        result, found.tracks, frames=len(places), shape=plan.volumes.shape, overwrite=True
    ) as writer:
        for t in range(len(places)):
            writer.take(t, frames.path(t), found.in_frame(t).values())


def _with_pixels(
    tracks: Mapping[int, int], regions: Mapping[int, Region], places: Floats
) -> dict[int, Region]:
    """Regions by track; one voxel at its place where nothing was left of a region."""
    return {
        track: regions[label]
        if regions[label].size
        else Region(np.ones((1, 1, 1), bool), tuple(round(c) for c in places[label - 1]))
        for label, track in tracks.items()
    }


RUNS: Mapping[str, Callable[[Path, Path], None]] = {
    "sam4ct": run_sam4ct,
    "no similarity": run_without_similarity,
    "no SAM 2": run_without_sam2,
    "nearest seed": run_nearest,
    "nearest two": run_nearest_two,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[901, 902, 903])
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    arguments = parser.parse_args()
    print(" ".join(f"{name:>14}" for name in ("embryo", "run", *SHOWN, "seconds")))
    means: dict[str, list[list[float]]] = {name: [] for name in arguments.runs}
    for seed in arguments.seeds:
        dataset = arguments.out / f"embryo-{seed}"
        if not dataset.exists():
            write_embryo(arguments.out, dataset.name, EmbryoLaw(), SeedErrors(), seed)
        for name in arguments.runs:
            result = arguments.out / f"{seed} {name}" / "01_RES"
            began = time.monotonic()
            RUNS[name](dataset, result)
            seconds = time.monotonic() - began
            scores = evaluate(result, dataset / "01_GT")
            values = [float(scores[key] if scores[key] is not None else "nan") for key in SHOWN]
            means[name].append(values)
            row = (seed, name, *(f"{v:.3f}" for v in values), f"{seconds:.0f}")
            print(" ".join(f"{v:>14}" for v in row), flush=True)
    for name, rows in means.items():
        row = ("mean", name, *(f"{v:.3f}" for v in np.nanmean(rows, axis=0)), "")
        print(" ".join(f"{v:>14}" for v in row))


if __name__ == "__main__":
    main()
