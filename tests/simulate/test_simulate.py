"""Simulated movies: the truth is exact, the errors are those asked for, the files repeat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam4ct.cli.data.simulate import simulate as simulate_command
from sam4ct.errors import SequenceError, WorkError
from sam4ct.io.simulated.movie import PIXEL_UM, write_dataset
from sam4ct.io.tiff.frame import read_frame
from sam4ct.io.tiff.spacing import spacing_of
from sam4ct.lineage import frame_problems, table_problems
from sam4ct.regions import regions_of
from sam4ct.simulate import (
    NO_ERRORS,
    PRESETS,
    SLICE_SPACING,
    MovieLaw,
    SegmentationErrors,
    Truth,
    damaged,
    movie_law,
    simulate,
)
from sam4ct.simulate.movie import Colony

NO_MOTHERS = dict.fromkeys(range(10), 0)
SIZES = {2: (64, 64), 3: (5, 48, 48)}
both_dimensions = pytest.mark.parametrize("ndim", [2, 3])

# --- truth ----------------------------------------------------------------------------


def drawn(cells: str, ndim: int = 2) -> NDArray[np.int32]:
    """A label frame from a line such as `1.22`, ([1,] 1, x)."""
    line = np.array([0 if c == "." else int(c) for c in cells], np.int32)
    return line.reshape((1,) * (ndim - 1) + (-1,))


def rows(frames: list[str], mothers: dict[int, int], ndim: int = 2) -> list[tuple[int, ...]]:
    truth = Truth()
    for cells in frames:
        truth.add(drawn(cells, ndim), NO_MOTHERS | mothers)
    return [track.row() for track in truth.tracks()]


@both_dimensions
def test_a_cell_that_comes_back_is_a_new_track_of_the_old_one(ndim: int) -> None:
    frames = ["1.2", "..2", "1.2", "1.2"]
    assert rows(frames, {}, ndim) == [(1, 0, 0, 0), (2, 0, 3, 0), (3, 2, 3, 1)]


@both_dimensions
def test_daughters_descend_from_their_mother(ndim: int) -> None:
    assert rows(["11", "11", "23"], {2: 1, 3: 1}, ndim) == [
        (1, 0, 1, 0),
        (2, 2, 2, 1),
        (3, 2, 2, 1),
    ]


def test_the_parent_is_the_last_track_of_the_mother() -> None:
    assert rows(["1.", "..", "1.", "23"], {2: 1, 3: 1})[-1] == (4, 3, 3, 2)


def test_a_daughter_whose_sister_is_out_of_view_goes_on_as_her_mother() -> None:
    assert rows(["1.", "2."], {2: 1}) == [(1, 0, 1, 0)]
    assert rows(["1.", "2.", "23"], {2: 1, 3: 1}) == [(1, 0, 2, 0), (2, 2, 2, 0)]


def test_daughters_seen_late_descend_from_their_mother_all_the_same() -> None:
    assert rows(["1.", "..", "23"], {2: 1, 3: 1})[1:] == [(2, 2, 2, 1), (3, 2, 2, 1)]


def test_a_mother_never_seen_is_no_parent() -> None:
    assert rows(["1.", "12"], {2: 9}) == [(1, 0, 1, 0), (2, 1, 1, 0)]


def test_tracks_are_numbered_as_they_appear_and_painted_with_their_number() -> None:
    truth = Truth()
    assert truth.add(drawn("7.3"), NO_MOTHERS).tolist() == [[2, 0, 1]]
    assert truth.add(drawn(".73"), NO_MOTHERS).tolist() == [[0, 2, 1]]


def test_more_tracks_than_labels_are_refused() -> None:
    cells = np.arange(2**16, dtype=np.int32).reshape(256, 256)
    mothers = dict.fromkeys(range(2**17), 0)
    truth = Truth()
    truth.add(cells, mothers)
    assert len(truth.tracks()) == 2**16 - 1
    with pytest.raises(SequenceError, match="fewer cells or frames"):
        truth.add(cells + 2**16, mothers)


@st.composite
def laws(draw: st.DrawFn) -> MovieLaw:
    ndim = draw(st.sampled_from([2, 3]))
    look = draw(st.sampled_from(sorted(PRESETS)))
    return movie_law(look, SIZES[ndim], draw(st.integers(2, 7)), draw(st.integers(1, 20)))


@settings(max_examples=15, deadline=None)
@given(laws(), st.integers(0, 2**32))
def test_the_truth_of_any_movie_keeps_the_rules_and_every_cell(law: MovieLaw, seed: int) -> None:
    truth, painted, cell_of = Truth(), [], {}
    for frame in simulate(np.random.default_rng(seed), law):
        labels = truth.add(frame.labels, {c.label: c.parent for c in frame.cells.values()})
        pairs = np.unique(np.stack([labels.ravel(), frame.labels.ravel()]), axis=1).T.tolist()
        for track, cell in pairs:
            # One cell a track, but for a daughter who goes on in her mother's.
            before = cell_of.get(track, cell)
            assert before == cell or before == frame.cells[cell].parent
            cell_of[track] = cell
        assert len(pairs) == len({cell for _, cell in pairs})
        painted.append(labels)
    tracks = truth.tracks()
    assert table_problems(tracks) == []
    for t, labels in enumerate(painted):
        present = set(np.unique(labels).tolist()) - {0}
        assert frame_problems(t, present, {track.label: track for track in tracks}) == []


# --- errors ---------------------------------------------------------------------------

SIDE = 12
PER_ROW = 20
FLAT = {2: None, 3: (5.0, 1.0, 1.0)}
"""Slices so far apart that no mask of the squares grows or shrinks by one."""


def squares(ndim: int, *, touching: bool = False) -> NDArray[np.int32]:
    """400 square cells in rows, far apart or in touching pairs."""
    labels = np.zeros((PER_ROW * 2 * SIDE,) * 2, np.int32)
    for i in range(PER_ROW**2):
        row, column = divmod(i, PER_ROW)
        y, x = row * 2 * SIDE + SIDE // 2, column * 2 * SIDE + SIDE // 2
        x += SIDE if touching and column % 2 == 0 else 0
        labels[y : y + SIDE, x : x + SIDE] = i + 1
    return labels if ndim == 2 else np.stack([labels * 0, labels, labels, labels * 0])


def only(**shares: float) -> SegmentationErrors:
    return SegmentationErrors(**({name: 0.0 for name in vars(NO_ERRORS)} | shares))


def pieces(labels: NDArray[np.int32], masks: NDArray[np.uint16]) -> list[tuple[int, ...]]:
    """For every cell, the sizes of its masks inside and outside of it."""
    sizes = np.bincount(masks.ravel())
    found = []
    for region in regions_of(labels).values():
        under = np.unique(masks[region.box][region.mask])
        found.append(tuple(int(sizes[i]) for i in under if i))
    return found


def share_of(errors: SegmentationErrors, ndim: int, happened: Callable[..., bool]) -> float:
    labels = squares(ndim)
    masks, _ = damaged(np.random.default_rng(1), labels, errors, spacing=FLAT[ndim])
    size = int(np.count_nonzero(labels == 1))
    return float(np.mean([happened(sizes, size) for sizes in pieces(labels, masks)]))


@both_dimensions
@pytest.mark.parametrize(
    ("kind", "happened"),
    [
        ("missed", lambda sizes, size: sizes == ()),
        ("split", lambda sizes, size: len(sizes) == 2 and sum(sizes) == size),
        ("eroded", lambda sizes, size: len(sizes) == 1 and sizes[0] < size),
        ("dilated", lambda sizes, size: len(sizes) == 1 and sizes[0] > size),
    ],
)
def test_an_error_happens_as_often_as_asked_for(
    kind: str, happened: Callable[..., bool], ndim: int
) -> None:
    assert share_of(only(**{kind: 0.3}), ndim, happened) == pytest.approx(0.3, abs=0.07)
    assert share_of(NO_ERRORS, ndim, happened) == 0.0


def ball(spacing: float) -> NDArray[np.int32]:
    """A ball of 14 pixels' radius in slices of a spacing, with room around it."""
    z, y, x = np.ogrid[-40 / spacing : 40 / spacing + 1, -40:41, -40:41]
    z = np.rint(z) * spacing
    return np.asarray(z**2 + y**2 + x**2 <= 14**2, dtype=np.int32)


