"""What may be wrong with input: cases, faults by kind, commands, and how a run is judged."""

from fuzz_faults import (
    encodings,
    files,
    headers,
    initial_cells,
    masks,
    names,
    options,
    pixels,
    seeds,
    surroundings,
    tracks,
)
from fuzz_faults.registry import FAULTS

KINDS = (
    encodings,
    files,
    headers,
    initial_cells,
    masks,
    names,
    options,
    pixels,
    seeds,
    surroundings,
    tracks,
)
"""The modules whose faults are in the list, by being loaded."""
__all__ = ["FAULTS", "KINDS"]
