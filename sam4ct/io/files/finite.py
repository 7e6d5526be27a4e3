"""Images must be numbers: NaN and infinite values are refused wherever pixels are read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError


def refuse_not_finite(where: str, values: NDArray[np.generic]) -> None:
    """Refuse a frame, or a part of one, of which not all values are finite.

    Args:
        where: The file, and which frame of it; begins the message.
        values: Of any type; only floats may be NaN or infinite.

    Raises:
        SequenceError: Some are.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise SequenceError(
            f"{where} has NaN or infinite pixels, e.g. margins of a registered or stitched image."
            " Replace them by numbers, e.g. with numpy.nan_to_num."
        )
