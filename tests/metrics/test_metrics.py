"""Scores are the organisers' own; what their package stumbles over is refused with a remedy."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from ctc_metrics.scripts.evaluate import evaluate_sequence
from ctc_metrics.utils.representations import match as match_of_package
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam4ct.cli.evaluate import evaluate as evaluate_command
from sam4ct.cli.evaluate import validate as validate_command
from sam4ct.errors import ResultError, Sam4ctError, SequenceError
from sam4ct.io.ctc.validate import validate_result
from sam4ct.io.simulated.movie import write_dataset
from sam4ct.io.tiff.frame import encode_frame
from sam4ct.metrics import KEYS, evaluate
from sam4ct.metrics.matching import match
from sam4ct.metrics.scores import MEASURED
from sam4ct.simulate import NO_ERRORS, PRESETS, movie_law

DIVISION = ["11.44.", "11.44.", "23.44.", "23.44."]
DIVISION_TRACKS = ["1 0 1 0", "2 2 3 1", "3 2 3 1", "4 0 3 0"]


def drawn(cells: str, ndim: int = 2) -> NDArray[np.uint16]:
    """A label frame from a line such as `1.22`: ([3,] 4, 4 x), every row and slice the same."""
    line = np.repeat([0 if c == "." else int(c) for c in cells], 4).astype(np.uint16)
    return np.tile(line, (3,) * (ndim - 2) + (4, 1))


def write_masks(
    folder: Path, prefix: str, frames: list[str], tracks: list[str] | None, ndim: int = 2
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for t, cells in enumerate(frames):
        (folder / f"{prefix}{t:03d}.tif").write_bytes(encode_frame(drawn(cells, ndim)))
    if tracks is not None:
        name = "res_track.txt" if prefix == "mask" else "man_track.txt"
        (folder / name).write_text("".join(f"{line}\n" for line in tracks))


class Case:
    """A drawn ground truth, `gt`, and a result, `res`, both the same to begin with."""

    def __init__(self, folder: Path, frames: list[str], tracks: list[str], ndim: int = 2) -> None:
        self.res, self.gt = folder / "01_RES", folder / "01_GT"
        self.ndim = ndim
        write_masks(self.gt / "TRA", "man_track", frames, tracks, ndim)
        write_masks(self.gt / "SEG", "man_seg", frames, None, ndim)
        self.result(frames, tracks)

    def result(self, frames: list[str], tracks: list[str]) -> None:
        shutil.rmtree(self.res, ignore_errors=True)
        write_masks(self.res, "mask", frames, tracks, self.ndim)

    def scores(self) -> dict[str, float | None]:
        return evaluate(self.res, self.gt)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path, DIVISION, DIVISION_TRACKS)


# --- scores ---------------------------------------------------------------------------


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_perfect_result_scores_one(tmp_path: Path, ndim: int) -> None:
    scores = Case(tmp_path, DIVISION, DIVISION_TRACKS, ndim).scores()
    assert scores == dict.fromkeys(KEYS, 1.0) | {"CCA": None}


@settings(max_examples=6, deadline=None)
@given(
    st.sampled_from([(64, 64), (5, 48, 48)]),
    st.sampled_from(sorted(PRESETS)),
    st.integers(0, 2**32),
)
def test_the_truth_of_any_simulated_movie_scores_one(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, ...], look: str, seed: int
) -> None:
    folder = write_dataset(
        tmp_path_factory.mktemp("out"), "Cells", movie_law(look, shape, 8, 20), NO_ERRORS, seed
    )
    result = folder / "01_RES"
    result.mkdir()
    for path in (folder / "01_GT" / "TRA").iterdir():
        name = path.name.replace("man_track.txt", "res_track.txt")
        shutil.copy(path, result / name.replace("man_track", "mask"))
    scores = evaluate(result, folder / "01_GT")
    assert scores["OP_CLB"] == 1.0
    assert {score for score in scores.values() if score is not None} == {1.0}


def imperfect(case: Case) -> None:
    """A division one frame late, a false cell, and a mask that is too large."""
    frames = ["11.44.", "11.4.6", "11.444", "23.44."]
    tracks = ["1 0 2 0", "2 3 3 1", "3 3 3 1", "4 0 3 0", "6 1 1 0"]
    case.result(frames, tracks)


def test_the_measures_are_those_of_the_package(case: Case) -> None:
    imperfect(case)
    theirs = evaluate_sequence(str(case.res), str(case.gt), threads=1)
    ours = case.scores()
    assert {name: ours[name] for name in MEASURED} == {name: theirs[name] for name in MEASURED}
    assert 0.0 < ours["TRA"] < 1.0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), shape=st.sampled_from([(6, 7), (3, 4, 5)]))
def test_frames_are_matched_as_the_package_does(
    tmp_path_factory: pytest.TempPathFactory, seed: int, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 0, 1, 3, 9], shape).astype(np.uint16)
    masks = np.where(rng.random(shape) < 0.3, rng.choice([0, 2, 5], shape), truth * 2)
    masks = masks.astype(np.uint16)
    truth.flat[0] = masks.flat[0] = 0  # Without background the package loses a label.
    files = [tmp_path_factory.mktemp("match") / name for name in ("truth.tif", "masks.tif")]
    for file, labels in zip(files, (truth, masks), strict=True):
        file.write_bytes(encode_frame(labels))
    theirs = match_of_package(*map(str, files))
    ours = match(truth, masks)
    assert tuple(vars(ours).values())[:4] == theirs[:4]
    assert ours.ious == pytest.approx(theirs[4])


def test_labels_of_16_bits_do_not_wrap_around(tmp_path: Path) -> None:
    case = Case(tmp_path, ["1.2", "1.2"], ["1 0 1 0", "2 0 1 0"])
    for folder, name in [(case.res, "mask"), (case.gt / "TRA", "man_track")]:
        for t in range(2):
            labels = drawn("1.2").astype(np.uint16)
            labels[labels == 2] = 65535
            (folder / f"{name}{t:03d}.tif").write_bytes(encode_frame(labels))
        table = "res_track.txt" if name == "mask" else "man_track.txt"
        (folder / table).write_text("1 0 1 0\n65535 0 1 0\n")
    assert case.scores()["OP_CTB"] == 1.0


def test_a_division_one_frame_late_counts_within_one_frame(case: Case) -> None:
    imperfect(case)
    scores = case.scores()
    assert (scores["BC(0)"], scores["BC(1)"]) == (0.0, pytest.approx(1.0))


def test_composed_scores_are_means_of_their_parts(case: Case) -> None:
    imperfect(case)
    scores = case.scores()
    assert scores["CCA"] is None
    bio = (scores["CT"] + scores["TF"] + scores["BC(1)"]) / 3
    assert scores["BIO"] == pytest.approx(bio)
    assert scores["OP_CLB"] == pytest.approx((scores["LNK"] + bio) / 2)
    assert scores["OP_CTB"] == pytest.approx((scores["SEG"] + scores["TRA"]) / 2)


def test_without_divisions_there_is_no_branching_score(tmp_path: Path) -> None:
    scores = Case(tmp_path, ["1.2", "1.2"], ["1 0 1 0", "2 0 1 0"]).scores()
    assert (scores["BC(1)"], scores["CCA"], scores["BIO"]) == (None, None, 1.0)


def test_without_segmentation_there_is_no_segmentation_score(case: Case) -> None:
    shutil.rmtree(case.gt / "SEG")
    scores = case.scores()
    assert (scores["SEG"], scores["OP_CTB"], scores["OP_CLB"]) == (None, None, 1.0)


def test_without_links_there_is_no_linking_score(tmp_path: Path) -> None:
    scores = Case(tmp_path, ["1.", ".2"], ["1 0 0 0", "2 1 1 0"]).scores()
    assert (scores["LNK"], scores["OP_CLB"], scores["TRA"]) == (None, None, 1.0)


def test_a_volume_with_gold_slices_counts_once(tmp_path: Path) -> None:
    case = Case(tmp_path, ["1..", "1.2"], ["1 0 1 0", "2 1 1 0"], ndim=3)
    shutil.rmtree(case.gt / "SEG")
    (case.gt / "SEG").mkdir()
    for name, cells in {
        "000_000": "1..",
        "000_001": "1..",
        "000_002": "1..",
        "001_001": ".7.",
    }.items():
        (case.gt / "SEG" / f"man_seg_{name}.tif").write_bytes(encode_frame(drawn(cells)))
    assert case.scores()["SEG"] == 0.5


@pytest.mark.parametrize(
    ("frames", "tracks"),
    [
        (["1.", "1."], ["1 0 0 0"]),
        (["1.", ".."], ["1 0 1 0"]),
        (["1.", "12"], ["1 0 1 0"]),
        (["1.", "2."], ["1 0 0 0", "2 1 1 9"]),
        (["1.", "1."], ["1 0 2 0"]),
        (["1.", "1."], []),
    ],
    ids=["outlives", "gap", "unknown label", "unknown parent", "past the end", "no tracks"],
)
def test_a_result_that_breaks_the_rules_has_no_scores(
    tmp_path: Path, frames: list[str], tracks: list[str]
) -> None:
    case = Case(tmp_path, ["1.", "1."], ["1 0 1 0"])
    case.result(frames, tracks)
    assert case.scores() == dict.fromkeys(KEYS) | {"Valid": 0.0}
    assert validate_result(case.res)


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_valid_result_without_any_cell_scores_zero_where_there_are_scores(
    tmp_path: Path, ndim: int
) -> None:
    case = Case(tmp_path, DIVISION, DIVISION_TRACKS, ndim)
    case.result(["......"] * 4, [])
    assert validate_result(case.res) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = case.scores()
    assert scores == dict.fromkeys(KEYS, 0.0) | {"Valid": 1.0, "CCA": None}
    shutil.rmtree(case.gt / "SEG")
    assert case.scores()["SEG"] is None


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_validate_and_evaluate_agree_on_what_is_valid(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    case = Case(tmp_path_factory.mktemp("case"), ["1.2"] * 3, ["1 0 2 0", "2 0 2 0"])
    frame = st.sampled_from(["1.2", "1..", "...", "1.3"])
    lines = st.sampled_from(["1 0 2 0", "2 0 2 0", "1 0 1 0", "3 2 2 1", "2 2 1 0", "3 1 2 9"])
    case.result(data.draw(st.lists(frame, min_size=3, max_size=3)), data.draw(st.lists(lines)))
    assert bool(validate_result(case.res)) == (case.scores()["Valid"] == 0.0)


def test_the_package_is_kept_quiet(case: Case, capfd: pytest.CaptureFixture[str]) -> None:
    case.result(DIVISION, DIVISION_TRACKS[:-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert case.scores()["Valid"] == 0.0
        imperfect(case)
        assert case.scores()["Valid"] == 1.0
    assert capfd.readouterr() == ("", "")


# --- refusals -------------------------------------------------------------------------


def without_result(case: Case) -> None:
    shutil.rmtree(case.res)


def without_reference(case: Case) -> None:
    shutil.rmtree(case.gt)


def without_masks(case: Case) -> None:
    for path in case.res.glob("*.tif"):
        path.unlink()


def with_empty_reference(case: Case) -> None:
    for path in (case.gt / "TRA").iterdir():
        path.unlink()


def without_tracks_in_reference(case: Case) -> None:
    (case.gt / "TRA" / "man_track.txt").write_text("")


def without_a_frame(case: Case) -> None:
    (case.res / "mask002.tif").unlink()


def with_fewer_frames(case: Case) -> None:
    case.result(DIVISION[:3], DIVISION_TRACKS)


def with_a_wider_frame(case: Case) -> None:
    (case.res / "mask002.tif").write_bytes(encode_frame(drawn("23.44..")))


def with_a_damaged_frame(case: Case) -> None:
    (case.res / "mask002.tif").write_bytes(b"no image")


def with_truth_that_is_an_image(case: Case) -> None:
    path = case.gt / "TRA" / "man_track001.tif"
    tifffile.imwrite(path, drawn(DIVISION[1]) + np.float32(0.5))


def with_truth_beyond_16_bits(case: Case) -> None:
    path = case.gt / "TRA" / "man_track001.tif"
    tifffile.imwrite(path, drawn(DIVISION[1]).astype(np.uint32) * 40000)


def with_a_wrong_line(case: Case) -> None:
    (case.res / "res_track.txt").write_text("1 0 one 0\n")


def with_an_unlisted_reference_cell(case: Case) -> None:
    (case.gt / "TRA" / "man_track.txt").write_text("\n".join(DIVISION_TRACKS[:3]) + "\n")


def with_a_wrong_reference_table(case: Case) -> None:
    (case.gt / "TRA" / "man_track.txt").write_text("1 0 3 7\n")


def with_a_reference_track_beyond_the_end(case: Case) -> None:
    lines = [*DIVISION_TRACKS[:3], f"4 0 {10**30} 0"]
    (case.gt / "TRA" / "man_track.txt").write_text("\n".join(lines) + "\n")


def with_one_frame(case: Case) -> None:
    for folder, name in [(case.res, "mask"), (case.gt / "TRA", "man_track")]:
        for t in range(1, 4):
            (folder / f"{name}{t:03d}.tif").unlink()


def with_a_segmented_frame_too_many(case: Case) -> None:
    shutil.copy(case.gt / "SEG" / "man_seg003.tif", case.gt / "SEG" / "man_seg004.tif")


def with_truth_from_frame_2(case: Case) -> None:
    for t in range(2):
        (case.gt / "TRA" / f"man_track{t:03d}.tif").unlink()


def with_a_gap_in_a_reference_track(case: Case) -> None:
    (case.gt / "TRA" / "man_track001.tif").write_bytes(encode_frame(drawn("11....")))


def with_a_stray_file_in_segmentation(case: Case) -> None:
    (case.gt / "SEG" / "notes.txt").touch()


def with_a_slice_of_an_image(case: Case) -> None:
    (case.gt / "SEG" / "man_seg001.tif").rename(case.gt / "SEG" / "man_seg_001_000.tif")


def with_a_segmented_frame_of_another_shape(case: Case) -> None:
    (case.gt / "SEG" / "man_seg001.tif").write_bytes(encode_frame(drawn("1")))


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (without_result, ResultError, "01_RES.* Give a folder that exists"),
        (without_reference, SequenceError, "01_GT: cannot be listed.* Give a folder that exists"),
        (without_masks, ResultError, "holds no masks. Give the folder with mask000.tif"),
        (with_empty_reference, SequenceError, "man_track.txt"),
        (
            without_tracks_in_reference,
            SequenceError,
            r"man_track\.txt: .* there are no tracks\. Fetch",
        ),
        (
            without_a_frame,
            ResultError,
            r"01_RES: mask002\.tif missing\. Add a file for every frame",
        ),
        (
            with_truth_from_frame_2,
            SequenceError,
            r"man_track000\.tif to man_track001\.tif missing\. .*"
            r"truth or a result of some frames only cannot be scored",
        ),
        (with_fewer_frames, ResultError, "has 3 frames.* has 4. Give .* one sequence"),
        (with_a_wider_frame, ResultError, r"mask002.tif: has the shape \(4, 28\).* one sequence"),
        (with_a_damaged_frame, SequenceError, "mask002.tif: is not a TIFF file"),
        (
            with_truth_that_is_an_image,
            SequenceError,
            "man_track001.tif: the mask has the type float32",
        ),
        (with_truth_beyond_16_bits, SequenceError, "man_track001.tif: has labels from 0 to"),
        (with_a_wrong_line, ResultError, "line 1 .* four whole numbers"),
        (
            with_an_unlisted_reference_cell,
            SequenceError,
            r"TRA/man_track000\.tif: cannot be used as ground truth: frame 0: label 4 is not in the"
            r" track table\. Fetch",
        ),
        (
            with_a_gap_in_a_reference_track,
            SequenceError,
            r"TRA/man_track001\.tif: .*: frame 1: track 4 has no pixels\. Fetch",
        ),
        (
            with_a_wrong_reference_table,
            SequenceError,
            r"TRA/man_track\.txt: .* its parent 7 does not exist\. Fetch",
        ),
        (
            with_a_reference_track_beyond_the_end,
            SequenceError,
            r"man_track\.txt: .* track 4: ends at frame 10*, after the last one\. Fetch",
        ),
        (with_one_frame, SequenceError, "one frame only"),
        (
            with_a_segmented_frame_too_many,
            SequenceError,
            r"man_seg004\.tif: is of frame 4, but .* 0 to 3",
        ),
        (
            with_a_stray_file_in_segmentation,
            SequenceError,
            "notes.txt: is not named as .* Rename it",
        ),
        (
            with_a_slice_of_an_image,
            SequenceError,
            r"man_seg_001_000\.tif: is of a slice of a volume",
        ),
        (with_a_segmented_frame_of_another_shape, SequenceError, "man_seg001.tif: has the shape"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    case: Case, spoil: Callable[[Case], None], kind: type[Sam4ctError], message: str
) -> None:
    spoil(case)
    with pytest.raises(kind, match=message):
        case.scores()


@pytest.mark.parametrize("ending", [".tiff", ".TIF"])
def test_segmentation_may_end_as_any_tiff(case: Case, ending: str) -> None:
    for path in (case.gt / "SEG").glob("*.tif"):
        path.rename(path.with_suffix(ending))
    assert case.scores()["SEG"] == 1.0


def test_slices_counted_from_one_are_told_to_be_so(tmp_path: Path) -> None:
    case = Case(tmp_path, ["1..", "1.2"], ["1 0 1 0", "2 1 1 0"], ndim=3)
    shutil.rmtree(case.gt / "SEG")
    (case.gt / "SEG").mkdir()
    (case.gt / "SEG" / "man_seg_001_003.tif").write_bytes(encode_frame(drawn("1..")))
    with pytest.raises(SequenceError, match=r"is of slice 3 by its name, but .* 0 to 2\. Number"):
        case.scores()


def test_other_folders_of_the_truth_say_which_is_wanted(case: Case) -> None:
    for folder in (case.gt / "TRA", case.gt.parent):
        with pytest.raises(SequenceError, match=f"TRA: is missing\\. Give {case.gt}\\."):
            evaluate(case.res, folder)
    shutil.copytree(case.gt, case.gt.with_name("02_GT"))
    with pytest.raises(SequenceError, match=f"Give {case.gt} or .*02_GT\\."):
        evaluate(case.res, case.gt.parent)
    (case.gt.parent / "nothing").mkdir()
    for folder in (case.gt, case.gt.with_name("02_GT")):
        shutil.rmtree(folder)
    with pytest.raises(SequenceError, match=r"TRA: is missing\. Give DATASET/SS_GT"):
        evaluate(case.res, case.gt.parent / "nothing")


@pytest.mark.parametrize("part", ["", "TRA"])
def test_folders_that_were_swapped_are_told(case: Case, part: str) -> None:
    with pytest.raises(ResultError, match=f"01_GT.*: is ground truth, and {case.res} a result"):
        evaluate(case.gt / part, case.res)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_tables_may_begin_with_the_mark_of_utf_8(case: Case, encoding: str) -> None:
    for table in (case.gt / "TRA" / "man_track.txt", case.res / "res_track.txt"):
        table.write_text(table.read_text(), encoding=encoding)
    assert case.scores()["TRA"] == 1.0
    assert validate_result(case.res) == []


def test_table_in_utf_16_is_to_be_saved_as_utf_8(case: Case) -> None:
    table = case.res / "res_track.txt"
    table.write_text(table.read_text(), encoding="utf-16")
    with pytest.raises(ResultError, match=r"res_track\.txt: is not in UTF-8\. Save it as plain"):
        case.scores()


def test_masks_of_another_type_are_refused(tmp_path: Path) -> None:
    case = Case(tmp_path, DIVISION, DIVISION_TRACKS)
    tifffile.imwrite(case.res / "mask000.tif", drawn(DIVISION[0]).astype(np.uint8))
    with pytest.raises(ResultError, match=r"uint8.* Save the masks as uint16"):
        case.scores()


# --- commands -------------------------------------------------------------------------


def test_the_command_prints_a_table_and_writes_json(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    done = CliRunner().invoke(evaluate_command, [str(case.res), str(case.gt), "--json", str(file)])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert [line.split()[0] for line in lines] == list(KEYS)
    assert {len(line) for line in lines} == {len(lines[0])}
    assert "OP_CLB   1.0000" in lines
    assert json.loads(file.read_text()) == case.scores()


def test_the_command_exits_2_and_says_where_to_look_when_a_result_is_not_valid(
    case: Case, tmp_path: Path
) -> None:
    case.result(DIVISION, DIVISION_TRACKS[:-1])
    file = tmp_path / "scores.json"
    done = CliRunner().invoke(evaluate_command, [str(case.res), str(case.gt), "--json", str(file)])
    assert done.exit_code == 2
    assert f"sam4ct validate {case.res}" in done.output
    assert json.loads(file.read_text()) == dict.fromkeys(KEYS) | {"Valid": 0.0}


def test_validate_accepts_a_valid_result(case: Case) -> None:
    done = CliRunner().invoke(validate_command, [str(case.res)])
    assert (done.exit_code, done.output) == (0, f"{case.res}: valid\n")


def test_validate_lists_every_problem_and_exits_2(case: Case) -> None:
    case.result(["11.44.", "......", "23....", "23.44."], DIVISION_TRACKS)
    done = CliRunner().invoke(validate_command, [str(case.res)])
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 3
    assert "track 4 has no pixels" in done.output


def test_validate_compares_with_the_images(case: Case, tmp_path: Path) -> None:
    write_masks(tmp_path / "01", "t", DIVISION[:3], None)
    done = CliRunner().invoke(validate_command, [str(case.res), "--images", str(tmp_path / "01")])
    assert done.exit_code == 2
    assert "mask003.tif" in done.output
