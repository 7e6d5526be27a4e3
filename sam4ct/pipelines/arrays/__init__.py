"""What Python users call: arrays in and out, no files unless asked for.

- `linking`: `sam4ct.link`, images and masks to a `Tracking`
- `tracking`: `sam4ct.Tracking`, the result: graph, GEFF, files of the challenge
- `scoring`: `sam4ct.evaluate`, the scores of a result against ground truth
- `frames`: arrays as files in a temporary folder
"""

from __future__ import annotations

from sam4ct.pipelines.arrays.linking import link
from sam4ct.pipelines.arrays.scoring import evaluate
from sam4ct.pipelines.arrays.tracking import Tracking

__all__ = ["Tracking", "evaluate", "link"]
