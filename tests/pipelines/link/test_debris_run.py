"""Regions that are no cells, through the pipeline: in no result, if masks may be edited."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scenes.commands import sam4ct

from sam4ct.io.simulated.movie import write_dataset
from sam4ct.io.tiff.frame import read_frame
from sam4ct.io.work.tables import read_table
from sam4ct.simulate import SegmentationErrors, movie_law
from sam4ct.tables import Links

PERFECT = SegmentationErrors(
    missed=0.0, burst=0.0, split=0.0, merged=0.0, eroded=0.0, dilated=0.0, spurious=0.0
)
FRAMES, SEEN_ONCE, SMALL = 5, 60_000, 60_001
SHAPES = [(150, 150), (10, 110, 110)]


def free_place(masks: list[np.ndarray], side: int) -> tuple[slice, ...]:
    """Find a square, in volumes a box of five slices, that is background in all frames."""
    taken = np.any([mask > 0 for mask in masks], axis=0)
    depth = (slice(3, 8),) * (taken.ndim - 2)
    for y in range(12, taken.shape[-2] - side - 12, 2):
        for x in range(12, taken.shape[-1] - side - 12, 2):
            place = (*depth, slice(y, y + side), slice(x, x + side))
            if not taken[place].any():
                return place
    raise AssertionError("no place is free")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("edit", [True, False])
def test_debris_is_dropped_as_a_whole_if_masks_may_be_edited(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, shape: tuple[int, ...], edit: bool
) -> None:
    law = movie_law("nuclei", shape=shape, frames=FRAMES, cells=8)
    write_dataset(tmp_path, "Dirt", law, PERFECT, seed=3)
    files = sorted((tmp_path / "Dirt" / "01_ERR_SEG").glob("mask*.tif"))
    masks = [read_frame(file).astype(np.uint16) for file in files]
    once, always = free_place(masks, 7), None
    masks[2][once] = SEEN_ONCE
    if len(shape) == 2:
        always = free_place(masks, 5)
        for mask in masks:
            mask[always] = SMALL
    for file, mask in zip(files, masks, strict=True):
        tifffile.imwrite(file, mask)

    option = "--edit-masks" if edit else "--no-edit-masks"
    done = sam4ct("run", tmp_path / "Dirt", "01", "--evidence", "overlap", "--no-report", option)
    assert done.status == 0, done.err

    result, work = tmp_path / "Dirt" / "01_RES", tmp_path / "Dirt" / "01_RES.sam4ct"
    painted = [read_frame(file) for file in sorted(result.glob("mask*.tif"))]
    assert bool(painted[2][once].any()) is not edit
    if always:
        assert all(bool(frame[always].any()) is not edit for frame in painted)
        links = read_table(work / "links.parquet", Links)
        assert bool(np.isin(SMALL, links.label)) is not edit
    counts = json.loads((work / "run.json").read_text())["counts"]
    assert counts.get("debris") == (1 + (FRAMES if always else 0) if edit else None)
    assert ("are no cells" in caplog.text) is edit
