"""The report of a run: one HTML file to look at.

`write_report` writes it, `ResultFrames` is what it reads masks from, and `facts_of_run`
turns a run's record into the facts it shows. Where frames are too large to be read whole,
`write_page` writes it.
"""

from sam4ct.report.facts import facts_of_run
from sam4ct.report.frames.whole import ResultFrames
from sam4ct.report.page import write_page, write_report

__all__ = ["ResultFrames", "facts_of_run", "write_page", "write_report"]
