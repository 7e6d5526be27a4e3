"""Read and write the work folder `SS_RES.sam4ct/`, from which a killed run continues.

Files:

- `folder`: paths, keys, and removal of outdated files
- `tables`: tables as Parquet files
- `masks`: propagated masks as run lengths in Parquet
"""

from __future__ import annotations

from sam4ct.io.work.folder import WorkDir
from sam4ct.io.work.masks import read_masks, write_masks
from sam4ct.io.work.tables import read_table, write_columns, write_table

__all__ = [
    "WorkDir",
    "read_masks",
    "read_table",
    "write_columns",
    "write_masks",
    "write_table",
]
