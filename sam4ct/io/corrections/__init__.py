"""Read and write `SS_CORRECTIONS.csv`, and find the regions that corrections name.

- `table`: the file
- `geff`: a lineage that an editor wrote
- `settle`: labels and places to the regions of the masks as they now are
"""

from __future__ import annotations

from sam4ct.io.corrections.settle import Regions, refuse_unknown, settled
from sam4ct.io.corrections.table import (
    COLUMNS,
    corrections_file,
    fields_of,
    read_corrections,
    write_corrections,
)

__all__ = [
    "COLUMNS",
    "Regions",
    "corrections_file",
    "fields_of",
    "read_corrections",
    "refuse_unknown",
    "settled",
    "write_corrections",
]
