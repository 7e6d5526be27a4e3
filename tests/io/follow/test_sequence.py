"""Sequences whose cells are followed: what is found where, what is refused, what has changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scenes.tracked_movie import LABELS, make_tracked, movie, save, write_zarr
from scenes.zarr_movies import write_folder, write_group

from sam4ct.errors import SequenceError
from sam4ct.io.follow.fingerprint import digest_movie
from sam4ct.io.follow.sequence import (
    TrackSequence,
    count_images,
    find_track_sequence,
    track_names,
)
from sam4ct.io.follow.sequence import fingerprint as fingerprint_of
from sam4ct.io.movie import open_volumes

Change = Callable[[Path], object]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_tracked(tmp_path)


@pytest.fixture
def zarr_dataset(tmp_path: Path) -> Path:
    return make_tracked(tmp_path, as_zarr=True)


@pytest.fixture
def frames_dataset(dataset: Path) -> Path:
    """One whose movie is a Zarr a frame."""
    shutil.rmtree(dataset / "01")
    write_folder(dataset / "01", movie())
    return dataset


def found(dataset: Path, **options: Path) -> TrackSequence:
    return find_track_sequence(dataset, "01", dataset / "01_RES", **options)


def test_everything_is_found_in_its_place(dataset: Path) -> None:
    assert found(dataset) == TrackSequence(
        dataset="Tiny",
        name="01",
        source=dataset / "01",
        seeds=dataset / "01_SEEDS",
        initial=dataset / "01_INIT" / "tracks.json",
        digits=3,
        result_dir=dataset / "01_RES",
    )
    assert found(dataset).work_dir == dataset / "01_RES.sam4ct"


def test_zarr_is_the_movie_where_there_are_no_files(dataset: Path) -> None:
    write_zarr(dataset / "01.zarr", movie(), (1, 4, 12, 14))
    assert found(dataset).source == dataset / "01"
    shutil.rmtree(dataset / "01")
    assert found(dataset).source == dataset / "01.zarr"
    (dataset / "01").mkdir()
    assert found(dataset).source == dataset / "01.zarr"


def test_zarr_frames_are_the_movie_as_files_are(frames_dataset: Path) -> None:
    write_group(frames_dataset / "01.zarr", movie(3))
    assert found(frames_dataset).source == frames_dataset / "01"
    assert count_images(frames_dataset / "01") == 2
    assert track_names(frames_dataset) == ["01"]
    shutil.rmtree(frames_dataset / "01")
    assert found(frames_dataset).source == frames_dataset / "01.zarr"
    assert count_images(frames_dataset / "01") == 3
    assert track_names(frames_dataset) == ["01"]


@pytest.mark.parametrize(
    ("name", "digits"), [("{}", 3), ("t{:03d}", 3), ("{:04d}", 4), ("{:06d}", 4)]
)
def test_digits_of_zarr_frames_are_theirs_if_there_may_be_so_many(
    zarr_dataset: Path, name: str, digits: int
) -> None:
    shutil.rmtree(zarr_dataset / "01.zarr")
    write_group(zarr_dataset / "01.zarr", movie(), name)
    assert found(zarr_dataset).digits == digits


@pytest.mark.parametrize(("frames", "digits"), [(2, 3), (999, 3), (1000, 4)])
def test_digits_of_a_zarr_are_those_of_its_frames(
    zarr_dataset: Path, frames: int, digits: int
) -> None:
    shutil.rmtree(zarr_dataset / "01.zarr")
    tiny = np.ones((frames, 2, 2, 2), np.uint8)
    write_zarr(zarr_dataset / "01.zarr", tiny, tiny.shape)
    assert found(zarr_dataset).digits == digits


def test_digits_of_files_are_theirs(dataset: Path) -> None:
    for path in (dataset / "01").iterdir():
        path.rename(path.with_name(f"t0{path.name[1:]}"))
    assert found(dataset).digits == 4


def test_one_label_file_says_where_tracks_begin(dataset: Path) -> None:
    (dataset / "01_INIT" / "tracks.json").rename(dataset / "01_INIT" / "mine.json")
    assert found(dataset).initial.name == "mine.json"
    (dataset / "01_INIT" / "mine.json").unlink()
    labels = save(dataset / "01_INIT" / "labels.tif", LABELS)
    (dataset / "01_INIT" / "notes.txt").touch()
    assert found(dataset).initial == labels


def test_tracks_json_is_preferred(dataset: Path) -> None:
    save(dataset / "01_INIT" / "a.tif", LABELS)
    (dataset / "01_INIT" / "b.json").touch()
    assert found(dataset).initial.name == "tracks.json"


@pytest.mark.parametrize("mask", ["man_track000.tif", "man_track0000.tif"])
def test_truth_says_where_tracks_begin_if_nothing_else_does(dataset: Path, mask: str) -> None:
    truth = save(dataset / "01_GT" / "TRA" / mask, LABELS)
    save(dataset / "01_GT" / "TRA" / "man_track001.tif", LABELS)
    assert found(dataset).initial.parent.name == "01_INIT"
    (dataset / "01_INIT" / "tracks.json").unlink()
    assert found(dataset).initial == truth


def test_options_override(dataset: Path, tmp_path: Path) -> None:
    seeds = tmp_path / "all.csv"
    seeds.touch()
    folder = (dataset / "01_INIT").rename(tmp_path / "elsewhere")
    sequence = found(dataset, seeds=seeds, initial=folder / "tracks.json")
    assert (sequence.seeds, sequence.initial) == (seeds, folder / "tracks.json")
    assert found(dataset, initial=folder).initial == folder / "tracks.json"


def test_names_are_of_sequences_with_all_parts(dataset: Path, tmp_path: Path) -> None:
    make_tracked(tmp_path / "other", "02", as_zarr=True)
    for part in (tmp_path / "other" / "Tiny").iterdir():
        part.rename(dataset / part.name)
    for part in ("", "_SEEDS", "_INIT"):
        for name in ("03", "04", "05"):
            shutil.copytree(dataset / f"01{part}", dataset / f"{name}{part}")
    shutil.rmtree(dataset / "03_SEEDS")
    shutil.rmtree(dataset / "04_INIT")
    shutil.rmtree(dataset / "05")
    shutil.copytree(dataset / "01_SEEDS", dataset / "01_RES")
    assert track_names(dataset) == ["01", "02"]


# Refusals


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("01", r"Tiny/01: there is no movie\. Put t000\.tif.*`sam4ct convert`"),
        (
            "01_SEEDS",
            r"Tiny/01_SEEDS: there are no seeds\. Find them with `sam4ct seeds /.*Tiny/01`",
        ),
        ("01_INIT", r"01_INIT: there are no initial tracks\..*`sam4ct init-tracks LABELS\.tif /.*"),
    ],
)
def test_what_is_missing_is_told_with_the_remedy(dataset: Path, part: str, message: str) -> None:
    shutil.rmtree(dataset / part)
    with pytest.raises(SequenceError, match=message):
        found(dataset)


def test_all_that_is_missing_is_told_at_once(dataset: Path) -> None:
    for part in ("01", "01_SEEDS", "01_INIT"):
        shutil.rmtree(dataset / part)
    with pytest.raises(SequenceError, match=r"no movie.*no seeds.*no initial tracks"):
        found(dataset)


def test_other_sequences_are_named_where_there_is_no_movie(dataset: Path) -> None:
    with pytest.raises(SequenceError, match=r"Tiny/02: .*that have all they need: 01\."):
        find_track_sequence(dataset, "02", dataset / "02_RES")


@pytest.mark.parametrize("option", ["seeds", "initial"])
def test_missing_files_of_options_are_named(dataset: Path, option: str) -> None:
    with pytest.raises(SequenceError, match=r"nowhere: there are no "):
        found(dataset, **{option: dataset / "nowhere"})


def test_several_files_of_initial_tracks_are_refused(dataset: Path) -> None:
    (dataset / "01_INIT" / "tracks.json").rename(dataset / "01_INIT" / "a.json")
    save(dataset / "01_INIT" / "b.tif", LABELS)
    message = r"01_INIT: holds 2 files of initial tracks \(a\.json, b\.tif\)\. Keep one of them"
    with pytest.raises(SequenceError, match=rf"{message}, or name the JSON .* tracks\.json\.$"):
        found(dataset)
    (dataset / "01_INIT" / "a.json").rename(dataset / "01_INIT" / "c.tif")
    with pytest.raises(SequenceError, match=r"\(b\.tif, c\.tif\)\. Keep one of them\.$"):
        found(dataset)


def test_missing_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match=r"nowhere: cannot be listed"):
        find_track_sequence(tmp_path / "nowhere", "01", tmp_path / "out")


def test_movie_of_images_is_refused(dataset: Path) -> None:
    for path in (dataset / "01").iterdir():
        save(path, LABELS[0])
    with pytest.raises(SequenceError, match=r"t000\.tif: has the shape \(12, 14\), so this is a"):
        found(dataset)


def test_unsound_movie_is_refused(dataset: Path) -> None:
    (dataset / "01" / "t000.tif").unlink()
    with pytest.raises(SequenceError, match=r"Tiny/01: t000\.tif missing"):
        found(dataset)


def test_zarr_frames_that_differ_are_refused(frames_dataset: Path) -> None:
    shutil.rmtree(frames_dataset / "01")
    write_folder(frames_dataset / "01", movie(1))
    write_group(frames_dataset / "other", movie(1, (4, 12, 15)))
    (frames_dataset / "other" / "0").rename(frames_dataset / "01" / "t001.zarr")
    message = r"01/t001\.zarr: is uint16 of shape \(4, 12, 15\), but t000\.zarr is .*\. Crop or"
    with pytest.raises(SequenceError, match=message):
        found(frames_dataset)


@pytest.mark.parametrize(
    "place", ["", "01", "01/out", "01_SEEDS", "01_SEEDS/out", "01_INIT", "01_GT/TRA"]
)
def test_result_is_not_written_into_the_input(dataset: Path, place: str) -> None:
    with pytest.raises(SequenceError, match=r"may not be written into or over the input"):
        find_track_sequence(dataset, "01", dataset / place)


def test_result_is_not_written_into_a_zarr(zarr_dataset: Path) -> None:
    with pytest.raises(SequenceError, match=r"01\.zarr/out: the result may not be written"):
        find_track_sequence(zarr_dataset, "01", zarr_dataset / "01.zarr" / "out")


def test_result_may_lie_beside_the_initial_tracks_asked_for(dataset: Path, tmp_path: Path) -> None:
    asked = (dataset / "01_INIT" / "tracks.json").rename(tmp_path / "tracks.json")
    found_there = find_track_sequence(dataset, "01", tmp_path / "out", initial=asked)
    assert found_there.result_dir == tmp_path / "out"


# Fingerprints


def fingerprint(sequence: TrackSequence) -> dict[str, str]:
    return fingerprint_of(sequence, digest_movie(sequence.source, open_volumes(sequence.source)))


def changed(dataset: Path, change: Change) -> set[str]:
    """Which parts are told to have changed by a change to the dataset."""
    before = fingerprint(found(dataset))
    change(dataset)
    after = fingerprint(found(dataset))
    assert before.keys() == after.keys() == {"images", "seeds", "initial"}
    return {part for part in before if before[part] != after[part]}


def later(path: Path) -> None:
    """Move the time of a file's last change by a nanosecond."""
    time = path.stat().st_mtime_ns + 1
    os.utime(path, ns=(time, time))


