"""Input that changes under a run of mode "track": what is looked at again, and what is kept."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from scenes.commands import sam4ct
from scenes.embryo_runs import FRAMES, OVERLAP, record, run, work_of, written

from sam4ct.errors import WorkError
from sam4ct.io.work.folder import WorkDir
from sam4ct.pipelines.follow.artifacts import FrameInputs, frames_done


@pytest.fixture
def dataset(embryo: Path, overlap: Path, tmp_path: Path) -> Path:
    """A copy, of the same times and with the result inside, that a test may change."""
    dataset = shutil.copytree(embryo, tmp_path / "Embryo")
    result = shutil.copytree(overlap, dataset / "01_RES")
    shutil.copytree(work_of(overlap), work_of(result))
    return dataset


def again(dataset: Path, caplog: pytest.LogCaptureFixture, *options: object) -> str:
    """Run once more, and return what is said of changes."""
    run(dataset, dataset / "01_RES", "--overwrite", *options, *OVERLAP)
    return "\n".join(message for message in caplog.messages if "changed since" in message)


def artifacts(dataset: Path) -> dict[str, int]:
    """When everything that was seen of frames was written: a file made anew has another time."""
    folder = work_of(dataset / "01_RES") / "work" / "propagate"
    return {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob("*.parquet"))}


def made_anew(kept: dict[str, int], dataset: Path) -> set[int]:
    """Return the frames of which everything is new; of the others, all is as it was."""
    now = artifacts(dataset)
    assert now.keys() == kept.keys()
    of = {t: [name for name in now if name.startswith(f"t{t:05d}.")] for t in range(FRAMES)}
    new = {t for t in of if all(now[name] != kept[name] for name in of[t])}
    assert all(now[name] == kept[name] for t in of if t not in new for name in of[t])
    return new


def chunks_of(dataset: Path, frame: int) -> list[Path]:
    """Return the files with voxels of a frame."""
    files = (dataset / "01.zarr" / "0" / "c" / f"{frame}").rglob("*")
    return sorted(path for path in files if path.is_file())


def inputs_of_frame(work: WorkDir, t: int) -> FrameInputs:
    path = work.artifact("propagate", f"t{t:05d}.input.json")
    return FrameInputs(**json.loads(path.read_bytes()))


def touch(path: Path) -> None:
    """Move the time of a file's last change."""
    time = path.stat().st_mtime_ns + 1
    os.utime(path, ns=(time, time))


@pytest.mark.parametrize("frame", [0, 1, 3])
def test_changed_image_makes_its_frame_and_those_after_it_anew(
    frame: int, dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = dataset / "01_RES"
    expected, kept = written(result), artifacts(dataset)
    touch(chunks_of(dataset, frame)[0])
    painted = work_of(result) / "work" / "paint" / "mask000.tif"
    painted.parent.mkdir(exist_ok=True)
    painted.write_bytes(b"painted before the change")
    told = again(dataset, caplog)
    assert told.count("\n") == 0
    assert f"01_RES.sam4ct: the image of frame {frame} changed since it was looked at" in told
    assert made_anew(kept, dataset) == set(range(frame, FRAMES))
    assert written(result) == expected
    assert record(result)["resumed"] == (frame > 0)


def test_chunk_that_stopped_a_run_may_be_replaced(
    embryo: Path, overlap: Path, dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result, stopping = dataset / "01_RES", 3
    for folder in (result, work_of(result)):
        shutil.rmtree(folder)
    for chunk in chunks_of(dataset, stopping):
        chunk.write_bytes(b"damaged")
    stopped = sam4ct("-q", "run", dataset, *OVERLAP)
    assert stopped.status == 2
    assert f"01.zarr/0/c/{stopping}/" in stopped.err
    assert f"this chunk of frame {stopping} cannot be read" in stopped.err
    kept = artifacts(dataset)
    assert {name[:6] for name in kept} == {f"t{t:05d}" for t in range(stopping)}
    for sound, chunk in zip(chunks_of(embryo, stopping), chunks_of(dataset, stopping), strict=True):
        chunk.write_bytes(sound.read_bytes())
    assert again(dataset, caplog) == ""
    assert kept.items() <= artifacts(dataset).items()
    assert written(result) == written(overlap)


def test_kill_leaves_no_frame_that_was_seen_after_a_changed_one(dataset: Path) -> None:
    work = WorkDir(work_of(dataset / "01_RES"))
    folder = work.root / "work" / "propagate"
    inputs = [inputs_of_frame(work, t) for t in range(FRAMES)]
    assert frames_done(work, inputs) == FRAMES
    inputs[2] = FrameInputs("another", inputs[2].seeds)
    assert frames_done(work, inputs) == 2
    rows = {path.name for path in folder.glob("*.rows.parquet")}
    assert rows == {"t00000.rows.parquet", "t00001.rows.parquet"}


def test_damaged_digests_of_a_frame_are_told(dataset: Path) -> None:
    work = WorkDir(work_of(dataset / "01_RES"))
    path = work.artifact("propagate", "t00001.input.json")
    for content in (b"{", b'{"image": "a"}', b"[]"):
        path.write_bytes(content)
        with pytest.raises(WorkError, match=r"t00001\.input\.json: damaged\. Delete it and run"):
            frames_done(work, [inputs_of_frame(work, 0)] * FRAMES)


def test_changed_seeds_make_their_frame_and_those_after_it_anew(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = artifacts(dataset)
    with (dataset / "01_SEEDS" / "t002.csv").open("a") as file:
        file.write("1,1,1\n")
    assert "the seeds of frame 2 changed since" in again(dataset, caplog)
    assert made_anew(kept, dataset) == set(range(2, FRAMES))


def test_nothing_is_made_anew_where_nothing_has_changed(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected, kept = written(dataset / "01_RES"), artifacts(dataset)
    assert again(dataset, caplog) == ""
    assert made_anew(kept, dataset) == set()
    assert written(dataset / "01_RES") == expected


def test_other_settings_make_everything_anew(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = artifacts(dataset)
    again(dataset, caplog, "--profile", "Fluo-N3DL-DRO")
    assert made_anew(kept, dataset) == set(range(FRAMES))
    assert not record(dataset / "01_RES")["resumed"]
