"""`sam4ct export`: where things come from and go to, what is known of them, and what is refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from scenes.bad_inputs import make_dataset
from scenes.commands import sam4ct, tree
from scenes.drawn_result import SHAPES, save, write_result
from scenes.input_forms import SHAPES as input_shapes
from scenes.input_forms import ome, ome_zarr_with_labels, plain, scene

from sam4ct.errors import ResultError, SequenceError, WorkError
from sam4ct.io.ctc import work_dir_of
from sam4ct.pipelines.tools.export import PLACES, ExportOptions, export

ALL = tuple(PLACES)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return write_result(tmp_path / "Drawn")


def cells(result: Path, **options: object) -> pd.DataFrame:
    (place,) = export(result, ExportOptions(formats=["csv"], overwrite=True, **options))  # type: ignore[arg-type]
    return pd.read_csv(place / "cells.csv").set_index(["frame", "track"])


def record(result: Path, **known: object) -> None:
    (work_dir_of(result) / "run.json").write_text(json.dumps(known))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_format_goes_to_its_place_beside_the_result_and_the_result_stays(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    result = write_result(tmp_path / "Drawn", shape)
    before = tree(tmp_path)
    options = [word for name in ALL for word in ("--to", name)]
    ran = sam4ct("export", result, *options)
    assert ran.status == 0, ran.err
    places = [result.with_name("01_RES.export") / PLACES[name].format("01_RES") for name in ALL]
    assert ran.out.splitlines() == [f"{place}: written" for place in places]
    after = tree(tmp_path)
    assert before.items() <= after.items()
    assert {name.split("/")[1] for name in after.keys() - before.keys()} == {"01_RES.export"}


def test_without_a_format_it_is_geff(result: Path, tmp_path: Path) -> None:
    assert sam4ct("export", result, "--out", tmp_path / "o", "--zarr-format", 3).status == 0
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["01_RES.zarr"]
    assert zarr.open_group(tmp_path / "o/01_RES.zarr", mode="r").metadata.zarr_format == 3


def test_a_run_adds_confidences_voxel_size_and_what_was_generated(result: Path) -> None:
    record(result, profile={"spacing_um": [1, 0.5, 0.5]}, generated=[[3, 4]])
    rows = cells(result)
    assert rows.loc[(2, 2), "confidence"] == 0.5
    assert rows.loc[(2, 2), "source_label"] == 12
    assert rows["generated"].sum() == rows.loc[(3, 4), "generated"] == 1
    assert rows.loc[(0, 1), "area_um2"] == 3.0
    assert "time_s" not in rows
    said = cells(result, spacing_um=(1.0, 2.0, 2.0), interval_s=10.0)
    assert (said.loc[(0, 1), "area_um2"], said.loc[(3, 4), "time_s"]) == (48.0, 30)


def test_an_import_says_voxel_size_and_interval_beside_the_images(result: Path) -> None:
    record(result, profile={"spacing_um": [1, 1, 1]})
    facts = {"spacing_um": [None, 0.5, 0.5], "interval_s": 30}
    (result.parent / "01.json").write_text(json.dumps(facts))
    rows = cells(result)
    assert (rows.loc[(0, 1), "area_um2"], rows.loc[(3, 4), "time_s"]) == (3.0, 90)


def test_a_profile_that_counts_in_pixels_says_no_micrometres(tmp_path: Path) -> None:
    result = write_result(tmp_path / "Drawn", SHAPES["3D"])
    record(result, profile={"spacing_um": [5.7, 1.0, 1.0]})
    assert not [name for name in cells(result).columns if "_um" in name]


def test_a_result_of_another_tracker_has_no_confidences_and_this_is_said(
    result: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (work_dir_of(result) / "links.parquet").unlink()
    caplog.set_level("INFO", logger="sam4ct")
    assert "confidence" not in cells(result).columns
    assert "without confidences" in caplog.text
    assert "lengths are in pixels" in caplog.text


def test_links_need_the_masks_they_speak_of_unless_cells_were_followed(
    result: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="sam4ct")
    (result.parent / "01_ERR_SEG").rename(result.parent / "elsewhere")
    assert "confidence" not in cells(result).columns
    assert "Name the images with --images" in caplog.text
    caplog.clear()
    record(result, mode="track")
    assert "source_label" not in cells(result).columns
    assert caplog.text == ""


def test_a_run_of_the_program_has_a_confidence_for_every_link(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    assert sam4ct("-q", "run", dataset, "--evidence", "overlap", "--no-report").status == 0
    (place,) = export(dataset / "01_RES", ExportOptions(formats=["csv"]))
    links = pd.read_csv(place / "links.csv")
    assert len(links) == 6
    assert links["confidence"].between(0, 1).all()


def test_cells_that_were_followed_through_a_zarr_have_confidences(
    overlap: Path, tmp_path: Path
) -> None:
    images = overlap.parent / "Embryo" / "01.zarr"
    options = ExportOptions(formats=ALL, out=tmp_path / "o", images=images)
    export(overlap, options)
    links = pd.read_csv(tmp_path / "o/csv/links.csv")
    assert len(links)
    assert links["confidence"].notna().all()


def test_the_same_export_again_gives_the_same_bytes(result: Path, tmp_path: Path) -> None:
    for out in ("a", "b"):
        export(result, ExportOptions(formats=ALL, out=tmp_path / out))
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_what_is_no_result_or_in_the_way_is_refused_before_anything_is_written(
    result: Path,
) -> None:
    dataset = result.parent
    export(result, ExportOptions(formats=["csv"]))
    before = tree(dataset)
    refusals: list[tuple[Path, dict[str, object], type[Exception], str]] = [
        (dataset / "01", {}, ResultError, r"holds no res_track\.txt.*Give the folder SS_RES"),
        (result, {"formats": ["geff", "csv"]}, ResultError, "Add --overwrite"),
        (result, {"out": result / "x"}, ResultError, "into the result.*--out"),
        (result, {"images": dataset / "01_RES"}, SequenceError, "mask000"),
    ]
    for folder, chosen, kind, message in refusals:
        with pytest.raises(kind, match=message):
            export(folder, ExportOptions(**chosen))  # type: ignore[arg-type]
    assert tree(dataset) == before


def test_images_that_do_not_fit_are_refused(result: Path) -> None:
    save(result.parent / "01" / "t004.tif", np.zeros(SHAPES["2D"], np.uint16))
    with pytest.raises(SequenceError, match=r"\(5, 24, 40\).*\(4, 24, 40\).*--images"):
        export(result, ExportOptions())


def test_ome_zarr_without_images_is_refused(result: Path) -> None:
    (result.parent / "01").rename(result.parent / "moved")
    export(result, ExportOptions())
    with pytest.raises(SequenceError, match="Name their folder with --images"):
        export(result, ExportOptions(formats=["ome-zarr"]))


def test_missing_masks_and_a_damaged_record_are_named(result: Path) -> None:
    (result.with_name("01_RES.sam4ct") / "run.json").write_text("{")
    with pytest.raises(WorkError, match=r"run\.json: is damaged"):
        export(result, ExportOptions())
    (result / "mask001.tif").unlink()
    with pytest.raises(ResultError, match="missing"):
        export(result, ExportOptions())


def test_an_unknown_format_is_named_with_those_there_are(result: Path) -> None:
    ran = sam4ct("export", result, "--to", "excel")
    assert ran.status == 2
    assert all(name in ran.err for name in ("excel", *ALL))


# What headers say


def facts_of_exports(out: Path) -> tuple[list[float | None], list[float], dict[str, str], float]:
    """Scales in GEFF and OME-Zarr, the axes of TrackMate, and the seconds of the last frame."""
    (geff,), (movie,) = out.glob("*.zarr/tracks.geff"), out.glob("*.ome.zarr")
    axes = zarr.open_group(geff, mode="r").attrs["geff"]["axes"]  # type: ignore[index, call-overload]
    ome = zarr.open_group(movie, mode="r").attrs["ome"]["multiscales"][0]  # type: ignore[index, call-overload]
    (scale,) = ome["datasets"][0]["coordinateTransformations"]  # type: ignore[index, call-overload]
    root = ElementTree.parse(*(out / "trackmate").glob("*.xml")).getroot()
    image = root.find("Settings/ImageData")
    assert image is not None
    wanted = "pixelwidth", "timeinterval"
    cells = pd.read_csv(out / "csv" / "cells.csv")
    return (
        [axis.get("scale") for axis in axes],  # type: ignore[union-attr]
        scale["scale"],  # type: ignore[index, call-overload, return-value]
        {name: image.attrib[name] for name in wanted},
        cells["time_s"].max(),
    )


def stating_files(root: Path, form: str, kind: str) -> tuple[Path, Path]:
    """A movie whose header says voxels of 3 x 0.5 x 0.5 um and 120 s, and its masks."""
    movie, labels = scene(kind)
    if form == "ome_zarr":
        images, masks, _ = ome_zarr_with_labels(root, (movie, labels))
        return images, masks
    axes, path = "T" + "ZYX"[-(movie.ndim - 1) :], root / "movie.tif"
    if form == "ome_tiff":
        size = {f"PhysicalSize{axis}": 3.0 if axis == "Z" else 0.5 for axis in axes[1:]}
        ome(path, movie, axes, **size, TimeIncrement=2.0, TimeIncrementUnit="min")
    else:
        said = {"axes": axes, "unit": "um", "spacing": 3.0, "finterval": 120.0, "tunit": "sec"}
        tifffile.imwrite(path, movie, imagej=True, resolution=(2, 2), metadata=said)
    return path, plain(root / "masks.tif", labels)


@pytest.mark.parametrize("kind", ["2D", "3D"])
@pytest.mark.parametrize("form", ["ome_tiff", "imagej", "ome_zarr"])
def test_size_and_interval_of_headers_reach_every_export(
    kind: str, form: str, tmp_path: Path
) -> None:
    images, masks = stating_files(tmp_path, form, kind)
    out = tmp_path / "OUT"
    ran = sam4ct("run", images, masks, "--out", out, "--evidence", "overlap", "--no-report")
    assert ran.status == 0, ran.err
    words = [word for name in ALL for word in ("--to", name)]
    told = sam4ct("export", out, *words)
    assert told.status == 0, told.err
    assert "without confidences" not in told.err
    size = [3.0, 0.5, 0.5][-len(input_shapes[kind]) :]
    trackmate = {"pixelwidth": "0.5", "timeinterval": "120"}
    everywhere = ([120.0, *size], [120.0, *size], trackmate, 360.0)
    assert facts_of_exports(tmp_path / "OUT.export") == everywhere
    # What is written into the frames is enough, where they are moved without 01.json.
    (dataset,) = (tmp_path / "OUT.sam4ct" / "input").glob("*/01")
    moved = dataset.rename(tmp_path / "moved")
    words += ["--images", moved, "--out", tmp_path / "again"]
    assert sam4ct("export", out, *words).status == 0
    assert facts_of_exports(tmp_path / "again") == everywhere


def test_a_movie_in_zarr_says_size_and_interval_itself(result: Path, tmp_path: Path) -> None:
    export(result, ExportOptions(formats=["ome-zarr"], spacing_um=(1, 0.5, 0.5), interval_s=30))
    movie = result.with_name("01_RES.export") / "01_RES.ome.zarr"
    options = ExportOptions(formats=ALL, images=movie, out=tmp_path / "o", spacing_um=None)
    export(result, options)
    scale, _, image, last = facts_of_exports(tmp_path / "o")
    assert (scale, image["timeinterval"], last) == ([30.0, 0.5, 0.5], "30", 90.0)


# `sam4ct run --export`


def test_a_run_exports_what_it_is_told_to_wherever_the_result_goes(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    out = tmp_path / "elsewhere" / "01_RES"
    told = ["--export", "csv", "--export", "geff", "--evidence", "overlap", "--no-report"]
    ran = sam4ct("-q", "run", dataset, "--out", out, *told)
    assert ran.status == 0, ran.err
    places = [f"{out}.export/{name}: written" for name in ("csv", "01_RES.zarr")]
    assert ran.out.splitlines() == [f"{out}: written", *places]
    links = pd.read_csv(f"{out}.export/csv/links.csv")
    assert links["confidence"].notna().all()


def test_an_export_in_the_way_is_refused_before_the_run(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    (dataset / "01_RES.export" / "csv").mkdir(parents=True)
    before = tree(dataset)
    ran = sam4ct("run", dataset, "--evidence", "overlap", "--export", "csv")
    assert ran.status == 2
    assert f"{dataset / '01_RES.export' / 'csv'}: is there already" in ran.err
    assert tree(dataset) == before


def test_a_run_that_was_killed_while_it_exported_is_told_how_to_go_on(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    out = tmp_path / "else where" / "RES"
    told = ["run", dataset, "--out", out, "--evidence", "overlap", "--no-report"]
    assert sam4ct(*told).status == 0
    ran = sam4ct(*told, "--export", "csv", "--export", "geff")
    assert ran.status == 2
    _, _, command = ran.err.rstrip().rpartition("To make the exports it lacks: sam4ct ")
    done = sam4ct(*shlex.split(command))
    assert done.status == 0, done.err
    links = pd.read_csv(out.with_name("RES.export") / "csv" / "links.csv")
    assert links["confidence"].notna().all()
    assert "exports it lacks" not in sam4ct(*told, "--export", "csv").err


def test_masks_beside_the_images_are_not_those_of_cells_that_were_followed(result: Path) -> None:
    record(result, mode="track")
    assert "source_label" not in cells(result).columns
