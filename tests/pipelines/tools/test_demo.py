"""The demo shows scores and a report; the selftest fails below its floors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scenes.commands import sam4ct, tree

from sam4ct.models.sam2.network import build_network
from sam4ct.models.weights import load as weights
from sam4ct.models.weights.entry import Entry
from sam4ct.pipelines.tools import demo, selftest
from sam4ct.simulate import SLICE_SPACING, movie_law
from sam4ct.simulate.movie import Colony

DATASET = demo.EXHIBITS[2].dataset
SHAPES = {2: (96, 112), 3: (8, 72, 80)}


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Demos with movies that take seconds."""
    for ndim, shape in SHAPES.items():
        small = replace(demo.EXHIBITS[ndim], shape=shape, frames=5, cells=6)
        monkeypatch.setitem(demo.EXHIBITS, ndim, small)


@pytest.mark.usefixtures("small_demo")
@pytest.mark.parametrize("ndim", [2, 3])
def test_demo_ends_with_its_scores_and_the_path_of_its_report(tmp_path: Path, ndim: int) -> None:
    shown = sam4ct("demo", tmp_path / "out", "--ndim", ndim, "--device", "cpu")
    assert shown.status == 0, shown.err
    rows = dict(line.split(maxsplit=1) for line in shown.out.splitlines())
    assert {"DET", "SEG", "TRA", "LNK", "BIO", "OP_CLB"} <= rows.keys()
    assert float(rows["Valid"]) == 1
    assert 0.5 < float(rows["OP_CLB"]) <= 1
    assert shown.out.splitlines()[-1].startswith("report ")
    report = Path(rows["report"]).read_text(encoding="utf-8")
    assert f"{float(rows['OP_CLB']):.3f}" in report
    assert (Path(rows["result"]) / "res_track.txt").exists()
    assert ('id="show-slices"' in report) == (ndim == 3)


@pytest.mark.usefixtures("small_demo")
def test_demo_is_made_anew_where_there_is_one(tmp_path: Path) -> None:
    killed_before = tmp_path / f".{DATASET}.sam4ct-new"
    killed_before.mkdir()
    assert sam4ct("demo", tmp_path, "--device", "cpu").status == 0
    first = tree(tmp_path / DATASET / "01_RES")
    assert sam4ct("demo", tmp_path, "--device", "cpu").status == 0
    assert tree(tmp_path / DATASET / "01_RES") == first
    assert not killed_before.exists()


@pytest.mark.usefixtures("small_demo")
def test_a_demo_of_volumes_leaves_that_of_images_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = replace(demo.EXHIBITS[3], frames=2)
    monkeypatch.setitem(demo.EXHIBITS, 3, brief)
    other = tmp_path / DATASET
    other.mkdir()
    (other / "01_RES").mkdir()
    assert sam4ct("demo", tmp_path, "--ndim", "3", "--device", "cpu").status == 0
    assert [path.name for path in other.iterdir()] == ["01_RES"]


def test_the_demo_of_volumes_shows_divisions_climbing_cells_and_missed_masks() -> None:
    exhibit = demo.EXHIBITS[3]
    law = movie_law("nuclei", exhibit.shape, exhibit.frames, exhibit.cells)
    colony = Colony(np.random.default_rng(np.random.SeedSequence(demo.SEED).spawn(2)[0]), law)
    heights = {cell.label: [cell.position[0]] for cell in colony.cells}
    for _ in range(1, exhibit.frames):
        colony.step()
        for cell in colony.cells:
            heights.setdefault(cell.label, []).append(cell.position[0])
    climbed = [np.ptp(height) > 2 * SLICE_SPACING for height in heights.values()]
    assert np.mean(climbed) > 0.3
    assert sum(cell.parent > 0 for cell in colony.cells) >= 16
    assert exhibit.errors.missed >= 0.05


def test_demo_removes_no_dataset_of_the_users(tmp_path: Path) -> None:
    (tmp_path / DATASET).mkdir()
    (tmp_path / DATASET / "thesis.doc").write_text("years of work")
    before = tree(tmp_path)
    refused = sam4ct("demo", tmp_path)
    assert refused.status == 2
    assert "thesis.doc, which is no part of a demo" in refused.err
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("floors", "status"),
    [
        ({"follow_floor": 0.5, "score_floor": 0.5}, 0),
        ({"follow_floor": 1.01, "score_floor": 0.5}, 1),
        ({"follow_floor": 0.5, "score_floor": 1.01}, 1),
    ],
)
def test_selftest_exits_with_1_below_a_floor(
    floors: dict[str, float], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "SUITE", (replace(selftest.SUITE[0], shape=(96, 96), **floors),))
    monkeypatch.setattr(selftest, "FRAMES", 4)
    tested = sam4ct("selftest", "--device", "cpu")
    assert tested.status == status, tested.err
    device, versions, header, row, verdict = tested.out.splitlines()
    assert "weights compact-sam2" in device
    assert "torch" in versions
    names = ["LOOK", "IOU", "FLOOR", "LNK", "BIO", "OP_CLB", "FLOOR", "CELLS/S"]
    assert header.split() == names
    assert len(row.split()) == len(names) + status
    assert row.endswith("BELOW") == bool(status)
    assert verdict == ("1 of 1 below their floors" if status else "none below its floor")


def test_selftest_tells_a_network_that_follows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_random_weights(entry: Entry, device: str) -> Any:
        torch.manual_seed(0)
        return build_network(entry.config, entry.overrides).to(device)

    monkeypatch.setattr(weights, "load_sam2", with_random_weights)
    monkeypatch.setattr(selftest, "SUITE", (replace(selftest.SUITE[0], shape=(96, 96)),))
    monkeypatch.setattr(selftest, "FRAMES", 3)
    (outcome,) = selftest.run_suite((), "cpu")
    assert outcome.follows < 0.3
    assert not outcome.passed
