"""Link masks by ByoTrack, as its authors do for the Cell Linking Benchmark by default.

    python run_byotrack.py IMAGES MASKS RESULT [IMAGES MASKS RESULT ...]

Images are linked by KOFT (Kalman filter and optical flow), volumes by SKT (no flow), as they
recommend. Nothing is set by hand; derived are, as in their script for the benchmark,
    association threshold   three radii of a mean mask, or the distance to the nearest
                            neighbour where that is more; Euclidean
    detection noise         half a radius; in z less by the anisotropy
    process and flow noise  three radii; the process noise in z less by the anisotropy
    order of the filter     0: no velocity is predicted
    gaps                    one missed frame
    splits                  allowed, within the same distance, if there are over 30 % more
                            masks in the last frame than in the first
    window of the flow      half a radius, at least 10 px, in images of a quarter of the size
    anisotropy              width to height of the masks' boxes
Their writer draws a disc of three radii, on the background, where a linked cell was missed.
A track without pixels left is cut there, so that every result is valid.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import byotrack
import byotrack.dataset.ctc as byotrack_ctc
import cv2
import torch
from byotrack.implementation.linker.frame_by_frame.kalman_linker import (
    KalmanLinker,
    KalmanLinkerParameters,
)
from byotrack.implementation.linker.frame_by_frame.koft import KOFTLinker, KOFTLinkerParameters
from byotrack.implementation.optical_flow.opencv import OpenCVOpticalFlow
from ctc_folder import Measured, frame_paths, measure, read_frames, write_result

LEAST_GROWTH = 0.3


def linker_of(seen: Measured, ndim: int) -> KalmanLinker:
    """The linker for images or volumes, its parameters derived."""
    noise, change = seen.radius / 2.0, 3.0 * seen.radius
    scale = torch.tensor([1.0, 1.0] if ndim == 2 else [1.0 / seen.anisotropy, 1.0, 1.0])
    common = {
        "association_threshold": seen.reach,
        "detection_std": noise * scale,
        "process_std": change * scale,
        "kalman_order": 0,
        "cost": "euclidean",
        "association_method": "sparse_opt_smooth",
        "n_valid": 1,
        "n_gap": 1,
        "anisotropy": (seen.anisotropy, 1.0, 1.0),
        "split_factor": 1.0 if seen.growth > LEAST_GROWTH and seen.gain > 1 else 0.0,
        "track_building": "smoothed",
    }
    if ndim == 3:
        return KalmanLinker(KalmanLinkerParameters(**common))
    window = max(10, int(seen.radius / 2.0))
    flow = OpenCVOpticalFlow(cv2.FarnebackOpticalFlow.create(winSize=window), downscale=4)
    return KOFTLinker(KOFTLinkerParameters(**common, flow_std=change * torch.ones(ndim)), flow)


def link(images: Path, masks: Path, result: Path) -> None:
    """Link one sequence and write a valid result."""
    frames = read_frames(masks)
    seen, ndim = measure(frames), frames[0].ndim
    detections = byotrack_ctc.load_detections(masks)
    tracks = linker_of(seen, ndim).run(byotrack.Video(images).normalize(), detections)
    with tempfile.TemporaryDirectory() as folder:
        byotrack_ctc.save_tracks(
            list(tracks),
            folder,
            detections_sequence=detections,
            default_radius=3.0 * seen.radius,
            last=len(frames) - 1,
            shape=frames[0].shape,
            anisotropy=(seen.anisotropy, 1.0, 1.0),
        )
        table = (Path(folder) / "res_track.txt").read_text().splitlines()
        rows = [tuple(int(word) for word in line.split()) for line in table]
        names = [path.name for path in frame_paths(masks)]
        write_result(result, names, read_frames(Path(folder)), rows)


def main(paths: list[str]) -> None:
    torch.set_num_threads(1)
    for images, masks, result in zip(paths[::3], paths[1::3], paths[2::3], strict=True):
        link(Path(images), Path(masks), Path(result))


if __name__ == "__main__":
    main(sys.argv[1:])
