"""Write simulated movies with exact ground truth.

Files:

- `movie`: a CTC dataset: images, masks with errors, ground truth
- `seeds`: seeds as text files
- `embryo`: an embryo: images, seeds, initial cells, ground truth
"""

from __future__ import annotations

from sam4ct.io.simulated.embryo import EmbryoFiles, write_embryo
from sam4ct.io.simulated.movie import SEQUENCE, write_dataset
from sam4ct.io.simulated.seeds import SEED_FORMATS

__all__ = [
    "SEED_FORMATS",
    "SEQUENCE",
    "EmbryoFiles",
    "write_dataset",
    "write_embryo",
]
