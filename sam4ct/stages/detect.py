"""The regions of a label frame as a table.

In: a label frame, ([z,] y, x). Out: one row per label: size, centroid, bounding box, contrast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from sam4ct.regions import LabelFrame
from sam4ct.tables import Detections, Floats


def detect_frame(t: int, labels: LabelFrame, contrast: Floats | None = None) -> Detections:
    """Return one row per label of a frame, in increasing order of labels.

    Args:
        t: The frame number to write into the rows.
        labels: Label frame, integers, ([z,] y, x); 0 is background.
        contrast: Of every region (`intensity.contrasts`), (labels,); None if not measured.
    """
    found = np.unique(labels)
    present = found[found > 0].astype(np.int64)
    if not len(present):
        return Detections.empty()
    # Labels may be large and sparse, and scipy lists all numbers up to the largest: renumber.
    dense = np.searchsorted(found, labels) + (1 if found[0] > 0 else 0)
    boxes = np.array(
        [[(s.start, s.stop) for s in box] for box in ndimage.find_objects(dense)], dtype=np.int64
    )
    index = np.arange(1, len(present) + 1)
    sizes = np.bincount(dense.ravel(), minlength=len(present) + 1)[1:]
    centres = np.array(ndimage.center_of_mass(dense > 0, dense, index))
    if labels.ndim == 2:
        boxes = np.concatenate([np.tile([[[0, 1]]], (len(present), 1, 1)), boxes], axis=1)
        centres = np.concatenate([np.zeros((len(present), 1)), centres], axis=1)
    height, width = labels.shape[-2:]
    in_plane = boxes[:, 1:]
    border = (in_plane[:, :, 0] == 0).any(1) | (in_plane[:, :, 1] == [height, width]).any(1)
    names = [f"{axis}{end}" for end in "01" for axis in "zyx"]
    ends = np.concatenate([boxes[:, :, 0], boxes[:, :, 1]], axis=1)
    measured = contrast is not None and len(contrast) == len(present)
    columns: dict[str, Any] = {
        "t": np.full(len(present), t),
        "label": present,
        "size": sizes,
        "border": border,
        "contrast": contrast if measured else np.full(len(present), np.nan),
        **{axis: centres[:, i] for i, axis in enumerate("zyx")},
        **{name: ends[:, i] for i, name in enumerate(names)},
    }
    return Detections(**columns)
