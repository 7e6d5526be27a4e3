"""Simulated embryos: sparse, the same however they are written, with truth that keeps the rules."""

from __future__ import annotations

import dataclasses
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scenes.commands import sam4ct, tree
from scipy.spatial import cKDTree

from sam4ct.errors import SequenceError
from sam4ct.evaluate import evaluate
from sam4ct.io.ctc.track_table import read_tracks
from sam4ct.io.ctc.validate import validate_result
from sam4ct.io.follow.centroids import read_centroids
from sam4ct.io.follow.seeds import SeedFiles
from sam4ct.io.ome_zarr.movie import ZarrVolumes
from sam4ct.io.simulated.embryo import CellTruth, EmbryoFiles, write_embryo
from sam4ct.io.simulated.movie import PIXEL_UM
from sam4ct.io.simulated.seeds import SEED_FORMATS
from sam4ct.io.tiff.frame import read_frame
from sam4ct.io.tiff.spacing import spacing_of
from sam4ct.io.work.tables import read_table
from sam4ct.pipelines.tools.init_tracks import init_tracks
from sam4ct.regions import regions_of
from sam4ct.simulate.cells.cell import Cell, spawn
from sam4ct.simulate.embryo.movie import (
    LIGHT_SHEET,
    NUCLEI,
    EmbryoFrame,
    EmbryoLaw,
    simulate_embryo,
)
from sam4ct.simulate.embryo.seeds import ASTRAY, CLEAR, SeedErrors, damaged_seeds
from sam4ct.simulate.embryo.tissue import MARGIN, Flow, Tissue
from sam4ct.simulate.movie import MIN_VISIBLE, draw_fields

FRAMES = 6
# Cells that divide every seventh frame or so, over two tiles in every axis.
LAW = EmbryoLaw(
    shape=(34, 136, 136),
    frames=FRAMES,
    cells=14,
    followed=4,
    law=dataclasses.replace(NUCLEI, cycle=7.0),
)
NO_ERRORS = SeedErrors(missed=0.0, doubled=0.0, spurious=0.0, noise=0.0)


def written(folder: Path, law: EmbryoLaw = LAW, seed: int = 0, **files: object) -> Path:
    return write_embryo(folder, "Embryo", law, SeedErrors(), seed, EmbryoFiles(**files))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def embryo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("embryo"))


def frames(law: EmbryoLaw = LAW, seed: int = 0) -> list[EmbryoFrame]:
    return list(simulate_embryo(np.random.SeedSequence(seed), law))


def whole(frame: EmbryoFrame) -> np.ndarray:
    image = np.zeros(frame.law.shape, np.float32)
    for place, tile in frame.tiles():
        assert not image[place].any()  # tiles do not overlap
        image[place] = tile
    return image


def images(embryo: Path) -> np.ndarray:
    volumes = ZarrVolumes(embryo / "01.zarr")
    return np.stack([volumes.frame(t) for t in range(volumes.frames)])


def masks(embryo: Path) -> list[np.ndarray]:
    return [read_frame(path) for path in sorted((embryo / "01_GT" / "TRA").glob("*.tif"))]


# --- the tissue -----------------------------------------------------------------------


def flow(seed: int) -> Flow:
    return Flow.draw(np.random.default_rng(seed), speed=2.0, length=200.0)


def test_neighbours_flow_alike() -> None:
    rng = np.random.default_rng(0)
    here = rng.uniform(0.0, 1000.0, (200, 3))
    apart = {}
    for distance in (10.0, 400.0):
        off = distance / np.sqrt(3.0)
        pairs = [flow(s).at(at, 3) - flow(s).at(at + off, 3) for s, at in enumerate(here)]
        apart[distance] = np.sqrt(np.mean(np.sum(np.square(pairs), axis=1)))
    assert apart[10.0] < 0.25 * apart[400.0]


def test_nothing_flows_off_for_good() -> None:
    steps = np.cumsum([flow(0).at(np.full(3, 50.0), t) for t in range(1000)], axis=0)
    assert np.linalg.norm(steps, axis=1).max() < 2.0 * 45.0  # speed times longest period


def test_flow_has_the_speed_asked_for() -> None:
    rng = np.random.default_rng(0)
    drawn = [flow(s).at(rng.uniform(0, 1000, 3), int(rng.integers(100))) for s in range(1000)]
    assert np.sqrt(np.mean(np.sum(np.square(drawn), axis=1))) == pytest.approx(2.0, rel=0.1)


