"""Simulated time-lapse cells with their exact lineage, and the masks of an imperfect segmenter.

law = movie_law("nuclei", frames=20)
truth = Truth()
for frame in simulate(rng, law):
    labels = truth.add(frame.labels, {c.label: c.parent for c in frame.cells.values()})
    masks, missed = damaged(rng, labels, SegmentationErrors())

- `presets`: settings of a movie by name
- `movie`: all frames of a movie
- `cells`: the cells of a frame
- `imaging`: their image
- `truth`: labels of the challenge and the tracks
- `errors`: masks of an imperfect segmenter
- `embryo`: a sheet of cells in a large sparse volume, for mode track
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
