"""TIFF frames: what is written comes back, damage is noticed, nothing depends on the writer."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sam4ct.errors import SequenceError, WorkError
from sam4ct.io.tiff.frame import (
    encode_frame,
    names_z,
    read_frame,
    read_info,
    read_planes,
    write_frame,
    write_planes,
)
from sam4ct.io.tiff.spacing import spacing_of

label_frames = hnp.arrays(
    np.uint16,
    # A volume of one plane is a plane, see test_leading_axes_of_length_one_are_dropped.
    st.one_of(
        st.tuples(st.integers(1, 12), st.integers(1, 12)),
        # Five planes and more may not be so narrow, see test_channels_are_not_taken_for_axes.
        st.tuples(st.integers(2, 4), st.integers(1, 12), st.integers(1, 12)),
    ),
)
VOLUME = np.random.default_rng(0).integers(0, 999, (4, 24, 40)).astype(np.uint16)
PLANE = VOLUME[0]
GRAY = {"photometric": "minisblack"}
ZYX: dict[str, object] = {"metadata": {"axes": "ZYX"}}


def imwrite(frame: np.ndarray, **options: object) -> Callable[[Path], None]:
    return lambda path: tifffile.imwrite(path, frame, **options)


def write_large_stack(path: Path) -> None:
    """An ImageJ stack as that program writes large ones: the header counts, one page is listed."""
    tifffile.imwrite(path, VOLUME, imagej=True, **ZYX)
    with tifffile.TiffFile(path) as tif:
        first, tags = tif.pages[0].offset, len(tif.pages[0].tags)
    data = bytearray(path.read_bytes())
    next_page = first + 2 + 12 * tags
    data[next_page : next_page + 4] = bytes(4)
    path.write_bytes(bytes(data))


KINDS: dict[str, tuple[np.ndarray, Callable[[Path], None]]] = {
    "plane": (PLANE, imwrite(PLANE)),
    "plane in strips": (PLANE, imwrite(PLANE, rowsperstrip=5)),
    "plane in compressed strips": (PLANE, imwrite(PLANE, rowsperstrip=5, compression="lzw")),
    "pages": (VOLUME, imwrite(VOLUME, **GRAY)),
    "compressed pages": (VOLUME, imwrite(VOLUME, compression="zlib", metadata=None, **GRAY)),
    "ImageJ stack": (VOLUME, imwrite(VOLUME, imagej=True, **ZYX)),
    "large ImageJ stack": (VOLUME, write_large_stack),
    "OME": (VOLUME, imwrite(VOLUME, ome=True, **ZYX)),
    "big-endian BigTIFF": (VOLUME, imwrite(VOLUME, bigtiff=True, byteorder=">", **GRAY)),
    "tiles": (VOLUME, imwrite(VOLUME, tile=(16, 16), compression="zlib", **GRAY)),
    "volumetric tiles": (VOLUME, imwrite(VOLUME, tile=(16, 16, 16), volumetric=True, **GRAY)),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiff")


@given(label_frames)
def test_written_frame_comes_back(folder: Path, frame: np.ndarray) -> None:
    write_frame(folder / "f.tif", frame)
    back = read_frame(folder / "f.tif")
    np.testing.assert_array_equal(back, frame)
    assert back.dtype == np.uint16


@given(label_frames)
def test_written_frame_is_what_other_readers_see(folder: Path, frame: np.ndarray) -> None:
    write_frame(folder / "f.tif", frame)
    np.testing.assert_array_equal(tifffile.imread(folder / "f.tif"), frame)


def test_bytes_depend_on_the_pixels_only() -> None:
    assert bytes(encode_frame(VOLUME)) == bytes(encode_frame(np.asfortranarray(VOLUME)))
    tags = tifffile.TiffFile(io.BytesIO(encode_frame(VOLUME))).pages[0].tags
    assert not {"DateTime", "Software", "ImageDescription"} & {tag.name for tag in tags}


@pytest.mark.parametrize("shape", [VOLUME.shape, (3, 500, 400), (1, 5, 4)])
def test_planes_give_the_bytes_of_the_whole_frame(tmp_path: Path, shape: tuple[int, ...]) -> None:
    # 500 rows of 400 pixels are more than one strip.
    frame = np.random.default_rng(0).integers(0, 9, shape).astype(np.uint16)
    write_planes(tmp_path / "f.tif", iter(frame), shape)
    assert (tmp_path / "f.tif").read_bytes() == bytes(encode_frame(frame))


def test_more_than_a_tiff_can_hold_becomes_a_big_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sam4ct.io.tiff.frame.TIFF_BYTES", VOLUME.nbytes - 1)
    write_planes(tmp_path / "f.tif", iter(VOLUME), VOLUME.shape)
    with tifffile.TiffFile(tmp_path / "f.tif") as tif:
        assert tif.is_bigtiff
        np.testing.assert_array_equal(tif.asarray(), VOLUME)


@pytest.mark.parametrize("frame", [PLANE.astype(np.int32), VOLUME[None]])
def test_only_16_bit_planes_and_volumes_are_written(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not 2D or 3D uint16"):
        encode_frame(frame)


@kinds
def test_every_kind_of_file_reads_alike(kind: str, tmp_path: Path) -> None:
    frame, write = KINDS[kind]
    write(path := tmp_path / "f.tif")
    np.testing.assert_array_equal(read_frame(path), frame)
    assert read_frame(path).dtype.isnative
    assert (read_info(path).shape, read_info(path).dtype) == (frame.shape, frame.dtype)


@kinds
def test_planes_are_those_of_the_frame_in_order(kind: str, tmp_path: Path) -> None:
    frame, write = KINDS[kind]
    write(path := tmp_path / "f.tif")
    planes = list(read_planes(path))
    np.testing.assert_array_equal(np.stack(planes).reshape(frame.shape), frame)
    assert all(plane.dtype.isnative for plane in planes)


@pytest.mark.parametrize("kind", ["pages", "compressed pages"])
def test_planes_are_read_one_at_a_time(kind: str, tmp_path: Path) -> None:
    """Bytes after the first plane are damaged after it was read."""
    frame, write = KINDS[kind]
    write(path := tmp_path / "f.tif")
    planes = read_planes(path)
    np.testing.assert_array_equal(next(planes), frame[0])
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(SequenceError, match=r"f\.tif: cannot be"):
        list(planes)


def test_leading_axes_of_length_one_are_dropped(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "f.tif", PLANE[None, None], **GRAY)
    np.testing.assert_array_equal(read_frame(tmp_path / "f.tif"), PLANE)
    assert read_info(tmp_path / "f.tif").shape == PLANE.shape


COLOURS: dict[str, Callable[[Path], None]] = {
    "RGB": imwrite(np.zeros((24, 40, 3), np.uint8), photometric="rgb"),
    "RGBA stack": imwrite(np.zeros((9, 24, 40, 4), np.uint8), photometric="rgb"),
    "planar RGB": imwrite(np.zeros((3, 24, 40), np.uint8), photometric="rgb"),
    "two samples a pixel": imwrite(np.zeros((24, 40, 2), np.uint8), planarconfig="contig", **GRAY),
    "channels of ImageJ": imwrite(VOLUME, imagej=True, metadata={"axes": "CYX"}),
    "channels of OME": imwrite(VOLUME[:2], ome=True, metadata={"axes": "CYX"}),
    "stack with channels": imwrite(
        np.stack([VOLUME] * 2, 1), imagej=True, metadata={"axes": "ZCYX"}
    ),
    "colours last, not said": imwrite(np.zeros((24, 40, 3), np.uint8), **GRAY),
}


@pytest.mark.parametrize("kind", COLOURS)
def test_channels_are_not_taken_for_axes(kind: str, tmp_path: Path) -> None:
    COLOURS[kind](path := tmp_path / "f.tif")
    with pytest.raises(SequenceError, match=r"f\.tif: .* (grayscale|one channel alone)"):
        read_frame(path)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 31])
@pytest.mark.parametrize("kind", ["ImageJ", "OME", "tifffile", "last", "samples"])
def test_channels_are_refused_with_their_number(kind: str, count: int, tmp_path: Path) -> None:
    first = np.zeros((count, 24, 40), np.uint16)
    frame, options = {
        "ImageJ": (first, {"imagej": True, "metadata": {"axes": "CYX"}}),
        "OME": (first, {"ome": True, "metadata": {"axes": "CYX"}}),
        "tifffile": (first, {"metadata": {"axes": "CYX"}}),
        "last": (np.moveaxis(first, 0, 2), {"metadata": {"axes": "YXC"}}),
        "samples": (np.moveaxis(first, 0, 2), {"planarconfig": "contig"}),
    }[kind]
    tifffile.imwrite(path := tmp_path / "f.tif", frame, **GRAY, **options)
    with pytest.raises(SequenceError, match=rf"f\.tif: has {count} channels .*one channel alone"):
        read_frame(path)


@pytest.mark.parametrize("name", ["mask000.tif", "man_track000.tif", "man_seg000.tif"])
def test_advice_about_a_mask_in_colours_is_about_labels(name: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / name, np.zeros((24, 40, 3), np.uint8), photometric="rgb")
    with pytest.raises(SequenceError, match="Export the labels") as told:
        read_frame(tmp_path / name)
    assert "gray" not in str(told.value)


MOVIES: dict[str, tuple[np.ndarray, dict[str, object]]] = {
    "ImageJ": (VOLUME, {"imagej": True, "metadata": {"axes": "TYX"}}),
    "ImageJ volumes": (np.stack([VOLUME] * 2), {"imagej": True, "metadata": {"axes": "TZYX"}}),
    "OME": (VOLUME, {"ome": True, "metadata": {"axes": "TYX"}}),
    "tifffile": (VOLUME, {"metadata": {"axes": "TYX"}}),
    "time last": (np.moveaxis(VOLUME, 0, 2), {"metadata": {"axes": "YXT"}}),
}


@pytest.mark.parametrize("kind", MOVIES)
def test_time_is_not_taken_for_slices(kind: str, tmp_path: Path) -> None:
    frame, options = MOVIES[kind]
    tifffile.imwrite(path := tmp_path / "f.tif", frame, **GRAY, **options)
    with pytest.raises(SequenceError, match=r"f\.tif: holds \d time points by its header"):
        read_frame(path)


@pytest.mark.parametrize(
    ("name", "given"), [("t000.tif", "{} MASKS"), ("mask000.tif", "IMAGES {}")]
)
def test_a_movie_is_refused_with_the_command_that_splits_it(
    name: str, given: str, tmp_path: Path
) -> None:
    tifffile.imwrite(path := tmp_path / name, VOLUME, imagej=True, metadata={"axes": "TYX"})
    with pytest.raises(SequenceError) as told:
        read_frame(path)
    assert f"sam4ct import {given.format(path)} NEW_DATASET" in str(told.value)


@pytest.mark.parametrize("kind", KINDS)
def test_only_headers_with_z_name_it(kind: str, tmp_path: Path) -> None:
    KINDS[kind][1](path := tmp_path / "f.tif")
    assert names_z(path) == (
        kind in {"ImageJ stack", "large ImageJ stack", "OME"} | {"volumetric tiles"}
    )


@pytest.mark.parametrize("axes", ["AYX", "YXZ", "ZXY"])
def test_axes_that_are_not_those_of_a_frame_are_named(axes: str, tmp_path: Path) -> None:
    tifffile.imwrite(path := tmp_path / "f.tif", VOLUME, metadata={"axes": axes}, **GRAY)
    with pytest.raises(SequenceError, match=rf"f\.tif: .* {axes} .*by its header"):
        read_frame(path)


def ome(pages: Sequence[str], own: str | None, **sizes: int) -> dict[str, object]:
    """OME-XML that says in which file each time point is, as options of `imwrite`."""
    size = {"SizeZ": 1, "SizeC": 1, "SizeT": len(pages), **sizes}
    data = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="{size["SizeZ"]}">'
        f'<UUID FileName="{name}">urn:{name}</UUID></TiffData>'
        for t, name in enumerate(pages)
    )
    numbers = " ".join(f'{key}="{n}"' for key, n in size.items())
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
        f'{f" UUID={chr(34)}urn:{own}{chr(34)}" if own else ""}><Image ID="Image:0"><Pixels'
        f' DimensionOrder="XYZCT" ID="Pixels:0" Type="uint16" SizeX="40" SizeY="24" {numbers}'
        f' PhysicalSizeX="0.5" PhysicalSizeY="0.5" PhysicalSizeZ="2">{data}</Pixels></Image></OME>'
    )
    return {"description": xml, "metadata": None, **GRAY}


PARTS = [f"img_T{t}.ome.tif" for t in range(6)]


@pytest.mark.parametrize("own", [PARTS[0], PARTS[3], "another", None])
@pytest.mark.parametrize("renamed", [True, False])
def test_file_of_an_ome_data_set_is_read_as_its_own_plane(
    own: str | None, renamed: bool, tmp_path: Path
) -> None:
    for name in PARTS:
        tifffile.imwrite(tmp_path / name, PLANE + 1, **ome(PARTS, own))
    path = tmp_path / ("t000.tif" if renamed else PARTS[0])
    tifffile.imwrite(path, PLANE, **ome(PARTS, own))
    np.testing.assert_array_equal(read_frame(path), PLANE)
    np.testing.assert_array_equal(np.stack(list(read_planes(path))), PLANE[None])


def test_volume_of_an_ome_data_set_keeps_its_axes_and_spacing(tmp_path: Path) -> None:
    options = ome(PARTS, PARTS[2], SizeZ=len(VOLUME))
    tifffile.imwrite(path := tmp_path / "t002.tif", VOLUME, **options)
    np.testing.assert_array_equal(read_frame(path), VOLUME)
    assert names_z(path)
    assert spacing_of(path) == (2.0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ({"SizeZ": 9}, "holds 4 planes, but its OME-XML describes others"),
        ({"SizeZ": 4, "SizeC": 4}, "holds 4 planes, but its OME-XML describes others"),
        ({"SizeC": 4}, "has 4 channels"),
        ({"SizeT": 4, "SizeC": 2}, "holds 4 time points"),
    ],
)
def test_planes_of_an_ome_data_set_that_may_be_anything_are_refused(
    sizes: dict[str, int], why: str, tmp_path: Path
) -> None:
    tifffile.imwrite(path := tmp_path / "f.tif", VOLUME, **ome(PARTS, PARTS[0], **sizes))
    with pytest.raises(SequenceError, match=rf"f\.tif: {why}"):
        read_frame(path)


def test_planes_that_a_companion_file_describes_are_refused(tmp_path: Path) -> None:
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<BinaryOnly MetadataFile="a.companion.ome" UUID="urn:a"/></OME>'
    )
    tifffile.imwrite(path := tmp_path / "f.tif", VOLUME, description=xml, metadata=None, **GRAY)
    with pytest.raises(SequenceError, match=r"OME-XML describes others \(in another file\)"):
        read_frame(path)


@kinds
def test_truncated_file_is_refused_unless_all_pixels_are_there(kind: str, tmp_path: Path) -> None:
    frame, write = KINDS[kind]
    write(path := tmp_path / "f.tif")
    data = path.read_bytes()
    # Closely at the end, where some writers put the list of pages.
    for length in (*range(0, len(data), len(data) // 40), *range(len(data) - 1100, len(data), 7)):
        path.write_bytes(data[:length])
        with contextlib.suppress(SequenceError):
            np.testing.assert_array_equal(read_frame(path), frame)
        with contextlib.suppress(SequenceError):
            planes = np.stack(list(read_planes(path)))
            np.testing.assert_array_equal(planes.reshape(frame.shape), frame)


def test_file_cut_off_before_its_first_tile_is_refused(tmp_path: Path) -> None:
    """The decoder takes absent tiles for empty ones."""
    tifffile.imwrite(path := tmp_path / "f.tif", PLANE, tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[0].dataoffsets[0]
    path.write_bytes(path.read_bytes()[:start])
    with pytest.raises(SequenceError, match=r"f\.tif: is truncated"):
        read_frame(path)


def test_file_cut_off_between_two_pages_is_refused(tmp_path: Path) -> None:
    """All pixels of the pages so far are there; only the pointer to the next page is not."""
    tifffile.imwrite(path := tmp_path / "f.tif", VOLUME, **GRAY)
    with tifffile.TiffFile(path) as tif:
        ends = [page.offset + 2 + 12 * len(page.tags) for page in tif.pages[1:]]
    data = path.read_bytes()
    for end in ends:
        path.write_bytes(data[:end])
        with pytest.raises(SequenceError, match=r"f\.tif: is truncated"):
            read_info(path)


@kinds
@settings(max_examples=40)
@given(hits=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_file_raises_nothing_but_sequence_errors(
    folder: Path, kind: str, hits: list[tuple[int, int]]
) -> None:
    _, write = KINDS[kind]
    write(path := folder / f"{kind}.tif")
    data = bytearray(path.read_bytes())
    for position, value in hits:
        data[position] = value
    path.write_bytes(bytes(data))
    with contextlib.suppress(SequenceError):
        read_frame(path)


def test_unreadable_file_names_itself(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match=r"absent\.tif: cannot be read \(No such file"):
        read_frame(tmp_path / "absent.tif")


def test_write_that_fails_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_frame(path := tmp_path / "f.tif", PLANE)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WorkError, match="No space left"):
        write_frame(path, PLANE + 1)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
