"""The SAM 2 engine: follows all regions of a frame into another frame, in batches.

Owns windows, encodings and batches on a device. Every (frame, window) is
encoded once and kept while memory allows; every object is remembered once and
recalled in each frame asked for. Batches have a fixed size and never span
frames, so a result does not depend on what was asked before.

SAM 2's (x, y) order exists only here, for prompt points.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sam4ct.geometry import Window, WindowPlan
from sam4ct.models.sam2_network import (
    Features,
    Memory,
    encode,
    recall,
    remember,
    remember_points,
)
from sam4ct.models.sam2_prompts import prompt_points
from sam4ct.regions import Region
from sam4ct.types import Propagated

logger = logging.getLogger(__name__)

Frame = NDArray[np.float32]
T = TypeVar("T")

LEVEL_GRID = 128
"""Contrast levels of a window are measured on at most this many samples an axis."""


@dataclass
class Counters:
    """What the engine did; goes into run.json."""

    encoder_windows: int = 0
    """Encoder passes, one a window."""
    encoder_windows_again: int = 0
    """Passes that were repeated because the cache was too small."""
    objects_remembered: int = 0
    objects_recalled: int = 0
    halved_batches: int = 0
    """How often a batch was halved for lack of device memory."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """How the engine uses its device; none of it but `prompt` changes what is computed."""

    device: str = "cpu"
    window_batch: int = 16
    object_batch: int = 32
    cache_bytes: int = 4 << 30
    prompt: str = "mask"
    """"mask", or "points" for the published method's box and points."""
    gated: bool = False
    """Empty the masks of objects that SAM 2 thinks are gone, as the package does."""


@dataclass
class _Cached:
    features: Features
    index: dict[Window, int]
    memories: dict[int, int] = field(default_factory=dict)
    memory: Memory | None = None


