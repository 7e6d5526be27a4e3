"""Scores of a result against ground truth, by the organisers' package py-ctcmetrics.

- `files`: the files of a result and of ground truth, paired by frame
- `matching`: which mask of the result is which true cell
- `scores`: the scores
"""

from sam4ct.metrics.scores import KEYS, Scores, evaluate

__all__ = ["KEYS", "Scores", "evaluate"]
