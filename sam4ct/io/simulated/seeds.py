"""Seeds of a simulated detector as text files, one a frame, as other detectors write them.

Owns names and columns of these files. What `sam4ct seeds` finds is written by `seed_table`,
and reading is left to `seeds`. Places are voxels, (z, y, x).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.io.files import replacing


@dataclass(frozen=True)
class SeedFormat:
    """One kind of seed files."""

    suffix: str
    """What follows `tNNN` in their names."""
    separator: str
    columns: tuple[str, str, str]
    """Names of z, y and x."""


SEED_FORMATS = {
    "plain": SeedFormat(".csv", ",", ("z", "y", "x")),
    "twang": SeedFormat(
        "_item_0005_ExtractSeedBasedIntensityWindowFilter_.csv", ";", ("zpos", "ypos", "xpos")
    ),
}
"""By name. "twang" is what the detector TWANG writes, of its columns those of the place."""


def write_seed_file(
    folder: Path, t: int, seeds: NDArray[np.float64], kind: SeedFormat, digits: int = 3
) -> None:
    """Write the seeds of a frame atomically; equal seeds give equal bytes.

    Args:
        folder: Made if it is not there.
        t: Frame number.
        seeds: Voxels (z, y, x), (n, 3); written to a thousandth.
        kind: One of `SEED_FORMATS`.
        digits: Width of the frame number.

    Raises:
        WorkError: The disk refuses.
    """
    rows = [kind.columns, *([f"{value:.3f}" for value in seed] for seed in seeds)]
    text = "".join(f"{kind.separator.join(row)}\n" for row in rows)
    with replacing(folder / f"t{t:0{digits}d}{kind.suffix}") as file:
        file.write(text.encode())
