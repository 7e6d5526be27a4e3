"""The SAM 2 engine: finds all regions of a frame in another frame, in batches.

The engine has a network on a device, and a cache. It encodes each window of a frame once and
caches the result as long as memory suffices. It encodes each region into SAM 2's memory once, and
then finds it in any number of other frames. A batch consists of windows of one frame, or of
objects of one pair of frames, so that a result does not depend on earlier calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sam4ct.geometry import Window, WindowPlan
from sam4ct.models.batches import Batches, Prepared
from sam4ct.models.device import precision
from sam4ct.models.pointwise import same_for_any_threads
from sam4ct.models.sam2.cache import CachedFrame, FrameCache
from sam4ct.models.sam2.network import (
    Features,
    Memory,
    encode,
    recall,
    remember,
    remember_points,
)
from sam4ct.models.sam2.prompts import prompt_points
from sam4ct.models.sam2.trunk import without_padding
from sam4ct.models.sam2.windows import Found, Section, assembled, drawn, enlarged, inside, shown
from sam4ct.regions import Region
from sam4ct.types import Propagated

Frame = NDArray[np.float32]

PROMPTS = ("mask", "points")


@dataclass
class Counters:
    """How much the engine has computed, for run.json."""

    encoder_windows: int = 0
    """Windows encoded."""
    encoder_windows_again: int = 0
    """Windows encoded again because the cache was too small."""
    objects_remembered: int = 0
    objects_recalled: int = 0
    halved_batches: int = 0
    """How often a batch was halved for lack of device memory."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Device, batch sizes, cache and prompt of the engine."""

    device: str = "cpu"
    bf16: bool = True
    """Compute in bfloat16 on CUDA devices that have it."""
    window_batch: int = 16
    object_batch: int = 32
    cache_bytes: int = 4 << 30
    """Largest size of the cache of frames. The two frames in use stay in any case."""
    prompt: str = "mask"
    """"mask", or "points" for the box and points of Chen et al. 2025."""
    gated: bool = False
    """Whether objects with a score of 0 or less, which are probably absent, get empty masks."""

    def __post_init__(self) -> None:
        if self.prompt not in PROMPTS:
            raise ValueError(f"prompt is {self.prompt!r}, not one of {PROMPTS}")


