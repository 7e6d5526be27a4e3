"""Initial cells, as other programs and people write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fuzz_faults.cases import Case, Texts
from fuzz_faults.registry import EITHER, FINE, REFUSED, Blame, fault

INIT = ("init",)


def _tracks(part: Texts, change: Callable[[dict[str, Any]], Any]) -> Blame:
    """Change the initial cells as JSON."""
    name = part.names[0]
    cells = json.loads(part.files[name])
    changed = change(cells)
    part.files[name] = json.dumps(cells if changed is None else changed).encode()
    return [name]


@fault("text", INIT, FINE)
def cells_with_mark(case: Case, part: Texts) -> Blame:
    """The initial cells begin with a byte order mark."""
    part.files = {name: b"\xef\xbb\xbf" + data for name, data in part.files.items()}
    return []


@fault("text", INIT, REFUSED)
def cells_cut_off(case: Case, part: Texts) -> Blame:
    """The JSON of initial cells is cut off."""
    part.files = {name: data[: len(data) // 2] for name, data in part.files.items()}
    return part.names


@fault("text", INIT, REFUSED)
def cells_of_other_form(case: Case, part: Texts) -> Blame:
    """The JSON of initial cells has another form."""
    forms: list[Any] = [[], {}, 3, None, "cells", {"tracks": 5}, {"tracks": [[1, 2, 3]]}]
    name = part.names[0]
    part.files[name] = json.dumps(forms[int(case.rng.integers(len(forms)))]).encode()
    return [name]


@fault("text", INIT, REFUSED)
def no_cells(case: Case, part: Texts) -> Blame:
    """No cell is to be followed."""
    return _tracks(part, lambda cells: cells["tracks"].clear())


@fault("text", INIT, REFUSED)
def odd_centroid(case: Case, part: Texts) -> Blame:
    """The place of an initial cell is none."""
    places = [[], [1.0, 2.0], ["a", "b", "c"], None, [float("nan")] * 3, [[1, 2, 3]], {"z": 1}]
    place = places[int(case.rng.integers(len(places)))]
    return _tracks(part, lambda cells: cells["tracks"][1].update(centroid=place))


@fault("text", INIT, REFUSED)
def centroid_outside(case: Case, part: Texts) -> Blame:
    """The place of an initial cell is outside of the volume."""
    return _tracks(part, lambda cells: cells["tracks"][1].update(centroid=[500.0, 1.0, 1.0]))


@fault("text", INIT, REFUSED)
def odd_label(case: Case, part: Texts) -> Blame:
    """The label of an initial cell is none."""
    labels = [0, -1, 1.5, "one", None, 70000, 2, 10**30]
    label = labels[int(case.rng.integers(len(labels)))]
    return _tracks(part, lambda cells: cells["tracks"][0].update(label=label))


@fault("text", INIT, EITHER)
def cells_of_a_later_frame(case: Case, part: Texts) -> Blame:
    """The initial cells are of another frame than the first."""
    case.unknown()
    frame = [1, -1, 99, "0", None][int(case.rng.integers(5))]
    return _tracks(part, lambda cells: cells.update(frame=frame))


@fault("text", INIT, EITHER)
def cells_with_other_axes(case: Case, part: Texts) -> Blame:
    """The places of initial cells are said to be x, y, z, and are."""

    def change(cells: dict[str, Any]) -> None:
        cells["axes"].reverse()
        for track in cells["tracks"]:
            track["centroid"].reverse()

    return _tracks(part, change)
