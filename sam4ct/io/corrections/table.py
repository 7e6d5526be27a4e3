"""Read and write a file of corrections, CSV in UTF-8, one answer a line.

A line that begins with # is a comment. The order of lines does not matter; written, they are
sorted, so that equal answers give equal bytes.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from sam4ct.corrections import Correction, End, Kind, contradictions, in_order, text_of
from sam4ct.errors import CorrectionsError
from sam4ct.io.files import replacing

COLUMNS = (
    "kind", "t", "label", "place", "t2", "label2", "place2", "label3", "place3", "note",
)  # fmt: skip
COMMENT = "#"
_NAME = "_CORRECTIONS.csv"
_RESULT = "_RES"


def corrections_file(result_dir: Path) -> Path:
    """Return where the corrections of a result are looked for: `SS_CORRECTIONS.csv` beside it."""
    return result_dir.with_name(result_dir.name.removesuffix(_RESULT) + _NAME)


def read_corrections(path: Path) -> tuple[Correction, ...]:
    """Read a file of corrections; return the answers in order, each once.

    Raises:
        CorrectionsError: It cannot be read, a line says nothing that can be obeyed, or two lines
            contradict each other; the message has the line numbers.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise CorrectionsError(f"{path}: is not in UTF-8. Save it as CSV in UTF-8.") from error
    except OSError as error:
        raise CorrectionsError(
            f"{path}: cannot be read ({error.strerror}). Give a CSV file of corrections."
        ) from error
    # A comment becomes an empty line, so that lines keep their numbers.
    rows = csv.reader("\n" if line.startswith(COMMENT) else line for line in lines)
    header: list[str] = []
    found = []
    for row in rows:
        values = [value.strip() for value in row]
        if not any(values):
            continue
        if not header:
            header = _header(path, values)
        else:
            where = f"{path}, line {rows.line_num}"
            if len(values) > len(header):
                raise CorrectionsError(
                    f"{where}: has {len(values)} fields, but the header names {len(header)}"
                    " columns. Quote a note that has commas."
                )
            said = dict(zip(header, values, strict=False))
            found.append(_correction(where, said, rows.line_num))
    refuse_contradictions(path, found)
    return in_order(found)


def write_corrections(path: Path, corrections: Iterable[Correction]) -> None:
    """Write a file of corrections atomically; equal answers give equal bytes.

    Raises:
        WorkError: The disk refuses; the file is then as it was.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(fields_of(correction) for correction in in_order(corrections))
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def fields_of(correction: Correction) -> dict[str, str]:
    """Return an answer as text by column; columns that it does not use are empty."""
    fields = dict.fromkeys(COLUMNS, "")
    fields |= {"kind": correction.kind.value, "note": correction.note}
    for number, end in zip(("", "2", "3"), correction.ends, strict=False):
        fields[f"label{number}"] = str(end.label) if end.label else ""
        fields[f"place{number}"] = text_of(end.place)
        if number != "3":
            fields[f"t{number}"] = str(end.t)
    return fields


def refuse_contradictions(path: Path, corrections: Iterable[Correction]) -> None:
    """Refuse answers that cannot all be obeyed.

    Raises:
        CorrectionsError: With the lines of the first two that contradict each other.
    """
    for one, other in contradictions(corrections):
        lines = sorted((one.line, other.line))
        raise CorrectionsError(
            f"{path}, lines {lines[0]} and {lines[1]}: contradict each other"
            f" ({one.kind.value!r} and {other.kind.value!r} of {other.ends[0]}). Remove one of"
            " them."
        )


def _header(path: Path, names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in COLUMNS]
    lacking = [name for name in ("kind", "t") if name not in names]
    if unknown or lacking or len(set(names)) < len(names):
        raise CorrectionsError(
            f"{path}: its first line is {','.join(names)!r}. Name the columns there, each once:"
            f" {','.join(COLUMNS)}; kind and t are needed."
        )
    return names


def _correction(where: str, said: Mapping[str, str], line: int) -> Correction:
    """Return the answer of a line."""
    try:
        kind = Kind(said["kind"].lower())
    except ValueError as error:
        known = ", ".join(repr(kind.value) for kind in Kind)
        raise CorrectionsError(
            f"{where}: {said['kind']!r} is not a kind of correction. Use one of {known}."
        ) from error
    t = _whole(where, said, "t")
    assert t is not None
    t2 = _whole(where, said, "t2", t if kind is Kind.ONE_CELL else None)
    ends = []
    for number, frame in (("", t), ("2", t2), ("3", t2)):
        label = _whole(where, said, f"label{number}", 0)
        place = _place(where, said.get(f"place{number}", ""), f"place{number}")
        if not label and not place:
            continue
        if frame is None:
            raise CorrectionsError(f"{where}: t2 is missing. Give the frame of label2.")
        ends.append(End(frame, label or 0, place))
    found = Correction(kind, tuple(ends), line, said.get("note", "")).normal
    if problem := found.problem:
        raise CorrectionsError(f"{where}: {problem}. Correct the line, or remove it.")
    return found


def _whole(
    where: str, said: Mapping[str, str], name: str, default: int | None = None
) -> int | None:
    """Return a field that is a whole number from 0 on; the default if it is empty."""
    text = said.get(name, "")
    if not text and (default is not None or name == "t2"):
        return default
    if not (text.isascii() and text.isdigit()):
        raise CorrectionsError(f"{where}: {name} is {text!r}. Give a whole number.")
    return int(text)


def _place(where: str, text: str, name: str) -> tuple[float, ...]:
    """Return a place, ([z,] y, x); () of an empty field."""
    try:
        place = tuple(float(word) for word in text.split())
    except ValueError:
        place = (math.nan,)
    if len(place) not in (0, 2, 3) or not all(map(math.isfinite, place)):
        raise CorrectionsError(
            f"{where}: {name} is {text!r}. Give two or three numbers, 'y x' or 'z y x', in pixels."
        )
    return place
