"""Scores of a result against ground truth, by the organisers' own package."""

from sam4ct.evaluate.scores import KEYS, Scores, evaluate

__all__ = ["KEYS", "Scores", "evaluate"]
