"""The SAM 2 engine for frames that do not fit in memory: each region has a window of its own.

Implements `types.Recogniser`. A window shows the middle slice of its region, with the region in
its centre. It is read when it is needed, and not stored. The memories of the regions of a frame
are stored until `forget_before` drops them. All regions of a frame are encoded into memory
together, so that a result does not depend on earlier calls. A region that is found in a slice
gets the depth of the region that was searched for. (`engine` shares windows among cells; it needs
to know all regions of a sequence in advance.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sam4ct.geometry import Slabs, Window, WindowGrid, box_of
from sam4ct.models.batches import Batches
from sam4ct.models.device import precision
from sam4ct.models.pointwise import same_for_any_threads
from sam4ct.models.sam2.network import Memory, encode, recall, remember
from sam4ct.models.sam2.trunk import without_padding
from sam4ct.models.sam2.windows import drawn, located, shown
from sam4ct.regions import Region
from sam4ct.types import Propagated

Plane = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class RecogniserSettings:
    """Device and batch size of the engine."""

    device: str = "cpu"
    bf16: bool = True
    """Compute in bfloat16 on CUDA devices that have it."""
    batch: int = 32
    """Windows that are computed together; each has one region."""


@dataclass(frozen=True)
class _Remembered:
    """The regions of a frame, their windows, and SAM 2's memory of them."""

    regions: Mapping[int, Region]
    rows: Mapping[int, int]
    """Row of each label in windows and memory."""
    windows: Sequence[Window]
    """One for each row."""
    memory: Memory


class Sam2Recogniser:
    """Implements `types.Recogniser` with a SAM 2 network."""

    def __init__(
        self,
        network: Any,
        plane: Callable[[int, int, slice, slice], Plane],
        shape: tuple[int, ...],
        side: int,
        settings: RecogniserSettings,
    ) -> None:
        """Move the network to its device. No frame is read yet.

        Args:
            network: A SAM 2 network (see `network.build_network`).
            plane: Returns a part of a slice, (h, w) float32, given t, z, and slices in y and x
                inside the frame.
            shape: Shape of a frame, (z, y, x).
            side: Side of a window in pixels, even; doubled as often as a large region needs.
            settings: Device, precision and batch size.
        """
        self._device = torch.device(settings.device)
        self._network = network.to(self._device).eval()
        same_for_any_threads(self._network)
        without_padding(self._network)
        self._plane, self._settings = plane, settings
        # With no grid step and slabs of one slice, every window has its region in the centre.
        self._grid = WindowGrid(shape, side, step=0.0, slabs=Slabs(shape[0], height=1, reach=0))
        self._batches = Batches(settings.batch)
        self._kept: dict[int, _Remembered] = {}
        self._windows = 0

    @property
    def encoder_windows(self) -> int:
        """Windows encoded so far."""
        return self._windows

    @property
    def halved_batches(self) -> int:
        """How often a batch was halved for lack of device memory."""
        return self._batches.halved

    @torch.inference_mode()
    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        """Find all regions of frame t in frame t2; return the result by label.

        Args:
            t: Frame of the regions.
            regions: All regions of the frame by label; none is empty.
            t2: Any other frame.
        """
        if not regions:
            return {}
        with precision(self._device, bf16=self._settings.bf16):
            known = self._remembered(t, regions)

            def find(part: range) -> tuple[Tensor, Tensor]:
                rows = torch.tensor(part, device=self._device)
                here = known.windows[part.start : part.stop]
                there = encode(self._network, self._images(t2, here))
                return recall(self._network, known.memory.take(rows), there, gated=False)

            found = self._batches.run(len(known.windows), find)
        logits, scores = (torch.cat(part).float().cpu() for part in zip(*found, strict=True))
        return {
            label: Propagated(
                self._with_depth(logits[row], known.windows[row], regions[label]),
                float(scores[row]),
            )
            for label, row in known.rows.items()
        }

    @torch.inference_mode()
    def similarities(
        self,
        frames: tuple[int, int],
        regions: tuple[Mapping[int, Region], Mapping[int, Region]],
        pairs: Sequence[tuple[int, int]],
    ) -> NDArray[np.float64]:
        """Return the cosine between the spatial memories of two regions, (pairs,).

        Each memory is that of a window with the region in its centre, so neighbouring cells
        count, too.

        Args:
            frames: The two frames.
            regions: All regions of each frame by label; none is empty.
            pairs: Pairs of labels, one from each frame.
        """
        if not pairs:
            return np.empty(0)
        with precision(self._device, bf16=self._settings.bf16):
            one, other = (self._remembered(t, r) for t, r in zip(frames, regions, strict=True))
        rows = [(one.rows[a], other.rows[b]) for a, b in pairs]

        def compare(part: range) -> Tensor:
            a, b = torch.tensor(rows[part.start : part.stop], device=self._device).T
            pairs = one.memory.features[a], other.memory.features[b]
            units = [F.normalize(features.float().flatten(1), dim=1) for features in pairs]
            return (units[0] * units[1]).sum(dim=1).cpu()

        cosines = torch.cat(self._batches.run(len(rows), compare))
        return np.asarray(cosines.numpy(), dtype=np.float64)

    def forget_before(self, t: int) -> None:
        """Drop the memories of frames before t."""
        for frame in [frame for frame in self._kept if frame < t]:
            del self._kept[frame]

    def _remembered(self, t: int, regions: Mapping[int, Region]) -> _Remembered:
        """Return the memory of these regions; it is computed unless it is stored."""
        known = self._kept.get(t)
        if known is not None and known.regions == regions:
            return known
        labels = sorted(regions)
        windows = [self._grid.window(box_of(regions[label])) for label in labels]
        size = self._network.image_size

        def keep(part: range) -> Memory:
            here = [windows[i] for i in part]
            sections = [regions[labels[i]].section(self._middle(windows[i])) for i in part]
            there = encode(self._network, self._images(t, here))
            masks = drawn(sections, here, size)
            return remember(self._network, there, masks.to(self._device))

        memory = Memory.joined(self._batches.run(len(labels), keep))
        rows = {label: row for row, label in enumerate(labels)}
        self._kept[t] = _Remembered(dict(regions), rows, windows, memory)
        return self._kept[t]

    def _images(self, t: int, windows: Sequence[Window]) -> Tensor:
        """Read windows of a frame, and return them as input of the network, (N, S, S)."""
        size, (height, width) = self._network.image_size, self._grid.shape[-2:]
        parts = []
        for window in windows:
            y, x, side = window.y, window.x, window.side
            inside = self._plane(
                t,
                self._middle(window),
                slice(max(0, y), min(height, y + side)),
                slice(max(0, x), min(width, x + side)),
            )
            parts.append(torch.from_numpy(inside).to(self._device))
        self._windows += len(windows)
        return shown(parts, windows, size)

    def _with_depth(self, logits: Tensor, window: Window, source: Region) -> Region:
        """Return the region found in a window, with the depth of the source region."""
        section = located(logits, window, self._grid.shape[-2:])
        depth = len(source.mask) if section.size else 0
        mask = np.repeat(section.mask[None], depth, axis=0)
        return Region(mask, (source.corner[0], *section.corner))

    def _middle(self, window: Window) -> int:
        """Return the slice of the frame that a window shows."""
        return self._grid.slabs.middle(window.slab)
