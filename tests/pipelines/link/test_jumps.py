"""A movie whose picture jumps is linked as if it had not, and the record says where it jumped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from scenes.commands import sam4ct

from sam4ct.io.work import read_table
from sam4ct.regions import regions_of
from sam4ct.simulate import SegmentationErrors, damaged, movie_law, simulate
from sam4ct.stages.propagate.overlap_first import CERTAIN_SCORE
from sam4ct.tables import Evidence

FRAMES, AT, STEP = 4, 2, (-40, 32)
"""From frame AT on everything lies by STEP further on."""
SIZE = (210, 220)
Corner = tuple[int, int]
START: Corner = (15, 45)
"""Of the frame on a larger dish."""
JUMPED: Corner = (START[0] - STEP[0], START[1] - STEP[1])


class Shown:
    """What frames show of a simulated dish, and what is true of it."""

    def __init__(self, corners: Sequence[Corner]) -> None:
        """Args:
        corners: Of every frame, where on the dish it begins.
        """
        rng = np.random.default_rng(1)
        dish = list(simulate(rng, movie_law("nuclei", (280, 290), len(corners), 45)))
        boxes = [np.s_[y : y + SIZE[0], x : x + SIZE[1]] for y, x in corners]
        self.images = [f.image[box] for f, box in zip(dish, boxes, strict=True)]
        self.truth = [f.labels[box] for f, box in zip(dish, boxes, strict=True)]

    def written(self, folder: Path) -> Path:
        """Write the dataset, with masks of which some are missed or cut."""
        rng = np.random.default_rng(2)
        for t, (image, labels) in enumerate(zip(self.images, self.truth, strict=True)):
            masks, _ = damaged(rng, labels, SegmentationErrors(missed=0.03, split=0.03))
            for name, frame in (("01/t", image), ("01_ERR_SEG/mask", masks)):
                path = folder / "Cells" / f"{name}{t:03d}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, frame, photometric="minisblack")
        return folder / "Cells"

    def share_kept(self, result: Path, t: int) -> float:
        """Of the cells that result and truth show in frames t and t + 1, how many are one track."""
        frames = [tifffile.imread(result / f"mask{s:03d}.tif") for s in (t, t + 1)]
        tracks = [_most(frame, self.truth[t + i]) for i, frame in enumerate(frames)]
        both = tracks[0].keys() & tracks[1].keys()
        assert len(both) >= 12
        return float(np.mean([tracks[0][cell] == tracks[1][cell] for cell in both]))


def _most(frame: NDArray[np.integer[Any]], truth: NDArray[np.integer[Any]]) -> dict[int, int]:
    """The track that has most of each true cell; cells without any are left out."""
    under = {cell: frame[r.box][r.mask] for cell, r in regions_of(truth).items()}
    tracks = {cell: int(np.bincount(pixels).argmax()) for cell, pixels in under.items()}
    return {cell: track for cell, track in tracks.items() if track}


def record(result: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(f"{result}.sam4ct") / "run.json").read_text())
    return found


@pytest.fixture(scope="module")
def jumping() -> Shown:
    return Shown([START] * AT + [JUMPED] * (FRAMES - AT))


@pytest.fixture(scope="module")
def movie(jumping: Shown, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return jumping.written(tmp_path_factory.mktemp("jumping"))


@pytest.mark.parametrize("how", [["--evidence", "overlap"], [], ["--fast"]])
def test_cells_are_linked_across_a_jump(
    jumping: Shown, movie: Path, tmp_path: Path, how: list[str]
) -> None:
    result = tmp_path / "01_RES"
    ran = sam4ct("run", movie, "--out", result, "--no-report", *how)
    assert ran.status == 0, ran.err
    ((frame, step),) = record(result)["jumps"].items()
    assert frame == str(AT)
    assert step == pytest.approx([0, *STEP], abs=2)
    files = sorted(Path(f"{result}.sam4ct").glob("work/evidence/*.parquet"))
    evidence = Evidence.concat(read_table(file, Evidence) for file in files)
    for pair in ((AT - 1, AT), (AT, AT - 1)):
        rows = evidence.take((evidence.t == pair[0]) & (evidence.t2 == pair[1]))
        assert not (rows.object_score == CERTAIN_SCORE).any()
        assert np.count_nonzero(rows.iou_prop > 0.3) >= 15
    assert [jumping.share_kept(result, t) for t in range(FRAMES - 1)] == pytest.approx(
        [1.0] * (FRAMES - 1), abs=0.1
    )


def test_a_movie_that_does_not_jump_has_none_in_its_record(tmp_path: Path) -> None:
    still, result = Shown([START] * FRAMES), tmp_path / "01_RES"
    dataset = still.written(tmp_path)
    ran = sam4ct("run", dataset, "--out", result, "--no-report", "--evidence", "overlap")
    assert ran.status == 0, ran.err
    assert record(result)["jumps"] == {}
    assert still.share_kept(result, AT - 1) > 0.9


def test_check_says_where_the_picture_jumps(movie: Path) -> None:
    ran = sam4ct("check", movie, "--evidence", "overlap")
    assert f"jumps into frames {AT}\n" in ran.out
