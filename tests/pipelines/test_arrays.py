"""`sam4ct.link`: arrays in, the bytes of `sam4ct run` out."""

from __future__ import annotations

import doctest
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from scenes.commands import ROOT, environment, sam4ct

import sam4ct as package
from sam4ct.errors import SequenceError
from sam4ct.io.ctc import read_tracks
from sam4ct.io.tiff import read_frame, spacing_of
from sam4ct.io.work import read_table
from sam4ct.pipelines import arrays
from sam4ct.tables import Links

SHAPES = pytest.mark.parametrize("shape", [(96, 112), (8, 64, 64)], ids=["2D", "3D"])


class Lazy:
    """Frames that are made when they are asked for, as dask does it."""

    def __init__(self, frames: Any) -> None:
        self._frames, self.shape = frames, frames.shape

    def __getitem__(self, t: int) -> list[Any]:
        return list(self._frames[t])


def simulated(folder: Path, shape: tuple[int, ...]) -> tuple[Path, Any, Any]:
    """A dataset with missed and split masks, and its frames as arrays."""
    size = ["--ndim", len(shape), "--size", *shape[-2:]]
    size += ["--slices", shape[0]] if len(shape) == 3 else []
    words = ["--dataset", "Movie", "--frames", 6, "--missed", 0.1, "--seed", 3]
    made = sam4ct("simulate", folder, *size, *words)
    assert made.status == 0, made.err
    dataset = folder / "Movie"
    both = (sorted((dataset / part).glob("*.tif")) for part in ("01", "01_ERR_SEG"))
    return dataset, *(np.stack([read_frame(file) for file in files]) for files in both)


@SHAPES
@pytest.mark.parametrize("evidence", ["overlap", "sam2"])
def test_arrays_give_the_bytes_of_a_run(
    shape: tuple[int, ...], evidence: str, tmp_path: Path
) -> None:
    dataset, images, masks = simulated(tmp_path, shape)
    words = ["--profile", "auto", "--evidence", evidence, "--device", "cpu"]
    assert sam4ct("run", dataset, *words, "--no-report").status == 0
    tracking = package.link(
        images,
        masks,
        spacing=spacing_of(dataset / "01" / "t000.tif"),
        evidence=evidence,
        device="cpu",
    )
    tracking.to_ctc(tmp_path / "again")
    run = {file.name: file.read_bytes() for file in (dataset / "01_RES").iterdir()}
    assert {file.name: file.read_bytes() for file in (tmp_path / "again").iterdir()} == run
    links = read_table(dataset / "01_RES.sam4ct" / "links.parquet", Links)
    assert len(links)
    assert np.array_equal(tracking.links.confidence, links.confidence)


def test_zarr_lazy_arrays_and_single_slices_give_the_same(tmp_path: Path) -> None:
    _, images, masks = simulated(tmp_path, (96, 112))
    stored = zarr.array(masks, chunks=(1, 96, 112))
    wanted = package.link(images, masks, evidence="overlap")
    tracking = package.link(Lazy(images.astype(float)), stored, evidence="overlap")
    assert np.array_equal(tracking.labels, wanted.labels)
    slices = package.link(images[:, np.newaxis], masks[:, np.newaxis], evidence="overlap")
    assert np.array_equal(slices.labels, wanted.labels[:, np.newaxis])


def test_graph_has_every_cell_and_an_edge_for_every_link(tmp_path: Path) -> None:
    _, images, masks = simulated(tmp_path, (96, 112))
    tracking = package.link(images, masks, evidence="overlap")
    graph = tracking.to_networkx()
    there = {(t, i) for t, frame in enumerate(tracking.labels) for i in np.unique(frame) if i}
    assert set(graph) == there
    begins = {(first, label) for label, first, _, mother in tracking.tracks if not mother}
    assert {node for node, degree in graph.in_degree if not degree} == begins
    assert all(0 <= confidence <= 1 for *_, confidence in graph.edges.data("confidence"))
    (t, label), data = next(iter(graph.nodes.data()))
    place = np.argwhere(tracking.labels[t] == label).mean(axis=0)
    assert (data["y"], data["x"]) == pytest.approx(tuple(place))


def test_scores_of_arrays_are_those_of_the_files(tmp_path: Path) -> None:
    dataset, images, masks = simulated(tmp_path, (96, 112))
    tracking = package.link(images, masks, evidence="overlap")
    truth = dataset / "01_GT" / "TRA"
    labels = np.stack([read_frame(file) for file in sorted(truth.glob("*.tif"))])
    rows = [track.row() for track in read_tracks(truth / "man_track.txt")]
    scores = tracking.score(labels, rows)
    assert scores["Valid"] == 1.0
    assert 0.5 < (scores["TRA"] or 0) <= 1.0


@pytest.mark.parametrize(
    ("images", "masks", "words"),
    [
        ((4, 20, 20), (3, 20, 20), r"images have the shape \(4, 20, 20\), masks \(3, 20, 20\)"),
        ((20, 20), (20, 20), r"Give an array \(t, y, x\)"),
        ((2, 3, 4, 20, 20), (2, 3, 4, 20, 20), "select one channel first"),
    ],
)
def test_arrays_that_are_no_movie_are_refused(
    images: tuple[int, ...], masks: tuple[int, ...], words: str
) -> None:
    with pytest.raises(SequenceError, match=words):
        package.link(np.zeros(images), np.zeros(masks, int), evidence="overlap")


def test_error_names_the_frame_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    masks = np.ones((3, 16, 16), np.int64)
    masks[1, 0, 0] = -1
    with pytest.raises(SequenceError, match=r"^arrays/01_ERR_SEG/mask001.tif: "):
        package.link(np.zeros(masks.shape), masks, evidence="overlap")
    assert list(tmp_path.iterdir()) == []


def test_example_of_the_docstring_runs() -> None:
    done = doctest.testmod(arrays)
    assert done.attempted >= 8
    assert done.failed == 0


def test_import_loads_no_network() -> None:
    program = "import sam4ct, sys; sys.exit('numpy' in sys.modules or 'torch' in sys.modules)"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, cwd=ROOT, env=environment()).returncode == 0
    assert callable(package.link)
    with pytest.raises(AttributeError, match="no attribute 'lnik'"):
        package.lnik  # noqa: B018
