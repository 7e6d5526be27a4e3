"""Derived profiles for following cells: what is measured on drawn balls, embryos and seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from sam4ct.derive import Derivation, derive_track_profile
from sam4ct.derive.balls import MOST_PLACES, SIZES, ball_diameter
from sam4ct.derive.track import FRAMES_SEEN, SEARCHED
from sam4ct.errors import ProfileError
from sam4ct.pipelines.tools.find_seeds import SIZES as SIZES_OF_SEEDS
from sam4ct.profile import Profile, TrackSettings
from sam4ct.simulate.embryo.movie import NUCLEI, EmbryoLaw, simulate_embryo
from sam4ct.simulate.embryo.seeds import SeedErrors, damaged_seeds
from sam4ct.tables import Floats
from sam4ct.types import Image, Seeds

FLAT = np.array([3.0, 1.0, 1.0])
FRAME = (20, 400, 400)


@dataclass
class Volumes:
    """A movie of one frame; notes how much of it is read."""

    image: Image
    frames: int = 1
    read: list[int] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.image.shape

    def window(self, t: int, window: Sequence[slice]) -> Image:
        assert t == 0
        part = self.image[tuple(window)]
        self.read.append(part.size)
        return part


class NoVolumes(Volumes):
    def window(self, t: int, window: Sequence[slice]) -> Image:
        raise AssertionError("the images need not be read")


@dataclass
class SeedLists:
    """Seeds by frame, voxels."""

    places: Sequence[Floats]

    def seeds(self, t: int) -> Seeds:
        return Seeds(self.places[t])


UNSEEN = NoVolumes(np.zeros((1, 1, 1)))


def balls(
    diameter: float, scale: Floats = FLAT, count: int = 2, blur: float = 1.0, noise: float = 0.0
) -> tuple[Volumes, Floats]:
    """Balls far apart, with edges as soft as `blur` pixels, and their places in voxels."""
    apart = 2.0 * diameter + 8.0
    shape = np.ceil([2.0 * apart, 2.0 * apart, (count + 1) * apart] / scale).astype(int)
    places = np.array([[apart, apart, apart * (i + 1)] for i in range(count)]) / scale
    at = np.stack(np.indices(tuple(shape)), axis=-1) * scale
    far = np.min([np.linalg.norm(at - p * scale, axis=-1) for p in places], axis=0) - diameter / 2
    drawn = 50.0 + 100.0 / (1.0 + np.exp(np.clip(2.0 * far / blur, -50.0, 50.0)))
    drawn += noise * np.random.default_rng(0).standard_normal(drawn.shape)
    return Volumes(drawn.round().clip(0).astype(np.uint16)), places


def embryo(radius: float, distance: float, frames: int = 1, flow: float = 0.35) -> EmbryoLaw:
    side = int(19.0 * radius * distance + 4.0 * radius)
    return EmbryoLaw(
        shape=(32, side, side),
        frames=frames,
        cells=40,
        followed=12,
        distance=distance,
        flow=flow,
        law=replace(NUCLEI, radius=radius),
    )


def grid(apart: float = 40.0, side: int = 6) -> Floats:
    """Places in the middle slice, voxels."""
    y, x = np.meshgrid(*[60.0 + apart * np.arange(side)] * 2)
    return np.stack([np.full(y.shape, 10.0), y, x], axis=-1).reshape(-1, 3)


def moved(places: Floats, *step: float) -> Floats:
    return places + np.array(step)


def moving(*step: float, frames: int = FRAMES_SEEN) -> list[Floats]:
    """Seeds on a grid that all move alike, voxels."""
    return [moved(grid(), *(t * s for s in step)) for t in range(frames)]


def beside(walker: Floats, runner: Floats) -> list[Floats]:
    """Seeds of which some move by 9 pixels along x and some by 12."""
    return [
        np.concatenate([moved(walker, 0.0, 0.0, 9.0 * t), moved(runner, 0.0, 0.0, 12.0 * t)])
        for t in range(5)
    ]


def derived(
    seeds: Sequence[Floats] = (grid(), grid()),
    initial: Floats | None = None,
    **changed: Any,
) -> Derivation:
    """Of cells of 10 px, unless something else is said."""
    given = {
        "spacing_um": (1.2, 0.4, 0.4),
        "sizes": None,
        "known_diameter_px": (7.5, 15.0),
        "volumes": UNSEEN,
    }
    return derive_track_profile(
        "cells",
        changed.pop("shape", FRAME),
        len(seeds),
        initial=grid()[:9] if initial is None else initial,
        seeds=SeedLists(seeds),
        **{**given, **changed},
    )


def track(found: Derivation) -> TrackSettings:
    assert found.profile.track is not None
    return found.profile.track


# --- the size of balls --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("diameter", "flatness"),
    [(6.0, 1.0), (14.0, 1.0), (6.0, 3.0), (10.0, 3.0), (24.0, 3.0), (10.0, 5.0), (24.0, 5.0)],
)
def test_lone_balls_are_measured(diameter: float, flatness: float) -> None:
    scale = np.array([flatness, 1.0, 1.0])
    assert ball_diameter(*balls(diameter, scale), scale) == pytest.approx(diameter, rel=0.2)


def test_balls_of_one_slice_are_taken_for_higher_ones() -> None:
    scale = np.array([5.0, 1.0, 1.0])
    assert 6.0 < ball_diameter(*balls(6.0, scale), scale) < 1.5 * 6.0


@pytest.mark.parametrize("diameter", [40.0, 65.0])
def test_large_balls_are_measured(diameter: float) -> None:
    volumes, places = balls(diameter, FLAT * 2, count=1)
    assert ball_diameter(volumes, places, FLAT * 2) == pytest.approx(diameter, rel=0.2)


@pytest.mark.parametrize("off", [-0.25, 0.25])
def test_places_need_not_be_exact(off: float) -> None:
    volumes, places = balls(14.0)
    assert ball_diameter(volumes, places + off * 14.0 / FLAT, FLAT) == pytest.approx(14.0, rel=0.25)


def test_noise_is_not_taken_for_small_balls() -> None:
    assert ball_diameter(*balls(14.0, noise=40.0), FLAT) == pytest.approx(14.0, rel=0.2)


@pytest.mark.parametrize(
    ("radius", "distance"),
    [(4.0, 2.1), (4.0, 4.0), (7.0, 2.1), (7.0, 4.0), (12.0, 2.1)],
)
def test_neighbours_in_a_sheet_do_not_change_the_size(radius: float, distance: float) -> None:
    law = embryo(radius, distance)
    (frame,) = simulate_embryo(np.random.SeedSequence(0), law)
    image = np.zeros(law.shape, np.float32)
    for place, tile in frame.tiles():
        image[place] = tile
    regions = frame.regions()
    places = np.array([cell.position for cell in frame.cells if cell.label in regions])
    volume = 3.0 * float(np.median([region.size for region in regions.values()]))
    true = (6.0 / math.pi * volume) ** (1.0 / 3.0)
    found = ball_diameter(Volumes(image), places / law.scale(), law.scale())
    assert found == pytest.approx(true, rel=0.2)


def test_small_part_of_the_frame_is_read() -> None:
    volumes = Volumes(np.zeros((20, 1000, 1000), np.uint8))
    ball_diameter(volumes, np.tile([10.0, 500.0, 500.0], (100, 1)), FLAT)
    assert len(volumes.read) == MOST_PLACES
    assert max(volumes.read) < 20 * 180**2


@pytest.mark.parametrize("corner", [0.0, 1.0])
def test_balls_may_be_cut_by_the_edge(corner: float) -> None:
    volumes, places = balls(14.0, count=1)
    low = places[0].round().astype(int)
    part = volumes.image[tuple(slice(n, None) if not corner else slice(n + 1) for n in low)]
    place = corner * (np.array([part.shape]) - 1.0)
    assert SIZES[0] < ball_diameter(Volumes(part), place, FLAT) < 2.0 * 14.0


@pytest.mark.parametrize("contrast", [0.0, -50.0])
def test_nothing_bright_has_no_size(contrast: float) -> None:
    volumes, places = balls(14.0)
    dark = 100.0 + contrast * (volumes.image > 100)
    assert math.isnan(ball_diameter(Volumes(dark), places, FLAT))


# --- where the size comes from -------------------------------------------------------------


def test_size_is_that_of_labels_if_there_are_some() -> None:
    volumes, places = balls(14.0)
    voxels = round(math.pi / 6.0 * 14.0**3 / 3.0)
    sizes = np.array([voxels, voxels, 9 * voxels])
    found = derived(initial=places, sizes=sizes, volumes=volumes, shape=volumes.shape)
    assert found.profile.cell_diameter_px == pytest.approx(14.0, abs=0.1)
    assert "median of the initial labels" in found.reasons["cell_diameter_px"]


def test_labels_that_only_mark_cells_do_not_count() -> None:
    volumes, places = balls(14.0)
    found = derived(initial=places, sizes=np.array([40]), volumes=volumes, shape=volumes.shape)
    assert found.profile.cell_diameter_px == pytest.approx(14.0, rel=0.2)
    assert "labels are of 6.1 px and seem to be marks" in found.reasons["cell_diameter_px"]


def test_labels_count_where_nothing_is_bright() -> None:
    dark = Volumes(np.zeros(FRAME, np.uint8))
    assert derived(sizes=np.array([100]), volumes=dark).profile.cell_diameter_px == 8.3


def test_size_is_that_of_the_search_for_seeds() -> None:
    assert derived(known_diameter_px=(7.5, 15.0)).profile.cell_diameter_px == 10.0
    assert derived(known_diameter_px=(12.0, 12.0)).profile.cell_diameter_px == pytest.approx(11.3)
    assert SEARCHED == SIZES_OF_SEEDS


def test_size_is_measured_if_nobody_says_it() -> None:
    volumes, places = balls(14.0)
    given = {"volumes": volumes, "initial": places, "shape": volumes.shape}
    found = derived(known_diameter_px=None, **given)
    assert found.profile.cell_diameter_px == pytest.approx(14.0, rel=0.2)
    assert "2 of the initial places, measured in the image" in found.reasons["cell_diameter_px"]


def test_cells_that_cannot_be_measured_are_refused() -> None:
    with pytest.raises(ProfileError, match=r"cells: nothing is bright .* write cell_diameter_px"):
        derived(known_diameter_px=None, volumes=Volumes(np.zeros(FRAME, np.uint8)))


def test_images_are_refused() -> None:
    with pytest.raises(ProfileError, match=r"cells: frames are images .* link the masks"):
        derived(shape=(400, 400))


# --- steps ---------------------------------------------------------------------------------


def test_radius_is_twice_the_step() -> None:
    found = derived(moving(0.0, 6.0, 8.0))
    assert track(found).seed_radius_px == pytest.approx(20.0)
    assert found.profile.link_radius_px == track(found).seed_radius_px


def test_radius_is_that_of_the_quick_cells_but_not_of_a_stray_seed() -> None:
    steps = np.array([19.0] * 2 + [8.0] * 10 + [4.0] * 24)
    after = grid() + np.outer(steps, [0.0, 0.0, 1.0])
    assert track(derived([grid(), after], initial=grid())).seed_radius_px == 16.0


def test_steps_in_z_count_by_the_spacing() -> None:
    assert track(derived(moving(1.0, 0.0, 9.0))).seed_radius_px == pytest.approx(
        2.0 * math.hypot(3.0, 9.0), abs=0.1
    )


@pytest.mark.parametrize(("step", "radius"), [(1.0, 15.0), (15.0, 25.0)])
def test_radius_is_one_and_a_half_to_two_and_a_half_diameters(step: float, radius: float) -> None:
    assert track(derived(moving(0.0, 0.0, step))).seed_radius_px == radius


def test_radius_without_steps_is_the_least() -> None:
    far = [moved(places, 0.0, 300.0, 300.0) for places in moving(0.0, 0.0, 8.0)]
    for seeds in ([grid()], [grid(), np.empty((0, 3))], far):
        assert track(derived(seeds)).seed_radius_px == 15.0


def test_steps_far_from_the_cells_do_not_count() -> None:
    near, far = grid()[:9], moved(grid(), 0.0, 300.0, 0.0)
    assert track(derived(beside(near, far), initial=near)).seed_radius_px == pytest.approx(18.0)


def test_cells_are_followed_to_where_they_go() -> None:
    """The seeds near the first places are others after some frames, and those run."""
    cell, runner = np.array([[10.0, 100.0, 100.0]]), np.array([[10.0, 100.0, 60.0]])
    assert track(derived(beside(cell, runner), initial=cell)).seed_radius_px == pytest.approx(18.0)


def test_only_the_first_frames_are_read() -> None:
    seeds = moving(0.0, 6.0, 8.0, frames=2 * FRAMES_SEEN)
    seeds[FRAMES_SEEN:] = [np.full((1, 3), np.nan)] * FRAMES_SEEN
    assert track(derived(seeds)).seed_radius_px == pytest.approx(20.0)


@pytest.mark.parametrize("flow", [0.0, 0.35, 0.7])
def test_imperfect_seeds_of_an_embryo_give_a_radius_that_holds_its_steps(flow: float) -> None:
    law = embryo(7.0, 2.6, frames=FRAMES_SEEN, flow=flow)
    frames = list(simulate_embryo(np.random.SeedSequence(0), law))
    rng, scale = np.random.default_rng(0), law.scale()
    seeds = [damaged_seeds(rng, f.cells, law.shape, scale, SeedErrors()) for f in frames]
    initial = np.array([c.position for c in frames[0].cells if c.label in frames[0].followed])
    places = [{cell.label: cell.position for cell in frame.cells} for frame in frames]
    steps = [
        float(np.linalg.norm(after[label] - before[label]))
        for before, after in pairwise(places)
        for label in before.keys() & after.keys()
    ]
    radius = track(derived(seeds, initial / scale, shape=law.shape)).seed_radius_px
    assert np.quantile(steps, 0.99) < radius < 25.0


# --- as a whole ----------------------------------------------------------------------------


def test_sizes_follow_from_the_diameter_and_the_spacing() -> None:
    profile = derived().profile
    ball = math.pi / 6.0 * 10.0**3 / 3.0
    assert profile.window_px == 40
    assert profile.min_size == int(0.25 * ball)
    assert track(derived()).min_size_without_seed == int(0.3 * ball)


def test_profile_is_one_for_following() -> None:
    profile = derived().profile
    assert (profile.mode, profile.ndim, profile.fill) == ("track", 3, "none")
    assert profile.generate_masks
    assert not profile.edit_masks


def test_unknown_spacing_is_a_guess() -> None:
    found = derived(spacing_um=None)
    assert found.profile.spacing_um == (1.0, 1.0, 1.0)
    assert found.reasons["spacing_um"].startswith("a guess")
    assert "guess" not in derived().reasons["spacing_um"]


def test_every_key_has_a_reason() -> None:
    reasons = derived().reasons
    keys = set(Profile.__dataclass_fields__) - {"track"}
    assert set(reasons) == keys | {f"track.{key}" for key in TrackSettings.__dataclass_fields__}
    assert all(reasons.values())


def test_same_data_give_the_same_profile() -> None:
    volumes, places = balls(14.0)
    given = {"volumes": volumes, "initial": places, "known_diameter_px": None}
    assert derived(**given) == derived(**given)
