"""The report of a run: one HTML file, which loads nothing from the network.

In: images, masks, tracks, links with confidences, the record of the run. Out: `report.html`.

- `page`: the file from its parts; `write_report` where frames fit in memory, else `write_page`
- `rebuild`: the report of a result folder on disk
- `assets`: HTML, styles and scripts of the page
- `frames`: pictures of frames with outlines
- `lineage`: the lineage tree, charts, colours
- `review`: questions with pictures, whose answers correct the lineage
- `uncertain`: thumbnails of the least certain links
- `words`: title, scores, facts of the run, cards of links
"""

from sam4ct.report.frames.whole import ResultFrames
from sam4ct.report.page import write_page, write_report
from sam4ct.report.words import facts_of_run

__all__ = ["ResultFrames", "facts_of_run", "write_page", "write_report"]
