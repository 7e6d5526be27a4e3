"""The movie is read once: later commands take what `detect` kept, as long as no file changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.bad_inputs import VOLUME, make_dataset
from scenes.commands import sam4ct

from sam4ct.io.ctc import CtcSequence, find_sequences
from sam4ct.io.tiff import read_frame
from sam4ct.pipelines.link import survey as module
from sam4ct.pipelines.link.survey import survey

OVERLAP = ["--evidence", "overlap"]


@pytest.fixture(params=[None, VOLUME], ids=["2D", "3D"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A dataset whose regions were detected."""
    made = make_dataset(tmp_path, request.param) if request.param else make_dataset(tmp_path)
    assert sam4ct("stage", "detect", made, "01", *OVERLAP).status == 0
    return made


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[CtcSequence]:
    """The sequences whose frames were read."""
    found: list[CtcSequence] = []
    preflight = module.preflight

    def noted(sequence: CtcSequence, **more: object) -> object:
        found.append(sequence)
        return preflight(sequence, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "preflight", noted)
    return found


def work_of(dataset: Path) -> Path:
    return dataset / "01_RES.sam4ct" / "work"


def test_shards_and_later_stages_read_no_frame_for_planning(
    dataset: Path, read: list[CtcSequence]
) -> None:
    for shard in ("0:1", "1:"):
        done = sam4ct("stage", "propagate", dataset, "01", "--frames", shard, *OVERLAP)
        assert done.status == 0, done.err
    assert sam4ct("stage", "paint", dataset, "01", *OVERLAP).status == 0
    assert read == []


def test_what_was_kept_is_what_the_frames_say(dataset: Path, read: list[CtcSequence]) -> None:
    (sequence,) = find_sequences(dataset)
    kept = survey(sequence)
    assert read == []
    fresh = survey(replace(sequence, result_dir=dataset / "elsewhere"))
    assert len(read) == 1
    assert kept.checked == fresh.checked
    assert (kept.spacing_um, kept.stamp) == (fresh.spacing_um, fresh.stamp)
    for name in fresh.detections.schema():
        columns = (getattr(table, name) for table in (kept.detections, fresh.detections))
        assert np.array_equal(*columns, equal_nan=True)


def test_a_mask_changed_behind_an_old_date_is_noticed(
    dataset: Path, read: list[CtcSequence]
) -> None:
    (sequence,) = find_sequences(dataset)
    mask = sequence.masks[0]
    labels = read_frame(mask)
    tifffile.imwrite(mask, labels)
    assert sam4ct("stage", "detect", dataset, "01", *OVERLAP).status == 0
    status, before = mask.stat(), survey(sequence).checked
    assert len(read) == 1
    labels[labels == labels.max()] += 1
    tifffile.imwrite(mask, labels)
    os.utime(mask, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (mask.stat().st_size, mask.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    after = survey(sequence).checked
    assert len(read) == 2
    assert after.images_sha256 == before.images_sha256
    assert after.masks_sha256 != before.masks_sha256


@pytest.mark.parametrize(
    "damage",
    [
        lambda work: (work / "detect" / "survey.json").write_text("{"),
        lambda work: (work / "detect" / "survey.json").unlink(),
        lambda work: (work / "detections.parquet").write_bytes(b"half"),
        lambda work: (work / "detections.parquet").unlink(),
    ],
)
def test_what_is_damaged_is_read_and_kept_again(
    damage: Callable[[Path], object], dataset: Path, read: list[CtcSequence]
) -> None:
    table = (work_of(dataset) / "detections.parquet").read_bytes()
    damage(work_of(dataset))
    assert sam4ct("stage", "detect", dataset, "01", *OVERLAP).status == 0
    assert len(read) == 1
    assert (work_of(dataset) / "detections.parquet").read_bytes() == table
    assert sam4ct("stage", "detect", dataset, "01", *OVERLAP).status == 0
    assert len(read) == 1


def test_files_with_new_dates_are_read_and_nothing_is_made_again(
    dataset: Path, read: list[CtcSequence]
) -> None:
    assert sam4ct("stage", "propagate", dataset, "01", *OVERLAP).status == 0
    before = {path: path.stat().st_mtime_ns for path in work_of(dataset).rglob("*.parquet")}
    for path in (dataset / "01").iterdir():
        os.utime(path)
    assert sam4ct("stage", "propagate", dataset, "01", *OVERLAP).status == 0
    assert len(read) == 1
    assert {path: path.stat().st_mtime_ns for path in work_of(dataset).rglob("*.parquet")} == before
    assert sam4ct("stage", "propagate", dataset, "01", *OVERLAP).status == 0
    assert len(read) == 1


def test_checking_keeps_nothing(tmp_path: Path) -> None:
    made = make_dataset(tmp_path)
    assert sam4ct("check", made, *OVERLAP).status == 0
    assert not list(tmp_path.rglob("*.sam4ct"))


def warnings_of_runs(dataset: Path, caplog: pytest.LogCaptureFixture) -> list[list[str]]:
    """What a run warns of, and the same run once more."""
    found = []
    for _ in range(2):
        caplog.clear()
        assert sam4ct("run", dataset, *OVERLAP, "--overwrite").status == 0
        found.append([r.getMessage() for r in caplog.records if r.levelname == "WARNING"])
    return found


def test_a_warning_about_masks_is_given_by_every_command(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (dataset / "01_ERR_SEG").iterdir():
        labels = read_frame(path)
        tifffile.imwrite(path, two_places(labels), photometric="minisblack")
    first, second = warnings_of_runs(dataset, caplog)
    assert any("places far apart" in warning for warning in first)
    assert second == first


def two_places(labels: np.ndarray) -> np.ndarray:
    """Two cells in opposite corners of a wide frame, by one label, and one by its own."""
    found = np.zeros_like(labels)
    found[..., 1:4, 1:4] = found[..., -4:-1, -4:-1] = 1
    found[..., 1:4, -4:-1] = 2
    return found


def test_a_broken_lineage_is_told_again_when_a_run_is_repeated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = tmp_path / "Jumpy"
    for t in range(4):
        labels = np.zeros((60, 200), np.uint16)
        for i in range(6):
            y, x = 8 + 22 * (i % 2), 8 + 14 * (i // 2) + (130 if t > 1 else 0)
            labels[y : y + 6, x : x + 6] = i + 1
        for name, frame in (
            (f"01/t{t:03d}", labels * 50 + 10),
            (f"01_ERR_SEG/mask{t:03d}", labels),
        ):
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(made / f"{name}.tif", frame, photometric="minisblack")
    first, second = warnings_of_runs(made, caplog)
    assert any("mask002.tif: only 0 of 6 cells are linked" in warning for warning in first), first
    assert second == first
