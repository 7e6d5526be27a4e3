"""`sam4ct convert`: the movie holds the frames, goes on after a kill, and is whole or absent."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from scenes.bad_inputs import truncate
from scenes.commands import finished, sam4ct, start, tree

from sam4ct.errors import ResultError, SequenceError, WorkError
from sam4ct.io.files.locks import FolderLock
from sam4ct.io.ome_zarr.create import CHUNK_BYTES, Movie, chunk_shape
from sam4ct.io.ome_zarr.movie import ZarrVolumes
from sam4ct.io.ome_zarr.writer import ZarrWriter
from sam4ct.io.tiff.frame import Frame, read_planes
from sam4ct.io.tiff.spacing import encode_stack
from sam4ct.pipelines.tools import convert as conversion
from sam4ct.pipelines.tools.convert import convert

FRAMES = 3
SHAPES = {"2D": (30, 40), "3D": (150, 12, 16)}


def drawn(shape: tuple[int, ...], dtype: str = "uint16", frames: int = FRAMES) -> np.ndarray:
    """A movie of noise, but the first chunk of frame 1 is empty."""
    movie = np.random.default_rng(0).integers(0, 200, (frames, *shape)).astype(dtype)
    movie[1] = 0
    movie[1, -1] = 7
    return movie


def write_frames(folder: Path, movie: np.ndarray, prefix: str = "t") -> Path:
    folder.mkdir(parents=True)
    for t, frame in enumerate(movie):
        save(folder / f"{prefix}{t:03d}.tif", frame)
    return folder


def save(path: Path, frame: np.ndarray) -> None:
    tifffile.imwrite(path, frame, photometric="minisblack", compression="zlib")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_frames(tmp_path / "in" / "Tiny" / "01", drawn(SHAPES["3D"]))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "01.zarr"


def assert_holds(target: Path, movie: np.ndarray) -> None:
    volumes = ZarrVolumes(target)
    assert (volumes.frames, *volumes.shape) == movie.shape
    assert volumes.dtype == movie.dtype
    for t, frame in enumerate(movie):
        np.testing.assert_array_equal(volumes.frame(t), frame)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
def test_movie_holds_the_frames_in_their_own_type(
    tmp_path: Path, target: Path, shape: tuple[int, ...], dtype: str
) -> None:
    movie = drawn(shape, dtype)
    convert(write_frames(tmp_path / "01", movie), target)
    assert_holds(target, movie)


@pytest.mark.parametrize("prefix", ["t", "mask", "man_seg", "man_track"])
def test_images_masks_and_truth_are_taken(tmp_path: Path, target: Path, prefix: str) -> None:
    movie = drawn(SHAPES["3D"])
    folder = write_frames(tmp_path / "01", movie, prefix)
    if prefix == "man_track":
        (folder / "man_track.txt").write_text("1 0 2 0\n")
    convert(folder, target)
    assert_holds(target, movie)


def test_array_says_what_its_axes_are(source: Path, target: Path) -> None:
    """Viewers read the metadata of OME-Zarr 0.5, other readers the names of dimensions."""
    convert(source, target, spacing_um=(2.0, 0.5, 0.25))
    group = zarr.open_group(target, mode="r")
    array = group["0"]
    assert array.metadata.zarr_format == 3
    assert array.metadata.dimension_names == ("t", "z", "y", "x")
    (image,) = group.attrs["ome"]["multiscales"]
    assert group.attrs["ome"]["version"] == "0.5"
    assert image["axes"] == [
        {"name": "t", "type": "time"},
        *({"name": axis, "type": "space", "unit": "micrometer"} for axis in "zyx"),
    ]
    (dataset,) = image["datasets"]
    assert dataset["path"] == "0"
    assert dataset["coordinateTransformations"] == [
        {"type": "scale", "scale": [1.0, 2.0, 0.5, 0.25]}
    ]


@pytest.mark.parametrize("below", ["01", "01_GT/TRA"])
def test_spacing_is_that_of_the_profile_named_like_the_dataset(
    tmp_path: Path, target: Path, below: str
) -> None:
    folder = write_frames(tmp_path / "Fluo-N3DH-CE" / below, drawn(SHAPES["3D"]))
    convert(folder, target)
    assert ZarrVolumes(target).spacing_um == (1.0, 0.09, 0.09)


def test_spacing_is_else_that_of_the_frames(source: Path, target: Path) -> None:
    stack = encode_stack(drawn(SHAPES["3D"])[0], (1.5, 0.3, 0.2))
    (source / "t000.tif").write_bytes(stack)
    convert(source, target)
    assert ZarrVolumes(target).spacing_um == pytest.approx((1.5, 0.3, 0.2))


def test_spacing_of_the_user_comes_first(tmp_path: Path, target: Path) -> None:
    folder = write_frames(tmp_path / "Fluo-N3DH-CE" / "01", drawn(SHAPES["3D"]))
    convert(folder, target, spacing_um=(3.0, 1.0, 1.0))
    assert ZarrVolumes(target).spacing_um == (3.0, 1.0, 1.0)


@pytest.mark.parametrize("itemsize", [1, 2, 4, 8])
@pytest.mark.parametrize("shape", [(991, 1871, 965), (35, 512, 708), (5, 40, 40), (1024, 1024)])
def test_chunks_are_small_enough_for_crops_and_large_enough_for_files(
    shape: tuple[int, ...], itemsize: int
) -> None:
    one, *chunk = chunk_shape(shape, itemsize)
    assert one == 1
    assert np.prod(chunk) * itemsize <= 2 * CHUNK_BYTES
    assert all(side <= (128 if len(shape) == 3 else 512) for side in chunk)
    files = np.prod([-(-n // side) for n, side in zip(shape, chunk, strict=True)])
    assert files <= 2 * np.prod(shape) * itemsize / CHUNK_BYTES + 4


def test_chunks_of_an_axis_are_even() -> None:
    """35 slices of 32 would leave a second chunk of 3, padded to 32."""
    assert chunk_shape((35, 512, 708), 2) == (1, 18, 128, 118)


# Stopped and continued


def killed_at(frame: int, plane: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process die when it reads a plane, with what it has written so far left as it is."""

    def dying(path: Path) -> Iterator[Frame]:
        for z, read in enumerate(read_planes(path)):
            if path.stem == f"t{frame:03d}" and z == plane:
                raise KeyboardInterrupt
            yield read

    monkeypatch.setattr(conversion, "read_planes", dying)