@pytest.mark.parametrize("spacing", [1.0, 2.5, 5.0])
@pytest.mark.parametrize(("kind", "sign"), [("eroded", -1), ("dilated", 1)])
def test_masks_of_volumes_change_by_the_same_length_along_every_axis(
    kind: str, sign: int, spacing: float
) -> None:
    labels, scale = ball(spacing), np.array([spacing, 1.0, 1.0])
    changes = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        masks, _ = damaged(rng, labels, only(**{kind: 1.0}), spacing=tuple(scale))
        before, after = (np.array(regions_of(m)[1].mask.shape) for m in (labels, masks))
        changes.append(sign * (after - before) * scale / 2.0)
    z, y, x = np.array(changes).T
    assert (y == x).all()
    assert (y >= 1).all()
    # Whole slices come off and on, at the curved ends of a ball one more or less.
    assert np.abs(z - y).max() <= spacing


def test_a_volume_is_cut_across_the_axis_that_is_longest_in_space() -> None:
    labels = np.zeros((12, 20, 40), np.int32)
    labels[2:10, 5:15, 10:30] = 1
    for spacing, axis in [((5.0, 1.0, 1.0), 0), ((1.0, 1.0, 1.0), 2)]:
        masks, _ = damaged(np.random.default_rng(1), labels, only(split=1.0), spacing=spacing)
        starts = np.array([region.corner for region in regions_of(masks).values()])
        assert np.flatnonzero(np.ptp(starts, axis=0)).tolist() == [axis]


