"""Simulated time-lapse cells with their exact lineage, and the masks of an imperfect segmenter.

law = movie_law("nuclei", frames=20)
truth = Truth()
for frame in simulate(rng, law):
    labels = truth.add(frame.labels, {c.label: c.parent for c in frame.cells.values()})
    masks, missed = damaged(rng, labels, SegmentationErrors())
"""

from sam4ct.simulate.errors import NO_ERRORS, SegmentationErrors, damaged
from sam4ct.simulate.movie import Frame, MovieLaw, simulate
from sam4ct.simulate.presets import PRESETS, SLICE_SPACING, Preset, movie_law
from sam4ct.simulate.truth import Truth

__all__ = [
    "NO_ERRORS",
    "PRESETS",
    "SLICE_SPACING",
    "Frame",
    "MovieLaw",
    "Preset",
    "SegmentationErrors",
    "Truth",
    "damaged",
    "movie_law",
    "simulate",
]
