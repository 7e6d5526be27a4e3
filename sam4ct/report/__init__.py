"""The report of a run: one HTML file to look at.

`write_report` writes it, `ResultFrames` is what it reads masks from, and `facts_of_run`
turns a run's record into the facts it shows.
"""

from sam4ct.report.facts import facts_of_run
from sam4ct.report.page import write_report
from sam4ct.report.viewer import ResultFrames

__all__ = ["ResultFrames", "facts_of_run", "write_report"]
