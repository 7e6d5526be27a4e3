"""The review view: questions about doubtful places, whose answers correct the lineage.

In: questions of the stage "correct", images, regions. Out: the section of the page, and its data.

- `scene`: which frames, window and slices show a question
- `cells`: the outlines of its regions
- `pictures`: its JPEG pictures
- `data`: all of that as JSON
- `section`: the HTML, style and scripts, from `assets`
"""

from sam4ct.report.review.data import Served, questions_data, review_data
from sam4ct.report.review.section import Parts, parts_of, with_data

__all__ = [
    "Parts",
    "Served",
    "parts_of",
    "questions_data",
    "review_data",
    "with_data",
]
