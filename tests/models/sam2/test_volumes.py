"""The SAM 2 engine on volumes: by slices, put together in space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scenes.drawn import ball
from scenes.sam2_scene import Scene, scene

from sam4ct.geometry import Slabs, Window, WindowGrid, WindowPlan
from sam4ct.models.sam2.windows import Section, assembled
from sam4ct.models.weights.load import load_sam2
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.regions import Region, regions_of
from sam4ct.stages.detect import detect_frame
from sam4ct.tables import Detections

GRID = WindowGrid((12, 40, 40), 16, 0.25, slabs=Slabs(12, 3, reach=1))


@pytest.fixture(scope="module")
def network() -> Any:
    return load_sam2(load_manifest().get("compact-sam2"), "cpu")


def seen(slab: int, mask: NDArray[np.bool_], score: float) -> Section:
    return Section(Window(8, 8, 16, slab), mask, score)


DISC = ball((16, 16), (8, 8), 4.0)
NOTHING = np.zeros((16, 16), bool)


def test_sections_fill_their_slabs() -> None:
    found = assembled([seen(1, DISC, 2.0), seen(2, DISC, 5.0)], GRID)
    whole = np.zeros((12, 40, 40), bool)
    whole[3:9, 8:24, 8:24] = DISC
    painted = np.zeros_like(whole)
    painted[found.region.box] = found.region.mask
    assert (painted == whole).all()
    assert found.object_score == 5.0


def test_sections_in_which_the_object_is_not_are_left_out() -> None:
    found = assembled([seen(0, DISC, -1.0), seen(1, DISC, 2.0)], GRID)
    assert (found.region.corner[0], found.region.mask.shape[0]) == (3, 3)


def test_an_object_that_is_rather_nowhere_has_its_most_probable_section() -> None:
    found = assembled([seen(0, DISC, -3.0), seen(3, DISC, -1.0)], GRID)
    assert found.region.corner[0] == 9
    assert found.object_score == -1.0


def test_an_object_without_any_section_is_empty() -> None:
    found = assembled([seen(1, NOTHING, 1.0)], GRID)
    assert found.region.size == 0
    assert found.region.mask.ndim == 3


def engine_on(volumes: list[NDArray[np.float32]], labels: list[Any], slabs: Slabs) -> Scene:
    detections = Detections.concat(detect_frame(t, frame) for t, frame in enumerate(labels))
    shape = labels[0].shape
    grid = WindowGrid(shape, 80, 0.25, slabs=slabs)
    return Scene(volumes, labels, WindowPlan.of(detections, grid, 1))


def test_a_slice_of_a_volume_is_answered_as_an_image_is(network: Any) -> None:
    flat = scene(2)
    volumes = [np.stack([np.zeros_like(i), i, np.zeros_like(i)]) for i in flat.images]
    labels = [np.stack([np.zeros_like(m), m, np.zeros_like(m)]) for m in flat.labels]
    deep = engine_on(volumes, labels, Slabs(3, 1, reach=0))
    here = flat.engine(network).propagate(0, flat.regions(0), 1)
    there = deep.engine(network).propagate(0, deep.regions(0), 1)
    for label, found in here.items():
        assert there[label].object_score == found.object_score
        assert there[label].region.section(1) == found.region
        if found.region.size:
            assert there[label].region.corner[0] == 1


@pytest.mark.parametrize("step", [-4, 4])
def test_a_cell_that_moves_in_z_is_found_in_its_new_slab(network: Any, step: int) -> None:
    """One ball, which leaves its slab for the next."""
    shape = (16, 96, 96)
    rng = np.random.default_rng(0)
    labels, volumes = [], []
    for z in (8, 8 + step):
        at = np.indices(shape, dtype=float)
        depth = np.sqrt(((at[0] - z) * 4) ** 2 + (at[1] - 48) ** 2 + (at[2] - 48) ** 2)
        labels.append((depth < 12).astype(np.int32))
        light = np.clip(1.5 - depth / 12, 0, 1) + rng.normal(0, 0.02, shape)
        volumes.append(light.astype(np.float32))
    deep = engine_on(volumes, labels, Slabs(16, 3, reach=1))
    start = regions_of(labels[0])[1]
    found = deep.engine(network).propagate(0, {1: start}, 1)[1].region
    moved = found.centroid - start.centroid
    assert moved[0] * step > 0
    assert moved[1:] == pytest.approx([0.0, 0.0], abs=2.0)
    under = [np.count_nonzero(labels[1][r.box][r.mask]) for r in (found, start)]
    assert under[0] > 2 * under[1]


def test_the_section_of_a_region_is_its_slice_or_the_nearest_one_with_pixels() -> None:
    mask = np.zeros((4, 2, 2), bool)
    mask[1, 0, 0] = mask[2, 1, 1] = True
    region = Region(mask, (10, 5, 6))
    assert region.section(11) == Region(mask[1], (5, 6))
    assert region.section(30) == Region(mask[2], (5, 6))
    assert region.section(0) == Region(mask[1], (5, 6))
    assert Region(mask[1], (5, 6)).section(3) == Region(mask[1], (5, 6))
