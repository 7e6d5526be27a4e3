"""Masks that cover two cells, through the pipeline: cut, asked about anew, painted, counted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.commands import sam4ct, tree
from scenes.drawn import detections_of

from sam4ct.io.ctc.sequence import find_sequences
from sam4ct.io.simulated.movie import write_dataset
from sam4ct.io.tiff.frame import read_frame
from sam4ct.io.work.folder import WorkDir
from sam4ct.io.work.tables import read_table
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link import propagate as stages
from sam4ct.pipelines.link import repair as repairing
from sam4ct.pipelines.link.plan import make_plan
from sam4ct.pipelines.link.repair import worth_cutting
from sam4ct.regions import LabelFrame, Region, regions_of
from sam4ct.simulate import SegmentationErrors, movie_law
from sam4ct.stages.propagate.evidence import StayPut
from sam4ct.tables import Cuts, Joins
from sam4ct.types import Propagated

FRAMES = 6
ERRORS = SegmentationErrors(
    missed=0.0, burst=0.0, split=0.0, merged=0.12, eroded=0.0, dilated=0.0, spurious=0.0
)


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A crowded movie whose masks have no error but that some cover two cells."""
    root = tmp_path_factory.mktemp("merged")
    law = movie_law("phase", shape=(200, 200), frames=FRAMES, cells=40)
    write_dataset(root, "Crowd", law, ERRORS, seed=5)
    return root / "Crowd"


