"""What each format holds: units, metadata, unknown values; a frame at a time; the same bytes."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from scenes.commands import tree
from scenes.drawn_result import FRAMES, LINKS, SHAPES, frame, graph, write_result

from sam4ct.errors import ResultError
from sam4ct.io.export import (
    TrackGraph,
    placed,
    refuse_place,
    trackmate,
    write_csv,
    write_geff,
    write_napari,
    write_ome_zarr,
    write_trackmate,
)
from sam4ct.io.export import csv as csv_tables
from sam4ct.io.movie import Volumes, open_volumes
from sam4ct.io.ome_zarr import ZarrVolumes

SPACING, INTERVAL = (2.0, 0.5, 0.25), 60.0
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def known(shape: tuple[int, ...] = SHAPES["2D"]) -> TrackGraph:
    """A graph of which everything is known but the confidence of one edge."""
    links = LINKS.take(np.arange(len(LINKS)))
    given = lambda t: np.where(frame(t, shape) > 0, frame(t, shape) + 10, 0)  # noqa: E731
    found = graph(shape, given=given, links=links)
    return replace(found, spacing_um=SPACING, interval_s=INTERVAL)


def movie(tmp_path: Path, shape: tuple[int, ...]) -> Volumes:
    write_result(tmp_path / "Drawn", shape)
    return open_volumes(tmp_path / "Drawn" / "01")


def geff_of(folder: Path) -> dict[str, object]:
    return dict(zarr.open_group(folder / "tracks.geff", mode="r").attrs["geff"])  # type: ignore[arg-type]


def xml_of(folder: Path) -> ElementTree.Element:
    return ElementTree.parse(folder / "01_RES.xml").getroot()


# GEFF


@shapes
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_geff_names_axes_with_units_and_the_masks_by_their_labels(
    tmp_path: Path, shape: tuple[int, ...], zarr_format: int
) -> None:
    write_geff(tmp_path / "G", known(shape), zarr_format)  # type: ignore[arg-type]
    group = zarr.open_group(tmp_path / "G" / "tracks.geff", mode="r")
    assert group.metadata.zarr_format == zarr_format
    meta = geff_of(tmp_path / "G")
    scales = {axis["name"]: (axis["unit"], axis["scale"]) for axis in meta["axes"]}  # type: ignore[attr-defined]
    assert scales == {
        "t": ("frame", INTERVAL),
        **dict(list(zip("zyx", (("pixel", s) for s in SPACING), strict=True))[-len(shape) :]),
    }
    extra = meta["extra"]
    assert extra["tracksdata"] == {"scale": list(SPACING[-len(shape) :])}  # type: ignore[index]
    (related,) = meta["related_objects"]  # type: ignore[misc]
    assert related["node_prop"] == related["label_prop"] == "seg_id"
    masks = zarr.open_array(tmp_path / "G" / "tracks.geff" / related["path"], mode="r")
    for t in range(FRAMES):
        np.testing.assert_array_equal(masks[t], frame(t, shape))
    assert masks.chunks[0] == 1


@shapes
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_geff_holds_images_or_names_the_array_that_they_are_in(
    tmp_path: Path, shape: tuple[int, ...], zarr_format: int
) -> None:
    images = movie(tmp_path, shape)
    write_ome_zarr(tmp_path / "movie.zarr", known(shape), images)
    stored = open_volumes(tmp_path / "movie.zarr")
    assert isinstance(stored, ZarrVolumes)
    for name, shown in (("copied", images.frame), ("named", stored.array_folder)):
        place = tmp_path / name
        write_geff(place, known(shape), zarr_format, shown)  # type: ignore[arg-type]
        _, related = geff_of(place)["related_objects"]  # type: ignore[misc]
        assert related["type"] == "image"
        found = zarr.open_array(place / "tracks.geff" / related["path"], mode="r")
        assert (found.dtype, found.shape) == (images.dtype, (FRAMES, *shape))
        np.testing.assert_array_equal(found[2], images.frame(2))
        assert (place / "images").exists() == (name == "copied")


@shapes
def test_geff_says_areas_in_micrometres_where_the_spacing_is_known_else_in_pixels(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    write_geff(tmp_path / "K", known(shape))
    write_geff(tmp_path / "U", graph(shape))
    pixels = 12 * (3 if len(shape) == 3 else 1)
    for name, unit, size in (
        ("K", f"micrometer^{len(shape)}", pixels * float(np.prod(SPACING[-len(shape) :]))),
        ("U", "pixel" if len(shape) == 2 else "voxel", pixels),
    ):
        area = zarr.open_array(tmp_path / name / "tracks.geff/nodes/props/area/values", mode="r")
        assert set(area[:].tolist()) == {size}  # type: ignore[union-attr]
        meta = geff_of(tmp_path / name)
        assert meta["node_props_metadata"]["area"]["unit"] == unit  # type: ignore[index]
    assert all("scale" not in axis for axis in geff_of(tmp_path / "U")["axes"])  # type: ignore[attr-defined]


def test_geff_marks_an_unknown_confidence_as_missing_and_leaves_it_out_if_none_is_known(
    tmp_path: Path,
) -> None:
    write_geff(tmp_path / "K", known())
    write_geff(tmp_path / "U", graph())
    confidence = zarr.open_group(tmp_path / "K/tracks.geff/edges/props/confidence", mode="r")
    missing = confidence["missing"][:]  # type: ignore[index]
    assert (missing == np.isnan(known().edges.confidence)).all()
    assert missing.sum() == 1
    assert np.isfinite(confidence["values"][:]).all()  # type: ignore[index, arg-type]
    assert "confidence" not in geff_of(tmp_path / "U")["edge_props_metadata"]  # type: ignore[operator]
    assert not (tmp_path / "U/tracks.geff/edges/props/confidence").exists()


# napari


def test_napari_gets_labels_it_takes_for_labels_and_a_graph_of_daughters(tmp_path: Path) -> None:
    write_napari(tmp_path, known())
    masks = zarr.open_array(tmp_path / "labels.zarr", mode="r")
    assert masks.dtype == np.int32  # of uint16, napari makes an image
    rows = pd.read_csv(tmp_path / "tracks.csv")
    assert list(rows.columns) == ["track_id", "t", "y", "x"]
    assert rows[["track_id", "t"]].equals(rows[["track_id", "t"]].sort_values(["track_id", "t"]))
    assert json.loads((tmp_path / "graph.json").read_text()) == {"4": [3], "5": [3]}


# CSV


@shapes
def test_cells_have_places_and_sizes_in_pixels_and_micrometres_and_intensities(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    write_csv(tmp_path, known(shape), movie(tmp_path, shape))
    cells = pd.read_csv(tmp_path / "cells.csv").set_index(["frame", "track"])
    cell = cells.loc[(1, 7)]
    size = "area_um2" if len(shape) == 2 else "volume_um3"
    pixels = 12 if len(shape) == 2 else 36
    assert cell[size] == pixels * float(np.prod(SPACING[-len(shape) :]))
    assert (cell["y_px"], cell["y_um"], cell["x_um"]) == (4.5, 2.25, 9.0)
    assert cell["time_s"] == INTERVAL
    assert cell["intensity_mean"] == cell["intensity_max"] == 701
    assert cell["axis_major_length_um"] > 0
    assert cells.loc[(2, 4), "parent"] == 3
    assert np.isnan(cells.loc[(0, 1), "confidence"])
    assert cells.loc[(2, 2), "confidence"] == 0.5


def test_links_name_both_ends_and_unknown_confidences_are_empty(tmp_path: Path) -> None:
    write_csv(tmp_path, known())
    lines = (tmp_path / "links.csv").read_text().splitlines()
    assert lines[0] == "frame,track,next_frame,next_track,division,confidence"
    assert "0,1,2,2,0,0.5" in lines
    assert "2,4,3,4,0," in lines
    assert "intensity_mean" not in pd.read_csv(tmp_path / "cells.csv").columns


# TrackMate


@shapes
def test_trackmate_lengths_are_in_the_units_that_the_model_states(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    for place, found in (("K", known(shape)), ("U", graph(shape))):
        (tmp_path / place).mkdir()
        write_trackmate(tmp_path / place, found)
    model, root = (xml_of(tmp_path / "K").find("Model"), xml_of(tmp_path / "K"))
    assert model is not None
    assert model.attrib == {"spatialunits": "µm", "timeunits": "sec"}
    (spot,) = (s for s in model.iter("Spot") if s.attrib["LABEL"] == "7")
    size = 12 * 0.125 if len(shape) == 2 else 36 * 0.25
    radius = (size / np.pi) ** 0.5 if len(shape) == 2 else (0.75 * size / np.pi) ** (1 / 3)
    got = [float(spot.attrib[key]) for key in ("POSITION_X", "POSITION_Y", "POSITION_T", "RADIUS")]
    np.testing.assert_allclose(got, [9.0, 2.25, 60.0, radius])
    image = root.find("Settings/ImageData")
    assert image is not None
    assert [image.attrib[k] for k in ("pixelwidth", "pixelheight", "nframes")] == [
        "0.25",
        "0.5",
        "4",
    ]
    bare = xml_of(tmp_path / "U").find("Model")
    assert bare is not None
    assert bare.attrib == {"spatialunits": "pixel", "timeunits": "frame"}


def test_trackmate_declares_every_feature_and_groups_links_by_lineage(tmp_path: Path) -> None:
    write_trackmate(tmp_path, known())
    root = xml_of(tmp_path)
    for kind, place in (("Spot", "Spot"), ("Edge", "Edge"), ("Track", "Track")):
        declared = {f.attrib["feature"] for f in root.iterfind(f".//{kind}Features/Feature")}
        used = {key for element in root.iter(place) for key in element.attrib}
        assert used - declared <= {"ID", "name"}
    groups = {t.attrib["TRACK_ID"]: len(t.findall("Edge")) for t in root.iter("Track")}
    assert groups == {"1": 2, "3": 4}
    assert [t.attrib["TRACK_ID"] for t in root.iter("TrackID")] == ["1", "3"]


@pytest.mark.parametrize("with_images", [True, False])
def test_trackmate_finds_its_stack_beside_the_xml(tmp_path: Path, with_images: bool) -> None:
    images = movie(tmp_path, SHAPES["3D"]) if with_images else None
    write_trackmate(tmp_path, known(SHAPES["3D"]), images)
    image = xml_of(tmp_path).find("Settings/ImageData")
    assert image is not None
    with tifffile.TiffFile(tmp_path / image.attrib["filename"]) as tif:
        assert tif.is_imagej
        assert tif.series[0].axes == "TZYX"
        wanted = frame(1, SHAPES["3D"])
        np.testing.assert_array_equal(tif.asarray()[1], wanted * 100 + 1 if images else wanted)


def test_a_movie_too_large_for_an_imagej_stack_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trackmate, "STACK_BYTES", 1000)
    write_trackmate(tmp_path, known())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01_RES.xml"]
    assert "Open the images in Fiji" in caplog.text


# OME-Zarr


@shapes
def test_ome_zarr_holds_images_and_masks_with_their_scale(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    write_ome_zarr(tmp_path / "O", known(shape), movie(tmp_path, shape))
    for group, factor, more in ((tmp_path / "O", 100, 1), (tmp_path / "O/labels/tracks", 1, 0)):
        opened = open_volumes(tmp_path / "O") if more else None
        ome = dict(zarr.open_group(group, mode="r").attrs)["ome"]
        (image,) = ome["multiscales"]  # type: ignore[index, call-overload]
        (scale,) = image["datasets"][0]["coordinateTransformations"]  # type: ignore[index, call-overload]
        assert scale["scale"] == [INTERVAL, *SPACING[-len(shape) :]]  # type: ignore[index, call-overload]
        pixels = zarr.open_array(group / "0", mode="r")
        np.testing.assert_array_equal(pixels[1], frame(1, shape) * factor + more)
        assert opened is None or opened.frames == FRAMES


# All


def writers(
    tmp_path: Path, shape: tuple[int, ...]
) -> dict[str, Callable[[Path, TrackGraph], None]]:
    images = movie(tmp_path, shape)
    return {
        "geff": lambda place, found: write_geff(place, found, 2, images.frame),
        "napari": write_napari,
        "csv": lambda place, found: write_csv(place, found, images),
        "trackmate": lambda place, found: write_trackmate(place, found, images),
        "ome-zarr": lambda place, found: write_ome_zarr(place, found, images),
    }


@shapes
def test_the_same_result_gives_the_same_bytes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    for name, write in writers(tmp_path, shape).items():
        for place in (tmp_path / "a" / name, tmp_path / "b" / name):
            place.mkdir(parents=True)
            write(place, known(shape))
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_no_writer_asks_for_a_frame_while_it_holds_two_others(tmp_path: Path) -> None:
    held: list[weakref.ref[np.ndarray]] = []
    most = 0

    def labels(t: int) -> np.ndarray:
        nonlocal most
        made = frame(t, SHAPES["3D"])
        most = max(most, sum(ref() is not None for ref in held))
        held.append(weakref.ref(made))
        return made

    found = replace(known(SHAPES["3D"]), labels=labels)
    for name, write in writers(tmp_path, SHAPES["3D"]).items():
        (tmp_path / name).mkdir()
        write(tmp_path / name, found)
    assert most <= 1


# The place


def interrupted(target: Path) -> None:
    with placed(target) as place:
        (place / "half").write_text("")
        raise KeyboardInterrupt


def test_an_interrupted_export_leaves_nothing_and_the_older_one_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "out" / "csv"
    with pytest.raises(KeyboardInterrupt):
        interrupted(target)
    assert tree(tmp_path / "out") == {}
    for text in ("old", "new"):
        with placed(target) as place:
            (place / "whole").write_text(text)
    with pytest.raises(KeyboardInterrupt):
        interrupted(target)
    assert (target / "whole").read_text() == "new"


def test_what_a_killed_export_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".csv.sam4ct-new").mkdir()
    (tmp_path / ".csv.sam4ct-new" / "half").write_text("")
    with placed(tmp_path / "csv") as place:
        assert list(place.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["csv"]


def test_only_an_export_is_replaced_and_only_if_asked(tmp_path: Path) -> None:
    with placed(tmp_path / "csv"):
        pass
    (tmp_path / "mine").mkdir()
    refuse_place(tmp_path / "csv", overwrite=True)
    with pytest.raises(ResultError, match="Add --overwrite"):
        refuse_place(tmp_path / "csv", overwrite=False)
    with pytest.raises(ResultError, match=r"not written by `sam4ct export`.*Choose"):
        refuse_place(tmp_path / "mine", overwrite=True)


def test_numbers_do_not_depend_on_the_last_bits_of_a_machine(tmp_path: Path) -> None:
    csv_tables.write_rows(tmp_path / "a", {"x": np.array([0.1 + 0.2, np.nan])})
    assert (tmp_path / "a").read_text() == 'x\n0.3\n""\n'