class Sam2Propagator:
    """Implements `types.Propagator` with a SAM 2 network."""

    def __init__(
        self,
        network: Any,
        image: Callable[[int], Frame],
        plan: WindowPlan,
        settings: EngineSettings,
    ) -> None:
        """Move the network to its device. No frame is read yet.

        Args:
            network: A SAM 2 network (see `network.build_network`).
            image: Returns the prepared image of a frame, float32 ([z,] y, x).
            plan: Which windows each frame needs.
            settings: Device, precision and batch sizes.
        """
        self._device = torch.device(settings.device)
        self._network = network.to(self._device).eval()
        same_for_any_threads(self._network)
        without_padding(self._network)
        self._image, self._plan, self._settings = image, plan, settings
        self._window_batches = Batches(settings.window_batch)
        self._object_batches = Batches(settings.object_batch)
        self._cache = FrameCache(settings.cache_bytes)
        self._encoded: set[int] = set()
        self._counters = Counters()

    @property
    def counters(self) -> Counters:
        """Counts so far."""
        halved = self._window_batches.halved + self._object_batches.halved
        self._counters.halved_batches = halved
        return self._counters

    @torch.inference_mode()
    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        """Find all regions of frame t in frame t2; return the result by label.

        Args:
            t: Frame of the regions.
            regions: By label; the plan was made for them.
            t2: At most `plan.reach` frames before or after t.

        Raises:
            ValueError: The frames are further apart.
        """
        if abs(t2 - t) > self._plan.reach:
            raise ValueError(f"frames {t} and {t2}: the windows reach {self._plan.reach} frames")
        if not regions:
            return {}
        labels = sorted(regions)
        windows = [self._plan.window(t, label) for label in labels]
        views = [self._plan.views(t, label, t2) for label in labels]
        with precision(self._device, bf16=self._settings.bf16):
            source, target = self._cached(t), self._cached(t2)
            memory = self._memory(source, {i: regions[i] for i in labels}, windows)
            self._cache.shrink(keep=(t, t2))
            found = self._sections(memory, target, views)
        grid = self._plan.grid
        return {i: assembled(seen, grid) for i, seen in zip(labels, found, strict=True)}

    def forget_before(self, t: int) -> None:
        """Drop frames before t from the cache."""
        self._cache.forget_before(t)

    def _middle(self, window: Window) -> int:
        """Return the slice of the frame that a window shows."""
        return self._plan.grid.slabs.middle(window.slab)

    def _index(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.long, device=self._device)

    def _cached(self, t: int) -> CachedFrame:
        """Return the encodings of all windows that the plan has in frame t, cached or new."""
        cached = self._cache.get(t)
        if cached is None:
            windows = self._plan.needed(t)
            image = torch.from_numpy(self._image(t)).to(self._device)
            slices = image.reshape(-1, *image.shape[-2:])
            size = self._network.image_size

            def show(part: range) -> Tensor:
                here = windows[part.start : part.stop]
                return shown([inside(slices[self._middle(w)], w) for w in here], here, size)

            with Prepared(show, len(windows)) as shows:
                batches = self._window_batches.run(
                    len(windows), lambda part: encode(self._network, shows(part))
                )
            features = Features.joined(batches)
            self._counters.encoder_windows += len(windows)
            if t in self._encoded:
                self._counters.encoder_windows_again += len(windows)
            self._encoded.add(t)
            cached = CachedFrame(features, {w: row for row, w in enumerate(windows)})
            self._cache.add(t, cached)
        return cached

    def _memory(
        self, source: CachedFrame, regions: dict[int, Region], windows: Sequence[Window]
    ) -> Memory:
        """Return the memory of these regions; it is computed unless it is cached."""
        if source.memory is None or source.regions != regions:
            shapes = list(regions.values())
            places = self._index([source.rows[w] for w in windows])
            size = self._network.image_size

            def keep(part: range) -> Memory:
                sections = [shapes[i].section(self._middle(windows[i])) for i in part]
                here = windows[part.start : part.stop]
                there = source.features.take(places[part.start : part.stop])
                return self._remember(there, drawn(sections, here, size))

            source.memory = Memory.joined(self._object_batches.run(len(regions), keep))
            source.regions = regions
            self._counters.objects_remembered += len(regions)
        return source.memory

    def _sections(
        self, memory: Memory, target: CachedFrame, views: Sequence[Sequence[Window]]
    ) -> list[list[Section]]:
        """Find every object of a memory in its windows of the target frame."""
        searches = [(row, window) for row, windows in enumerate(views) for window in windows]
        objects = self._index([row for row, _ in searches])
        places = self._index([target.rows[window] for _, window in searches])

        def find(part: range) -> tuple[list[Found], Tensor]:
            rows = slice(part.start, part.stop)
            known, there = memory.take(objects[rows]), target.features.take(places[rows])
            logits, scores = recall(self._network, known, there, gated=self._settings.gated)
            return enlarged(logits, [window for _, window in searches[rows]]), scores

        # Results are fetched after the last batch, so that the device never waits for the CPU.
        batches = self._object_batches.run(len(searches), find)
        self._counters.objects_recalled += len(searches)
        sections: list[list[Section]] = [[] for _ in views]
        rest = iter(searches)
        for found, scores in batches:
            masks = {row: mask for part in found for row, mask in part.fetched()}
            for i, score in enumerate(scores.tolist()):
                row, window = next(rest)
                sections[row].append(Section(window, masks[i], score))
        return sections

    def _remember(self, there: Features, masks: Tensor) -> Memory:
        """Encode the masks of objects (K, S, S) into memory, by the prompt of the settings."""
        if self._settings.prompt == "points":
            points, kinds = (torch.from_numpy(a) for a in prompt_points(masks.numpy() > 0))
            return remember_points(
                self._network, there, points.to(self._device), kinds.to(self._device)
            )
        return remember(self._network, there, masks.to(self._device))