class Sam2Propagator:
    """Implements `types.Propagator` with a SAM 2 network."""

    def __init__(
        self,
        network: Any,
        image: Callable[[int], Frame],
        plan: WindowPlan,
        settings: EngineSettings,
    ) -> None:
        """Args:
        network: A SAM 2 network (see `sam2_network.build_network`).
        image: Returns the prepared image of a frame, float32 (y, x).
        plan: Which windows each frame needs.
        settings: Device and batch sizes.
        """
        self._device = torch.device(settings.device)
        self._network = network.to(self._device).eval()
        self._image, self._plan, self._settings = image, plan, settings
        self._window_batch = settings.window_batch
        self._object_batch = settings.object_batch
        self._cache: OrderedDict[int, _Cached] = OrderedDict()
        self._encoded: set[int] = set()
        self.counters = Counters()

    @torch.inference_mode()
    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        """Return, for every region of frame t by label, where it is in frame t2."""
        labels = sorted(regions)
        if not labels:
            return {}
        with self._precision():
            source, target = self._encodings(t), self._encodings(t2)
            memory = self._memories(t, source, regions)
            windows = [self._plan.window(t, label) for label in labels]
            rows = torch.tensor([source.memories[label] for label in labels])
            places = torch.tensor([target.index[w] for w in windows])

            def find(part: Tensor) -> tuple[Tensor, Tensor]:
                taken = _memory_rows(memory, rows[part].to(self._device))
                there = target.features.take(places[part].to(self._device))
                return recall(self._network, taken, there, gated=self._settings.gated)

            found = self._by_objects(len(labels), find)
        self.counters.objects_recalled += len(labels)
        logits = torch.cat([f[0] for f in found])[: len(labels)].float().cpu()
        scores = torch.cat([f[1] for f in found])[: len(labels)].float().cpu()
        return {
            label: Propagated(self._region(logits[i], window), float(scores[i]))
            for i, (label, window) in enumerate(zip(labels, windows, strict=True))
        }

    def forget_before(self, t: int) -> None:
        """Drop the encodings of frames before t."""
        for frame in [frame for frame in self._cache if frame < t]:
            del self._cache[frame]

    def _precision(self) -> torch.autocast:
        cuda = self._device.type == "cuda"
        use = cuda and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.autocast(self._device.type, torch.bfloat16, enabled=use)

    def _encodings(self, t: int) -> _Cached:
        if t in self._cache:
            self._cache.move_to_end(t)
            return self._cache[t]
        windows = self._plan.needed(t)
        image = torch.from_numpy(self._image(t)).to(self._device)
        crops = torch.cat([self._crop(image, w) for w in windows])
        parts = self._in_batches(
            len(windows), "_window_batch", lambda part: encode(self._network, crops[part])
        )
        levels = zip(*(p.levels for p in parts), strict=True)
        positions = zip(*(p.positions for p in parts), strict=True)
        features = Features(
            tuple(torch.cat(level)[: len(windows)] for level in levels),
            tuple(torch.cat(position)[: len(windows)] for position in positions),
        )
        self.counters.encoder_windows += len(windows)
        if t in self._encoded:
            self.counters.encoder_windows_again += len(windows)
        self._encoded.add(t)
        cached = _Cached(features, {w: i for i, w in enumerate(windows)})
        self._cache[t] = cached
        self._shrink(keep=2)
        return cached

    def _shrink(self, keep: int) -> None:
        used = sum(c.features.nbytes for c in self._cache.values())
        while used > self._settings.cache_bytes and len(self._cache) > keep:
            _, oldest = self._cache.popitem(last=False)
            used -= oldest.features.nbytes

    def _crop(self, image: Tensor, window: Window) -> Tensor:
        """Cut a window, resize it to the network's size, scale its contrast to 0..1; (1, S, S)."""
        (y, x), side = window.corner, window.side
        inside = image[max(0, y) : y + side, max(0, x) : x + side]
        if inside.shape != (side, side):
            padded = image.new_full((side, side), float(inside.median()))
            top, left = max(0, -y), max(0, -x)
            padded[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
            inside = padded
        size = self._network.image_size
        crop = _resized(inside[None], size)
        stride = max(1, size // LEVEL_GRID)
        sample = crop[0, ::stride, ::stride].flatten()
        low, high = torch.quantile(sample, sample.new_tensor([0.005, 0.998])).tolist()
        stretched: Tensor = ((crop - low) / (high - low + 1e-6)).clamp(0, 1)
        return stretched

    def _memories(self, t: int, source: _Cached, regions: Mapping[int, Region]) -> Memory:
        if source.memory is None or any(label not in source.memories for label in regions):
            labels = sorted(regions)
            windows = [self._plan.window(t, label) for label in labels]
            places = torch.tensor([source.index[w] for w in windows])
            masks = torch.cat(
                [self._prompt(regions[i], w) for i, w in zip(labels, windows, strict=True)]
            )

            def keep(part: Tensor) -> Memory:
                there = source.features.take(places[part].to(self._device))
                chosen = masks[part].to(self._device)
                if self._settings.prompt == "points":
                    points, kinds = prompt_points(chosen.cpu().numpy() > 0)
                    return remember_points(
                        self._network,
                        there,
                        torch.from_numpy(points).to(self._device),
                        torch.from_numpy(kinds).to(self._device),
                    )
                return remember(self._network, there, chosen)

            parts = self._by_objects(len(labels), keep)
            source.memory = _joined(parts, len(labels))
            source.memories = {label: i for i, label in enumerate(labels)}
            self.counters.objects_remembered += len(labels)
        return source.memory

    def _prompt(self, region: Region, window: Window) -> Tensor:
        """Draw a region into its window at the network's size, as the package does; (1, S, S)."""
        drawn = np.zeros((window.side, window.side), np.float32)
        y, x = (c - w for c, w in zip(region.corner, window.corner, strict=True))
        inside = Region(region.mask, (y, x)).clipped(drawn.shape)
        drawn[inside.box] = inside.mask
        resized = _resized(torch.from_numpy(drawn)[None], self._network.image_size)
        return (resized >= 0.5).float()

    def _region(self, logits: Tensor, window: Window) -> Region:
        """Turn mask logits (S/4, S/4) into a region of the frame."""
        size = (window.side, window.side)
        high = F.interpolate(logits[None, None], size, mode="bilinear", align_corners=False)
        region = Region((high[0, 0] > 0).numpy(), window.corner)
        return region.clipped(self._plan.grid.shape).tight()

    def _by_objects(self, count: int, work: Callable[[Tensor], T]) -> list[T]:
        return self._in_batches(count, "_object_batch", work)

    def _in_batches(self, count: int, size: str, work: Callable[[Tensor], T]) -> list[T]:
        """Call `work` on indices in batches of one fixed size; the last one is padded.

        Out of device memory, the size is halved for the rest of the run and the
        whole list is done again.
        """
        while True:
            step = getattr(self, size)
            try:
                return [
                    work(torch.arange(start, start + step).clamp(max=count - 1))
                    for start in range(0, count, step)
                ]
            except torch.OutOfMemoryError:
                if step == 1:
                    raise
            torch.cuda.empty_cache()
            setattr(self, size, step // 2)
            self.counters.halved_batches += 1
            logger.warning("out of device memory: batches halved to %d", step // 2)


def _resized(images: Tensor, size: int) -> Tensor:
    """Resize (N, H, W) to (N, size, size), bilinear with antialiasing, as the package does."""
    return F.interpolate(
        images[:, None], (size, size), mode="bilinear", align_corners=False, antialias=True
    )[:, 0]


def _memory_rows(memory: Memory, rows: Tensor) -> Memory:
    return Memory(memory.features[rows], [p[rows] for p in memory.positions], memory.pointers[rows])


def _joined(parts: Sequence[Memory], count: int) -> Memory:
    return Memory(
        torch.cat([p.features for p in parts])[:count],
        [torch.cat(level)[:count] for level in zip(*(p.positions for p in parts), strict=True)],
        torch.cat([p.pointers for p in parts])[:count],
    )
