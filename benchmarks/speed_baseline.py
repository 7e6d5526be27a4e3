"""One window per cell: what SAM 2 costs if every cell is followed by itself.

The published way, in the package's own `SAM2VideoPredictor`: for every cell and pair of
frames a window is cut around the cell from both frames and made a video of two frames;
the cell is given by a box and 65 points, and its mask in the other frame is asked for. Two
encoder passes each, one cell at a time, float32. Of what else that takes, reading the files
and finding the points are not timed, so the baseline is rather faster than the real thing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sam2.build_sam import build_sam2_video_predictor

from sam4ct.models.sam2.prompts import prompt_points
from sam4ct.models.weights.entry import Entry

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Cell:
    """A cell to follow: its plane of two frames, and its mask in the first."""

    planes: tuple[Plane, Plane]
    """(y, x) each."""
    mask: NDArray[np.bool_]
    """(y, x)."""


class PerCell:
    """Follows one cell at a time by the package's predictor."""

    def __init__(self, entry: Entry, network: Any, side: int, device: str) -> None:
        """Args:
        entry: Of the weights, for the architecture.
        network: Its weights are taken over.
        side: Of the window, in pixels.
        device: "cpu" or "cuda:N".
        """
        changes = {"image_size": network.image_size, **entry.overrides}
        self._predictor = build_sam2_video_predictor(
            f"configs/sam2.1/{entry.config}.yaml",
            device=device,
            hydra_overrides_extra=[f"++model.{key}={value}" for key, value in changes.items()],
            apply_postprocessing=False,
        )
        self._predictor.load_state_dict(network.state_dict())
        self._side, self._device = side, device

    def seconds(self, cells: Sequence[Cell]) -> tuple[float, float]:
        """Follow cells; return the seconds and the encoder passes of each, on average.

        The seconds are of CPU on the CPU: a busy machine does not count.
        """
        # Its progress bars would be timed, too.
        quiet = mock.patch("sam2.sam2_video_predictor.tqdm", lambda frames, **_: frames)
        ready = [(cell, *self._prompt(cell)) for cell in cells]
        passes = 0
        encode = self._predictor.forward_image

        def counted(images: torch.Tensor) -> Any:
            nonlocal passes
            passes += len(images)
            return encode(images)

        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(self._predictor, "forward_image", counted))
            stack.enter_context(quiet)
            began = self._now()
            for cell, points, kinds in ready:
                self._follow(cell, points, kinds)
            took = self._now() - began
        return took / len(cells), passes / len(cells)

    def _now(self) -> float:
        if self._device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def _corner(self, cell: Cell) -> tuple[int, int]:
        """First pixel of the window around a cell; it may lie outside of the frame."""
        y, x = np.argwhere(cell.mask).mean(axis=0).round().astype(int) - self._side // 2
        return int(y), int(x)

    def _cut(self, plane: NDArray[Any], corner: tuple[int, int]) -> NDArray[Any]:
        """The window of a plane, padded with zeros."""
        window = np.zeros((self._side, self._side), plane.dtype)
        low = np.maximum(corner, 0)
        (y, x), (top, left) = low, low - corner
        inside = plane[y : corner[0] + self._side, x : corner[1] + self._side]
        window[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
        return window

    def _prompt(self, cell: Cell) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """The points and their kinds, in pixels of the window."""
        points, kinds = prompt_points(self._cut(cell.mask, self._corner(cell))[None])
        return points[0], kinds[0]

    def _seen(self, plane: Plane, corner: tuple[int, int]) -> torch.Tensor:
        """A window in 8 bits, as the network's input (3, S, S)."""
        window = self._cut(plane, corner)
        low, high = window.min(), window.max()
        grey = torch.from_numpy(((window - low) * (255.0 / (high - low + 1e-6))).round() / 255.0)
        size = self._predictor.image_size
        resized = F.interpolate(grey[None, None], (size, size), mode="bilinear", antialias=True)
        return ((resized[0] - 0.45) / 0.226).expand(3, size, size).to(self._device)

    def _follow(self, cell: Cell, points: NDArray[Any], kinds: NDArray[Any]) -> Plane:
        """Return the centre of the cell's mask in the other frame, (y, x) of the window."""
        corner = self._corner(cell)
        images = torch.stack([self._seen(plane, corner) for plane in cell.planes])

        def loaded(*_: object, **__: object) -> tuple[torch.Tensor, int, int]:
            return images, self._side, self._side

        with mock.patch("sam2.sam2_video_predictor.load_video_frames", loaded):
            state = self._predictor.init_state("no file")
        self._predictor.add_new_points_or_box(state, 0, 1, points, kinds)
        *_, (_, _, logits) = self._predictor.propagate_in_video(state)
        found = np.argwhere((logits[0, 0] > 0).cpu().numpy())
        return found.mean(axis=0) if len(found) else np.full(2, np.nan)


def sampled_cells(
    image: Callable[[int], NDArray[Any]],
    labels: Callable[[int], NDArray[Any]],
    frames: int,
    count: int,
) -> list[Cell]:
    """Return cells drawn from a few frames t at random, each with the frames t and t - 1.

    Args:
        image: Of a frame, ([z,] y, x).
        labels: Of a frame.
        frames: Length of the sequence.
        count: Cells wanted.
    """
    rng = np.random.default_rng(0)
    cells: list[Cell] = []
    per_frame = -(-count // min(count, 4))
    for t in rng.choice(np.arange(1, frames), -(-count // per_frame)).tolist():
        images, masks = (image(t), image(t - 1)), labels(t)
        for label in rng.choice(np.unique(masks[masks > 0]), per_frame).tolist():
            mask = masks == label
            if mask.ndim == 3:
                z = int(mask.sum(axis=(1, 2)).argmax())
                cells.append(Cell((images[0][z], images[1][z]), mask[z]))
            else:
                cells.append(Cell(images, mask))
    return cells[:count]
