"""Seeds, as other programs and people write them."""

from __future__ import annotations

from collections.abc import Callable

from fuzz_faults.cases import Case, Texts
from fuzz_faults.registry import EITHER, FINE, REFUSED, Blame, fault

SEEDS = ("seeds",)
Row = list[str]


def _rows(part: Texts, name: str, change: Callable[[list[Row]], list[Row]], by: str = ",") -> None:
    """Change the rows of a file, the first of which has the names."""

    def edit(text: str) -> str:
        rows = [line.split(",") for line in text.splitlines()]
        return "".join(f"{by.join(row)}\n" for row in change(rows))

    part.edit(name, edit)


def _all(part: Texts, change: Callable[[list[Row]], list[Row]], by: str = ",") -> Blame:
    for name in part.names:
        _rows(part, name, change, by)
    return [*part.names, part.folder]


def _one(case: Case, part: Texts, change: Callable[[list[Row]], list[Row]]) -> Blame:
    name = case.pick(part)
    _rows(part, name, change)
    return [name]


def _cell(row: int, column: int, value: str) -> Callable[[list[Row]], list[Row]]:
    def change(rows: list[Row]) -> list[Row]:
        rows[row][column] = value
        return rows

    return change


@fault("text", SEEDS, FINE)
def seeds_with_mark(case: Case, part: Texts) -> Blame:
    """Seeds begin with a byte order mark."""
    part.files = {name: b"\xef\xbb\xbf" + data for name, data in part.files.items()}
    return []


@fault("text", SEEDS, FINE)
def seeds_from_windows(case: Case, part: Texts) -> Blame:
    """The lines of seeds end as on Windows."""
    part.files = {name: data.replace(b"\n", b"\r\n") for name, data in part.files.items()}
    return []


@fault("text", SEEDS, FINE)
def seeds_with_more_columns(case: Case, part: Texts) -> Blame:
    """Seeds have columns that nobody asked for, some of text."""
    return _all(part, lambda rows: [["id", *rows[0], "note"], *(["7", *r, "ü"] for r in rows[1:])])


@fault("text", SEEDS, FINE)
def seeds_in_other_order(case: Case, part: Texts) -> Blame:
    """The columns of seeds are x, y, z."""
    return _all(part, lambda rows: [row[::-1] for row in rows])


@fault("text", SEEDS, FINE)
def seeds_between_semicolons(case: Case, part: Texts) -> Blame:
    """The numbers of seeds are separated by semicolons or tabs."""
    return _all(part, lambda rows: rows, by=str(case.rng.choice([";", "\t"])))


@fault("text", SEEDS, EITHER)
def seeds_with_decimal_commas(case: Case, part: Texts) -> Blame:
    """The numbers of seeds have decimal commas."""
    return _all(part, lambda rows: [[v.replace(".", ",") for v in row] for row in rows], by=";")


@fault("text", SEEDS, EITHER)
def seeds_with_capitals(case: Case, part: Texts) -> Blame:
    """The columns of seeds are called Z, Y, X, with spaces."""
    return _all(part, lambda rows: [[f" {name.upper()}" for name in rows[0]], *rows[1:]])


@fault("text", SEEDS, FINE)
def seeds_in_quotes(case: Case, part: Texts) -> Blame:
    """The numbers of seeds are in quotes."""
    return _all(part, lambda rows: [rows[0], *([f'"{v}"' for v in row] for row in rows[1:])])


@fault("text", SEEDS, REFUSED)
def seeds_without_names(case: Case, part: Texts) -> Blame:
    """Seeds have no line of names."""
    return _all(part, lambda rows: rows[1:])


@fault("text", SEEDS, REFUSED)
def seeds_without_a_column(case: Case, part: Texts) -> Blame:
    """A file of seeds lacks the column z."""
    return _one(case, part, lambda rows: [row[1:] for row in rows])


@fault("text", SEEDS, REFUSED)
def seeds_in_utf_16(case: Case, part: Texts) -> Blame:
    """A file of seeds is in UTF-16."""
    name = case.pick(part)
    part.files[name] = part.files[name].decode().encode("utf-16")
    return [name]


@fault("text", SEEDS, EITHER)
def seeds_in_latin_1(case: Case, part: Texts) -> Blame:
    """A file of seeds has a note in Latin-1."""
    name = case.pick(part)
    part.files[name] = (
        part.files[name].replace(b"z,y,x", b"z,y,x,gr\xf6\xdfe").replace(b"\n", b",1\n")
    )
    part.files[name] = part.files[name].replace(b"e,1\n", b"e\n", 1)
    return [name]


@fault("text", SEEDS, REFUSED)
def seed_that_is_no_number(case: Case, part: Texts) -> Blame:
    """One place holds a word, nan or inf."""
    value = str(case.rng.choice(["nan", "inf", "-inf", "left", "", "1e999"]))
    return _one(case, part, _cell(2, int(case.rng.integers(3)), value))


@fault("text", SEEDS, REFUSED)
def seed_outside(case: Case, part: Texts) -> Blame:
    """One seed lies outside of the volume."""
    value = str(case.rng.choice(["-20", "400", "1e9"]))
    return _one(case, part, _cell(1, int(case.rng.integers(3)), value))


@fault("text", SEEDS, REFUSED)
def seed_row_that_is_short(case: Case, part: Texts) -> Blame:
    """One line of seeds ends early."""
    return _one(case, part, lambda rows: [*rows[:3], rows[3][:2], *rows[4:]])


@fault("text", SEEDS, EITHER)
def seeds_of_zero_length(case: Case, part: Texts) -> Blame:
    """A file of seeds has no byte."""
    name = case.pick(part)
    part.files[name] = b""
    case.unknown()
    return [name]


@fault("text", SEEDS, FINE)
def frame_without_seeds(case: Case, part: Texts) -> Blame:
    """A file of seeds has names of columns only."""
    case.unknown()
    return _one(case, part, lambda rows: rows[:1])


@fault("text", SEEDS, REFUSED)
def seeds_from_one(case: Case, part: Texts) -> Blame:
    """Files of seeds are counted from 1."""
    part.files = {f"t{t + 1:03d}.csv": data for t, data in enumerate(part.files.values())}
    return [*part.names, "t000.csv", part.folder]


@fault("text", SEEDS, REFUSED)
def seeds_missing(case: Case, part: Texts) -> Blame:
    """A frame has no file of seeds."""
    name = part.names[2]
    del part.files[name]
    return [name, part.folder]


@fault("text", SEEDS, REFUSED)
def seeds_of_a_binary(case: Case, part: Texts) -> Blame:
    """A file of seeds is a spreadsheet, or noise."""
    name = case.pick(part)
    part.files[name] = b"PK\x03\x04" + case.rng.bytes(500)
    return [name]


@fault("text", SEEDS, EITHER)
def seeds_twice(case: Case, part: Texts) -> Blame:
    """Each seed is there twice."""
    return _all(part, lambda rows: [*rows, *rows[1:]])
