"""Initial tracks: centroids of a label frame, and what is said of files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scenes.commands import sam4ct
from scipy import ndimage

from sam4ct.errors import ResultError, SequenceError
from sam4ct.io.follow.centroids import Centroids, read_centroids, write_centroids
from sam4ct.io.follow.initial_cells import cells_in_planes, read_initial
from sam4ct.pipelines.tools.init_tracks import init_tracks

LABELS = np.zeros((4, 12, 14), np.uint16)
LABELS[0:3, 2:5, 6:8] = 7
LABELS[3, 9:12, 0:3] = 3


def save(path: Path, frame: np.ndarray) -> Path:
    tifffile.imwrite(path, frame, photometric="minisblack", compression="zlib")
    return path


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int64", "uint64"])
def test_tracks_have_the_labels_and_places_of_the_file(tmp_path: Path, dtype: str) -> None:
    labels = save(tmp_path / "l.tif", LABELS.astype(dtype))
    out = tmp_path / "tracks.json"
    expected = Centroids(0, {3: (3.0, 10.0, 1.0), 7: (1.0, 3.0, 6.5)})
    assert init_tracks(labels, out) == expected
    assert read_centroids(out) == expected
    assert json.loads(out.read_text()) == {
        "frame": 0,
        "axes": ["z", "y", "x"],
        "tracks": [
            {"label": 3, "centroid": [3.0, 10.0, 1.0]},
            {"label": 7, "centroid": [1.0, 3.0, 6.5]},
        ],
    }


@pytest.mark.parametrize("frame", [LABELS[0], LABELS[:1]], ids=["plane", "single slice"])
def test_plane_has_no_z(tmp_path: Path, frame: np.ndarray) -> None:
    out = tmp_path / "tracks.json"
    assert init_tracks(save(tmp_path / "l.tif", frame), out).tracks == {7: (3.0, 6.5)}
    assert json.loads(out.read_text())["axes"] == ["y", "x"]


@pytest.mark.parametrize("label", [70_000, 2**31, 2**63 - 1])
def test_labels_that_run_would_refuse_are_refused_with_the_same_words(
    tmp_path: Path, label: int
) -> None:
    frame = (LABELS == 7).astype(np.uint64) * np.uint64(label)
    message = rf"l\.tif: has the label {label}\. Renumber its labels, at most 65535"
    with pytest.raises(SequenceError, match=message):
        init_tracks(save(tmp_path / "l.tif", frame), tmp_path / "tracks.json")
    assert not (tmp_path / "tracks.json").exists()
    with pytest.raises(SequenceError, match=message):
        read_initial(tmp_path / "l.tif", frame.shape)


@given(
    hnp.arrays(
        np.int32,
        st.tuples(*[st.integers(1, 6)] * 3),
        elements=st.sampled_from([0, 1, 2, 70_000]),
    )
)
def test_centroids_are_the_means_of_voxels(frame: np.ndarray) -> None:
    found = cells_in_planes(Path("l.tif"), iter(frame))
    assert list(found) == [label for label in np.unique(frame).tolist() if label]
    for label, cell in found.items():
        assert cell.centroid == pytest.approx(ndimage.center_of_mass(frame == label))
        assert cell.size == np.count_nonzero(frame == label)


@given(
    st.integers(0, 9),
    st.sampled_from([2, 3]).flatmap(
        lambda n: st.dictionaries(
            st.integers(1, 2**63), st.tuples(*[st.floats(0, 1e9)] * n), min_size=1
        )
    ),
)
def test_written_centroids_come_back(
    tmp_path_factory: pytest.TempPathFactory, frame: int, tracks: dict[int, tuple[float, ...]]
) -> None:
    path = tmp_path_factory.mktemp("tracks") / "tracks.json"
    write_centroids(path, Centroids(frame, tracks))
    back = read_centroids(path)
    assert back == Centroids(frame, tracks)
    assert list(back.tracks) == sorted(tracks)


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("mask007.tif", 7),
        ("man_track005.tif", 5),
        ("man_seg0123.tiff", 123),
        ("man_seg_005_003.tif", 0),
        ("labels12.tif", 0),
        ("my_mask007.tif", 0),
    ],
)
def test_tracks_begin_in_the_frame_of_the_name(tmp_path: Path, name: str, frame: int) -> None:
    init_tracks(save(tmp_path / name, LABELS), tmp_path / "tracks.json")
    assert read_centroids(tmp_path / "tracks.json").frame == frame


def test_seeds_of_single_voxels_and_touching_cells_are_labels(tmp_path: Path) -> None:
    seeds = np.zeros((3, 20, 20), np.uint16)
    seeds[1, ::4, ::4] = np.arange(1, 26).reshape(5, 5)
    tissue = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((6, 6))).astype(np.uint16)
    for name, frame in (("seeds", seeds), ("tissue", tissue)):
        labels = save(tmp_path / f"{name}.tif", frame)
        found = init_tracks(labels, tmp_path / f"{name}.json")
        assert list(found.tracks) == np.unique(frame[frame > 0]).tolist()


# Refusals


BAD_FRAMES: dict[str, tuple[np.ndarray, str]] = {
    "all background": (np.zeros_like(LABELS), r"has no labels, all is background"),
    "floats": (
        LABELS / np.float32(2),
        r"has the type float\d\d and the value .*Save labels as integers",
    ),
    "yes or no": (LABELS > 0, r"only yes or no\. Label your cells"),
    "negative": (LABELS.astype(np.int16) - 1, r"negative label -1"),
}


NOISE = np.random.default_rng(0).poisson(600, (4, 30, 30)).astype(np.uint16)
BAD_FRAMES["image"] = (NOISE, r"looks like an image, not labels: only \d% of neighbouring")
BAD_FRAMES["dim image"] = (NOISE // 60, r"looks like an image, not labels: only \d\d%")


@pytest.mark.parametrize("kind", BAD_FRAMES)
def test_what_is_no_label_frame_is_refused(tmp_path: Path, kind: str) -> None:
    frame, message = BAD_FRAMES[kind]
    labels = save(tmp_path / "l.tif", frame)
    with pytest.raises(SequenceError, match=rf"l\.tif: .*{message}"):
        init_tracks(labels, tmp_path / "tracks.json")
    assert not (tmp_path / "tracks.json").exists()


def test_colours_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "l.tif", np.zeros((9, 9, 3), np.uint8), photometric="rgb")
    with pytest.raises(SequenceError, match=r"l\.tif: is a colour \(RGB\) image"):
        init_tracks(tmp_path / "l.tif", tmp_path / "tracks.json")


def test_older_file_is_replaced_only_if_told(tmp_path: Path) -> None:
    labels, out = save(tmp_path / "l.tif", LABELS), tmp_path / "tracks.json"
    out.write_text("mine")
    with pytest.raises(ResultError, match=r"tracks\.json: is there already\. Add --overwrite"):
        init_tracks(labels, out)
    assert out.read_text() == "mine"
    init_tracks(labels, out, overwrite=True)
    assert list(read_centroids(out).tracks) == [3, 7]


GOOD = {"frame": 0, "axes": ["y", "x"], "tracks": [{"label": 1, "centroid": [2.0, 3]}]}


def with_track(**changes: object) -> dict[str, object]:
    return GOOD | {"tracks": [GOOD["tracks"][0] | changes]}


BAD_FILES: dict[str, tuple[object, str]] = {
    "a list": ([], "needs a frame"),
    "no frame": ({k: v for k, v in GOOD.items() if k != "frame"}, "needs a frame"),
    "negative frame": (GOOD | {"frame": -1}, "needs a frame"),
    "no tracks": (GOOD | {"tracks": []}, "at least one track"),
    "other axes": (GOOD | {"axes": ["x", "y"]}, r"axes are \['x', 'y'\]"),
    "label twice": (GOOD | {"tracks": GOOD["tracks"] * 2}, "label 1 is there twice"),
    "label 0": (
        with_track(label=0),
        r"entry 1 of the tracks has the label 0 and the centroid \(2\.0, 3\)\. Give a positive",
    ),
    "label of half": (with_track(label=1.5), "entry 1 .* the label 1.5 and"),
    "no label": (GOOD | {"tracks": [{"centroid": [1, 2]}]}, r"no label and the centroid \(1, 2\)"),
    "no centroid": (GOOD | {"tracks": [{"label": 4}]}, "the label 4 and no centroid"),
    "no list": (with_track(centroid="1, 2"), "a centroid that is no list"),
    "no object": (GOOD | {"tracks": [[1, 2]]}, "entry 1 .* no label and no centroid"),
    "second entry": (GOOD | {"tracks": [*GOOD["tracks"], {"label": 7}]}, "entry 2 .* the label 7"),
    "too many axes": (with_track(centroid=[1, 2, 3]), "a centroid of 2 numbers"),
    "far too many": (with_track(centroid=[0] * 99), r"\(0, 0, 0, 0, \.\.\.\)"),
    "no number": (with_track(centroid=[1, "2"]), r'\(1, "2"\)'),
    "outside": (with_track(centroid=[-1, 2]), r"\(-1, 2\).* numbers, -0\.5 or more"),
    "nan": (with_track(centroid=[float("nan"), 2]), r"\(NaN, 2\)"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_file_of_centroids_is_refused(tmp_path: Path, kind: str) -> None:
    content, message = BAD_FILES[kind]
    (tmp_path / "tracks.json").write_text(json.dumps(content))
    with pytest.raises(SequenceError, match=rf"tracks\.json: .*{message}"):
        read_centroids(tmp_path / "tracks.json")


def test_good_file_by_hand_is_read(tmp_path: Path) -> None:
    (tmp_path / "tracks.json").write_text(json.dumps(GOOD))
    assert read_centroids(tmp_path / "tracks.json") == Centroids(0, {1: (2.0, 3.0)})


def test_centroid_may_be_at_the_outer_face_of_the_first_voxel(tmp_path: Path) -> None:
    (tmp_path / "tracks.json").write_text(json.dumps(with_track(centroid=[-0.5, 0])))
    assert read_centroids(tmp_path / "tracks.json").tracks == {1: (-0.5, 0.0)}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tracks.json").write_bytes(content)
    with pytest.raises(SequenceError, match=r"tracks\.json: is not a JSON file"):
        read_centroids(tmp_path / "tracks.json")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match=r"tracks\.json: cannot be read \(No such file"):
        read_centroids(tmp_path / "tracks.json")


def test_command_says_what_it_wrote(tmp_path: Path) -> None:
    labels, out = save(tmp_path / "l.tif", LABELS), tmp_path / "tracks.json"
    outcome = sam4ct("init-tracks", labels, out)
    assert (outcome.status, outcome.out) == (0, f"{out}: written, 2 tracks\n")