def test_a_spurious_mask_of_a_volume_is_smaller_in_every_direction() -> None:
    labels = ball(5.0)
    masks, _ = damaged(np.random.default_rng(1), labels, only(spurious=1.0))
    sizes = [r.mask.shape for r in regions_of(masks).values() if not labels[r.box].any()]
    assert len(sizes) == 1
    assert (np.array(sizes[0]) < regions_of(labels)[1].mask.shape).all()


@both_dimensions
def test_touching_cells_are_merged_in_pairs(ndim: int) -> None:
    labels = squares(ndim, touching=True)
    masks, _ = damaged(np.random.default_rng(1), labels, only(merged=0.3))
    assert ((masks > 0) == (labels > 0)).all()
    # A pair is merged when either cell draws it.
    assert 1 - (masks.max() - 200) / 200 == pytest.approx(1 - 0.7**2, abs=0.1)


@both_dimensions
def test_cells_apart_are_never_merged(ndim: int) -> None:
    masks, _ = damaged(np.random.default_rng(1), squares(ndim), only(merged=1.0))
    assert masks.max() == PER_ROW**2


@both_dimensions
def test_spurious_masks_lie_in_the_background(ndim: int) -> None:
    labels = squares(ndim)
    masks, _ = damaged(np.random.default_rng(1), labels, only(spurious=0.3))
    assert set(pieces(labels, masks)) == {(int(np.count_nonzero(labels == 1)),)}
    assert (masks.max() - PER_ROW**2) / PER_ROW**2 == pytest.approx(0.3, abs=0.07)


@both_dimensions
def test_without_errors_only_the_numbers_change(ndim: int) -> None:
    labels = squares(ndim)
    masks, missed = damaged(np.random.default_rng(1), labels, NO_ERRORS)
    assert missed == frozenset()
    pairs = np.unique(np.stack([labels.ravel(), masks.ravel()]), axis=1)
    assert pairs.shape == (2, PER_ROW**2 + 1)
    assert len(np.unique(pairs[1])) == PER_ROW**2 + 1


def test_labels_carry_no_identity() -> None:
    labels = squares(2)
    rng = np.random.default_rng(1)
    first, second = (damaged(rng, labels, NO_ERRORS)[0][labels > 0] for _ in range(2))
    assert np.mean(first == second) < 0.05
    assert abs(np.corrcoef(first, labels[labels > 0])[0, 1]) < 0.2


def test_missed_cells_stay_missed_in_bursts_and_their_share_stays_as_asked() -> None:
    labels, rng, errors = squares(2), np.random.default_rng(1), only(missed=0.2, burst=0.7)
    _, missed = damaged(rng, labels, errors)
    shares, stayed = [len(missed) / PER_ROW**2], []
    for _ in range(20):
        before = missed
        _, missed = damaged(rng, labels, errors, before)
        shares.append(len(missed) / PER_ROW**2)
        stayed.append(len(before & missed) / len(before))
    assert np.mean(shares) == pytest.approx(0.2, abs=0.04)
    assert np.mean(stayed) == pytest.approx(0.7, abs=0.05)


