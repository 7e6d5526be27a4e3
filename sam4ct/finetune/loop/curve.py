"""Write the curve of a training as a table and as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from sam4ct.io.files import replacing

Row = Mapping[str, float | None]
"""One row of the curve: figures by name; None where there is none."""


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows with the same names as CSV; None becomes an empty field.

    Raises:
        WorkError: The disk refuses.
    """
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as file:
        file.write(table.getvalue().encode())


def write_picture(path: Path, rows: Sequence[Row]) -> None:
    """Plot loss and Dice over epochs as PNG; equal rows give equal bytes.

    Args:
        path: The picture.
        rows: With `epoch`, `loss`, `train_dice` and `validation_dice`.

    Raises:
        WorkError: The disk refuses.
    """
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, name, title in ((left, "loss", "loss"), (right, "train_dice", "Dice, training")):
        axes.plot(*_points(rows, name), marker=".", color="tab:grey", label=title)
    right.plot(*_points(rows, "validation_dice"), marker=".", label="Dice, validation")
    right.set_ylim(0, 1)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    picture = io.BytesIO()
    # Without the software's version, which would change the bytes with matplotlib.
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    with replacing(path) as file:
        file.write(picture.getbuffer())


def _points(rows: Sequence[Row], name: str) -> tuple[list[float], list[float]]:
    there = [(row["epoch"], value) for row in rows if (value := row[name]) is not None]
    return [epoch or 0.0 for epoch, _ in there], [value for _, value in there]
