"""Read and write one file of seeds, and say what is wrong with it.

CSV and Parquet are read, with the columns z, y, x, or zpos, ypos, xpos as TWANG names them; t and
score are optional, other columns are ignored. Fields are separated by semicolons, commas or tabs.
The columns z, y, x and score are written.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.files import replacing
from sam4ct.io.work import write_columns
from sam4ct.types import Seeds

PLACES = (("z", "y", "x"), ("zpos", "ypos", "xpos"))
"""Names of the columns of places, ours and those of TWANG."""
TIME, SCORE = "t", "score"
SUFFIXES = (".csv", ".parquet")
_SEPARATORS = ";,\t"
_DIGITS = 3
"""Decimal digits of written places: a thousandth of a voxel."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeedTable:
    """The rows of a file, in its order."""

    places: Floats
    """(n, 3): (z, y, x) as in the file."""
    times: NDArray[np.int64] | None
    """(n,): frame numbers; None for a file of one frame."""
    scores: Floats | None
    """(n,); None for a file without scores."""

    def take(self, rows: slice) -> Seeds:
        return Seeds(self.places[rows], None if self.scores is None else self.scores[rows])


def read_seed_table(path: Path, *, timed: bool = False) -> SeedTable:
    """Read a file of seeds into memory, 40 bytes a seed.

    Args:
        path: CSV, or Parquet if its name ends so.
        timed: Whether it has the seeds of many frames, and needs the column t.

    Raises:
        SequenceError: It cannot be read, lacks columns, or a field is not a number.
    """
    read = _read_parquet if path.suffix == ".parquet" else _read_csv
    rows, has_score = read(path, timed)
    wrong = np.argwhere(~np.isfinite(rows))
    if len(wrong):
        raise SequenceError(
            f"{path}: row {wrong[0][0] + 1} holds no number (NaN or infinite). Remove the row,"
            " or export it again."
        )
    times = rows[:, 3] if timed else None
    if times is not None and len(bad := np.flatnonzero((times < 0) | (times % 1 != 0))):
        raise SequenceError(
            f"{path}: row {bad[0] + 1} has the frame number {times[bad[0]]:g}. Number frames 0,"
            " 1, 2, ..."
        )
    scores = rows[:, -1] if has_score else None
    return SeedTable(rows[:, :3], None if times is None else times.astype(np.int64), scores)


def write_seed_table(path: Path, seeds: Seeds) -> None:
    """Write the seeds of one frame atomically; equal seeds give equal bytes.

    Args:
        path: CSV, or Parquet if its name ends so.
        seeds: Places ([z,] y, x) and scores; without z, z is 0.

    Raises:
        WorkError: The disk refuses.
    """
    assert seeds.scores is not None, "only seeds that were found here are written"
    lacking = len(PLACES[0]) - seeds.places.shape[1]
    places = np.pad(np.round(seeds.places, _DIGITS) + 0.0, ((0, 0), (lacking, 0)))  # no -0.0
    names = (*PLACES[0], SCORE)
    if path.suffix == ".parquet":
        schema = pa.schema([pa.field(name, pa.float64(), nullable=False) for name in names])
        write_columns(path, pa.table([*places.T, seeds.scores], schema=schema))
        return
    lines = [",".join(names)]
    for place, score in zip(places.tolist(), seeds.scores.tolist(), strict=True):
        lines.append(",".join([*(f"{c:.{_DIGITS}f}" for c in place), f"{score:.6g}"]))
    with replacing(path) as file:
        file.write(("\n".join(lines) + "\n").encode())


def _read_csv(path: Path, timed: bool) -> tuple[Floats, bool]:
    """Return the rows (z, y, x[, t][, score]) of a CSV file, and whether there are scores."""
    with _damage_told(path), path.open(encoding="utf-8-sig", newline="") as file:
        separator = max(_SEPARATORS, key=file.readline().count)
        file.seek(0)
        lines = csv.reader(file, delimiter=separator, skipinitialspace=True)
        header = [name.strip() for name in next(lines, [])]
        names = _columns(path, header, timed)
        indices = [header.index(name) for name in names]
        rows = [
            _numbers(f"{path}, line {lines.line_num}", line, header, indices)
            for line in lines
            if any(line)
        ]
    return np.array(rows, np.float64).reshape(-1, len(names)), SCORE in names


def _numbers(
    where: str, line: Sequence[str], header: Sequence[str], indices: Sequence[int]
) -> list[float]:
    """Return the fields of a line at some columns as numbers."""
    if len(line) != len(header):
        raise SequenceError(
            f"{where}: has {len(line)} fields, but the header names {len(header)} columns. If"
            " numbers are written with decimal commas, export them with points."
        )
    numbers = []
    for i in indices:
        try:
            numbers.append(float(line[i]))
        except ValueError as error:
            comma = "," in line[i]
            remedy = "Write it with a decimal point." if comma else "Give a number."
            raise SequenceError(f"{where}: {header[i]} is {line[i]!r}. {remedy}") from error
    return numbers


def _read_parquet(path: Path, timed: bool) -> tuple[Floats, bool]:
    """Do the same for a Parquet file; a missing value becomes NaN."""
    with _damage_told(path), path.open("rb") as opened:
        file = pq.ParquetFile(opened, page_checksum_verification=True)
        names = _columns(path, file.schema_arrow.names, timed)
        table = file.read(columns=names, use_threads=False)
        columns = [table.column(name).cast(pa.float64()).to_numpy() for name in names]
    return np.stack(columns, axis=1).reshape(-1, len(names)), SCORE in names


def _columns(path: Path, header: Sequence[str], timed: bool) -> list[str]:
    """Return the names of the columns z, y, x[, t][, score] of a file."""
    found = next((names for names in PLACES if set(names) <= set(header)), None)
    lacking = [TIME] if timed and TIME not in header else []
    if found is None or lacking:
        wanted = ", ".join([*lacking, "z, y, x (or zpos, ypos, xpos)"])
        there = ", ".join(header[:8]) or "none; the file is empty"
        raise SequenceError(f"{path}: needs the columns {wanted}, but has: {there}.")
    names = [*found, *([TIME] if timed else []), *([SCORE] if SCORE in header else [])]
    if twice := [name for name in names if list(header).count(name) > 1]:
        raise SequenceError(f"{path}: has the column {twice[0]} twice. Remove one of them.")
    return names


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn the errors that an unreadable file raises into one SequenceError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise SequenceError(f"{path}: is not in UTF-8. Save it as CSV in UTF-8.") from error
    except (OSError, csv.Error, pa.ArrowException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SequenceError(
            f"{path}: cannot be read ({reason}). Give a CSV or Parquet file of seeds."
        ) from error
