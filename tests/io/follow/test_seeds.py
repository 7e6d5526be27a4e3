"""Seeds on disk: every format gives the same places, and what is wrong is told with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sam4ct.errors import SequenceError
from sam4ct.io.follow.seed_table import read_seed_table, write_seed_table
from sam4ct.io.follow.seeds import SETTINGS, SeedFiles, seeds_dir_of
from sam4ct.types import Seeds

SHAPE = (13, 60, 50)
PLACES = {0: [[1.0, 20.5, 3.0], [12.0, 7.0, 49.25]], 1: [[0.0, 0.0, 0.0]], 2: [[5.0, 59.5, 2.0]]}
TWANG = "_item_0005_ExtractSeedBasedIntensityWindowFilter_.csv"


def twang(places: list[list[float]]) -> str:
    """A table as TWANG writes it: many columns, semicolons, quoted names."""
    header = '"id";"scale";"xpos";"ypos";"zpos";"seedIntensity";"volume"\n'
    rows = (f"{i};4;{x};{y};{z};0.25;1\n" for i, (z, y, x) in enumerate(places))
    return header + "".join(rows)


def plain(places: list[list[float]]) -> str:
    return "z,y,x\n" + "".join(f"{z},{y},{x}\n" for z, y, x in places)


def timed(separator: str = ",") -> str:
    rows = [(t, *place) for t, places in PLACES.items() for place in places]
    return "\n".join(separator.join(map(str, row)) for row in [tuple("tzyx"), *rows]) + "\n"


def write_twang(folder: Path) -> None:
    for t, places in PLACES.items():
        (folder / f"t{t:03d}{TWANG}").write_text(twang(places))


def write_plain(folder: Path) -> None:
    for t, places in PLACES.items():
        (folder / f"t{t:03d}.csv").write_text(plain(places))


def write_found(folder: Path) -> None:
    for t, places in PLACES.items():
        scores = np.arange(len(places), dtype=float)
        write_seed_table(folder / f"t{t:03d}.parquet", Seeds(np.array(places), scores))


def write_table(folder: Path) -> None:
    # Rows need not be in order.
    header, *rows = timed().splitlines()
    (folder / "seeds.csv").write_text("\n".join([header, *rows[::-1]]))


def write_parquet(folder: Path) -> None:
    rows = [(t, *place) for t, places in PLACES.items() for place in places]
    columns = dict(zip("tzyx", zip(*rows, strict=True), strict=True))
    pq.write_table(pa.table({"id": list("abcd"), **columns}), folder / "seeds.parquet")


WRITERS: dict[str, Callable[[Path], None]] = {
    "TWANG": write_twang,
    "a file a frame": write_plain,
    "parquet a frame": write_found,
    "one table": write_table,
    "one parquet": write_parquet,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "01_SEEDS").mkdir()
    return tmp_path / "01_SEEDS"


def rows_of(files: SeedFiles, t: int) -> list[list[float]]:
    return sorted(files.seeds(t).places.tolist())


@pytest.mark.parametrize("writer", WRITERS)
def test_every_format_gives_the_same_places(writer: str, folder: Path) -> None:
    WRITERS[writer](folder)
    files = SeedFiles(folder, SHAPE)
    assert files.frames == (0, 1, 2)
    files.require(range(3))
    for t, places in PLACES.items():
        assert rows_of(files, t) == sorted(places)
        assert files.seeds(t).places.dtype == np.float64


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_table_may_be_named_itself_and_have_any_separator(separator: str, tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_bytes(b"\xef\xbb\xbf" + timed(separator).replace("\n", "\r\n").encode())
    assert rows_of(SeedFiles(path, SHAPE), 0) == sorted(PLACES[0])


def test_scores_are_kept_where_there_are(folder: Path) -> None:
    write_found(folder)
    assert SeedFiles(folder, SHAPE).seeds(0).scores.tolist() == [0.0, 1.0]
    (folder / "t000.parquet").unlink()
    (folder / "t000.csv").write_text(plain(PLACES[0]))
    assert SeedFiles(folder, SHAPE).seeds(0).scores is None


@pytest.mark.parametrize("writer", ["TWANG", "one table"])
def test_z_is_scaled_to_slices(writer: str, folder: Path) -> None:
    WRITERS[writer](folder)
    assert rows_of(SeedFiles(folder, SHAPE, 0.5), 0) == [[0.5, 20.5, 3.0], [6.0, 7.0, 49.25]]


def test_seeds_that_were_found_here_are_in_slices(folder: Path) -> None:
    write_found(folder)
    (folder / SETTINGS).write_text("{}")
    assert rows_of(SeedFiles(folder, SHAPE, 0.5), 0) == sorted(PLACES[0])


def test_frame_of_a_header_alone_has_no_seeds(folder: Path) -> None:
    write_plain(folder)
    (folder / "t001.csv").write_text("z,y,x\n")
    files = SeedFiles(folder, SHAPE)
    files.require(range(3))
    assert files.seeds(1).places.shape == (0, 3)


def test_seeds_of_images_are_in_slice_0(folder: Path) -> None:
    (folder / "t000.csv").write_text("z,y,x\n0,4,5\n")
    assert rows_of(SeedFiles(folder, SHAPE[1:]), 0) == [[0.0, 4.0, 5.0]]


@pytest.mark.parametrize(("source", "seeds"), [("01", "01_SEEDS"), ("02.zarr", "02_SEEDS")])
def test_seeds_lie_beside_the_movie(source: str, seeds: str) -> None:
    assert seeds_dir_of(Path("A") / source) == Path("A") / seeds


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@given(
    places=hnp.arrays(float, st.tuples(st.integers(0, 4), st.just(3)), elements=st.floats(0, 5000)),
    data=st.data(),
)
def test_written_seeds_come_back_to_a_thousandth(
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    places: np.ndarray,
    data: st.DataObject,
) -> None:
    scores = data.draw(hnp.arrays(float, len(places), elements=st.floats(1e-6, 1e6)))
    path = tmp_path_factory.mktemp("seeds") / f"t000{suffix}"
    write_seed_table(path, Seeds(places, scores))
    back = read_seed_table(path)
    np.testing.assert_allclose(back.places, places, atol=0.00051)
    np.testing.assert_allclose(back.scores, scores, rtol=1e-5)


# Refusals


def test_missing_file_of_a_frame_is_named(folder: Path) -> None:
    write_plain(folder)
    (folder / "t001.csv").unlink()
    with pytest.raises(SequenceError, match=r"01_SEEDS: no seeds for 1 frames, t001\.csv missing"):
        SeedFiles(folder, SHAPE).require(range(3))


def test_fault_in_any_frame_is_told_when_all_are_checked(folder: Path) -> None:
    write_plain(folder)
    SeedFiles(folder, SHAPE).check(3)
    (folder / "t002.csv").write_text("z,y,x\n3,4,700\n")
    seeds = SeedFiles(folder, SHAPE)
    seeds.require(range(3))
    with pytest.raises(SequenceError, match=r"t002\.csv: 1 of 1 seeds of frame 2 lie outside"):
        seeds.check(3)


def test_every_frame_has_a_digest_whatever_the_form(folder: Path) -> None:
    write_plain(folder)
    before = SeedFiles(folder, SHAPE).check(3)
    assert len(set(before)) == 3
    (folder / "t001.csv").write_text((folder / "t001.csv").read_text() + "3,4,7\n")
    after = SeedFiles(folder, SHAPE).check(3)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    scaled = SeedFiles(folder, SHAPE, 0.5).check(3)
    assert not set(scaled) & set(after)


def test_digest_is_that_of_the_same_seeds_in_a_table(folder: Path, tmp_path: Path) -> None:
    write_plain(folder)
    table = tmp_path / "all.csv"
    table.write_text(timed(","))
    assert SeedFiles(table, SHAPE).check(3) == SeedFiles(folder, SHAPE).check(3)


def test_seeds_counted_from_1_are_refused(folder: Path) -> None:
    (folder / "seeds.csv").write_text("t,z,y,x\n1,3,4,5\n2,3,4,5\n3,3,4,5\n")
    message = r"seeds\.csv: has seeds of frame 3, but .* 0 to 2\. .* counted from 1\. Renumber them"
    with pytest.raises(SequenceError, match=message):
        SeedFiles(folder, SHAPE).check(3)


@pytest.mark.parametrize("check", ["require", "check", "with an empty t000"])
def test_files_counted_from_1_are_refused_as_such(folder: Path, check: str) -> None:
    for t in range(1, 4):
        (folder / f"t{t:03d}.csv").write_text("z,y,x\n3,4,5\n")
    if check == "with an empty t000":
        (folder / "t000.csv").write_text("z,y,x\n")
    seeds = SeedFiles(folder, SHAPE)
    with pytest.raises(SequenceError, match=r"counted from 1\. Renumber them from 0"):
        seeds.require(range(3)) if check == "require" else seeds.check(3)


def test_missing_first_file_alone_is_not_taken_for_counting_from_1(folder: Path) -> None:
    for t in range(1, 3):
        (folder / f"t{t:03d}.csv").write_text("z,y,x\n3,4,5\n")
    with pytest.raises(SequenceError, match=r"t000\.csv missing\. Add the files"):
        SeedFiles(folder, SHAPE).check(3)


def test_seeds_of_later_frames_are_refused(folder: Path) -> None:
    write_plain(folder)
    message = r"t002\.csv: has seeds of frame 2, but the movie has the frames 0 to 1\. Remove"
    with pytest.raises(SequenceError, match=message):
        SeedFiles(folder, SHAPE).check(2)


def test_frames_without_seeds_are_told_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_table(folder)
    SeedFiles(folder, SHAPE).check(3)
    assert not caplog.records
    SeedFiles(folder, SHAPE).check(5)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().endswith("seeds.csv: 2 of 5 frames have no seeds (t003 to t004)")


def test_table_of_other_frames_is_refused(folder: Path) -> None:
    write_table(folder)
    with pytest.raises(SequenceError, match=r"seeds\.csv: has seeds of the frames 0 to 2 only"):
        SeedFiles(folder, SHAPE).require(range(7, 9))


OUTSIDE: dict[str, tuple[str, tuple[int, ...], float, str]] = {
    "too deep": ("z,y,x\n3,4,45\n20,7,8\n", SHAPE, 1.0, r"Only z is too large.* set seeds_z_scale"),
    "scaled wrongly": ("z,y,x\n20,7,8\n", SHAPE, 0.9, r"seeds_z_scale .*\(now 0\.9\)"),
    "other order": ("z,y,x\n40,55,5\n13,14,5\n", SHAPE, 1.0, r"in the order x, y, z, name them so"),
    "elsewhere": ("z,y,x\n3,4,700\n", SHAPE, 1.0, r"Do seeds and images belong together"),
    "negative": ("z,y,x\n-2,4,7\n", SHAPE, 1.0, r"Do seeds and images"),
}


@pytest.mark.parametrize("kind", OUTSIDE)
def test_seeds_outside_the_volume_are_refused(kind: str, folder: Path) -> None:
    text, shape, scale, remedy = OUTSIDE[kind]
    (folder / "t007.csv").write_text(text)
    with pytest.raises(SequenceError, match=rf"t007\.csv: \d of \d seeds of frame 7 .*{remedy}"):
        SeedFiles(folder, shape, scale).seeds(7)


def test_seeds_outside_are_counted_and_the_first_is_told(folder: Path) -> None:
    (folder / "t000.csv").write_text("z,y,x\n1,1,1\n1,60,3\n99,99,99\n")
    with pytest.raises(
        SequenceError, match=r"2 of 3 seeds of frame 0 .* 13 x 60 x 50 .*first at \(1, 60, 3\)"
    ):
        SeedFiles(folder, SHAPE).seeds(0)


def test_seed_on_the_outer_face_of_a_voxel_is_inside(folder: Path) -> None:
    (folder / "t000.csv").write_text("z,y,x\n12.5,59.5,-0.5\n")
    assert len(SeedFiles(folder, SHAPE).seeds(0)) == 1


BAD_FILES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", r"needs the columns z, y, x .*none; the file is empty"),
    "other columns": ("a;b\n1;2\n", r"needs the columns z, y, x \(or zpos, ypos, xpos\), .* a, b"),
    "column twice": ("z,y,x,z\n1,2,3,4\n", r"has the column z twice"),
    "decimal comma": ("z;y;x\n1;2,5;3\n", r"line 2: y is '2,5'\. Write it with a decimal point"),
    "commas everywhere": ("z,y,x\n1,0,2,5,3,0\n", r"line 2: has 6 fields, .*decimal commas"),
    "words": ("z,y,x\n1,2,3\n1,top,3\n", r"line 3: y is 'top'\. Give a number"),
    "cut off": ("z,y,x\n1,2,3\n1,2\n", r"line 3: has 2 fields"),
    "NaN": ("z,y,x\n1,2,3\nnan,2,3\n", r"row 2 holds no number"),
    "infinite": ("z,y,x\n1,-inf,3\n", r"row 1 holds no number"),
    "other encoding": (b"z,y,x\n\xff\xfe\n", r"is not in UTF-8\. Save it as CSV"),
    "UTF-16": ("z,y,x\n1,2,3\n".encode("utf-16"), r"is not in UTF-8\. Save it as CSV"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_file_is_refused(kind: str, folder: Path) -> None:
    content, message = BAD_FILES[kind]
    content = content.encode() if isinstance(content, str) else content
    (folder / "t000.csv").write_bytes(content)
    with pytest.raises(SequenceError, match=rf"t000\.csv.*{message}"):
        SeedFiles(folder, SHAPE).seeds(0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (timed().replace("t,", "time,"), r"needs the columns t, z, y, x"),
        ("t,z,y,x\n0.5,1,2,3\n", r"row 1 has the frame number 0\.5"),
        ("t,z,y,x\n0,1,2,3\n-1,1,2,3\n", r"row 2 has the frame number -1"),
        ("t,z,y,x\n", r"holds no seeds"),
    ],
)
def test_bad_table_is_refused(content: str, message: str, folder: Path) -> None:
    (folder / "seeds.csv").write_text(content)
    with pytest.raises(SequenceError, match=rf"seeds\.csv: {message}"):
        SeedFiles(folder, SHAPE)


def test_damaged_parquet_is_refused(folder: Path) -> None:
    write_found(folder)
    whole = (folder / "t000.parquet").read_bytes()
    for damaged in (whole[:50], b"", whole[:6] + bytes(8) + whole[14:]):
        (folder / "t000.parquet").write_bytes(damaged)
        with pytest.raises(SequenceError, match=r"t000\.parquet: cannot be read"):
            SeedFiles(folder, SHAPE).seeds(0)


def test_missing_values_of_parquet_are_refused(folder: Path) -> None:
    pq.write_table(pa.table({"z": [1.0, None], "y": [1, 2], "x": [1, 2]}), folder / "t000.parquet")
    with pytest.raises(SequenceError, match=r"t000\.parquet: row 2 holds no number"):
        SeedFiles(folder, SHAPE).seeds(0)


def test_text_in_parquet_is_refused(folder: Path) -> None:
    pq.write_table(pa.table({"z": ["1,5"], "y": [1], "x": [2]}), folder / "t000.parquet")
    with pytest.raises(SequenceError, match=r"t000\.parquet: cannot be read"):
        SeedFiles(folder, SHAPE).seeds(0)


@pytest.mark.parametrize("name", ["t0001.csv", f"t001{TWANG}", "t001.parquet"])
def test_two_files_of_a_frame_are_refused(name: str, folder: Path) -> None:
    write_plain(folder)
    (folder / name).write_text("")
    with pytest.raises(SequenceError, match=r"holds seeds of frame 1, as does t0"):
        SeedFiles(folder, SHAPE)


def test_table_beside_files_of_frames_is_refused(folder: Path) -> None:
    write_plain(folder)
    write_table(folder)
    with pytest.raises(SequenceError, match=r"holds seeds\.csv and other seeds, too"):
        SeedFiles(folder, SHAPE)


def test_folder_without_seeds_is_refused(folder: Path) -> None:
    (folder / "notes.csv").write_text("z,y,x\n1,2,3\n")
    with pytest.raises(SequenceError, match=r"01_SEEDS: holds no seeds\. Put t000\.csv"):
        SeedFiles(folder, SHAPE)


def test_missing_seeds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match=r"01_SEEDS: cannot be read \(No such file"):
        SeedFiles(tmp_path / "01_SEEDS", SHAPE)


def test_a_folder_that_may_not_be_entered_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(SequenceError, match=r"Permission denied"):
        SeedFiles(tmp_path, (3, 12, 14))
