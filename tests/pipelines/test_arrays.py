"""`sam4ct.link`: arrays in, the bytes of `sam4ct run` out; `sam4ct.evaluate`; GEFF of arrays."""

from __future__ import annotations

import doctest
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import zarr
from scenes.commands import ROOT, environment, sam4ct

import sam4ct as package
from sam4ct.errors import ResultError, SequenceError
from sam4ct.io.ctc import read_tracks
from sam4ct.io.tiff import read_frame, spacing_of
from sam4ct.io.work import read_table
from sam4ct.metrics import evaluate as scores_of
from sam4ct.pipelines.arrays import linking, scoring
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


def truth_of(dataset: Path) -> tuple[Any, list[tuple[int, int, int, int]]]:
    """True labels and rows of tracks."""
    folder = dataset / "01_GT" / "TRA"
    labels = np.stack([read_frame(file) for file in sorted(folder.glob("*.tif"))])
    return labels, [track.row() for track in read_tracks(folder / "man_track.txt")]


@SHAPES
def test_scores_of_arrays_are_those_of_the_files(shape: tuple[int, ...], tmp_path: Path) -> None:
    dataset, images, masks = simulated(tmp_path, shape)
    tracking = package.link(images, masks, evidence="overlap")
    tracking.to_ctc(dataset / "01_RES")
    wanted = scores_of(dataset / "01_RES", dataset / "01_GT")
    assert package.evaluate(dataset / "01_RES", str(dataset / "01_GT")) == wanted
    assert 0.5 < (wanted["TRA"] or 0) < 1.0
    labels, rows = truth_of(dataset)
    # Arrays have no segmentation truth of their own.
    wanted |= {"SEG": None, "OP_CTB": None}
    for result in (tracking, (tracking.labels.astype(float), tracking.tracks.tolist())):
        assert package.evaluate(result, (labels, np.array(rows))) == wanted
    assert package.evaluate(tracking, tracking)["TRA"] == 1.0


def test_labels_and_frames_that_cannot_be_scored_are_refused() -> None:
    masks = np.zeros((3, 16, 16), np.int64)
    masks[:, 2:8, 2:8] = 70_000
    good = masks // 70_000, [(1, 0, 2, 0)]
    with pytest.raises(
        SequenceError, match=r"^result_RES/mask000\.tif: has labels from 0 to 70000"
    ):
        package.evaluate((masks, [(1, 0, 2, 0)]), good)
    with pytest.raises(SequenceError, match=r"^truth_GT/TRA/man_track000\.tif: .*0\.5"):
        package.evaluate(good, (good[0] / 2, good[1]))
    with pytest.raises(SequenceError, match=r"man_track000\.tif: the mask is only yes"):
        package.evaluate(good, (good[0] > 0, good[1]))
    for odd in (good[0], (good[0][0], good[1]), (good[0].tolist(), good[1]), (good[0], [(1, 0)])):
        with pytest.raises(SequenceError, match=r"^tracks: .* Give what sam4ct\.link returned"):
            package.evaluate(good, odd)
    with pytest.raises(ResultError, match=r"has 2 frames, but .* has 3"):
        package.evaluate((good[0][:2], [(1, 0, 1, 0)]), good)


def geff_of(place: Path) -> dict[str, Any]:
    return dict(zarr.open_group(place, mode="r").attrs["geff"])  # type: ignore[arg-type]


@SHAPES
def test_geff_of_arrays_has_masks_images_places_and_confidences(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    _, images, masks = simulated(tmp_path, shape)
    size = (2.0, 0.5, 0.5)
    tracking = package.link(images, masks, spacing=size, interval=60.0, evidence="overlap")
    place = tracking.to_geff(tmp_path / "cells.zarr", images)
    assert place == tmp_path / "cells.zarr" / "tracks.geff"
    meta = geff_of(place)
    scales = [axis["scale"] for axis in meta["axes"]]
    assert scales == [60.0, *size[-len(shape) :]]
    related = {kept["type"]: kept["path"] for kept in meta["related_objects"]}
    for kind, wanted in (("labels", tracking.labels), ("image", images)):
        found = zarr.open_array(place / related[kind], mode="r")
        np.testing.assert_array_equal(found[:], wanted)  # type: ignore[arg-type]
        assert found.dtype == wanted.dtype
    group = zarr.open_group(place, mode="r")
    graph = tracking.to_networkx()
    assert group["nodes/ids"].shape == (len(graph),)  # type: ignore[union-attr]
    edges = group["edges/props/confidence/values"][:]  # type: ignore[index]
    assert sorted(edges.tolist()) == sorted(c for *_, c in graph.edges.data("confidence"))  # type: ignore[union-attr]
    with pytest.raises(ResultError, match="is there already"):
        tracking.to_geff(tmp_path / "cells.zarr")
    tracking.to_geff(tmp_path / "cells.zarr", zarr_format=3, overwrite=True)
    assert zarr.open_group(place, mode="r").metadata.zarr_format == 3
    assert [kept["type"] for kept in geff_of(place)["related_objects"]] == ["labels"]
    with pytest.raises(SequenceError, match="Give the images that were linked"):
        tracking.to_geff(tmp_path / "other.zarr", images[:2])


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


@pytest.mark.parametrize("module", [linking, scoring])
def test_examples_of_the_docstrings_run(module: ModuleType) -> None:
    done = doctest.testmod(module)
    assert done.attempted >= 7
    assert done.failed == 0


def test_import_loads_no_network() -> None:
    program = "import sam4ct, sys; sys.exit('numpy' in sys.modules or 'torch' in sys.modules)"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, cwd=ROOT, env=environment()).returncode == 0
    assert callable(package.link)
    with pytest.raises(AttributeError, match="no attribute 'lnik'"):
        package.lnik  # noqa: B018
