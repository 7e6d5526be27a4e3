"""Review a result in a browser: answers are saved at once, and the lineage is solved again.

- `run`: the review of a result on disk
- `session`: the answers, their file, and the questions after each solution
- `server`: the page and its messages, for this machine only
- `changes`: what is other after a solution
"""

from sam4ct.pipelines.tools.review.run import review
from sam4ct.pipelines.tools.review.server import ReviewServer
from sam4ct.pipelines.tools.review.session import ReviewSession, Solution

__all__ = ["ReviewServer", "ReviewSession", "Solution", "review"]
