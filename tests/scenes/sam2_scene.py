"""A simulated movie for the SAM 2 engine, and the package's own predictor as its judge.

The judge is built by the package from its configuration and asked about one
window, one object and one pair of frames at a time. Nothing of the engine is
used for it but the crops, so that both see the same pixels.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sam2.build_sam import build_sam2_video_predictor
from sam2.utils.misc import load_video_frames
from torch import Tensor

from sam4ct.geometry import Window, WindowGrid, WindowPlan
from sam4ct.models.sam2.engine import EngineSettings, Sam2Propagator
from sam4ct.models.sam2.prompts import prompt_points
from sam4ct.models.sam2.windows import drawn, inside, shown
from sam4ct.models.weights.entry import Entry
from sam4ct.regions import Region, regions_of
from sam4ct.simulate import movie_law, simulate
from sam4ct.stages.detect import detect_frame
from sam4ct.tables import Detections
from sam4ct.types import Propagated


@dataclass(frozen=True)
class Scene:
    """A movie in memory, and the windows that an engine sees of it."""

    images: Sequence[NDArray[np.float32]]
    labels: Sequence[NDArray[np.int32]]
    plan: WindowPlan

    def image(self, t: int) -> NDArray[np.float32]:
        return self.images[t]

    def regions(self, t: int) -> dict[int, Region]:
        return regions_of(self.labels[t])

    def engine(self, network: Any, **settings: Any) -> Sam2Propagator:
        return Sam2Propagator(network, self.image, self.plan, EngineSettings(**settings))

    def pairs(self) -> list[tuple[int, int]]:
        """All pairs of frames in reach, both ways, in the order of a run."""
        return [
            pair
            for later in range(len(self.images))
            for early in range(max(0, later - self.plan.reach), later)
            for pair in ((early, later), (later, early))
        ]


def scene(
    frames: int,
    shape: tuple[int, int] = (120, 120),
    *,
    cells: int | None = None,
    side: int = 80,
    reach: int = 1,
    seed: int = 5,
) -> Scene:
    """Simulate nuclei about 26 pixels across; windows are shared on a grid of a quarter side."""
    law = movie_law("nuclei", shape, frames, cells)
    movie = list(simulate(np.random.default_rng(seed), law))
    labels = [f.labels for f in movie]
    detections = Detections.concat(detect_frame(t, frame) for t, frame in enumerate(labels))
    plan = WindowPlan.of(detections, WindowGrid(shape, side, 0.25), reach)
    return Scene([f.image for f in movie], labels, plan)


class PackagePredictor:
    """`SAM2VideoPredictor` with the weights of a network, as the package builds it."""

    def __init__(self, entry: Entry, network: Any, device: str = "cpu") -> None:
        """Args:
        entry: Gives the configuration; official ones are built without any change to it.
        network: Its weights and image size are taken over.
        device: "cpu" or "cuda".
        """
        official = entry.source.startswith("https")
        changes = {"image_size": network.image_size, **({} if official else entry.overrides)}
        self._predictor = build_sam2_video_predictor(
            f"configs/sam2.1/{entry.config}.yaml",
            device=device,
            hydra_overrides_extra=[f"++model.{key}={value}" for key, value in changes.items()],
            apply_postprocessing=official,
        )
        # Filling holes needs an extension that is built on few machines.
        self._predictor.fill_hole_area = 0
        self._predictor.load_state_dict(network.state_dict())

    @torch.inference_mode()
    def propagate(
        self,
        scene: Scene,
        pair: tuple[int, int],
        regions: Mapping[int, Region],
        prompt: str,
    ) -> dict[int, Propagated]:
        """Follow every region of the pair's first frame into its second one."""
        found = {}
        for window in {scene.plan.window(pair[0], label) for label in regions}:
            here = {i: r for i, r in regions.items() if scene.plan.window(pair[0], i) == window}
            found.update(self._in_window(scene, pair, window, here, prompt))
        return found

    def _in_window(
        self,
        scene: Scene,
        pair: tuple[int, int],
        window: Window,
        regions: Mapping[int, Region],
        prompt: str,
    ) -> dict[int, Propagated]:
        """A video of two frames in their order of time, played backward where the pair is."""
        source, target = pair
        at = int(source > target)
        state = self._video(scene, sorted(pair), window)
        for label, region in regions.items():
            if prompt == "points":
                size = self._predictor.image_size
                points, kinds = prompt_points(drawn([region], [window], size).numpy() > 0)
                self._predictor.add_new_points_or_box(
                    state, at, label, points[0] / size, kinds[0], normalize_coords=False
                )
            else:
                self._predictor.add_new_mask(state, at, label, _mask(region, window))
        # The first answer is the prompt itself, the second one is for the other frame.
        *_, (_, _, logits) = self._predictor.propagate_in_video(state, at, reverse=at == 1)
        masks = (logits[:, 0] > 0).cpu().numpy()
        return {
            label: Propagated(
                Region(masks[i], window.corner).clipped(scene.plan.grid.shape).tight(),
                float(_output(state, i, 1 - at)["object_score_logits"]),
            )
            for i, label in enumerate(regions)
        }

    def _video(self, scene: Scene, frames: Sequence[int], window: Window) -> dict[str, Any]:
        """Start a video of a window without files: nothing is lost by compression."""
        defaults = inspect.signature(load_video_frames).parameters
        mean, std = (torch.tensor(defaults[n].default) for n in ("img_mean", "img_std"))
        size = self._predictor.image_size
        parts = [inside(torch.from_numpy(scene.image(t)), window) for t in frames]
        grey = shown(parts, [window] * len(parts), size)[:, None]
        images = (grey - mean[:, None, None]) / std[:, None, None]

        def loaded(*_: object, **__: object) -> tuple[Tensor, int, int]:
            return images, window.side, window.side

        with patch("sam2.sam2_video_predictor.load_video_frames", loaded):
            state: dict[str, Any] = self._predictor.init_state("no file")
        return state


