"""Cells of other shapes, and what moves them together: growth, pushing, channels, the stage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sam4ct.simulate.cells.budding import Budding
from sam4ct.simulate.cells.cell import Cell, CellLaw, advance, spawn
from sam4ct.simulate.cells.channels import Channels
from sam4ct.simulate.cells.populations import Population, SettingLaw
from sam4ct.simulate.cells.pushing import apart, settled
from sam4ct.simulate.cells.rods import Rod
from sam4ct.simulate.cells.shapes import FAMILIES
from sam4ct.simulate.movie import draw_fields

both_dimensions = pytest.mark.parametrize("ndim", [2, 3])
SIZES = {2: np.array([90.0, 90.0]), 3: np.array([30.0, 90.0, 90.0])}
ROD = CellLaw(radius=8.0, motion=0.0, turning=0.0, cycle=10.0, shape="rod", bumpiness=0.0)
YEAST = CellLaw(radius=9.0, motion=0.0, turning=0.0, cycle=10.0, shape="budding", bud=0.6)
LAWS = {"rod": ROD, "budding": YEAST, "crawler": replace(YEAST, shape="crawler", bumpiness=1.5)}
CHANNELS = Channels(pitch=20.0, width=8.0, closed=5.0, length=80.0)


def cell_of(law: CellLaw, ndim: int, seed: int = 0, label: int = 1) -> Cell:
    """A cell of a law in the middle of a small frame."""
    rng = np.random.default_rng(seed)
    return FAMILIES[law.shape].shaped(rng, law, spawn(rng, law, label, np.full(ndim, 30.0)))


def grown(cell: Cell, law: CellLaw) -> Cell:
    """The cell in the last frame before its division."""
    rng = np.random.default_rng(1)
    while cell.age < cell.lifetime:
        cell = advance(rng, law, cell, np.zeros(len(cell.position)))
    return cell


def divided(cell: Cell, law: CellLaw) -> tuple[Cell, Cell]:
    return FAMILIES[law.shape].divide(np.random.default_rng(2), law, cell, (2, 3))


def population(law: CellLaw, setting: SettingLaw, ndim: int = 2, **rest: float) -> Population:
    values = {"cells": 12, "drift": 0.0, "contact": 1.0, **rest}
    return Population(np.random.default_rng(3), law, setting, SIZES[ndim], **values)


def painted(cells: list[Cell], ndim: int) -> np.ndarray:
    """The labels of cells in a frame of 60 voxels a side."""
    return draw_fields(cells, (60,) * ndim, np.ones(ndim)).labels


# --- shapes ---------------------------------------------------------------------------


@both_dimensions
@pytest.mark.parametrize("shape", LAWS)
def test_a_shape_is_one_piece_that_lies_within_its_extent(shape: str, ndim: int) -> None:
    cell = cell_of(LAWS[shape], ndim, seed=4)
    grid = np.stack(np.meshgrid(*[np.arange(-40.0, 41.0, 2.0)] * ndim, indexing="ij"), -1)
    inside = cell.depth(grid) < 1.0
    assert inside[(20,) * ndim]
    assert np.linalg.norm(grid[inside], axis=1).max() <= cell.extent() + 1e-6


@both_dimensions
@pytest.mark.parametrize("shape", ["rod", "budding"])
def test_the_discs_of_a_cell_lie_in_it(shape: str, ndim: int) -> None:
    cell = grown(cell_of(LAWS[shape], ndim), LAWS[shape])
    centres, radii = cell.discs()
    assert (cell.depth(centres @ cell.axes) < 0.9).all()
    assert len(centres) > 1
    assert (radii > 0).all()


@both_dimensions
def test_a_rod_grows_by_its_length_alone(ndim: int) -> None:
    law = replace(ROD, cycle=20.0)
    young = cell_of(law, ndim)
    assert isinstance(young, Rod)
    old = replace(young, age=young.age + 20.0)
    assert old.length == pytest.approx(2.0 * young.length)
    assert old.half_width == young.half_width


@both_dimensions
def test_the_halves_of_a_rod_lie_where_it_lay(ndim: int) -> None:
    mother = grown(cell_of(ROD, ndim), ROD)
    halves = divided(mother, ROD)
    before, after = painted([mother], ndim) > 0, painted(list(halves), ndim)
    assert (before & (after > 0)).sum() / (before | (after > 0)).sum() > 0.8
    assert isinstance(mother, Rod)
    assert sum(h.length for h in halves if isinstance(h, Rod)) == pytest.approx(mother.length)
    assert {h.parent for h in halves} == {mother.label}


@both_dimensions
def test_the_length_of_rods_keeps_its_scale_over_generations(ndim: int) -> None:
    cell, lengths = cell_of(ROD, ndim), []
    for _ in range(12):
        cell = grown(cell, ROD)
        assert isinstance(cell, Rod)
        lengths.append(cell.length)
        cell = divided(cell, ROD)[0]
    assert max(lengths) / min(lengths) < 2.0


@both_dimensions
def test_a_bud_belongs_to_its_mother_until_it_leaves_and_then_she_keeps_her_place(
    ndim: int,
) -> None:
    young = replace(cell_of(YEAST, ndim), age=0.0)
    mother = grown(young, YEAST)
    assert isinstance(mother, Budding)
    assert painted([mother], ndim).sum() > 1.05 * painted([young], ndim).sum()
    again, bud = divided(mother, YEAST)
    assert np.array_equal(again.position, mother.position)
    assert isinstance(again, Budding)
    assert isinstance(bud, Budding)
    assert again.body_radius == pytest.approx(mother.body_radius)
    assert bud.body_radius == pytest.approx(mother.bud * mother.body_radius)
    before, after = painted([mother], ndim) > 0, painted([again, bud], ndim) > 0
    assert (before & after).sum() / (before | after).sum() > 0.9


@both_dimensions
def test_a_daughter_of_yeast_grows_up(ndim: int) -> None:
    _, bud = divided(grown(cell_of(YEAST, ndim), YEAST), YEAST)
    old = grown(bud, YEAST)
    assert isinstance(bud, Budding)
    assert isinstance(old, Budding)
    assert old.body_radius > 1.2 * bud.body_radius
    assert old.body_radius <= old.full_radius


@both_dimensions
def test_a_crawler_changes_its_outline(ndim: int) -> None:
    law = LAWS["crawler"]
    cell = cell_of(law, ndim, seed=5)
    later = cell
    for _ in range(3):
        later = advance(np.random.default_rng(0), law, later, np.zeros(ndim))
    later = replace(
        later, position=cell.position, axes=cell.axes, radius=cell.radius, aspect=cell.aspect
    )
    before, after = painted([cell], ndim) > 0, painted([later], ndim) > 0
    assert (before & after).sum() / (before | after).sum() < 0.95


# --- pushing --------------------------------------------------------------------------


def deepest_overlap(cells: list[Cell]) -> float:
    """The largest overlap of two discs of different cells, in sums of their radii."""
    discs = [
        (c.position + centres @ c.axes, radii) for c in cells for centres, radii in [c.discs()]
    ]
    worst = 0.0
    for n, (a, ra) in enumerate(discs):
        for b, rb in discs[:n]:
            far = np.linalg.norm(a[:, None] - b, axis=2) / (ra[:, None] + rb)
            worst = max(worst, 1.0 - float(far.min()))
    return worst


@both_dimensions
@pytest.mark.parametrize("shape", ["rod", "budding"])
def test_cells_that_lie_on_each_other_are_pushed_apart(shape: str, ndim: int) -> None:
    rng, law = np.random.default_rng(0), LAWS[shape]
    crowd = [cell_of(law, ndim, seed=n, label=n) for n in range(8)]
    crowd = [replace(c, position=c.position + rng.normal(0.0, 8.0, ndim)) for c in crowd]
    assert deepest_overlap(crowd) > 0.3
    done = apart(settled(crowd, 1.0, rounds=60))
    assert deepest_overlap(done) < 0.26
    assert len(done) >= 6
    for cell in done:
        assert cell.axes @ cell.axes.T == pytest.approx(np.eye(ndim), abs=1e-9)


@both_dimensions
def test_a_rod_that_is_hit_at_its_end_turns(ndim: int) -> None:
    rod = replace(grown(cell_of(ROD, ndim), ROD), axes=np.eye(ndim))
    assert isinstance(rod, Rod)
    at = rod.position + np.eye(ndim)[0] * rod.length * 0.4 + np.eye(ndim)[1] * rod.half_width
    other = replace(rod, label=2, position=at, age=0.0, born=2.0 * rod.half_width)
    turned = settled([rod, other], 1.0)[0]
    assert turned.axes[0, 1] < -0.01
    assert turned.position[1] < rod.position[1]


def test_cells_side_by_side_stay_where_they_are() -> None:
    near = cell_of(ROD, 2)
    assert isinstance(near, Rod)
    beside = near.position + 1.5 * near.half_width * near.axes[1]
    cells = [near, replace(near, label=2, position=beside)]
    assert [c.position.tolist() for c in settled(cells, 0.7)] == [
        c.position.tolist() for c in cells
    ]


# --- populations ----------------------------------------------------------------------


@both_dimensions
@pytest.mark.parametrize("kind", ["scattered", "colonies", "sheet"])
def test_a_population_has_about_as_many_cells_in_view_as_asked_for(kind: str, ndim: int) -> None:
    law = replace(ROD, radius=4.0)
    cells = population(law, SettingLaw(kind=kind), ndim, cells=20).cells
    seen = [c for c in cells if ((c.position > 0) & (c.position < SIZES[ndim])).all()]
    assert 12 <= len(seen) <= 30


@both_dimensions
def test_a_colony_grows_outward(ndim: int) -> None:
    colony = population(ROD, SettingLaw(kind="colonies"), ndim)
    before = {c.label: c.position for c in colony.cells}
    centre = np.mean(list(before.values()), axis=0)
    for _ in range(3):
        colony.step()
    farther = [
        np.linalg.norm(c.position - centre) - np.linalg.norm(before[c.label] - centre)
        for c in colony.cells
        if c.label in before
    ]
    assert np.mean(farther) > 0.2
    assert {c.parent for c in colony.cells} & set(before)


@both_dimensions
def test_the_growth_of_a_colony_carries_cells_as_far_as_they_are_from_its_middle(
    ndim: int,
) -> None:
    colony = population(ROD, SettingLaw(kind="colonies"), ndim)
    (centre,) = colony._centres
    way = np.arange(1.0, ndim + 1.0)
    # In a cycle the colony's area, or volume, doubles.
    scale = 1.0 + colony._carried(centre + way) / way
    assert scale**ROD.cycle == pytest.approx(2.0 ** (1.0 / ndim))


@both_dimensions
def test_a_jump_of_the_stage_moves_all_cells_alike_and_in_the_plane(ndim: int) -> None:
    law = replace(ROD, cycle=1e6)
    herd = population(law, SettingLaw(jolts=1.0, jolt=3.0), ndim)
    before = {c.label: c.position for c in herd.cells}
    herd.step()
    moves = np.array([c.position - before[c.label] for c in herd.cells if c.label in before])
    assert len(moves) > 3
    usual = np.median(moves, axis=0)
    assert 0.3 * 3.0 * law.radius <= np.linalg.norm(usual) <= 3.0 * law.radius + 1e-6
    assert np.linalg.norm(moves - usual, axis=1).max() < 0.1 * law.radius
    assert usual[: ndim - 2] == pytest.approx(0.0)


def test_a_stage_that_drifts_brings_new_cells_into_view() -> None:
    herd = population(replace(ROD, cycle=1e6), SettingLaw(), drift=2.0, cells=20)
    first = {c.label for c in herd.cells}
    for _ in range(12):
        herd.step()
    seen = [c for c in herd.cells if ((c.position > 0) & (c.position < SIZES[2])).all()]
    assert len(seen) > 8
    assert not first & {c.label for c in seen}


def test_a_tissue_stretches_as_one() -> None:
    tissue = population(replace(YEAST, cycle=1e6, shape="blob"), SettingLaw(strain=0.02))
    before = {c.label: c.position for c in tissue.cells}
    # Pushing is not what is looked at.
    moves = {label: tissue._carried(position) for label, position in before.items()}
    opposite = tissue._carried(SIZES[2] - next(iter(before.values())))
    assert opposite == pytest.approx(-next(iter(moves.values())))
    assert max(np.linalg.norm(m) for m in moves.values()) > 0.3


# --- channels -------------------------------------------------------------------------


def rows(cells: list[Cell]) -> dict[int, list[Cell]]:
    """Cells by channel, from the closed end on."""
    found: dict[int, list[Cell]] = {}
    for cell in sorted(cells, key=lambda c: float(c.position[-2])):
        found.setdefault(CHANNELS.number(cell.position[-1]), []).append(cell)
    return found


@both_dimensions
def test_cells_in_channels_keep_their_order_and_push_each_other_out(ndim: int) -> None:
    setting = SettingLaw(kind="channels", channels=CHANNELS)
    machine = population(ROD, setting, ndim, cells=24)
    kin = {c.label: c.label for c in machine.cells}
    orders = {n: [c.label for c in row] for n, row in rows(machine.cells).items()}
    for _ in range(15):
        machine.step()
        for cell in machine.cells:
            kin.setdefault(cell.label, kin.get(cell.parent, 0))
    left = rows(machine.cells)
    assert len(left) >= 4
    for number, row in left.items():
        # Who was pushed out is gone from the open end; no one has passed another.
        founders = [kin[c.label] for c in row]
        assert founders == sorted(founders, key=orders[number].index)
        ends = [
            c.position[-2] + s * c.length / 2 for c in row for s in (-1, 1) if isinstance(c, Rod)
        ]
        assert np.diff(ends).min() > -1e-6
        assert ends[0] >= CHANNELS.closed - 1e-6
    assert len(set(kin.values()) - {kin[c.label] for c in machine.cells}) > 0


def test_channels_that_come_into_view_are_filled() -> None:
    setting = SettingLaw(kind="channels", channels=CHANNELS, jolts=1.0, jolt=10.0)
    machine = population(replace(ROD, cycle=1e6), setting, cells=24)
    first = {c.label for c in machine.cells}
    while abs(machine.shift[-1]) < 3.0 * SIZES[2][-1]:
        machine.step()
    seen = [c for c in machine.cells if 0 < c.position[-1] < SIZES[2][-1]]
    assert len({CHANNELS.number(c.position[-1] - machine.shift[-1]) for c in seen}) >= 3
    assert not first & {c.label for c in seen}


def test_the_picture_of_channels_moves_with_the_stage() -> None:
    still = CHANNELS.picture((60, 60), np.ones(2), np.zeros(2))
    moved = CHANNELS.picture((60, 60), np.ones(2), np.array([3.0, 5.0]))
    assert np.allclose(moved[3:, 5:], still[:-3, :-5], atol=1e-6)
    inside, between = still[30, 20], still[30, 30]
    assert inside == pytest.approx(CHANNELS.light, abs=0.05)
    assert between == pytest.approx(0.0, abs=0.05)
