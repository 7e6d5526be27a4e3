"""Tables and propagated masks come back from their files exactly, or not at all."""

from __future__ import annotations

import errno
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sam4ct.errors import WorkError
from sam4ct.io.files.atomic import TEMPORARY, replacing, write_json
from sam4ct.io.work.masks import MaskRow, read_masks, write_masks
from sam4ct.io.work.tables import read_table, write_table
from sam4ct.regions import Region
from sam4ct.tables import Detections, Evidence, Links, Table

pytestmark = pytest.mark.who

INT64 = st.integers(-(2**63), 2**63 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
few_examples = settings(max_examples=50)  # each is synced to the disk


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Any table with any values, NaN of any kind included."""
    kind = draw(st.sampled_from([Detections, Evidence, Links]))
    rows = draw(st.integers(0, 4))
    return kind(**{n: draw(hnp.arrays(dtype, rows)) for n, dtype in kind.schema().items()})


@st.composite
def mask_rows(draw: st.DrawFn) -> MaskRow:
    """Any region in 2D or 3D, also without pixels or with a box of no size."""
    sides = draw(st.integers(2, 3))
    mask = draw(hnp.arrays(bool, hnp.array_shapes(min_dims=sides, max_dims=sides, min_side=0)))
    corner = tuple(draw(INT32) for _ in range(sides))
    score = draw(st.floats(allow_nan=False))
    return MaskRow(draw(INT64), draw(INT64), draw(INT64), score, Region(mask, corner))


def links(rows: int) -> Links:
    at = np.arange(rows)
    return Links(at, at + 1, at + 1, at + 2, at % 2 == 0, at / max(rows, 1))


def pair(cells: int) -> list[MaskRow]:
    """Masks of both directions between frames 4 and 5."""
    mask = np.ones((2, 3), bool)
    return [
        MaskRow(t, label, 9 - t, 0.5, Region(mask, (label, t)))
        for t in (4, 5)
        for label in range(1, cells + 1)
    ]


def identical(a: Table, b: Table) -> bool:
    """Equal to the bit, so that NaN equals NaN and 0.0 is not -0.0."""
    return type(a) is type(b) and all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in a.schema()
    )


def same_masks(a: list[MaskRow], b: list[MaskRow]) -> bool:
    return len(a) == len(b) and all(
        one[:4] == other[:4]
        and one.region.corner == other.region.corner
        and one.region.mask.dtype == bool
        and one.region.mask.shape == other.region.mask.shape
        and np.array_equal(one.region.mask, other.region.mask)
        for one, other in zip(a, b, strict=True)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples of a drawn case."""
    return tmp_path_factory.mktemp("drawn")


@few_examples
@given(table=tables())
def test_a_table_comes_back_to_the_bit(folder: Path, table: Table) -> None:
    path = folder / "table.parquet"
    write_table(path, table)
    assert identical(read_table(path, type(table)), table)


@few_examples
@given(rows=st.lists(mask_rows(), max_size=4))
def test_masks_come_back_exactly(folder: Path, rows: list[MaskRow]) -> None:
    path = folder / "masks.parquet"
    write_masks(path, rows)
    assert same_masks(read_masks(path), rows)


def test_equal_tables_are_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_table(tmp_path / name, links(1000))
        write_masks(tmp_path / f"{name}.masks", pair(200))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a.masks").read_bytes() == (tmp_path / "b.masks").read_bytes()


def test_the_file_says_nothing_of_its_writer(tmp_path: Path) -> None:
    write_table(tmp_path / "a", links(3))
    assert pq.ParquetFile(tmp_path / "a").metadata.metadata is None


@pytest.mark.parametrize("cells", [3, 400])
def test_one_direction_and_some_labels_can_be_read(tmp_path: Path, cells: int) -> None:
    path, rows = tmp_path / "masks", pair(cells)
    write_masks(path, rows)
    assert same_masks(read_masks(path, t=5), rows[cells:])
    some = [rows[1], rows[cells + 1], rows[-1]]
    assert same_masks(read_masks(path, labels=[2, cells])[1::2], [rows[cells - 1], rows[-1]])
    assert same_masks(read_masks(path, t=5, labels=[2, cells]), some[1:])
    assert read_masks(path, t=7) == []


def test_a_reader_of_few_labels_does_not_touch_the_rest(tmp_path: Path) -> None:
    path, rows = tmp_path / "masks", pair(400)
    write_masks(path, rows)
    group = pq.ParquetFile(path).metadata.row_group(0)
    begin = group.column(group.num_columns - 1).data_page_offset
    damaged = bytearray(path.read_bytes())
    damaged[begin + 30] ^= 0xFF
    path.write_bytes(damaged)
    assert same_masks(read_masks(path, t=5, labels=[400]), rows[-1:])
    with pytest.raises(WorkError, match="damaged"):
        read_masks(path)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "links.parquet"
    write_table(path, links(5))
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(WorkError, match=r"links\.parquet: damaged.*[Dd]elete"):
            read_table(path, Links)


def refused(path: Path, table: Links, content: bytes) -> bool:
    """Whether a damaged file is refused; if not, it must still hold the table."""
    path.write_bytes(content)
    try:
        assert identical(read_table(path, Links), table)
    except WorkError:
        return True
    return False


def test_a_changed_byte_is_found_or_harmless(tmp_path: Path) -> None:
    path, table = tmp_path / "links.parquet", links(500)
    write_table(path, table)
    whole = path.read_bytes()
    positions = range(0, len(whole), 11)
    found = [
        refused(path, table, whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        for at in positions
    ]
    assert sum(found) > 0.9 * len(found)


def test_a_changed_row_count_is_found_or_harmless(tmp_path: Path) -> None:
    path, table = tmp_path / "links.parquet", links(300)
    write_table(path, table)
    whole = path.read_bytes()
    counts = [at.start() + 1 for at in re.finditer(b"\x16\xd8\x04", whole)]  # 300 in Thrift
    found = [refused(path, table, whole[:at] + b"\xd6" + whole[at + 1 :]) for at in counts]
    assert len(found) == 2 + len(Links.schema())  # of the file, its row group and the columns
    assert sum(found) >= 2


def test_kinds_of_nan_and_zero_stay_apart(tmp_path: Path) -> None:
    patterns = np.array([0x7FF8000000000000, 0x7FF8000000000001, 1 << 63, 0] * 50, np.uint64)
    table = Links.concat([links(200)])
    table.confidence[:] = patterns.view(np.float64)
    write_table(tmp_path / "links", table)
    assert identical(read_table(tmp_path / "links", Links), table)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop_columns(["confidence"]),
        lambda table: table.rename_columns([*table.column_names[:-1], "certainty"]),
        lambda table: table.append_column("more", table["t"]),
        lambda table: table.select(table.column_names[::-1]),
        lambda table: table.set_column(0, "t", table["t"].cast(pa.int32())),
        lambda table: table.set_column(0, "t", pa.array([None] * 3, pa.int64())),
    ],
    ids=["missing", "renamed", "extra", "order", "type", "nulls"],
)
def test_other_columns_are_refused(tmp_path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    path = tmp_path / "links.parquet"
    write_table(path, links(3))
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(WorkError, match=r"links\.parquet: holds .* this version expects .*Delete"):
        read_table(path, Links)


def test_a_mask_that_contradicts_its_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    write_masks(path, pair(1))
    table = pq.read_table(path)
    runs = pa.array([[0, 5], [0, 6]], table.schema.field("runs").type)
    pq.write_table(table.set_column(6, table.schema.field("runs"), runs), path)
    with pytest.raises(WorkError, match="label 1 is damaged"):
        read_masks(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"none\.parquet: No such file"):
        read_table(tmp_path / "none.parquet", Links)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="closed"), replacing(path) as file:
        file.close()  # so the flush fails
    assert os.listdir(tmp_path) == ["a.json"]
    assert path.read_text() == '{\n  "old": 1\n}\n'


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "not mounted read-only"),
        (errno.EACCES, "writable for this user"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_a_fault_of_the_disk_names_file_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str
) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(WorkError, match=rf"links\.parquet: {os.strerror(number)}\. .*{remedy}"):
        write_table(tmp_path / "links.parquet", links(1))
    assert os.listdir(tmp_path) == []


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="shorter"):
        write_json(tmp_path / ("n" * 300), {})


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_json(tmp_path / "a.json", {})
    finally:
        os.umask(before)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o640