def _mask(region: Region, window: Window) -> NDArray[np.bool_]:
    """The pixels of a window that belong to a region; the package resizes them itself."""
    y, x = (np.arange(window.side) + start for start in window.corner)
    at = {tuple(p) for p in (np.argwhere(region.mask) + region.corner).tolist()}
    return np.array([[(int(i), int(j)) in at for j in x] for i in y])


def _output(state: dict[str, Any], row: int, frame: int) -> dict[str, Tensor]:
    found: dict[str, Tensor] = state["output_dict_per_obj"][row]["non_cond_frame_outputs"][frame]
    return found


def iou(a: Region, b: Region) -> float:
    """Intersection over union of two regions; 1 if both are empty."""
    one, other = _pixels(a), _pixels(b)
    union = len(one | other)
    return len(one & other) / union if union else 1.0


def nearly_same(a: Region, b: Region) -> bool:
    """Whether two regions differ by one pixel, or one in a thousand, at most.

    Sums of another order, as of other batches or numbers of threads, differ by a rounding,
    which moves a pixel at the edge from one side of 0 to the other.
    """
    one, other = _pixels(a), _pixels(b)
    return len(one ^ other) <= max(1, len(one | other) / 1000)


def _pixels(region: Region) -> set[tuple[int, ...]]:
    """The coordinates of a region's pixels in its frame."""
    return set(map(tuple, (np.argwhere(region.mask) + region.corner).tolist()))


def memory_fails_once(network: Any, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a part of a network run out of device memory when it is called for the first time."""
    part, failures = network.get_submodule(step), iter([torch.OutOfMemoryError("drawn")])
    work = part.forward

    def fails_once(*args: Any, **kwargs: Any) -> Any:
        for failure in failures:
            raise failure
        return work(*args, **kwargs)

    monkeypatch.setattr(part, "forward", fails_once)
