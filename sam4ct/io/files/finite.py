"""Refuse images with NaN or infinite pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError


def refuse_not_finite(where: str, values: NDArray[np.generic]) -> None:
    """Refuse a frame, or a part of one, with NaN or infinite values.

    Args:
        where: The file and the frame; the message begins with it.
        values: Of any type and shape.

    Raises:
        SequenceError: A value is NaN or infinite.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise SequenceError(
            f"{where} has NaN or infinite pixels, e.g. margins of a registered or stitched image."
            " Replace them by numbers, e.g. with numpy.nan_to_num."
        )
