"""A result folder is complete and valid or not there; an older one survives every failure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from sam4ct.errors import ResultError
from sam4ct.io.ctc.painted_frames import VolumeFrames
from sam4ct.io.ctc.result import ResultWriter, prepare_target, refuse_target
from sam4ct.io.ctc.track_table import read_tracks, write_tracks
from sam4ct.io.ctc.validate import validate_result
from sam4ct.lineage import Track
from sam4ct.regions import regions_of
from sam4ct.types import FrameWriter

pytestmark = pytest.mark.who

TRACKS = [Track(2, 2, 2, 1), Track(3, 2, 2, 1), Track(1, 0, 1)]
SHAPES = [(6, 8), (3, 6, 8)]


def frames(shape: tuple[int, ...] = (6, 8)) -> list[np.ndarray]:
    """Cell 1 divides into 2 and 3 in the last of three frames."""
    mother = np.zeros(shape, np.uint16)
    mother[..., 1:4, 1:7] = 1
    daughters = mother.copy()
    daughters[..., 1:4, 1:3] = 2
    daughters[..., 1:4, 3:7] = 3
    return [mother, mother, daughters]


def write(target: Path, shape: tuple[int, ...] = (6, 8), **options: object) -> None:
    with ResultWriter(target, TRACKS, frames=3, shape=shape, **options) as writer:
        for t, labels in enumerate(frames(shape)):
            writer.write(t, labels)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "01_RES"


@pytest.fixture
def older(target: Path) -> dict[str, bytes]:
    """Files of an older result, one frame long."""
    with ResultWriter(target, [Track(9, 0, 0)], frames=1, shape=(2, 2)) as writer:
        writer.write(0, np.full((2, 2), 9, np.uint16))
    return contents(target)


@pytest.mark.parametrize("shape", SHAPES)
def test_result_is_complete_and_valid(target: Path, shape: tuple[int, ...]) -> None:
    write(target, shape)
    assert sorted(contents(target)) == [
        "mask000.tif",
        "mask001.tif",
        "mask002.tif",
        "res_track.txt",
    ]
    assert validate_result(target) == []
    assert read_tracks(target / "res_track.txt") == sorted(TRACKS)
    for t, labels in enumerate(frames(shape)):
        np.testing.assert_array_equal(tifffile.imread(target / f"mask{t:03d}.tif"), labels)


def test_nothing_else_is_left_beside_it(target: Path) -> None:
    write(target)
    assert list(target.parent.iterdir()) == [target]


def test_same_result_has_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_frame_numbers_are_as_wide_as_asked(target: Path) -> None:
    write(target, digits=4)
    assert (target / "mask0002.tif").exists()


def test_nothing_is_there_before_the_end(target: Path) -> None:
    with ResultWriter(target, TRACKS, frames=3, shape=(6, 8)) as writer:
        frame_writer: FrameWriter = writer
        for t, labels in enumerate(frames()):
            frame_writer.write(t, labels)
            assert not target.exists()
    assert target.exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_any_exception_leaves_nothing(target: Path, error: type[BaseException]) -> None:
    def interrupted() -> None:
        with ResultWriter(target, TRACKS, frames=3, shape=(6, 8)) as writer:
            writer.write(0, frames()[0])
            raise error

    with pytest.raises(error):
        interrupted()
    assert list(target.parent.iterdir()) == []


def test_tracks_that_break_the_rules_are_refused(target: Path) -> None:
    with pytest.raises(ResultError, match=r"01_RES: not written.*its parent 5 does not exist"):
        ResultWriter(target, [Track(1, 0, 1, parent=5)], frames=2, shape=(6, 8))


def test_track_that_outlives_the_sequence_is_refused(target: Path) -> None:
    with pytest.raises(ResultError, match="track 1: ends after frame 1"):
        ResultWriter(target, [Track(1, 0, 2)], frames=2, shape=(6, 8))


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (np.zeros((6, 8), np.uint16), "track 1 has no pixels"),
        (np.full((6, 8), 7, np.uint16), "label 7 is not in the track table"),
        (frames()[2], "label 2 has pixels, but lives in frames 2 to 2"),
    ],
)
def test_frame_that_breaks_the_rules_is_refused(
    target: Path, labels: np.ndarray, problem: str
) -> None:
    writer = ResultWriter(target, TRACKS, frames=3, shape=(6, 8))
    with pytest.raises(ResultError, match=problem), writer:
        writer.write(0, labels)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(("t", "shape"), [(1, (6, 8)), (0, (6, 7)), (0, (1, 6, 8))])
def test_frame_out_of_turn_or_shape_is_our_fault(
    target: Path, t: int, shape: tuple[int, ...]
) -> None:
    writer = ResultWriter(target, TRACKS, frames=3, shape=(6, 8))
    with pytest.raises(ValueError, match="expected frame 0"), writer:
        writer.write(t, frames(shape)[0])


def test_missing_frames_are_our_fault(target: Path) -> None:
    writer = ResultWriter(target, TRACKS, frames=3, shape=(6, 8))
    with pytest.raises(ValueError, match="1 frames written of 3"), writer:
        writer.write(0, frames()[0])
    assert not target.exists()


def taken(target: Path, shape: tuple[int, ...] = (6, 8)) -> None:
    """Paint what is missing of the frames of `write` beside the target, then take them."""
    painted = VolumeFrames(target.with_name("work"), shape)
    regions = [regions_of(labels) for labels in frames(shape)]
    for t in range(3):
        if not painted.has(t):
            painted.write(t, regions[t])
    with ResultWriter(target, TRACKS, frames=3, shape=shape) as writer:
        for t in range(3):
            writer.take(t, painted.path(t), regions[t])


@pytest.fixture
def work(target: Path) -> VolumeFrames:
    """All frames, painted."""
    painted = VolumeFrames(target.with_name("work"), (6, 8))
    for t, labels in enumerate(frames()):
        painted.write(t, regions_of(labels))
    return painted


@pytest.mark.parametrize("shape", SHAPES)
def test_taken_frames_make_the_same_result(
    target: Path, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    taken(target, shape)
    write(tmp_path / "02_RES", shape)
    assert contents(target) == contents(tmp_path / "02_RES")
    assert list((tmp_path / "work").iterdir()) == []


def test_frames_may_be_taken_from_another_file_system(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def within_one(source: Path, to: Path) -> None:
        if source.parent != to.parent:
            raise OSError(18, "Invalid cross-device link")
        replace(source, to)

    monkeypatch.setattr(os, "replace", within_one)
    test_taken_frames_make_the_same_result(target, tmp_path, (6, 8))


@pytest.mark.parametrize(
    ("labels", "problem"),
    [([], "track 1 has no pixels"), ([1, 7], "label 7 is not in the track table")],
)
def test_frame_to_take_that_breaks_the_rules_stays_where_it_is(
    target: Path, work: VolumeFrames, labels: list[int], problem: str
) -> None:
    writer = ResultWriter(target, TRACKS, frames=3, shape=(6, 8))
    with pytest.raises(ResultError, match=problem), writer:
        writer.take(0, work.path(0), labels)
    assert work.has(0)
    assert list(target.parent.iterdir()) == [work.folder]


def test_frame_taken_out_of_turn_is_our_fault(target: Path, work: VolumeFrames) -> None:
    writer = ResultWriter(target, TRACKS, frames=3, shape=(6, 8))
    with pytest.raises(ValueError, match="frame 1; expected frame 0"), writer:
        writer.take(1, work.path(1), [1])
    assert work.has(1)


def test_frame_to_take_that_is_gone_is_told(target: Path, work: VolumeFrames) -> None:
    work.path(0).unlink()
    writer = ResultWriter(target, TRACKS, frames=3, shape=(6, 8))
    told = r"01_RES/mask000\.tif: No such file.* may have been removed"
    with pytest.raises(ResultError, match=told), writer:
        writer.take(0, work.path(0), [1])
    assert list(target.parent.iterdir()) == [work.folder]


KILLED_TAKING = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_result import taken
calls = 0
def fatal(source, to, real=os.replace, at=int(sys.argv[3])):
    global calls
    if calls == at:
        os._exit(9)
    calls += 1
    real(source, to)
os.replace = fatal
taken(Path(sys.argv[2]))
"""


