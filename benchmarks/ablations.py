"""Tell what each rule and each group of features is worth, by leaving it out.

    python benchmarks/ablations.py OUT [--data FOLDER] [--only CONDITION] [--without NAME ...]

Links the movies of suite.py, profiles derived, once as the product does and once without each
of `WITHOUT`, and prints the mean scores and what is lost. Evidence is gathered once a movie,
by the product, and kept below OUT/ablations; what suite.py left of it is taken over. All that
follows is done anew each time.

A group of features is left out by giving all links of a movie the group's mean, so that it
tells none from another. Costs are not fitted again, which may get back a part of what is
lost: these are upper bounds of what a group is worth. Without SAM 2 is what `--evidence
overlap` does, with the costs fitted for that. Without jumps of the picture is with windows that
stay where they are.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from conditions import Movie, add_choice, chosen

from sam4ct.io.ctc import find_sequences, work_dir_of
from sam4ct.io.work import WorkDir
from sam4ct.jumps import NO_JUMPS
from sam4ct.metrics import evaluate
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link import associate as linking
from sam4ct.pipelines.link import fill as filling
from sam4ct.pipelines.link import paint as painting
from sam4ct.pipelines.link import propagate as stages
from sam4ct.pipelines.link import repair as mending
from sam4ct.pipelines.link.plan import Plan, make_plan
from sam4ct.stages.associate import Costs, Scene
from sam4ct.stages.associate.costs import Odds
from sam4ct.stages.associate.features import Features
from sam4ct.stages.fill import FillRules, Generated, fill_gaps
from sam4ct.stages.repair import joined_masks as repair
from sam4ct.tables import Cuts, Detections, Flags, Floats, Joins, Links

SHOWN = ("OP_CLB", "LNK", "CT", "TF", "BC(1)", "BIO")
PROPAGATED = ("iou", "containment", "coverage", "margin", "score")
NEVER = 100.0
"""Costs, or odds against: more than ever are paid, or for."""
Change = Callable[[], AbstractContextManager[Any]]


@contextmanager
def _no_gaps() -> Iterator[None]:
    """Link to the next frame only; what features compare with is left as it is."""
    division_odds = Odds.of_divisions

    def without_gaps(self: Odds, features: Features) -> Floats:
        return np.where(features.column("skipped") > 0.0, -NEVER, division_odds(self, features))

    with (
        _costs(lambda costs: {"skip": NEVER}),
        mock.patch.object(Odds, "of_divisions", without_gaps),
    ):
        yield


@contextmanager
def _flat(links: Callable[[str], bool], divisions: Callable[[str], bool]) -> Iterator[None]:
    """Give features of some names their mean."""

    def flattened(features: Features, chosen: Callable[[str], bool]) -> Features:
        columns = {
            name: np.full_like(column, column.mean()) if chosen(name) and len(column) else column
            for name, column in features.columns.items()
        }
        return Features(features.count, columns)

    link_odds, kin_odds, division_odds = Odds.of_links, Odds.of_kin, Odds.of_divisions

    def of_links(self: Odds, features: Features) -> Floats:
        return link_odds(self, flattened(features, links))

    def of_kin(self: Odds, features: Features) -> Floats:
        return kin_odds(self, flattened(features, links))

    def of_divisions(self: Odds, features: Features) -> Floats:
        return division_odds(self, flattened(features, divisions))

    with (
        mock.patch.object(Odds, "of_links", of_links),
        mock.patch.object(Odds, "of_kin", of_kin),
        mock.patch.object(Odds, "of_divisions", of_divisions),
    ):
        yield


def _links(*parts: str) -> Change:
    """Features of links whose names hold one of these words."""
    return partial(_flat, lambda name: any(p in name for p in parts), lambda name: False)


def _divisions(*parts: str) -> Change:
    return partial(_flat, lambda name: False, lambda name: any(p in name for p in parts))


def _propagated(*ways: str) -> Change:
    """Features of masks propagated these ways, of links and of divisions."""
    names = {f"{way}_{part}" for way in ways for part in PROPAGATED}

    def chosen(name: str) -> bool:
        return name in names or name.rpartition("_")[0] in names

    return partial(_flat, chosen, chosen)


@contextmanager
def _without_specks() -> Iterator[None]:
    def none(detections: Detections, *_: Any) -> Flags:
        return np.zeros(len(detections), dtype=bool)

    with mock.patch.object(mending, "specks", none), mock.patch.object(repair, "specks", none):
        yield


@contextmanager
def _costs(change: Callable[[Costs], dict[str, Any]]) -> Iterator[None]:
    load = mending.load_costs

    def changed(*names: str) -> Costs:
        costs = load(*names)
        return replace(costs, **change(costs))

    with mock.patch.object(mending, "load_costs", changed):
        yield


@contextmanager
def _scene(**changes: Any) -> Iterator[None]:
    """Link by other rules."""

    scene_of = mending.scene_of

    def changed(plan: Plan) -> Scene:
        return replace(scene_of(plan), **changes)

    with (
        mock.patch.object(linking, "scene_of", changed),
        mock.patch.object(mending, "scene_of", changed),
    ):
        yield


def _filling(method: str) -> AbstractContextManager[Any]:
    def filled(links: Links, reader: Any, masks: Any, rules: FillRules) -> list[Generated]:
        return fill_gaps(links, reader, masks, replace(rules, method=method))

    return mock.patch.object(filling, "fill_gaps", filled)


def _no_joins(*_: Any) -> Joins:
    return Joins.empty()


def _no_cuts(*_: Any) -> Cuts:
    return Cuts.empty()


WITHOUT: Mapping[str, Change] = {
    "gaps": _no_gaps,
    "propagated masks": _propagated("forward", "backward"),
    "masks propagated forward": _propagated("forward"),
    "masks propagated backward": _propagated("backward"),
    "joining of fragments": lambda: mock.patch.object(mending, "find_fragments", _no_joins),
    "cutting of merged masks": lambda: mock.patch.object(mending, "find_merged", _no_cuts),
    "dropping of specks": _without_specks,
    "filling": partial(_filling, "none"),
    "filling by SAM 2": partial(_filling, "interpolate"),
    "second look": partial(_costs, lambda c: {"second": None}),
    "plain overlap beside SAM 2": partial(_costs, lambda c: {"plain": None}),
    "divisions": partial(_scene, divide=False),
    "least cycle": partial(_scene, min_cycle_frames=1),
    "cheaper ends at the border": partial(
        _costs, lambda c: {"appear_border": c.appear, "disappear_border": c.disappear}
    ),
    "cheaper lone regions": partial(_costs, lambda c: {"alone": c.appear + c.disappear}),
    "object scores": _links("score"),
    "overlap": _links("overlap"),
    "distance": _links("distance", "nearness"),
    "drift": _links("drift"),
    "past and future course": _links("past", "future_distance"),
    "likeness of size": _links("size_likeness"),
    "likeness of brightness": _links("brightness_likeness"),
    "masks in divisions": _divisions("coverage", "containment"),
    "sizes in divisions": _divisions("size", "daughter"),
    "places in divisions": _divisions("centre_offset", "separation"),
    "cells that go on in divisions": _divisions("same_"),
    "future and rivals in divisions": _divisions("future", "rival"),
    "course in divisions": _divisions("opposite", "goes_on", "mother_growth", "ripeness"),
    "growth in divisions": _divisions("growth"),
}


class Kind(NamedTuple):
    """A kind of run with evidence of its own."""

    folder: str
    evidence: str = "sam2"
    left_by: str = ""
    """The linker of suite.py that leaves the same evidence, if one does."""
    change: Change = ExitStack
    """Of all of the run."""


USUAL = Kind("sam2", left_by="sam4ct")
JUMPS = "jumps of the picture"
OTHER: Mapping[str, Kind] = {
    "SAM 2": Kind("overlap", "overlap", "sam4ct overlap"),
    JUMPS: Kind("still", change=lambda: mock.patch.object(Plan, "jumps", NO_JUMPS)),
}
"""What takes other evidence to do without."""


def gathered(movie: Movie, out: Path, kind: Kind) -> Plan:
    """Gather the evidence of a movie, as far as it is not there; return its plan."""
    result = out / "ablations" / kind.folder / movie.dataset.name / f"{movie.sequence}_RES"
    (sequence,) = find_sequences(movie.dataset, [movie.sequence], out=result)
    if kind.left_by and not sequence.work_dir.exists():
        left = work_dir_of(movie.result(out, kind.left_by))
        if left.exists():
            shutil.copytree(left, sequence.work_dir)
    plan = make_plan(sequence, Options(profile="auto", evidence=kind.evidence))
    with WorkDir.open(sequence.work_dir, plan.key(), overwrite=True) as work:
        run = Session(plan, work)
        stages.propagate(run, stages.detect(run))
    return plan


def linked(plan: Plan, truth: Path, change: AbstractContextManager[Any]) -> list[float]:
    """Link, fill and paint a movie under a change; return its scores, SHOWN."""
    # Another version of the code, so that nothing of an earlier run of it is used.
    stage_key, version = Plan.stage_key, str(time.time_ns())

    def keyed(plan: Plan, stage: str) -> dict[str, str]:
        key = stage_key(plan, stage)
        return key if stage in ("detect", "propagate") else {**key, "code": version}

    with ExitStack() as changes:
        changes.enter_context(mock.patch.object(Plan, "stage_key", keyed))
        changes.enter_context(change)
        work = changes.enter_context(
            WorkDir.open(plan.sequence.work_dir, plan.key(), overwrite=True)
        )
        run = Session(plan, work)
        masks = mending.repair(run, stages.propagate(run, stages.detect(run)))
        links = linking.associate(run, masks)
        filled = filling.fill(run, masks, links)
        with painting.paint(run, masks, links, filled, overwrite=True):
            pass
    scores = evaluate(plan.sequence.result_dir, truth)
    values = (scores[name] for name in SHOWN)
    return [float("nan") if value is None else value for value in values]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_choice(parser)
    names = (*OTHER, *WITHOUT)
    parser.add_argument("--without", nargs="+", choices=names, default=names)
    parser.add_argument("--json", type=Path, help="Write the scores of all movies to this file.")
    arguments = parser.parse_args()
    rows: dict[str, list[list[float]]] = {name: [] for name in ("", *arguments.without)}
    for movie in chosen(arguments):
        usual = gathered(movie, arguments.out, USUAL)
        same = [] if usual.jumps.by_frame else [JUMPS]
        for name in rows:
            kind, change = OTHER.get(name, USUAL), WITHOUT.get(name, ExitStack)
            with kind.change():
                own = name in OTHER and name not in same
                plan = gathered(movie, arguments.out, kind) if own else usual
                rows[name].append(linked(plan, movie.truth, change()))
        print(f"{movie.label}: {len(rows)} runs", flush=True)
    print(f"{'without':<32}" + "".join(f"{score:>9}" for score in SHOWN) + f"{'lost':>9}")
    means = {name: np.nanmean(scores, axis=0) for name, scores in rows.items()}
    for name, mean in means.items():
        values = "".join(f"{value:>9.4f}" for value in mean)
        print(f"{name or 'nothing':<32}{values}{means[''][0] - mean[0]:>9.4f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
