"""The review view: questions about doubtful places, whose answers correct the lineage.

In: questions of the stage "correct", images, regions. Out: the section of the page, and its data.

- `asked`: what the view needs to know of questions, answers and corrections
- `scene`: which frames, window and slices show a question
- `cells`: the outlines of its regions
- `pictures`: its JPEG pictures
- `data`: all of that as JSON
- `section`: the HTML, style and scripts
"""

from sam4ct.report.review.asked import Asked, Corrected, correction_row
from sam4ct.report.review.data import Served, questions_data, review_data
from sam4ct.report.review.section import Parts, parts_of

__all__ = [
    "Asked",
    "Corrected",
    "Parts",
    "Served",
    "correction_row",
    "parts_of",
    "questions_data",
    "review_data",
]