def test_cells_stay_in_the_volume_apart_and_on_the_shell() -> None:
    size = np.array([100.0, 260.0, 260.0])
    law = dataclasses.replace(NUCLEI, cycle=15.0)
    tissue = Tissue(np.random.default_rng(0), law, size, cells=30, distance=25.0, speed=3.0)
    for _ in range(20):
        tissue.step()
    places = np.array([cell.position for cell in tissue.cells])
    assert len(places) > 50
    assert (places >= MARGIN * law.radius).all()
    assert (places <= size - MARGIN * law.radius).all()
    assert cKDTree(places).query(places, 2)[0][:, 1].min() > 0.8 * law.radius
    shell = tissue._shell
    depth = np.linalg.norm((places - shell.centre) / shell.axes, axis=1)
    assert np.median(np.abs(depth - 1.0)) < 0.1


def test_a_volume_too_small_for_the_cells_is_refused() -> None:
    with pytest.raises(SequenceError, match=r"needs a volume of .* larger size, fewer cells"):
        frames(dataclasses.replace(LAW, cells=100))


def test_more_cells_to_follow_than_there_are_are_refused() -> None:
    with pytest.raises(SequenceError, match="15 cells of 14 cannot be followed"):
        dataclasses.replace(LAW, followed=15)


# --- what is seen ---------------------------------------------------------------------


def test_tiles_join_without_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    law = dataclasses.replace(LAW, frames=1, optics=dataclasses.replace(LIGHT_SHEET, noise=0.0))
    image = whole(frames(law)[0])
    monkeypatch.setattr("sam4ct.simulate.embryo.movie.TILE", (9, 31, 50))
    np.testing.assert_allclose(whole(frames(law)[0]), image, atol=1e-4)
    assert image.max() > 0.8


def test_regions_are_those_of_the_whole_frame() -> None:
    law = dataclasses.replace(LAW, followed=LAW.cells)
    for frame in frames(law):
        labels = draw_fields(list(frame.cells), law.shape, law.scale()).labels
        drawn = {i: r for i, r in regions_of(labels).items() if r.size >= MIN_VISIBLE}
        assert frame.regions() == drawn


def test_followed_cells_are_the_brightest_where_their_regions_are() -> None:
    frame = frames()[0]
    image = whole(frame)
    outside = np.median(image[image > 0])
    for region in frame.regions().values():
        assert image[region.box][region.mask].mean() > 3.0 * outside


def test_there_is_no_noise_where_there_is_no_light() -> None:
    frame = frames()[0]
    image = whole(frame)
    at = np.argwhere(image == 0.0)[::50] * LAW.scale()
    lit = np.argwhere(image > 0.0)[::50] * LAW.scale()
    centres = cKDTree(np.array([cell.position for cell in frame.cells]))
    assert len(at)
    assert centres.query(at)[0].max() > 3.0 * LAW.law.radius
    assert centres.query(lit)[0].max() < 10.0 * LAW.law.radius


def test_descendants_of_followed_cells_are_followed_and_no_others() -> None:
    movie = frames()
    first = movie[0].followed
    parents = {cell.label: cell.parent for frame in movie for cell in frame.cells}

    def root(label: int) -> int:
        return label if parents[label] == 0 else root(parents[label])

    assert len(first) == LAW.followed
    for frame in movie:
        for cell in frame.cells:
            assert (cell.label in frame.followed) == (root(cell.label) in first)
    assert any(parents[label] for label in movie[-1].followed)  # there was a division


# --- seeds ----------------------------------------------------------------------------


def scattered(apart: float = 40.0) -> list[Cell]:
    """400 cells in a plane."""
    rng = np.random.default_rng(0)
    places = np.argwhere(np.ones((1, 20, 20))) * apart + [60.0, 40.0, 40.0]
    return [spawn(rng, NUCLEI, i, place) for i, place in enumerate(places)]


def seeds_of(cells: list[Cell], **errors: float) -> np.ndarray:
    """Seeds in units."""
    shape, scale = (60, 1000, 1000), np.array([2.0, 1.0, 1.0])
    wrong = dataclasses.replace(NO_ERRORS, **errors)
    return damaged_seeds(np.random.default_rng(1), cells, shape, scale, wrong) * scale