def test_all_cells_can_be_missed() -> None:
    masks, missed = damaged(np.random.default_rng(1), squares(2), only(missed=1.0, burst=1.0))
    assert not masks.any()
    assert len(missed) == PER_ROW**2


def test_an_empty_frame_stays_empty() -> None:
    masks, missed = damaged(
        np.random.default_rng(1), np.zeros((8, 8), np.int32), SegmentationErrors()
    )
    assert not masks.any()
    assert missed == frozenset()


@pytest.mark.parametrize(
    "shares", [{"missed": 1.1}, {"split": -0.1}, {"split": 0.7, "merged": 0.7}]
)
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"0 to 1|more than 1"):
        SegmentationErrors(**shares)


# --- presets and files ----------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_a_movie_has_about_as_many_cells_as_its_preset_says(preset: str) -> None:
    frame = next(simulate(np.random.default_rng(0), movie_law(preset)))
    # Cells that the frame cuts off count as well, so there are some more.
    assert 0.8 < len(frame.cells) / PRESETS[preset].cells < 2.0


def test_the_number_of_cells_grows_with_the_frame() -> None:
    height, width = PRESETS["nuclei"].size
    assert movie_law("nuclei", (2 * height, width)).cells == 2 * PRESETS["nuclei"].cells


def test_the_number_of_cells_grows_with_the_height_of_a_volume() -> None:
    plane, radius = PRESETS["nuclei"].size, PRESETS["nuclei"].law.radius
    flat, high = (movie_law("nuclei", (n, *plane)).cells for n in (2, round(6 * radius / 5.0)))
    assert flat == PRESETS["nuclei"].cells
    assert high == pytest.approx(2 * flat, rel=0.1)


@pytest.mark.parametrize("spacing", [2.0, 5.0])
def test_slices_of_a_volume_are_as_far_apart_as_asked_for(spacing: float) -> None:
    law = movie_law("nuclei", (round(60 / spacing), 128, 128), cells=9, slice_spacing=spacing)
    frame = next(simulate(np.random.default_rng(0), law))
    regions = regions_of(frame.labels).values()
    spans = [r.mask.shape for r in regions if 0 < r.corner[0] < 30 / spacing]
    assert np.median([y / z for z, y, _ in spans]) == pytest.approx(spacing, rel=0.4)


def test_cells_of_a_volume_cross_slices_and_divide_along_all_axes() -> None:
    colony = Colony(np.random.default_rng(0), movie_law("nuclei", (12, 128, 128), cells=20))
    climbs, axes = [], []
    for _ in range(20):
        before = {cell.label: cell for cell in colony.cells}
        colony.step()
        for cell in colony.cells:
            if cell.label in before:
                climbs.append(abs(cell.position[0] - before[cell.label].position[0]))
            elif cell.parent:
                axes.append(np.abs(cell.position - before[cell.parent].position))
    assert np.quantile(climbs, 0.95) > SLICE_SPACING
    assert len(axes) >= 8
    assert (np.max(axes, axis=0) > SLICE_SPACING).all()


def small(ndim: int) -> MovieLaw:
    return movie_law("nuclei", SIZES[ndim], 3, 5)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@both_dimensions
def test_a_dataset_has_the_layout_of_the_challenge(tmp_path: Path, ndim: int) -> None:
    folder = write_dataset(tmp_path, "Cells", small(ndim), SegmentationErrors(), 1)
    patterns = ["01/t{}", "01_ERR_SEG/mask{}", "01_GT/TRA/man_track{}", "01_GT/SEG/man_seg{}"]
    expected = {f"{p.format(f'{t:03d}')}.tif" for p in patterns for t in range(3)}
    assert folder == tmp_path / "Cells"
    assert set(contents(folder)) == expected | {"01_GT/TRA/man_track.txt"}
    assert list(tmp_path.iterdir()) == [folder]
    for name in expected:
        frame = read_frame(folder / name)
        assert (frame.shape, frame.dtype) == (SIZES[ndim], np.uint16)


