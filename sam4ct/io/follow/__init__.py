"""Read the inputs of mode track: a movie, seeds of every frame, and the cells to follow.

Files:

- `layout`: file names of a sequence
- `sequence`: finds the inputs of a sequence
- `fingerprint`: hashes a movie frame by frame
- `seed_table`: reads and writes one file of seeds
- `seeds`: the seeds of a sequence
- `seed_folder`: the folder that `sam4ct seeds` writes
- `centroids`: reads and writes centroids as JSON
- `initial_cells`: reads the cells to follow, from JSON or a label TIFF
"""

from __future__ import annotations

from sam4ct.io.follow.centroids import Centroids, write_centroids
from sam4ct.io.follow.fingerprint import digest_movie
from sam4ct.io.follow.initial_cells import (
    InitialCells,
    frame_of,
    read_initial,
    read_label_cells,
    refuse_background,
)
from sam4ct.io.follow.layout import INITIAL, has_all_parts
from sam4ct.io.follow.seed_folder import SeedFolder, searched_diameters, searched_spacing
from sam4ct.io.follow.seeds import SEEDS, SeedFiles, seeds_dir_of
from sam4ct.io.follow.sequence import (
    TrackSequence,
    count_images,
    find_track_sequence,
    fingerprint,
    track_names,
)

__all__ = [
    "INITIAL",
    "SEEDS",
    "Centroids",
    "InitialCells",
    "SeedFiles",
    "SeedFolder",
    "TrackSequence",
    "count_images",
    "digest_movie",
    "find_track_sequence",
    "fingerprint",
    "frame_of",
    "has_all_parts",
    "read_initial",
    "read_label_cells",
    "refuse_background",
    "searched_diameters",
    "searched_spacing",
    "seeds_dir_of",
    "track_names",
    "write_centroids",
]
