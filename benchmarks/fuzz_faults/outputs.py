"""Where commands write, and what is wrong with what they wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
import zarr

from fuzz_faults.cases import Case, Frames, same_lineage
from sam4ct.errors import Sam4ctError
from sam4ct.io.ctc import validate_result
from sam4ct.io.follow.seed_table import read_seed_table
from sam4ct.profile.files import load_profile

Problems = list[str]
REACH = 3.0
"""How far from a cell's centre its seed may be, in pixels."""


def result_of(case: Case) -> Path:
    return case.out or case.dataset / f"{case.sequence}_RES"


def beside(case: Case) -> list[Path]:
    folder = result_of(case)
    return [folder.with_name(f"{folder.name}.sam4ct")]


def product(name: str) -> Callable[[Case], Path]:
    return lambda case: case.out or case.root / "out" / name


def right_result(case: Case, said: str) -> Problems:
    folder = result_of(case)
    try:
        problems = validate_result(folder, case.folder(case.parts["images"]))
    except Sam4ctError as error:
        return [f"the result cannot be checked: {error}"]
    files = sorted(folder.glob("mask*.tif"))
    if case.truth is None or problems:
        return problems
    if len(files) != len(case.truth):
        return [f"{len(files)} masks, not {len(case.truth)}"]
    return same_lineage(case.truth, [tifffile.imread(path) for path in files])


def right_follow(case: Case, said: str) -> Problems:
    """Check that the result is valid, and follows the cells that were to be followed."""
    folder = result_of(case)
    try:
        problems = validate_result(folder, case.folder(case.parts["images"]))
    except Sam4ctError as error:
        return [f"the result cannot be checked: {error}"]
    if problems or case.truth is None:
        return problems
    files = sorted(folder.glob("mask*.tif"))
    for t, (path, places) in enumerate(zip(files, case.movie.places, strict=True)):
        mask = tifffile.imread(path)
        for label in range(1, 5):
            voxel = tuple(np.round(places[label]).astype(int))
            if mask[voxel] != label:
                problems.append(f"frame {t}: cell {label} has the label {mask[voxel]}")
    return problems


def says(words: str) -> Callable[[Case, str], Problems]:
    def right(case: Case, said: str) -> Problems:
        heard = case.call.heard
        return [f"{words!r} is not said"] if heard and words not in said else []

    return right


SCORES = product("scores.json")


def right_scores(case: Case, said: str) -> Problems:
    scores = json.loads(SCORES(case).read_text())
    perfect = {name: score for name, score in scores.items() if score is not None}
    wrong = [f"{name} is {score}" for name, score in perfect.items() if abs(score - 1) > 1e-9]
    return (wrong if case.truth is not None else []) or ([] if "TRA" in perfect else ["no TRA"])


MOVIE = product("movie.zarr")


def right_movie(case: Case, said: str) -> Problems:
    array = next(iter(zarr.open_group(MOVIE(case), mode="r").arrays()))[1]
    wanted = case.parts["images"]
    assert isinstance(wanted, Frames)
    if not case.same:
        return [] if array.shape[0] == len(wanted.arrays) else [f"the movie is {array.shape}"]
    return [] if np.array_equal(array[...], np.stack(wanted.arrays)) else ["the pixels differ"]


SEEDS = product("seeds")


def right_seeds(case: Case, said: str) -> Problems:
    problems = []
    for t, places in enumerate(case.movie.places if case.truth is not None else []):
        found = read_seed_table(SEEDS(case) / f"t{t:03d}.csv").places
        for label, place in places.items():
            # Along z by half: large balls are as high as the frame, which cuts off their ends.
            away = (found - place) * (0.5, 1.0, 1.0)
            near = np.linalg.norm(away, axis=1).min(initial=np.inf)
            if near > REACH:
                problems.append(
                    f"frame {t}: the nearest seed of cell {label} is {near:.1f} px away"
                )
        if len(found) > 2 * len(places):
            problems.append(f"frame {t}: {len(found)} seeds for {len(places)} cells")
    return problems[:6]


CELLS = product("tracks.json")


def labels_file(case: Case) -> Path:
    part = case.parts["labels"]
    return case.file(part, part.names[0])


def right_cells(case: Case, said: str) -> Problems:
    tracks = json.loads(CELLS(case).read_text())["tracks"]
    labels = case.parts["labels"]
    assert isinstance(labels, Frames)
    array = np.squeeze(labels.arrays[0])
    problems = []
    for label in np.unique(array)[1:] if case.same else ():
        place = np.argwhere(array == label).mean(0)
        mine = [track["centroid"] for track in tracks if track["label"] == label]
        if len(mine) != 1 or np.abs(np.subtract(mine[0][-array.ndim :], place)).max() > 0.01:
            problems.append(f"cell {label} is at {mine}, not {place}")
    return problems


PATCHES = product("patches")


def right_patches(case: Case, said: str) -> Problems:
    count = len(list((PATCHES(case) / "patches").glob("*.npz")))
    if case.truth is None:
        return []
    wanted = sum(len(places) for places in case.movie.places)
    return [] if count == wanted else [f"{count} patches, not {wanted}"]


def right_report(case: Case, said: str) -> Problems:
    text = (beside(case)[0] / "report.html").read_text(encoding="utf-8")
    return [] if "</html>" in text else ["the report has no end"]


PROFILE = product("derived.toml")


def right_profile(case: Case, said: str) -> Problems:
    profile = load_profile(PROFILE(case))
    if case.truth is None:
        return []
    size = profile.cell_diameter_px
    return [] if 8 < size < 14 else [f"cells of {size} px, not of 9 to 13"]