def test_the_images_of_volumes_state_their_spacing(tmp_path: Path) -> None:
    law = movie_law("nuclei", (6, 48, 48), 1, 5, slice_spacing=3.0)
    folder = write_dataset(tmp_path, "Cells", law, NO_ERRORS, 1)
    found = spacing_of(folder / "01" / "t000.tif")
    assert found == pytest.approx((3.0 * PIXEL_UM, PIXEL_UM, PIXEL_UM))


@both_dimensions
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, ndim: int) -> None:
    a, b, other = (
        contents(write_dataset(tmp_path, name, small(ndim), SegmentationErrors(), seed))
        for name, seed in [("a", 1), ("b", 1), ("other", 2)]
    )
    assert a == b
    assert a["01/t000.tif"] != other["01/t000.tif"]


def test_the_movie_does_not_depend_on_the_errors(tmp_path: Path) -> None:
    clean, bad = (
        contents(write_dataset(tmp_path, name, small(2), errors, 1))
        for name, errors in [("clean", NO_ERRORS), ("bad", only(missed=0.8))]
    )
    changed = {name for name in clean if clean[name] != bad[name]}
    assert changed
    assert all(name.startswith("01_ERR_SEG/") for name in changed)


def test_nuclei_are_brighter_than_the_background(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, "Cells", small(2), NO_ERRORS, 1)
    image = read_frame(folder / "01" / "t000.tif").astype(float)
    labels = read_frame(folder / "01_GT" / "TRA" / "man_track000.tif")
    assert image[labels > 0].mean() > image[labels == 0].mean() + 500


def test_a_dataset_is_not_written_over_another(tmp_path: Path) -> None:
    (tmp_path / "Cells").mkdir()
    with pytest.raises(SequenceError, match="exists already"):
        write_dataset(tmp_path, "Cells", small(2), NO_ERRORS, 1)


@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_a_dataset_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SequenceError, match="not the name of a folder"):
        write_dataset(tmp_path, name, small(2), NO_ERRORS, 1)
    assert list(tmp_path.iterdir()) == []


def test_more_frames_than_digits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="digits"):
        write_dataset(tmp_path, "Cells", movie_law("nuclei", (64, 64), 11), NO_ERRORS, 1, 1)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkError, match="Cells"):
        write_dataset(tmp_path / "file", "Cells", small(2), NO_ERRORS, 1)


def test_a_failed_dataset_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, tracks: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sam4ct.io.simulated.movie.write_tracks", full)
    with pytest.raises(WorkError, match="No space left"):
        write_dataset(tmp_path, "Cells", small(2), NO_ERRORS, 1)
    assert list(tmp_path.iterdir()) == []


@both_dimensions
def test_the_command_writes_what_its_options_say(tmp_path: Path, ndim: int) -> None:
    options = f"--ndim {ndim} --frames 2 --cells 4 --size 40 48 --look tiny --missed 1"
    options += " --slices 4 --anisotropy 2.5" if ndim == 3 else ""
    done = CliRunner().invoke(simulate_command, [str(tmp_path), *options.split()])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "Simulated"
    assert done.output.strip() == str(folder)
    image = read_frame(folder / "01" / "t001.tif")
    assert image.shape == ((40, 48) if ndim == 2 else (4, 40, 48))
    spacing = spacing_of(folder / "01" / "t001.tif")
    assert spacing is None if ndim == 2 else spacing == pytest.approx((1.0, 0.4, 0.4))
    assert not read_frame(folder / "01_ERR_SEG" / "mask001.tif").any()


@pytest.mark.parametrize("option", ["--slices", "--anisotropy"])
def test_the_command_refuses_options_of_volumes_for_images(tmp_path: Path, option: str) -> None:
    # With the default's own value too: what counts is that it was asked for.
    value = str(SLICE_SPACING) if option == "--anisotropy" else "24"
    done = CliRunner().invoke(simulate_command, [str(tmp_path), option, value])
    assert done.exit_code == 2
    assert f"{option} is for volumes. Add --ndim 3" in done.output
    assert list(tmp_path.iterdir()) == []


def test_the_command_refuses_shares_above_one_in_all(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        simulate_command, [str(tmp_path), "--eroded", "0.8", "--dilated", "0.8"]
    )
    assert done.exit_code == 2
    assert "add up to 1" in done.output
