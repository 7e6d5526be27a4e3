"""Link masks by LapTrack: assignment of centroids frame by frame, then of gaps and splits.

    python run_laptrack.py IMAGES MASKS RESULT [IMAGES MASKS RESULT ...]

Images are not looked at. The cut-offs of linking, gap closing and splitting are the square of
the distance that run_byotrack.py derives for its associations: three radii of a mean mask, or
the distance to the nearest neighbour where that is more. Splitting is on, gaps are closed over
one missed frame (two frames apart), z is scaled by the anisotropy of the masks' boxes. All
else is LapTrack's default.

A cell in a gap gets its last mask, moved to the middle, on the background. A track without
pixels left is cut there. A split into more than two is one into the two nearest.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from ctc_folder import Frame, Row, centres, frame_paths, measure, read_frames, write_result
from laptrack import LapTrack
from scipy import ndimage

AXES = ("z", "y", "x")


def table_of(frames: Sequence[Frame], anisotropy: float) -> pd.DataFrame:
    """One row a mask: frame, label and its scaled centroid."""
    rows = []
    for t, frame in enumerate(frames):
        labels, places = centres(frame)
        if frame.ndim == 2:
            places = np.pad(places, ((0, 0), (1, 0)))
        rows += [(t, i, z * anisotropy, y, x) for i, (z, y, x) in zip(labels, places, strict=True)]
    return pd.DataFrame(rows, columns=["frame", "label", *AXES])


def link(masks: Path, result: Path) -> None:
    """Link one sequence and write a valid result."""
    frames = read_frames(masks)
    seen = measure(frames)
    table = table_of(frames, seen.anisotropy)
    limit = seen.reach**2
    linker = LapTrack(
        cutoff=limit,
        gap_closing_cutoff=limit,
        gap_closing_max_frame_count=2,
        splitting_cutoff=limit,
    )
    tracks, splits, _ = linker.predict_dataframe(table, list(AXES), only_coordinate_cols=False)
    tracks = tracks.reset_index(drop=True).rename(columns={"frame_y": "frame"})
    tracks["track"] = tracks["track_id"].astype(int) + 1
    parents = nearest_two(tracks, splits)
    spans = tracks.groupby("track")["frame"].agg(["min", "max"])
    rows: list[Row] = [
        (int(track), int(first), int(last), parents.get(int(track), 0))
        for track, first, last in spans.itertuples()
    ]
    names = [path.name for path in frame_paths(masks)]
    write_result(result, names, painted(frames, tracks), rows)


def nearest_two(tracks: pd.DataFrame, splits: pd.DataFrame) -> dict[int, int]:
    """Parent of each daughter track; of more than two daughters, those that begin nearest."""
    parents: dict[int, int] = {}
    if splits.empty:
        return parents
    ordered = tracks.sort_values("frame").groupby("track")[list(AXES)]
    first, last = ordered.first(), ordered.last()
    for parent, group in (splits + 1).groupby("parent_track_id"):
        away = first.loc[group["child_track_id"]] - last.loc[parent]
        near = (away**2).sum(axis=1).sort_values(kind="stable").index[:2]
        parents |= {int(child): int(parent) for child in near}
    return parents


def painted(frames: Sequence[Frame], tracks: pd.DataFrame) -> list[Frame]:
    """The frames with track labels, gaps of one frame filled."""
    result = [np.zeros(frame.shape, np.int32) for frame in frames]
    for t, label, track in tracks[["frame", "label", "track"]].itertuples(index=False):
        result[int(t)][frames[int(t)] == label] = track
    for track, rows in tracks.sort_values("frame").groupby("track"):
        ends = rows[["frame", "label"]].to_numpy(int)
        for (t, label), (t2, label2) in pairwise(ends):
            if t2 - t > 1:
                fill(result[t + 1], frames[t] == label, frames[t2] == label2, int(track))
    return result


def fill(frame: Frame, before: Frame, after: Frame, track: int) -> None:
    """Paint the earlier mask halfway to the later one where there is background, in place."""
    ends = (np.array(ndimage.center_of_mass(mask)) for mask in (before, after))
    start, stop = ends
    moved = ndimage.shift(before.astype(np.uint8), (stop - start) / 2.0, order=0) > 0
    frame[moved & (frame == 0)] = track


def main(paths: list[str]) -> None:
    for _, masks, result in zip(paths[::3], paths[1::3], paths[2::3], strict=True):
        link(Path(masks), Path(result))


if __name__ == "__main__":
    main(sys.argv[1:])
