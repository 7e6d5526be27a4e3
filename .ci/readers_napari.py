"""Draw what a user sees who opens an export in napari, and hold that layers lie upon each other.

    sam4ct run movie.tif masks.tif --out OUT --export geff --export napari
    readers_napari.py OUT.export movie.tif PICTURES    writes geff.png and files.png there

Runs in an environment without sam4ct: pip install "napari[pyqt6]" napari-geff pandas. Without a
screen: xvfb-run -a python .ci/readers_napari.py ... (Debian: xvfb, libgl1-mesa-dri). The GEFF is
opened by napari-geff, the files by the lines that docs/exporting.md tells the user.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import napari
import numpy as np

DOCS = Path(__file__).resolve().parents[1] / "docs" / "exporting.md"
LEAST_INSIDE = 0.95
"""Share of places that are in a mask: the centre of a bent cell may be outside."""


def open_geff(out: Path) -> napari.Viewer:
    (place,) = out.glob("*.zarr/tracks.geff")
    viewer = napari.Viewer()
    viewer.open(place, plugin="napari-geff")
    return viewer


def open_files(out: Path, movie: Path) -> napari.Viewer:
    text = DOCS.read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(import json\n.*?)```", text, re.DOTALL)
    for written, here in ("01_RES.export/napari", out / "napari"), ("movie.tif", movie):
        assert written in lines
        lines = lines.replace(written, str(here))
    names: dict[str, Any] = {}
    exec(lines.replace("napari.run()", ""), names)
    viewer: napari.Viewer = names["viewer"]
    return viewer


def check(viewer: napari.Viewer) -> None:
    """Hold that there is one layer of each kind, and that tracks run through masks."""
    kinds = [type(layer).__name__ for layer in viewer.layers]
    assert kinds == ["Image", "Labels", "Tracks"], kinds
    image, labels, tracks = viewer.layers
    np.testing.assert_allclose(image.extent.world, labels.extent.world)
    np.testing.assert_allclose(tracks.scale, labels.scale)
    at = np.rint(labels.world_to_data(tracks.data_to_world(tracks.data[0, 1:]))).astype(int)
    assert labels.data[tuple(at)], "the first place is in no mask"
    places = np.rint(tracks.data[:, 1:]).astype(int)
    inside = np.asarray(labels.data)[tuple(places.T)] > 0
    assert inside.mean() >= LEAST_INSIDE, f"{inside.mean():.2f} of the places are in masks"


def main(out: Path, movie: Path, pictures: Path) -> None:
    pictures.mkdir(parents=True, exist_ok=True)
    for name, opens in ("geff", open_geff), ("files", lambda place: open_files(place, movie)):
        began = time.monotonic()
        viewer = opens(out)
        check(viewer)
        first, last, step = viewer.dims.range[0]
        viewer.dims.set_point(0, first + 2 * (last - first) // (3 * step) * step)
        viewer.window.resize(1400, 860)
        viewer.reset_view()
        picture = pictures / f"{name}.png"
        viewer.screenshot(picture, canvas_only=False)
        print(f"{picture}: {time.monotonic() - began:.0f} s")
        viewer.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