@pytest.mark.parametrize(("step", "left"), [(1, [0]), (4, [1, 2]), (6, [])])
def test_kill_while_frames_are_taken_is_mended_by_the_same_command(
    target: Path, step: int, left: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Steps: three frames are painted, then taken; then the table takes its place."""
    command = [sys.executable, "-c", KILLED_TAKING, str(Path(__file__).parent), str(target)]
    assert subprocess.run([*command, str(step)], check=False).returncode == 9
    assert not target.exists()
    painted = VolumeFrames(target.with_name("work"), (6, 8))
    assert [t for t in range(3) if painted.has(t)] == left
    taken(target)
    write(newer := tmp_path_factory.mktemp("newer") / "01_RES")
    assert contents(target) == contents(newer)
    assert sorted(path.name for path in target.parent.iterdir()) == ["01_RES", "work"]


def test_older_result_is_not_replaced_unasked(target: Path, older: dict[str, bytes]) -> None:
    with pytest.raises(ResultError, match=r"01_RES: is not empty\. Add --overwrite"):
        write(target)
    assert contents(target) == older


def test_older_result_is_replaced_when_asked(target: Path, older: dict[str, bytes]) -> None:
    write(target, overwrite=True)
    assert len(contents(target)) == 4
    assert list(target.parent.iterdir()) == [target]


def test_empty_folder_is_taken(target: Path) -> None:
    target.mkdir()
    write(target)
    assert validate_result(target) == []


def test_older_result_survives_a_failure(target: Path, older: dict[str, bytes]) -> None:
    writer = ResultWriter(target, TRACKS, frames=3, shape=(6, 8), overwrite=True)
    with pytest.raises(ResultError), writer:
        writer.write(0, np.zeros((6, 8), np.uint16))
    assert contents(target) == older
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_older_result_survives_a_swap_that_fails(
    target: Path,
    older: dict[str, bytes],
    error: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rename = Path.rename

    def refuse_new(self: Path, to: Path) -> Path:
        if self.name.endswith("-new"):
            raise error
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises((ResultError, KeyboardInterrupt)):
        write(target, overwrite=True)
    assert contents(target) == older
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("names", [["mask000.tif"], ["t000.tif"], ["res_track.txt", "thesis.doc"]])
def test_folder_that_is_no_result_is_never_replaced(target: Path, names: list[str]) -> None:
    target.mkdir()
    for name in names:
        (target / name).write_text("precious")
    with pytest.raises(ResultError, match="it is not a result and is not replaced"):
        write(target, overwrite=True)
    assert sorted(contents(target)) == sorted(names)


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_result import write
calls = 0
def fatal(real, at=int(sys.argv[3])):
    def call(*args, **options):
        global calls
        if calls == at:
            os._exit(9)
        calls += 1
        return real(*args, **options)
    return call
import shutil
Path.rename, shutil.rmtree = fatal(Path.rename), fatal(shutil.rmtree)
write(Path(sys.argv[2]), overwrite=True)
"""


@pytest.mark.parametrize("step", range(4))
def test_kill_within_the_swap_leaves_one_whole_result(
    target: Path, older: dict[str, bytes], step: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Steps: rename the old aside, the new into place, remove the old, remove the folder."""
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(target), str(step)]
    assert subprocess.run(command, check=False).returncode == 9
    prepare_target(target, overwrite=True)
    write(newer := tmp_path_factory.mktemp("newer") / "01_RES")
    assert contents(target) == (older if step < 2 else contents(newer))
    assert list(target.parent.iterdir()) == [target]


def test_folder_of_a_killed_run_is_removed(target: Path) -> None:
    writer = ResultWriter(target, TRACKS, frames=3, shape=(6, 8))
    writer.__enter__()
    writer.write(0, frames()[0])
    assert len(list(target.parent.iterdir())) == 1
    prepare_target(target, overwrite=False)
    assert list(target.parent.iterdir()) == []


def test_refusing_a_target_changes_nothing(target: Path) -> None:
    with ResultWriter(target, TRACKS, frames=3, shape=(6, 8)) as at_work:
        at_work.write(0, frames()[0])
        refuse_target(target, overwrite=False)
        for t in (1, 2):
            at_work.write(t, frames()[t])
    with pytest.raises(ResultError, match="is not empty"):
        refuse_target(target, overwrite=False)


def test_older_result_that_waits_beside_its_place_is_not_overlooked(
    target: Path, older: dict[str, bytes]
) -> None:
    target.rename(target.with_name(f".{target.name}.sam4ct-old"))
    with pytest.raises(ResultError, match=r"\.01_RES\.sam4ct-old: is the older .* it 01_RES, or"):
        refuse_target(target, overwrite=False)


@pytest.mark.parametrize("name", ["01_RES", ".01_RES.sam4ct-old", ".01_RES.sam4ct-new"])
def test_folder_whose_files_may_not_be_removed_is_told_before_the_work(
    name: str, target: Path, older: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = target.with_name(name)
    folder.mkdir(exist_ok=True)
    (folder / "mask000.tif").touch()
    monkeypatch.setattr(os, "access", lambda path, _: path != folder)
    with pytest.raises(ResultError, match=rf"/{re.escape(name)}: no right to remove"):
        refuse_target(target, overwrite=True)


def test_leftover_that_cannot_be_removed_is_named(
    target: Path, older: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    target.with_name(".01_RES.sam4ct-old").mkdir()
    monkeypatch.setattr("shutil.rmtree", refusing)
    with pytest.raises(ResultError, match=r"/\.01_RES\.sam4ct-old: Permission denied"):
        prepare_target(target, overwrite=True)


def test_full_disk_is_told_with_the_remedy(
    target: Path, older: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ResultError, match=r"01_RES/mask000\.tif: No space left.* Free some space"):
        write(target, overwrite=True)
    assert contents(target) == older
    assert list(target.parent.iterdir()) == [target]


def test_unwritable_place_is_told_before_the_work(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ResultError, match=r"01_RES: no right to write .*--out"):
        prepare_target(target, overwrite=False)


def test_file_in_the_place_of_a_parent_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="A file stands where a folder is needed"):
        prepare_target(tmp_path / "file" / "01_RES", overwrite=False)


def test_file_in_the_place_of_the_target_is_told(target: Path) -> None:
    target.write_text("precious")
    with pytest.raises(ResultError, match="is a file"):
        write(target, overwrite=True)
    assert target.read_text() == "precious"


def test_mounted_folder_is_told_with_a_way_out() -> None:
    with pytest.raises(ResultError, match=r"mounted folder.* e\.g\. /01_RES"):
        prepare_target(Path("/"), overwrite=False)


def test_link_to_a_folder_is_followed(tmp_path: Path, target: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target.symlink_to(tmp_path / "elsewhere")
    write(target)
    assert target.is_symlink()
    assert validate_result(tmp_path / "elsewhere") == []


numbers = st.integers(0, 99_999)


@given(st.lists(st.builds(Track, numbers, numbers, numbers, numbers)))
def test_written_tracks_come_back_sorted(
    tmp_path_factory: pytest.TempPathFactory, tracks: list[Track]
) -> None:
    path = tmp_path_factory.getbasetemp() / "res_track.txt"
    write_tracks(path, tracks)
    assert read_tracks(path) == sorted(tracks)


def test_line_ends_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "man_track.txt").write_bytes(b"1 0 4 0\r\n\r\n 2  5 6 1 \r\n")
    assert read_tracks(tmp_path / "man_track.txt") == [Track(1, 0, 4), Track(2, 5, 6, 1)]


@pytest.mark.parametrize("line", ["1 0 4", "1 0 4 0 0", "1 0 4.0 0", "1,0,4,0", "L B E P"])
def test_line_that_is_not_four_whole_numbers_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "res_track.txt").write_text(f"1 0 4 0\n{line}\n")
    with pytest.raises(ResultError, match=r"res_track\.txt: line 2 is .*four whole numbers"):
        read_tracks(tmp_path / "res_track.txt")


@pytest.mark.parametrize("data", [None, b"\xff\xfe1 0"])
def test_track_file_that_is_no_text_is_refused(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "res_track.txt").write_bytes(data)
    with pytest.raises(ResultError, match=r"res_track\.txt: (cannot be read|is not in UTF-8)"):
        read_tracks(tmp_path / "res_track.txt")