ENDLESS_WRITER = """
import sys
from pathlib import Path
import numpy as np
from sam4ct.io.work.tables import write_table
from sam4ct.tables import Links
path = Path(sys.argv[1])
tables = [Links(*[np.full(20000, n)] * 4, np.full(20000, True), np.full(20000, n)) for n in (0, 1)]
while True:
    for table in tables:
        write_table(path, table)
    print(flush=True)
"""


def test_kill_9_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path, delays = tmp_path / "links.parquet", random.Random(0)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", ENDLESS_WRITER, path], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(delays.random() * 0.05)
            writer.kill()
        table = read_table(path, Links)
        assert len(table) == 20000
        assert len(set(table.t) | set(table.label2) | set(table.confidence)) == 1
        others = [file for file in tmp_path.iterdir() if file != path]
        assert all(file.match(TEMPORARY) for file in others)


def test_links_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    """They lack the column that says which were answered: none was."""
    path, one = tmp_path / "links.parquet", np.array([1])
    links = Links(one, one, one + 1, one, one > 0, one * 0.5, one > 0)
    write_table(path, links)
    assert read_table(path, Links).answered.all()
    pq.write_table(pq.read_table(path).drop_columns(["answered"]), path, store_schema=False)
    older = read_table(path, Links)
    assert not older.answered.any()
    assert older.confidence.tolist() == [0.5]
