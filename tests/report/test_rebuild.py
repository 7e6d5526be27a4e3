"""The report of a result that is on disk, by sam4ct or by another tool."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from scenes.report_fakes import LINKS, TRACKS, FakeResult, FakeSequence, Page

from sam4ct.cli.report import report
from sam4ct.errors import ResultError, SequenceError, WorkError
from sam4ct.io.ctc.result import ResultWriter
from sam4ct.io.tiff.frame import encode_frame, write_frame
from sam4ct.io.tiff.spacing import encode_stack
from sam4ct.io.work.tables import write_table
from sam4ct.lineage import Track
from sam4ct.report.rebuild import rebuild_report


@pytest.fixture
def res_dir(tmp_path: Path) -> Path:
    """A dataset with its result, as another tool would leave it."""
    sequence = FakeSequence()
    folder = tmp_path / "A & B" / "01_RES"
    with ResultWriter(folder, TRACKS, frames=6, shape=sequence.shape) as writer:
        for t in range(6):
            writer.write(t, FakeResult(sequence).labels(t))
    for t in range(6):
        write_frame(folder.with_name("01") / f"t{t:03d}.tif", sequence.image(t))
    return folder


def add_run(res_dir: Path) -> None:
    """What a run of sam4ct has and leaves beside its result."""
    for t in range(6):
        masks = FakeSequence().labels(t).astype(np.uint16)
        write_frame(res_dir.with_name("01_ERR_SEG") / f"mask{t:03d}.tif", masks)
    work = res_dir.with_name("01_RES.sam4ct")
    write_table(work / "links.parquet", LINKS)
    (work / "run.json").write_text(json.dumps({"version": "7.8.9", "generated": [[4, 4]]}))


def test_a_result_of_another_tool_is_reported_without_links(res_dir: Path) -> None:
    path = rebuild_report(res_dir)
    page = Page(path)
    assert path == res_dir.with_name("01_RES.sam4ct") / "report.html"
    assert "A & B" in page.words["h1"]
    assert "Least certain" not in page.text


def test_the_record_and_the_links_of_a_run_are_used(res_dir: Path) -> None:
    add_run(res_dir)
    page = Page(rebuild_report(res_dir))
    assert "sam4ct 7.8.9" in page.text
    assert sum(tag == "button" and "data-t" in a for tag, a in page.elements) == len(LINKS)


def test_volumes_are_shown_at_the_proportions_that_run_or_images_state(tmp_path: Path) -> None:
    sequence = FakeSequence(3, frames=1, tracks=[Track(1, 0, 0)])
    res_dir = tmp_path / "Cells" / "01_RES"
    with ResultWriter(res_dir, [Track(1, 0, 0)], frames=1, shape=sequence.shape) as writer:
        writer.write(0, sequence.drawn(0))
    (tmp_path / "Cells" / "01").mkdir()
    image = tmp_path / "Cells" / "01" / "t000.tif"
    heights = []
    for encode in (encode_frame, lambda volume: encode_stack(volume, (1.5, 0.5, 0.5))):
        image.write_bytes(encode(sequence.image(0)))
        heights.append(Page(rebuild_report(res_dir)).data["volume"]["slice"])
    run = res_dir.with_name("01_RES.sam4ct") / "run.json"
    profile = {"dataset": "Cells", "spacing_um": [4.0, 0.5, 0.5]}
    run.write_text(json.dumps({"profile": profile}))
    heights.append(Page(rebuild_report(res_dir)).data["volume"]["slice"])
    assert heights == [17.5, 3 * 17.5, 8 * 17.5]


def test_the_images_may_lie_elsewhere(res_dir: Path, tmp_path: Path) -> None:
    res_dir.with_name("01").rename(tmp_path / "05")
    with pytest.raises(SequenceError, match="--images"):
        rebuild_report(res_dir)
    assert "05" in Page(rebuild_report(res_dir, tmp_path / "05")).words["h1"]


def test_an_image_of_another_type_is_named(res_dir: Path) -> None:
    image = FakeSequence().image(2).astype(np.float32)
    tifffile.imwrite(res_dir.with_name("01") / "t002.tif", image)
    with pytest.raises(SequenceError, match=r"t002\.tif: has the type float32, but t000\.tif has"):
        rebuild_report(res_dir)


def test_missing_folders_are_told_apart(res_dir: Path) -> None:
    with pytest.raises(SequenceError, match=r"02_RES: cannot be listed .* Give a folder"):
        rebuild_report(res_dir.with_name("02_RES"))
    other = res_dir.rename(res_dir.with_name("tracked"))
    with pytest.raises(SequenceError, match=r"tracked: its name is not SS_RES.* with --images"):
        rebuild_report(other)
    other = other.rename(res_dir.with_name("03_RES"))
    with pytest.raises(SequenceError, match=r"03: the images of 03_RES are missing.* --images"):
        rebuild_report(other)


def test_an_invalid_result_is_refused(res_dir: Path) -> None:
    (res_dir / "res_track.txt").write_text("1 0 2 0\n")
    with pytest.raises(ResultError, match="sam4ct validate"):
        rebuild_report(res_dir)


def test_a_damaged_record_is_named(res_dir: Path) -> None:
    add_run(res_dir)
    (res_dir.with_name("01_RES.sam4ct") / "run.json").write_text("{")
    with pytest.raises(WorkError, match=r"run\.json: is damaged"):
        rebuild_report(res_dir)


def test_the_command_writes_the_report_and_says_where(res_dir: Path) -> None:
    done = CliRunner().invoke(report, [str(res_dir)])
    assert done.exit_code == 0
    assert Page(Path(done.output.strip())).data["frames"]