def same_time(path: Path, content: bytes) -> None:
    """Write other content of the same length, and put the time back."""
    time = path.stat().st_mtime_ns
    assert len(content) == path.stat().st_size
    path.write_bytes(content)
    os.utime(path, ns=(time, time))


CHANGES: dict[str, tuple[Change, set[str]]] = {
    "nothing": (lambda d: None, set()),
    "time of an image": (lambda d: later(d / "01" / "t001.tif"), {"images"}),
    "an image more": (lambda d: shutil.copy2(d / "01/t001.tif", d / "01/t002.tif"), {"images"}),
    "hidden file": (lambda d: (d / "01" / ".DS_Store").touch(), set()),
    "time of seeds": (lambda d: later(d / "01_SEEDS" / "t001.csv"), set()),
    "seeds": (lambda d: same_time(d / "01_SEEDS" / "t001.csv", b"z,y,x\n1,3,7\n"), {"seeds"}),
    "seeds of a frame": (
        lambda d: (d / "01_SEEDS" / "t001.csv").rename(d / "01_SEEDS" / "t002.csv"),
        {"seeds"},
    ),
    "how seeds were found": (lambda d: (d / "01_SEEDS/settings.json").touch(), {"seeds"}),
    "lock of seeds": (lambda d: (d / "01_SEEDS" / ".sam4ct").mkdir(), set()),
    "time of tracks": (lambda d: later(d / "01_INIT" / "tracks.json"), set()),
    "tracks": (
        lambda d: (d / "01_INIT/tracks.json").write_text(
            (d / "01_INIT" / "tracks.json").read_text().replace("6.5", "6.6")
        ),
        {"initial"},
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_fingerprint_tells_what_has_changed(dataset: Path, kind: str) -> None:
    change, parts = CHANGES[kind]
    assert changed(dataset, change) == parts


def with_other_metadata(dataset: Path) -> None:
    path = dataset / "01.zarr" / "zarr.json"
    same_time(path, path.read_bytes().replace(b'"01"', b'"02"'))


ZARR_CHANGES: dict[str, tuple[Change, set[str]]] = {
    "time of a chunk": (lambda d: later(d / "01.zarr" / "0/c/1/1/1/1"), {"images"}),
    "lost chunk": (lambda d: (d / "01.zarr" / "0/c/1/1/1/1").unlink(), {"images"}),
    "time of metadata": (lambda d: later(d / "01.zarr" / "0" / "zarr.json"), set()),
    "metadata": (with_other_metadata, {"images"}),
}


@pytest.mark.parametrize("kind", ZARR_CHANGES)
def test_fingerprint_tells_what_has_changed_in_a_zarr(zarr_dataset: Path, kind: str) -> None:
    change, parts = ZARR_CHANGES[kind]
    assert changed(zarr_dataset, change) == parts


FRAMES_CHANGES: dict[str, tuple[Change, set[str]]] = {
    "time of a chunk": (lambda d: later(d / "01/t001.zarr/s0/c/0/1/0"), {"images"}),
    "lost chunk": (lambda d: (d / "01/t001.zarr/s0/c/0/1/0").unlink(), {"images"}),
    "time of metadata": (lambda d: later(d / "01/t001.zarr/zarr.json"), set()),
    "metadata": (
        lambda d: same_time(
            d / "01/t001.zarr/zarr.json",
            (d / "01/t001.zarr/zarr.json").read_bytes().replace(b"0.25", b"0.35"),
        ),
        {"images"},
    ),
    "frames the other way round": (
        lambda d: [
            (d / "01" / a).rename(d / "01" / b)
            for a, b in [("t000.zarr", "a"), ("t001.zarr", "t000.zarr"), ("a", "t001.zarr")]
        ],
        {"images"},
    ),
}


@pytest.mark.parametrize("kind", FRAMES_CHANGES)
def test_fingerprint_tells_what_has_changed_in_zarr_frames(frames_dataset: Path, kind: str) -> None:
    change, parts = FRAMES_CHANGES[kind]
    assert changed(frames_dataset, change) == parts


def test_fingerprint_does_not_depend_on_where_the_dataset_lies(zarr_dataset: Path) -> None:
    before = fingerprint(found(zarr_dataset))
    moved = zarr_dataset.rename(zarr_dataset.with_name("Moved"))
    assert fingerprint(found(moved)) == before


def test_chunks_behind_a_link_count(zarr_dataset: Path, tmp_path: Path) -> None:
    array = zarr_dataset / "01.zarr" / "0"
    array.symlink_to(array.rename(tmp_path / "another disk"))
    assert changed(zarr_dataset, lambda _: later(array / "c/1/1/1/1")) == {"images"}


def test_lost_file_is_told(dataset: Path) -> None:
    sequence = found(dataset)
    sequence.initial.unlink()
    with pytest.raises(SequenceError, match=r"tracks\.json: cannot be read \(No such file"):
        fingerprint(sequence)


def test_broken_link_in_a_movie_is_told(zarr_dataset: Path) -> None:
    (zarr_dataset / "01.zarr" / "0" / "broken").symlink_to("nowhere")
    with pytest.raises(SequenceError, match=r"0/broken: cannot be read \(No such file"):
        fingerprint(found(zarr_dataset))


def test_movie_in_another_format_is_named_with_how_to_get_frames(tmp_path: Path) -> None:
    (tmp_path / "01").mkdir()
    (tmp_path / "01" / "movie.nd2").touch()
    with pytest.raises(SequenceError, match=r"01/movie\.nd2: the format ND2 is not read here"):
        find_track_sequence(tmp_path, "01", tmp_path / "01_RES")