def frames_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    def reading(path: Path) -> Iterator[Frame]:
        seen.append(path.name)
        return read_planes(path)

    monkeypatch.setattr(conversion, "read_planes", reading)
    return seen


def half_converted(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert frame 0 and one row of chunks of frame 1."""
    killed_at(1, 100, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        convert(source, target)
    assert not target.exists()


def test_killed_conversion_goes_on_with_the_frame_it_was_in(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_converted(source, target, monkeypatch)
    seen = frames_read(monkeypatch)
    convert(source, target)
    assert seen == ["t001.tif", "t002.tif"]
    assert_holds(target, drawn(SHAPES["3D"]))
    assert [path.name for path in target.parent.iterdir()] == ["01.zarr"]


def test_half_written_chunks_are_cleared_up(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_converted(source, target, monkeypatch)
    # What a process that is killed in the midst of a chunk leaves.
    (target.with_name("01.zarr.sam4ct") / "new.zarr" / "0" / "0.1a2b.partial").write_bytes(b"half")
    monkeypatch.undo()
    convert(source, target)
    assert not list(target.rglob("*.partial"))


def test_continued_conversion_has_the_same_bytes(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_converted(source, target, monkeypatch)
    monkeypatch.undo()
    convert(source, target)
    convert(source, target.with_name("at_once.zarr"))
    assert tree(target) == tree(target.with_name("at_once.zarr"))


def test_frame_that_changed_meanwhile_is_written_again(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_converted(source, target, monkeypatch)
    movie = drawn(SHAPES["3D"])
    movie[0] += 1
    save(source / "t000.tif", movie[0])
    seen = frames_read(monkeypatch)
    convert(source, target)
    assert seen == ["t000.tif", "t001.tif", "t002.tif"]
    assert_holds(target, movie)


def test_conversion_of_another_movie_is_begun_anew(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_converted(source, target, monkeypatch)
    seen = frames_read(monkeypatch)
    convert(source, target, spacing_um=(3.0, 1.0, 1.0))
    assert len(seen) == FRAMES
    assert ZarrVolumes(target).spacing_um == (3.0, 1.0, 1.0)


def test_sigterm_ends_with_75_and_the_same_command_continues(tmp_path: Path, target: Path) -> None:
    movie = drawn((40, 200, 200), frames=6)
    source = write_frames(tmp_path / "01", movie)
    process = start("convert", source, target)
    progress = target.with_name("01.zarr.sam4ct") / "progress.json"
    while not (progress.exists() and "source" in progress.read_text()):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    assert finished(process).status == 75
    assert not target.exists()
    assert sam4ct("convert", source, target).status == 0
    assert_holds(target, movie)


# Reading back


@pytest.mark.parametrize(
    "damage",
    [
        lambda chunk: shutil.copy(chunk.parents[3] / "0/0/0/0", chunk),
        lambda chunk: truncate(chunk, 0.5),
        Path.unlink,
    ],
    ids=["other voxels", "cut off", "lost"],
)
def test_frame_that_reads_back_differently_is_told_and_redone(
    source: Path, target: Path, damage: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk = target.with_name("01.zarr.sam4ct") / "new.zarr" / "0" / "c" / "2" / "0" / "0" / "0"
    finish = ZarrWriter.finish

    def damaged_before(self: ZarrWriter, checked: Callable[[], None]) -> None:
        damage(chunk)
        finish(self, checked)

    monkeypatch.setattr(ZarrWriter, "finish", damaged_before)
    with pytest.raises(WorkError, match=r"01\.zarr: frame 2 does not read back"):
        convert(source, target)
    assert not target.exists()
    monkeypatch.undo()
    seen = frames_read(monkeypatch)
    convert(source, target)
    assert seen == ["t002.tif"]
    assert_holds(target, drawn(SHAPES["3D"]))


# Refusals


def test_existing_target_is_replaced_only_if_told(source: Path, target: Path) -> None:
    convert(source, target)
    before = tree(target.parent)
    with pytest.raises(ResultError, match=r"01\.zarr: is there already\. Add --overwrite"):
        convert(source, target)
    assert tree(target.parent) == before
    movie = drawn(SHAPES["3D"]) + 1
    for t, frame in enumerate(movie):
        save(source / f"t{t:03d}.tif", frame)
    convert(source, target, overwrite=True)
    assert_holds(target, movie)
    assert [path.name for path in target.parent.iterdir()] == ["01.zarr"]


def test_older_target_stays_until_the_new_one_is_complete(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(source, target)
    before = tree(target)
    killed_at(2, 0, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        convert(source, target, overwrite=True)
    assert tree(target) == before


def test_what_is_no_zarr_is_never_replaced(source: Path, target: Path) -> None:
    target.mkdir()
    (target / "thesis.doc").write_text("years of work")
    with pytest.raises(ResultError, match=r"01\.zarr: is not a Zarr folder and is not replaced"):
        convert(source, target, overwrite=True)


def test_second_conversion_to_the_same_place_is_refused(source: Path, target: Path) -> None:
    with (
        FolderLock.held(target.with_name("01.zarr.sam4ct"), shared=False),
        pytest.raises(WorkError, match="in use by "),
    ):
        convert(source, target)


@pytest.mark.parametrize("place", ["in/Tiny/01/01.zarr", "in/Tiny/01", "in"])
def test_movie_may_not_go_over_the_input(source: Path, tmp_path: Path, place: str) -> None:
    before = tree(source)
    with pytest.raises(SequenceError, match="into or over the input"):
        convert(source, tmp_path / place, overwrite=True)
    assert tree(source) == before


BAD_FRAMES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no such folder": (shutil.rmtree, r"01: cannot be listed"),
    "no frames": (
        lambda f: [path.rename(path.with_suffix(".png")) for path in f.iterdir()],
        r"01/t000\.png \(and 2 more\): the format PNG is not read here\. Save one",
    ),
    "missing frame": (lambda f: (f / "t001.tif").unlink(), r"01: t001\.tif missing"),
    "missing first frame": (lambda f: (f / "t000.tif").unlink(), r"01: t000\.tif missing"),
    "other files": (lambda f: (f / "notes.txt").write_text(""), r"notes\.txt: is not a frame"),
    "other number of slices": (
        lambda f: save(f / "t002.tif", drawn(SHAPES["3D"])[2][1:]),
        r"t002\.tif: is uint16 of shape \(149, 12, 16\), but t000\.tif",
    ),
    "other type": (
        lambda f: save(f / "t002.tif", drawn(SHAPES["3D"], "uint8")[2]),
        r"t002\.tif: is uint8",
    ),
    "yes or no": (
        lambda f: save(f / "t000.tif", drawn(SHAPES["3D"])[0] > 0),
        r"t000\.tif: has the type bool",
    ),
    "colours": (
        lambda f: tifffile.imwrite(
            f / "t000.tif", np.zeros((9, 9, 3), np.uint8), photometric="rgb"
        ),
        r"t000\.tif: is a colour",
    ),
}


@pytest.mark.parametrize("kind", BAD_FRAMES)
def test_bad_frames_are_refused_before_any_work(kind: str, source: Path, target: Path) -> None:
    damage, message = BAD_FRAMES[kind]
    damage(source)
    with pytest.raises(SequenceError, match=message):
        convert(source, target)
    assert list(target.parent.iterdir()) == []


def test_damaged_frame_is_named_and_the_same_command_continues(source: Path, target: Path) -> None:
    whole = (source / "t001.tif").read_bytes()
    # All but the last pages' pixels are there, as the header says.
    with tifffile.TiffFile(source / "t001.tif") as tif:
        start_, count = tif.pages[140].dataoffsets[0], tif.pages[140].databytecounts[0]
    (source / "t001.tif").write_bytes(whole[:start_] + bytes(count) + whole[start_ + count :])
    with pytest.raises(SequenceError, match=r"t001\.tif: cannot be decoded"):
        convert(source, target)
    (source / "t001.tif").write_bytes(whole)
    convert(source, target)
    assert_holds(target, drawn(SHAPES["3D"]))


def test_frames_that_do_not_fit_are_our_own_mistake(target: Path) -> None:
    movie = Movie("01", 1, (2, 3, 4), "uint8", None)
    with (
        ZarrWriter.open(target, movie, overwrite=False) as writer,
        pytest.raises(ValueError, match="broadcast"),
    ):
        writer.write(0, iter([np.zeros((3, 5), np.uint8)]), "digest")


def test_command_says_what_it_wrote(source: Path, target: Path) -> None:
    outcome = sam4ct("convert", source, target, "--spacing", 2, 0.5, 0.5)
    assert outcome.status == 0
    assert outcome.out == f"{target}: written, 3 frames of 150 x 12 x 16 uint16\n"
    assert ZarrVolumes(target).spacing_um == (2.0, 0.5, 0.5)
    outcome = sam4ct("convert", source, target)
    assert outcome.status == 2
    assert "is there already" in outcome.err
