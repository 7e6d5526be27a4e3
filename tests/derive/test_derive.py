"""Derived profiles: what is measured on cells of known size and motion, and what follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam4ct.derive import Derivation, cell_diameter, derive_profile, diameters
from sam4ct.errors import ProfileError
from sam4ct.profile import Profile
from sam4ct.simulate.cells.cell import CellLaw
from sam4ct.simulate.movie import MovieLaw, simulate
from sam4ct.stages.detect import detect_frame
from sam4ct.tables import Detections, Floats

SHAPE = (1000, 1000)


def discs(t: int, centres: Floats, diameter: float, slices: int = 1) -> Detections:
    """Rows as `detect_frame` makes them, of discs (or ellipsoids) away from the edge."""
    n = len(centres)
    low = np.round(centres[:, -2:] - diameter / 2).astype(int)
    high = np.round(centres[:, -2:] + diameter / 2).astype(int)
    solid = np.pi / (6 if slices > 1 else 4) * slices
    z = centres[:, 0] if centres.shape[1] == 3 else np.zeros(n)
    return Detections(
        t=np.full(n, t),
        label=np.arange(1, n + 1),
        size=np.full(n, round(solid * diameter**2)),
        z=z,
        y=centres[:, -2],
        x=centres[:, -1],
        z0=z.astype(int),
        y0=low[:, 0],
        x0=low[:, 1],
        z1=z.astype(int) + slices,
        y1=high[:, 0],
        x1=high[:, 1],
        border=np.zeros(n, bool),
        contrast=np.full(n, np.nan),
    )


def grid(apart: float, side: int = 8) -> Floats:
    """Centres on a square grid."""
    at = 100.0 + apart * np.arange(side)
    return np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)


def moved(step: float, apart: float = 80.0, diameter: float = 20.0, frames: int = 6) -> Detections:
    """Cells on a grid that all move by `step` along x from frame to frame."""
    return Detections.concat(
        discs(t, grid(apart) + np.array([0.0, step * t]), diameter) for t in range(frames)
    )


def derived(detections: Detections, shape: tuple[int, ...] = SHAPE) -> Profile:
    return derive_profile("cells", shape, detections).profile


def with_counts(*counts: int) -> Detections:
    return Detections.concat(discs(t, grid(60.0, 12)[:n], 20.0) for t, n in enumerate(counts))


# Size


@pytest.mark.parametrize("diameter", [7.0, 20.0, 90.0])
@pytest.mark.parametrize("slices", [1, 6])
def test_diameter_is_that_of_discs_and_ellipsoids(diameter: float, slices: int) -> None:
    table = discs(0, grid(100.0), diameter, slices)
    assert diameters(table) == pytest.approx(diameter, rel=0.02)
    assert cell_diameter(table) == pytest.approx(diameter, rel=0.02)


def test_diameter_is_nan_without_cells() -> None:
    assert np.isnan(cell_diameter(Detections.empty()))


def test_cells_cut_by_the_edge_do_not_count_if_there_are_enough_others() -> None:
    whole, cut = discs(0, grid(80.0), 20.0), discs(1, grid(80.0), 4.0)
    at_edge = Detections(**{**cut.__dict__, "border": np.ones(len(cut), bool)})
    both = Detections.concat([whole, at_edge, at_edge])
    assert cell_diameter(both) == pytest.approx(20.0, rel=0.02)
    assert cell_diameter(at_edge) == pytest.approx(4.0, rel=0.05)


def test_min_size_lies_well_below_the_small_cells() -> None:
    table = moved(2.0)
    assert derived(table).min_size == pytest.approx(table.size.min() / 4, abs=1)


def test_few_specks_do_not_change_size_or_window() -> None:
    specks = discs(2, grid(80.0)[:3] + 40.0, 2.0)
    clean, dirty = derived(moved(2.0)), derived(Detections.concat([moved(2.0, frames=3), specks]))
    assert dirty.cell_diameter_px == clean.cell_diameter_px
    assert dirty.window_px == clean.window_px
    assert dirty.min_size == clean.min_size


# Windows


@pytest.mark.parametrize(("diameter", "window"), [(3.0, 32), (20.0, 96), (25.0, 128), (60.0, 256)])
def test_window_is_four_diameters_on_a_grid_of_32(diameter: float, window: int) -> None:
    assert derived(discs(0, grid(80.0), diameter)).window_px == window


def test_window_of_a_huge_cell_is_not_larger_than_the_frame() -> None:
    table = discs(0, np.array([[500.0, 500.0]]), 900.0)
    assert derived(table).window_px == 1024


# Motion


@pytest.mark.parametrize("step", [5.0, 12.0, 25.0])
def test_link_radius_is_three_steps(step: float) -> None:
    assert derived(moved(step)).link_radius_px == pytest.approx(max(10.0, 3 * step), rel=0.01)


def test_link_radius_is_at_least_half_a_diameter() -> None:
    assert derived(moved(0.0)).link_radius_px == pytest.approx(10.0, rel=0.01)


def test_link_radius_is_bounded_by_the_distance_of_neighbours() -> None:
    crowd, runners = grid(30.0), np.array([[500.0 + 60 * i, 100.0] for i in range(8)])
    rows = [
        discs(t, np.concatenate([crowd, runners + np.array([0.0, 59.0 * t])]), 20.0)
        for t in range(6)
    ]
    assert derived(Detections.concat(rows)).link_radius_px == pytest.approx(45.0, rel=0.01)


def test_missed_cells_do_not_count_as_motion() -> None:
    complete = moved(5.0)
    missed = complete.take((complete.label + complete.t) % 5 > 0)
    assert derived(missed).link_radius_px == derived(complete).link_radius_px


def test_link_radius_without_motion_known_is_a_diameter() -> None:
    assert derived(discs(0, grid(80.0), 20.0)).link_radius_px == pytest.approx(20.0, rel=0.01)


def test_motion_in_z_counts_by_the_spacing() -> None:
    centres = np.column_stack([np.full(64, 5.0), grid(80.0)])
    up = [discs(t, centres + np.array([t, 0.0, 0.0]), 20.0, 4) for t in range(3)]
    found = derive_profile(
        "cells", (20, 1000, 1000), Detections.concat(up), spacing_um=(1.0, 0.1, 0.1)
    )
    assert found.profile.link_radius_px == pytest.approx(30.0, rel=0.01)
    assert found.profile.spacing_um == (1.0, 0.1, 0.1)


def test_border_is_one_step() -> None:
    assert derived(moved(7.0)).border_px == 7
    assert derived(moved(0.0)).border_px == 1


# Volumes


def test_unknown_slice_distance_makes_cells_as_high_as_wide() -> None:
    centres = np.column_stack([np.full(64, 5.0), grid(80.0)])
    profile = derived(discs(0, centres, 20.0, 5), (20, 1000, 1000))
    assert profile.spacing_um == (pytest.approx(4.0, rel=0.05), 1.0, 1.0)


@pytest.mark.parametrize(
    ("shape", "border"), [((1000, 1000), 0), ((5, 99, 99), 0), ((9, 99, 99), 1)]
)
def test_slices_have_a_border_rule_where_there_are_many(
    shape: tuple[int, ...], border: int
) -> None:
    centres = np.full((1, len(shape)), 50.0)
    assert derived(discs(0, centres, 20.0), shape).border_z_px == border


@pytest.mark.parametrize(("shape", "fill"), [((99, 99), "propagate"), ((9, 99, 99), "interpolate")])
def test_missed_cells_are_filled_as_the_frames_allow(shape: tuple[int, ...], fill: str) -> None:
    assert derived(discs(0, np.full((1, len(shape)), 50.0), 20.0), shape).fill == fill


# Divisions


@pytest.mark.parametrize(
    ("counts", "division"),
    [
        ((40, 45, 50, 60), True),
        ((40, 40, 40, 40), True),
        ((2, 3, 4, 8), True),
        ((1, 1, 1, 1), False),
        ((5, 6, 7, 7), False),
        ((8, 7, 6, 5), False),
    ],
)
def test_cells_divide_if_they_are_many_or_grow_in_number_beyond_chance(
    counts: tuple[int, ...], division: bool
) -> None:
    assert derived(with_counts(*counts)).division is division


def test_cells_that_double_quickly_may_divide_again_soon() -> None:
    quick = with_counts(*(20 * 2 ** (t // 2) for t in range(6)))
    slow = with_counts(*(20 + t for t in range(60)))
    assert derived(quick).min_cycle_frames == 1
    assert derived(slow).min_cycle_frames == 5


# Brightness


@pytest.mark.parametrize(
    ("contrast", "gamma"),
    [
        ([10.0] * 9 + [100.0], 0.5),
        ([10.0], 1.0),
        ([-5.0, 50.0], 1.0),
        ([np.nan], 1.0),
    ],
    ids=["dim and bright", "alike", "dark and bright", "not measured"],
)
def test_dim_cells_among_bright_ones_are_lifted(contrast: list[float], gamma: float) -> None:
    cells = moved(2.0)
    found = derive_profile("cells", SHAPE, replace(cells, contrast=np.resize(contrast, len(cells))))
    assert found.profile.gamma == gamma


# As a whole


def test_every_key_but_the_track_table_has_a_reason() -> None:
    found = derive_profile("cells", SHAPE, moved(2.0))
    assert set(found.reasons) == set(Profile.__dataclass_fields__) - {"track"}
    assert all(found.reasons.values())


def test_derived_profile_may_edit_masks() -> None:
    assert derived(moved(2.0)).edit_masks


def test_masks_without_regions_are_refused() -> None:
    with pytest.raises(ProfileError, match="cells: the masks hold no regions"):
        derived(Detections.empty())


@settings(max_examples=60)
@given(st.data())
def test_any_detections_give_a_valid_profile_and_the_same_one_again(data: st.DataObject) -> None:
    frames = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any))
    size = data.draw(st.sampled_from([1.0, 8.0, 3000.0]))
    shape = data.draw(st.sampled_from([(1, 1), (64, 48), (3, 64, 48), (12, 20, 20)]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    rows = [discs(t, rng.uniform(0, shape, (n, len(shape))), size) for t, n in enumerate(frames)]

    def again() -> Derivation:
        return derive_profile("cells", shape, Detections.concat(rows))

    assert again() == again()


@pytest.mark.parametrize("shape", [(300, 300), (20, 160, 160)])
def test_simulated_cells_are_measured_as_they_were_made(shape: tuple[int, ...]) -> None:
    spacing = (5.0, 1.0, 1.0)[-len(shape) :]
    law = CellLaw(radius=10.0, radius_spread=0.05, elongation=0.95, motion=0.3, bumpiness=0.02)
    movie = MovieLaw(shape=shape, frames=5, cells=20, law=law, spacing=spacing)
    frames = simulate(np.random.default_rng(1), movie)
    table = Detections.concat([detect_frame(t, f.labels) for t, f in enumerate(frames)])
    found = derive_profile("cells", shape, table, spacing_um=(5.0, 1.0, 1.0)).profile
    assert found.cell_diameter_px == pytest.approx(19.0, rel=0.15)
    # A step is normal in every axis with a deviation of 3 px: 95 % stay below these.
    most = 3.0 * {2: 2.45, 3: 2.80}[len(shape)]
    assert found.border_px == pytest.approx(most, rel=0.35)
    assert found.link_radius_px == pytest.approx(3 * most, rel=0.35)