@pytest.fixture(scope="module")
def run(movie: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on plain overlap."""
    out = tmp_path_factory.mktemp("out") / "01_RES"
    done = sam4ct("run", movie, "01", "--evidence", "overlap", "--out", out, "--no-report")
    assert done.status == 0, done.err
    return out


def work_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.sam4ct")


def cuts_of(out: Path) -> Cuts:
    return read_table(work_of(out) / "work" / "repair" / "cuts.parquet", Cuts)


@pytest.mark.parametrize("gap", [1, 2, 3])
def test_the_regions_of_a_frame_are_taken_once(
    gap: int, movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sequence,) = find_sequences(movie, out=tmp_path / "01_RES")
    plan = make_plan(sequence, Options(profile="auto", evidence="overlap"))
    plan = replace(plan, profile=replace(plan.profile, max_gap=gap))
    taken = []

    def counted(labels: LabelFrame) -> dict[int, Region]:
        taken.append(int(labels.sum()))
        return regions_of(labels)

    monkeypatch.setattr(stages, "regions_of", counted)
    with WorkDir.open(sequence.work_dir, plan.key(), overwrite=False) as work:
        run = Session(plan, work)
        stages.propagate(run, stages.detect(run))
        assert len(list(work.evidence(0, 1).parent.glob("*.parquet"))) > FRAMES
    assert len(taken) == FRAMES


def test_halves_are_painted_as_two_cells_and_nothing_is_lost(movie: Path, run: Path) -> None:
    cuts = cuts_of(run)
    assert len(cuts) >= 3
    for t in range(FRAMES):
        given = read_frame(movie / "01_ERR_SEG" / f"mask{t:03d}.tif")
        painted = read_frame(run / f"mask{t:03d}.tif")
        assert np.array_equal(painted > 0, given > 0)
        cut = set(cuts.label[cuts.t == t].tolist())
        for label in set(np.unique(given).tolist()) - {0}:
            assert len(np.unique(painted[given == label])) == (2 if label in cut else 1)


def test_most_cuts_are_between_two_cells(movie: Path, run: Path) -> None:
    """Of all masks a tenth covers two cells; of those that are cut, nearly all do."""
    right = 0
    cuts = cuts_of(run)
    for t, label in zip(cuts.t.tolist(), cuts.label.tolist(), strict=True):
        mask = read_frame(movie / "01_ERR_SEG" / f"mask{t:03d}.tif") == label
        true = read_frame(movie / "01_GT" / "TRA" / f"man_track{t:03d}.tif")
        covered = [c for c in np.unique(true[mask]) if c and mask[true == c].mean() > 0.5]
        right += len(covered) > 1
    assert right >= 0.8 * len(cuts)


def test_the_record_counts_what_was_cut(run: Path) -> None:
    counts = json.loads((work_of(run) / "run.json").read_text())["counts"]
    assert counts["cut"] == len(cuts_of(run))
    assert counts["joined"] == 0


def test_masks_that_may_not_be_edited_stay_whole(movie: Path, run: Path, tmp_path: Path) -> None:
    settings = sam4ct("profiles", "derive", movie, "01").out
    assert "edit_masks = true" in settings
    profile = tmp_path / "mine.toml"
    profile.write_text(settings.replace("edit_masks = true", "edit_masks = false"))
    out, by_hand = tmp_path / "01_RES", tmp_path / "02_RES"
    options = ("--evidence", "overlap", "--no-report", "--out")
    assert sam4ct("run", movie, "01", "--profile", profile, *options, out).status == 0
    assert sam4ct("run", movie, "01", "--no-edit-masks", *options, by_hand).status == 0
    assert tree(by_hand) == tree(out)
    for t, label in zip(cuts_of(run).t.tolist(), cuts_of(run).label.tolist(), strict=True):
        mask = read_frame(movie / "01_ERR_SEG" / f"mask{t:03d}.tif") == label
        assert len(np.unique(read_frame(out / f"mask{t:03d}.tif")[mask])) == 1
    assert not len(cuts_of(out))
    assert "cut" not in json.loads((work_of(out) / "run.json").read_text())["counts"]


def test_fragments_may_be_joined_in_a_frame_with_a_cut(movie: Path, tmp_path: Path) -> None:
    """The fragment has the highest label of its frame; halves do not take it."""
    dataset = tmp_path / "Crowd"
    shutil.copytree(movie, dataset)
    out = tmp_path / "01_RES"
    options = ("--evidence", "overlap", "--no-report", "--overwrite", "--out", out)
    assert sam4ct("run", dataset, "01", *options).status == 0
    inner = (cuts_of(out).t > 0) & (cuts_of(out).t < FRAMES - 1)
    t = int(cuts_of(out).t[inner][0])
    file = dataset / "01_ERR_SEG" / f"mask{t:03d}.tif"
    labels, cut = read_frame(file), cuts_of(out).label[cuts_of(out).t == t]
    # The largest cell that stays whole, split across its longer side.
    sizes = np.bincount(labels.ravel())
    sizes[[0, *cut.tolist()]] = 0
    rows, columns = np.nonzero(labels == sizes.argmax())
    along = rows if np.ptp(rows) > np.ptp(columns) else columns
    far = along > np.median(along)
    labels[rows[far], columns[far]] = labels.max() + 1
    tifffile.imwrite(file, labels)
    done = sam4ct("run", dataset, "01", *options)
    assert done.status == 0, done.err
    counts = json.loads((work_of(out) / "run.json").read_text())["counts"]
    assert counts["joined"] == 1
    assert t in cuts_of(out).t
    assert sam4ct("validate", out).status == 0


@pytest.mark.parametrize("name", ["cuts", "halves", "joined"])
def test_what_was_damaged_and_deleted_is_made_anew(
    name: str, movie: Path, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "01_RES"
    shutil.copytree(work_of(run), work_of(out))
    (work_of(out) / "work" / "repair" / f"{name}.parquet").unlink()
    options = ("--evidence", "overlap", "--no-report", "--out", out)
    assert sam4ct("run", movie, "01", *options).status == 0
    assert tree(out) == tree(run)


def test_what_was_joined_and_what_would_leave_specks_is_not_cut() -> None:
    cells = detections_of([np.repeat(np.arange(5), 20).reshape(5, 20)])
    t, label = np.zeros(4, np.int64), np.array([1, 2, 3, 4])
    way, share = np.ones(4), np.array([0.5, 0.5, 0.2, 0.8])
    cut = Cuts(t, label, label + 10, label + 20, way, way, way, share)
    joins = Joins(np.array([0]), np.array([9]), np.array([2]))
    assert worth_cutting(cut, cells, joins, min_size=2).tolist() == [True, False, True, True]
    assert worth_cutting(cut, cells, joins, min_size=4).tolist() == [True, False, False, False]


def test_only_halves_are_asked_about(
    movie: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[tuple[int, int]] = set()

    class Recorded(StayPut):
        def propagate(
            self, t: int, regions: Mapping[int, Region], t2: int
        ) -> dict[int, Propagated]:
            asked.update((t, label) for label in regions)
            return super().propagate(t, regions, t2)

    monkeypatch.setattr(repairing, "propagator_of", lambda *_: (Recorded(), dict))
    out = tmp_path / "01_RES"
    options = ("--evidence", "overlap", "--no-report", "--out", out)
    assert sam4ct("run", movie, "01", *options).status == 0
    cuts = cuts_of(run)
    halves = (cuts.t.tolist() * 2, [*cuts.first.tolist(), *cuts.second.tolist()])
    assert asked == set(zip(*halves, strict=True))
    assert tree(out) == tree(run)


def test_a_run_stopped_among_the_halves_goes_on_to_the_same_bytes(
    movie: Path, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "01_RES"
    shutil.copytree(work_of(run), work_of(out))
    (work_of(out) / "links.parquet").unlink()
    gathered = sorted((work_of(out) / "work" / "repair" / "evidence").iterdir())
    assert len(gathered) > 2
    kept = gathered[0].stat().st_mtime_ns
    for file in gathered[1:]:
        file.unlink()
    options = ("--evidence", "overlap", "--no-report", "--out", out)
    assert sam4ct("run", movie, "01", *options).status == 0
    assert tree(out) == tree(run)
    assert gathered[0].stat().st_mtime_ns == kept
