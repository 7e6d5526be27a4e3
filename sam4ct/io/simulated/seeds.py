"""Write the seeds of a simulated detector as text files, in the formats of other detectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sam4ct.io.files import replacing


@dataclass(frozen=True)
class SeedFormat:
    """A format of seed files."""

    suffix: str
    """The end of a file name, after `tNNN`."""
    separator: str
    columns: tuple[str, str, str]
    """Names of z, y and x."""


SEED_FORMATS = {
    "plain": SeedFormat(".csv", ",", ("z", "y", "x")),
    "twang": SeedFormat(
        "_item_0005_ExtractSeedBasedIntensityWindowFilter_.csv", ";", ("zpos", "ypos", "xpos")
    ),
}
"""By name. "twang" has the columns of places that the detector TWANG writes."""


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
