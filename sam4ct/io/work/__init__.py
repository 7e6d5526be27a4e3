"""The work folder `SS_RES.sam4ct/`: what a resumed run goes on from.

Files:

- `folder`: paths, keys and invalidation
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
