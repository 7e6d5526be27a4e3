"""Writes the result's label frames, one after another.

In: input masks, and the track label of every region. Out: frames with track labels. Given masks
keep their pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from sam4ct.regions import LabelFrame
from sam4ct.stages.fill import Generated
from sam4ct.stages.paint.tracks import Traced
from sam4ct.tables import Detections
from sam4ct.types import FrameReader, FrameWriter


def paint(
    reader: FrameReader,
    detections: Detections,
    traced: Traced,
    generated: Iterable[Generated],
    writer: FrameWriter,
) -> Iterator[int]:
    """Write every frame with track labels; yield the frame number after each.

    Args:
        reader: For the input masks.
        detections: Ordered by frame and label.
        traced: Track labels of detections and generated regions.
        generated: Regions to add where the input has background.
        writer: Takes the frames.
    """
    extra: dict[int, list[Generated]] = {}
    for g in generated:
        extra.setdefault(g.t, []).append(g)
    for t in range(reader.frames):
        rows = slice(*np.searchsorted(detections.t, [t, t + 1]))
        frame = relabelled(reader.labels(t), detections.label[rows], traced.of_detection[rows])
        for g in extra.get(t, []):
            label = traced.of_generated[g.t, g.source_t, g.source_label]
            free = g.region.mask & (frame[g.region.box] == 0)
            frame[g.region.box][free] = label
        writer.write(t, frame)
        yield t


def relabelled(
    labels: LabelFrame, old: NDArray[np.int64], new: NDArray[np.int64]
) -> NDArray[np.uint16]:
    """Return a frame with labels `old`, in increasing order, replaced by `new`.

    Labels that are not in `old` become background.
    """
    if not len(old):
        return np.zeros(labels.shape, np.uint16)
    at = np.minimum(np.searchsorted(old, labels), len(old) - 1)
    return np.where(old[at] == labels, new[at], 0).astype(np.uint16)
