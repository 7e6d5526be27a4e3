"""The report of a run: one HTML file to look at.

`write_report` is all that others need; `ResultFrames` is what it reads masks from.
"""

from sam4ct.report.page import write_report
from sam4ct.report.viewer import ResultFrames

__all__ = ["ResultFrames", "write_report"]