def nearest(cells: list[Cell], seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance in radii, and which cell, of each seed."""
    distance, which = cKDTree([cell.position for cell in cells]).query(seeds)
    return distance / np.array([cells[i].radius for i in which]), which


def test_seeds_without_errors_are_the_centres() -> None:
    cells = scattered()
    distance, which = nearest(cells, seeds_of(cells))
    assert distance.max() < 1e-9
    assert sorted(which) == list(range(len(cells)))
    assert list(which) != sorted(which)  # their order says nothing


def test_missed_cells_have_no_seed() -> None:
    cells = scattered()
    _, which = nearest(cells, seeds_of(cells, missed=0.25))
    assert len(set(which)) == len(which) == pytest.approx(300, abs=30)


def test_doubled_seeds_lie_in_their_cells() -> None:
    cells = scattered()
    distance, which = nearest(cells, seeds_of(cells, doubled=0.25))
    assert len(which) - len(set(which)) == pytest.approx(100, abs=30)
    assert distance.max() < 0.6


def test_spurious_seeds_lie_beside_cells() -> None:
    cells = scattered(apart=16.0)
    distance, _ = nearest(cells, seeds_of(cells, spurious=0.25))
    astray = distance[distance > 1e-9]
    assert len(astray) == pytest.approx(100, abs=30)
    assert astray.min() > 0.9 * CLEAR
    assert astray.max() < 1.5 * ASTRAY[1]


def test_seeds_are_off_by_the_noise_but_in_the_volume() -> None:
    cells = scattered()
    distance, _ = nearest(cells, seeds_of(cells, noise=0.2))
    assert np.sqrt(np.mean(distance**2) / 3.0) == pytest.approx(0.2, rel=0.1)
    seeds = damaged_seeds(np.random.default_rng(0), cells, (5, 50, 50), np.ones(3), NO_ERRORS)
    assert seeds.min() >= 0.0
    assert (seeds.max(axis=0) <= [4.0, 49.0, 49.0]).all()


# --- what is written ------------------------------------------------------------------


def test_truth_is_a_perfect_result(embryo: Path, tmp_path: Path) -> None:
    result = tmp_path / "01_RES"
    result.mkdir()
    for path in (embryo / "01_GT" / "TRA").iterdir():
        name = "res_track.txt" if path.suffix == ".txt" else path.name.replace("man_track", "mask")
        shutil.copy(path, result / name)
    assert validate_result(result) == []
    scores = evaluate(result, embryo / "01_GT")
    assert scores["TRA"] == scores["LNK"] == scores["CT"] == 1.0


def test_every_track_descends_from_the_first_frame(embryo: Path) -> None:
    tracks = {t.label: t for t in read_tracks(embryo / "01_GT" / "TRA" / "man_track.txt")}
    first = set(np.unique(masks(embryo)[0])) - {0}
    assert first == {track.label for track in tracks.values() if track.begin == 0}
    assert len(first) == LAW.followed
    assert all((t.parent in tracks) == (t.begin > 0) for t in tracks.values())
    assert any(t.parent for t in tracks.values())


def test_table_holds_every_cell_and_agrees_with_the_masks(embryo: Path) -> None:
    table = read_table(embryo / "01_GT" / "cells.parquet", CellTruth)
    assert len(table.take(table.t == 0)) == LAW.cells
    for t, labels in enumerate(masks(embryo)):
        rows = table.take(table.t == t)
        assert set(rows.label[rows.followed]) == set(np.unique(labels)) - {0}
        for label, z, y, x in zip(rows.label, rows.z, rows.y, rows.x, strict=True):
            under = labels[round(z), round(y), round(x)]
            assert under in (0, label)
    mothers = set(table.parent) - {0}
    assert mothers
    assert mothers <= set(table.label)


def test_initial_tracks_are_those_of_the_first_mask(embryo: Path, tmp_path: Path) -> None:
    expected = init_tracks(embryo / "01_GT" / "TRA" / "man_track000.tif", tmp_path / "tracks.json")
    found = read_centroids(embryo / "01_INIT" / "tracks.json")
    assert found.frame == 0
    assert list(found.tracks) == list(expected.tracks)
    np.testing.assert_allclose(list(found.tracks.values()), list(expected.tracks.values()))


def test_same_seed_same_bytes(embryo: Path, tmp_path: Path) -> None:
    assert tree(written(tmp_path / "again")) == tree(embryo)
    other = tree(written(tmp_path / "other", seed=1))
    assert other["01_GT/cells.parquet"] != tree(embryo)["01_GT/cells.parquet"]


def test_images_do_not_depend_on_the_chunks(embryo: Path, tmp_path: Path) -> None:
    other = images(written(tmp_path, chunks=(1, 7, 50, 61)))
    np.testing.assert_array_equal(other, images(embryo))


def test_images_as_tiff_are_the_same_and_state_their_spacing(embryo: Path, tmp_path: Path) -> None:
    folder = written(tmp_path, tiff=True)
    assert not (folder / "01.zarr").exists()
    files = sorted((folder / "01").iterdir())
    np.testing.assert_array_equal([read_frame(path) for path in files], images(embryo))
    expected = (LAW.anisotropy * PIXEL_UM, PIXEL_UM, PIXEL_UM)
    assert spacing_of(files[0]) == pytest.approx(expected)
    assert ZarrVolumes(embryo / "01.zarr").spacing_um == pytest.approx(expected)


def test_chunks_without_light_are_not_written(tmp_path: Path) -> None:
    law = EmbryoLaw(shape=(12, 128, 640), frames=1, cells=12, followed=2)
    folder = written(tmp_path, law)
    lit = [bool(part.any()) for part in np.split(images(folder)[0], 5, axis=2)]
    row = folder / "01.zarr" / "0" / "c" / "0" / "0" / "0"
    chunks = [(row / str(x)).exists() for x in range(5)]
    assert chunks == lit == [False, True, True, True, False]


def test_other_seed_errors_leave_the_embryo_as_it_is(embryo: Path, tmp_path: Path) -> None:
    wrong = SeedErrors(missed=0.5, noise=0.5)
    other = tree(write_embryo(tmp_path, "Embryo", LAW, wrong, 0))
    changed = {path for path, digest in tree(embryo).items() if other[path] != digest}
    assert changed == {f"01_SEEDS/t{t:03d}.csv" for t in range(FRAMES)}


@pytest.mark.parametrize(("name", "columns"), [("plain", "z,y,x"), ("twang", "zpos;ypos;xpos")])
def test_seeds_in_every_format_are_read_as_the_same_places(
    embryo: Path, tmp_path: Path, name: str, columns: str
) -> None:
    folder = written(tmp_path, dataclasses.replace(LAW, frames=1), seeds=name) / "01_SEEDS"
    text = (folder / f"t000{SEED_FORMATS[name].suffix}").read_text()
    assert text.splitlines()[0] == columns
    plain = np.loadtxt(embryo / "01_SEEDS" / "t000.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(SeedFiles(folder, LAW.shape).seeds(0).places, plain)


def test_memory_does_not_grow_with_the_volume(tmp_path: Path) -> None:
    law = EmbryoLaw(shape=(32, 1536, 1536), frames=1, cells=12, followed=4)
    tracemalloc.start()
    try:
        written(tmp_path, law)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * np.prod(law.shape) * 2  # bytes of a frame: 151 MB


def test_frames_too_large_for_tiff_are_refused(tmp_path: Path) -> None:
    law = dataclasses.replace(LAW, shape=(64, 8192, 8192))
    with pytest.raises(SequenceError, match="too large for TIFF files"):
        written(tmp_path, law, tiff=True)
    assert list(tmp_path.iterdir()) == []


SMALL = ["--size", 12, 112, 112, "--cells", 8, "--followed", 2, "--frames", 2]


def test_command_writes_a_dataset_and_prints_where(tmp_path: Path) -> None:
    done = sam4ct("simulate-embryo", tmp_path, *SMALL, "--seed-format", "twang", "--tiff")
    assert (done.status, done.out.strip()) == (0, str(tmp_path / "Embryo"))
    parts = sorted(path.name for path in (tmp_path / "Embryo").iterdir())
    assert parts == ["01", "01_GT", "01_INIT", "01_SEEDS"]


def test_command_refuses_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "Embryo").mkdir()
    refused = sam4ct("simulate-embryo", tmp_path, *SMALL)
    assert refused.status == 2
    assert "exists already" in refused.err
