"""Parts of the room: natural order, pickles that are refused, readers of microscopes."""

from __future__ import annotations

import os
import pickle
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scenes.input_forms import group, ome, plain, scene, seg_npy

from sam4ct.errors import SequenceError
from sam4ct.io.formats import natural_order, open_movie

NAMES = st.text(st.sampled_from("ab_-. 0123456789"), max_size=8)


def refusal(path: Path, *, masks: bool = False) -> str:
    with pytest.raises(SequenceError) as refused, open_movie(path, masks=masks) as movie:
        movie.read({})
    return str(refused.value)


@given(NAMES, NAMES, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 3))
def test_natural_order_counts(before: str, after: str, first: int, second: int, zeros: int) -> None:
    """Numbers at the same place sort by their value, with and without leading zeros."""
    before = before.rstrip("0123456789") + "t"
    after = "_" + after
    padded = f"{before}{'0' * zeros}{first}{after}"
    if first < second:
        assert natural_order(padded) < natural_order(f"{before}{second}{after}")


@given(st.lists(NAMES, unique=True))
def test_natural_order_is_one_order(names: list[str]) -> None:
    """It does not depend on the order in which a disk lists the names."""
    assert sorted(names, key=natural_order) == sorted(reversed(names), key=natural_order)


# Cellpose


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_seg_npy_is_read_in_every_protocol(tmp_path: Path, protocol: int, dtype: type) -> None:
    masks = scene("3D")[1][0].astype(dtype)
    path = tmp_path / "a_seg.npy"
    with path.open("wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        held = np.empty((), object)
        held[()] = {"masks": masks, "flows": [np.zeros(3), None], "filename": "a.tif"}
        pickle.dump(held, file, protocol=protocol)
    with open_movie(path) as movie:
        assert movie.facts.axes == "ZYX"
        np.testing.assert_array_equal(movie.read({}), masks)


@dataclass
class Calling:
    """A pickle of it calls a function when it is read."""

    function: object
    args: tuple[object, ...] = field(default=())

    def __reduce__(self) -> tuple[object, ...]:
        return self.function, self.args


@pytest.mark.parametrize(
    ("held", "name"),
    [
        (Calling(os.system, ("touch ran",)), "posix.system"),
        (Calling(eval, ("open('ran', 'w')",)), "builtins.eval"),
        (Path("img.tif"), "pathlib."),
        (Calling(np.load, ("x",)), "numpy.load"),
    ],
)
def test_a_pickle_that_calls_anything_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: object, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("a_seg.npy", {"masks": np.zeros((3, 4)), "more": held}, allow_pickle=True)
    message = refusal(tmp_path / "a_seg.npy")
    assert f"wants to call {name}" in message
    assert not Path("ran").exists()


@pytest.mark.parametrize("held", [{"flows": 1}, [1, 2], "text"])
def test_a_pickle_without_masks_is_refused(tmp_path: Path, held: object) -> None:
    np.save(tmp_path / "a.npy", np.array(held, object), allow_pickle=True)
    assert "is a pickle without an image of masks" in refusal(tmp_path / "a.npy")


@pytest.mark.parametrize("keep", [0.0, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("ending", ["_seg.npy", ".npy", ".npz", ".png", ".tif"])
def test_files_that_are_cut_short_are_refused(tmp_path: Path, ending: str, keep: float) -> None:
    path, labels = tmp_path / f"a{ending}", scene("2D")[0][0]
    match ending:
        case "_seg.npy":
            seg_npy(path, labels)
        case ".npy":
            np.save(path, labels)
        case ".npz":
            np.savez(path, labels)
        case ".png":
            Image.fromarray(labels).save(path)
        case ".tif":
            plain(path, labels)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    assert str(path) in refusal(path)


def test_an_archive_of_several_arrays_lists_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", masks=np.zeros((2, 3)), flows=np.zeros((2, 3)))
    assert "holds the arrays masks, flows" in refusal(tmp_path / "a.npz")


# TIFF and Zarr


def test_several_images_in_one_tiff_are_listed(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
        for n in (4, 5):
            tif.write(np.zeros((n, 8, 9), np.uint8), metadata={"axes": "TYX", "Name": f"pos{n}"})
    message = refusal(tmp_path / "a.ome.tif")
    assert "holds 2 images" in message
    assert "pos5 (5, 8, 9)" in message


def test_an_ome_tiff_that_was_renamed_is_read_by_its_own_planes(tmp_path: Path) -> None:
    path = ome(tmp_path / "a.ome.tif", scene("2D")[0], "TYX")
    path = path.rename(tmp_path / "other.tif")
    with open_movie(path) as movie:
        assert movie.facts.axes == "TYX"
        np.testing.assert_array_equal(movie.read({0: 2}), scene("2D")[0][2])


def test_images_by_bioformats2raw_are_listed(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "a.zarr", attributes={"ome": {"bioformats2raw.layout": 3}})
    for name in "01":
        group(tmp_path / "a.zarr" / name, scene("2D")[0], "TYX")
    message = refusal(tmp_path / "a.zarr")
    assert "holds 2 images by bioformats2raw (0, 1). Give one of them" in message
    with open_movie(tmp_path / "a.zarr" / "1") as movie:
        assert movie.facts.interval_s == 120.0


def test_sets_of_labels_are_listed(tmp_path: Path) -> None:
    image = group(tmp_path / "a.zarr", scene("2D")[0], "TYX")
    zarr.create_group(image / "labels")
    for name in ("cells", "nuclei"):
        group(image / "labels" / name, scene("2D")[1], "TYX")
    assert "holds 2 sets of labels (cells, nuclei)" in refusal(image, masks=True)
    with open_movie(image / "labels" / "nuclei", masks=True) as movie:
        assert movie.facts.shape == scene("2D")[1].shape


def test_a_folder_of_several_kinds_is_refused(tmp_path: Path) -> None:
    plain(tmp_path / "a.tif", scene("2D")[0][0])
    np.save(tmp_path / "b.npy", scene("2D")[0][0])
    message = refusal(tmp_path)
    assert "a.tif (TIFF)" in message
    assert "b.npy (NPY)" in message


@pytest.mark.parametrize(("name", "said"), [("a.ims", "format IMS"), ("a.txt", "is no image")])
def test_other_formats_are_refused_with_a_way_out(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_text("?")
    message = refusal(tmp_path / name)
    assert said in message
    assert "OME-TIFF" in message


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "there is no such file or folder" in refusal(tmp_path / "a.tif")


# Microscopes


@pytest.mark.parametrize(
    ("name", "package"), [("a.nd2", "nd2"), ("a.lif", "liffile"), ("a.czi", "czifile")]
)
def test_without_the_optional_reader_its_package_and_command_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    (tmp_path / name).write_bytes(b"?")
    message = refusal(tmp_path / name)
    assert f"the package {package}, which is not installed" in message
    assert "pip install 'sam4ct[formats]'" in message


MOVIE = np.arange(2 * 3 * 2 * 4 * 5, dtype=np.uint16).reshape(2, 3, 2, 4, 5)  # t, z, c, y, x


class FakeNd2:
    """As `nd2.ND2File` of version 0.12 describes itself: two positions, T, P, Z outside of C."""

    dtype = np.uint16
    metadata = SimpleNamespace(
        channels=[SimpleNamespace(channel=SimpleNamespace(name=n)) for n in ("DAPI", "GFP")]
    )
    experiment = (SimpleNamespace(parameters=SimpleNamespace(periodMs=30000.0)),)

    def __init__(self, path: Path) -> None:
        self.sizes = {"T": 2, "P": 2, "Z": 3, "C": 2, "Y": 4, "X": 5}

    def __enter__(self) -> FakeNd2:
        return self

    def __exit__(self, *_: object) -> None: ...

    def voxel_size(self) -> SimpleNamespace:
        return SimpleNamespace(x=0.1, y=0.2, z=1.5)

    def read_frame(self, number: int) -> np.ndarray:
        t, position, z = np.unravel_index(number, (2, 2, 3))
        return MOVIE[t, z] + 1000 * position


def test_an_nd2_of_several_positions_is_read_at_the_one_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("nd2")
    module.ND2File = FakeNd2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nd2", module)
    path = tmp_path / "a.nd2"
    path.write_bytes(b"?")
    assert "holds 2 images (0: 0, 1: 1). Give one of them" in refusal(path)
    with open_movie(path / "1") as movie:
        facts = movie.facts
        assert (facts.axes, facts.shape) == ("TZCYX", MOVIE.shape)
        assert (facts.channels, facts.interval_s) == (("DAPI", "GFP"), 30.0)
        assert facts.spacing_um == (1.5, 0.2, 0.1)
        np.testing.assert_array_equal(movie.read({0: 1, 2: 1}), MOVIE[1, :, 1] + 1000)
