"""Cells to follow: read from both kinds of file, and what is said of those that do not fit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scenes.tracked_movie import LABELS, PLACES, SHAPE, save

from sam4ct.errors import SequenceError
from sam4ct.io.follow.centroids import Centroids, write_centroids
from sam4ct.io.follow.initial_cells import AROUND, InitialCells, read_initial, refuse_background


def centroids(path: Path, tracks: dict[int, tuple[float, ...]], frame: int = 0) -> Path:
    write_centroids(path, Centroids(frame, tracks))
    return path


def test_centroids_are_read(tmp_path: Path) -> None:
    cells = read_initial(centroids(tmp_path / "tracks.json", PLACES), SHAPE)
    assert cells.labels == (3, 7)
    assert cells.places.tolist() == [[3.0, 10.0, 1.0], [1.0, 3.0, 6.5]]
    assert cells.sizes is None


def test_labels_also_say_sizes(tmp_path: Path) -> None:
    cells = read_initial(save(tmp_path / "man_track000.tif", LABELS), SHAPE)
    assert cells.labels == (3, 7)
    assert cells.places.tolist() == [[3.0, 10.0, 1.0], [1.0, 3.0, 6.5]]
    assert cells.sizes is not None
    assert cells.sizes.tolist() == [9, 18]


def test_both_files_of_the_same_cells_say_the_same(tmp_path: Path) -> None:
    labels = read_initial(save(tmp_path / "labels.tif", LABELS), SHAPE)
    tracks = dict(zip(labels.labels, map(tuple, labels.places.tolist()), strict=True))
    same = centroids(tmp_path / "tracks.json", tracks)
    np.testing.assert_array_equal(read_initial(same, SHAPE).places, labels.places)


def test_cells_on_the_outer_faces_are_inside(tmp_path: Path) -> None:
    path = centroids(tmp_path / "tracks.json", {1: (0, 0, 0), 2: (3.5, 11.5, 13.5)})
    assert len(read_initial(path, SHAPE)) == 2


@pytest.mark.parametrize(
    ("labels", "places", "sizes"),
    [((1, 2), 1, None), ((2, 1), 2, None), ((1, 1), 2, None), ((1,), 1, 2)],
)
def test_cells_check_themselves(labels: tuple[int, ...], places: int, sizes: int | None) -> None:
    with pytest.raises(ValueError, match="label"):
        InitialCells(labels, np.zeros((places, 3)), None if sizes is None else np.ones(sizes, int))


# Refusals


@pytest.mark.parametrize("name", ["tracks.json", "man_track005.tif"])
def test_cells_of_another_frame_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".json":
        centroids(path, PLACES, frame=5)
    else:
        save(path, LABELS)
    with pytest.raises(
        SequenceError, match=rf"{name}: its tracks begin in frame 5, but .* frame 0"
    ):
        read_initial(path, SHAPE)


@pytest.mark.parametrize("name", ["tracks.json", "labels.tif"])
def test_labels_beyond_16_bits_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".json":
        centroids(path, {1: (1, 1, 1), 65_536: (2, 2, 2)})
    else:
        save(path, (LABELS == 7).astype(np.uint32) * 65_536)
    with pytest.raises(SequenceError, match=rf"{name}: has the label 65536\. Renumber .* 65535"):
        read_initial(path, SHAPE)


def test_largest_label_of_16_bits_is_fine(tmp_path: Path) -> None:
    path = centroids(tmp_path / "tracks.json", {65_535: (1, 1, 1)})
    assert read_initial(path, SHAPE).labels == (65_535,)


def test_centroids_of_an_image_are_refused(tmp_path: Path) -> None:
    path = centroids(tmp_path / "tracks.json", {1: (3.0, 4.0)})
    with pytest.raises(SequenceError, match=r"tracks\.json: its centroids are of images \(y, x\)"):
        read_initial(path, SHAPE)


def test_labels_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "l.tif", LABELS[:3])
    message = (
        r"l\.tif: has the shape \(3, 12, 14\), but .* \(4, 12, 14\)\. Only the number of slices"
    )
    with pytest.raises(SequenceError, match=message):
        read_initial(path, SHAPE)


def test_centroids_outside_are_refused(tmp_path: Path) -> None:
    path = centroids(tmp_path / "t.json", {1: (1, 1, 1), 2: (1, 11.6, 1), 3: (1, 1, 99)})
    message = (
        r"t\.json: 2 of 3 initial centroids lie outside the volume of 4 x 12 x 14 voxels"
        r" \(z, y, x\), the first is that of track 2 at \(1, 11\.6, 1\)\. Do initial tracks"
    )
    with pytest.raises(SequenceError, match=message):
        read_initial(path, SHAPE)


def test_cells_in_one_voxel_are_refused(tmp_path: Path) -> None:
    path = centroids(tmp_path / "t.json", {1: (1, 1, 1), 2: (1, 5, 1), 4: (1, 5.3, 0.8)})
    message = r"t\.json: the tracks 2 and 4 begin in the same voxel, \(1, 5, 1\) \(z, y, x\)"
    with pytest.raises(SequenceError, match=message):
        read_initial(path, SHAPE)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros_like(LABELS), "has no labels"),
        (LABELS / np.float32(2), "the mask has the type float32 and the value"),
        (np.random.default_rng(0).poisson(600, SHAPE).astype(np.uint16), "looks like an image"),
    ],
)
def test_what_are_no_labels_is_refused(tmp_path: Path, frame: NDArray[Any], message: str) -> None:
    with pytest.raises(SequenceError, match=rf"l\.tif: {message}"):
        read_initial(save(tmp_path / "l.tif", frame), SHAPE)


def test_file_without_tracks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(
        json.dumps({"frame": 0, "axes": ["z", "y", "x"], "tracks": []})
    )
    with pytest.raises(SequenceError, match=r"t\.json: needs .* at least one track"):
        read_initial(tmp_path / "t.json", SHAPE)


# Cells in the background


@dataclass(frozen=True)
class Still:
    """A `VolumeReader` of one frame in memory."""

    frame: NDArray[Any]

    @property
    def frames(self) -> int:
        return 1

    @property
    def shape(self) -> tuple[int, ...]:
        return self.frame.shape

    def window(self, t: int, window: Any) -> NDArray[Any]:
        assert t == 0, "cells are followed from frame 0"
        return self.frame[tuple(window)]


def cells(*places: tuple[float, ...]) -> InitialCells:
    return InitialCells(tuple(range(1, len(places) + 1)), np.array(places, float), None)


def bright(value: int = 0) -> NDArray[np.uint8]:
    """A background with one cell of even brightness."""
    frame = np.full((9, 60, 60), value, np.uint8)
    frame[1:8, 20:30, 20:30] = 255
    return frame


@pytest.mark.parametrize("value", [0, 100])
def test_cells_in_the_background_are_refused(value: int) -> None:
    message = (
        r"t\.json: the initial centroid of track 2 at \(4, 50\.5, 50\) \(and those of 1 more\) lies"
        r" in the background"
    )
    lost = cells((4, 25, 25), (4, 50.5, 50), (0, 0, 0))
    with pytest.raises(SequenceError, match=message):
        refuse_background(Path("t.json"), lost, Still(bright(value)))


def test_saturated_cells_are_fine() -> None:
    """All voxels around the centroid are the brightest that there are."""
    refuse_background(Path("t.json"), cells((4, 24.6, 25.2)), Still(bright()))


def test_cells_of_few_bright_voxels_are_fine() -> None:
    """Also at the edges and beyond the centre of the outermost voxels."""
    frame = np.zeros((9, 60, 60), np.uint8)
    frame[4, 30, 30 + AROUND[2]] = frame[8, 59, 59] = 1
    refuse_background(Path("t.json"), cells((4, 30, 30), (8.5, 59.4, 59.5)), Still(frame))


def test_noise_is_no_background() -> None:
    frame = np.random.default_rng(0).poisson(5, (9, 60, 60)).astype(np.uint16)
    refuse_background(Path("t.json"), cells((4, 30, 30)), Still(frame))
