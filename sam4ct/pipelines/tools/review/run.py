"""Review a result on disk: the page of its report, with a server behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from sam4ct.corrections import Correction
from sam4ct.errors import ResultError
from sam4ct.io.corrections import corrections_file, read_corrections
from sam4ct.pipelines.link.lineage.ask import SolvedRun
from sam4ct.pipelines.tools.review.changes import changes
from sam4ct.pipelines.tools.review.server import ReviewServer
from sam4ct.pipelines.tools.review.session import ReviewSession, Solution
from sam4ct.report.frames.whole import ends_in
from sam4ct.report.rebuild import StoredResult, stored_result
from sam4ct.report.review import with_data
from sam4ct.runtime import interrupt_raised

ASKED = 40
"""Questions at a time: more than a batch, and drawn in seconds."""


def review(res_dir: Path, images: Path | None, port: int, ready: Callable[[str], None]) -> str:
    """Serve the review of a result until Ctrl-C; return what to say then.

    Args:
        res_dir: The result of `sam4ct run`, `SS_RES`.
        images: Its images; None: `SS` beside it.
        port: On 127.0.0.1; 0: any that is free.
        ready: Called with the address of the page, once it can be opened.

    Raises:
        ResultError: It is no result of masks that this version has linked.
        CorrectionsError: The corrections beside it cannot be read.
        WorkError: The port is taken, or the work folder is damaged.
    """
    result = stored_result(res_dir, images)
    if not result.sequence.masks:
        raise ResultError(
            f"{res_dir}: its given masks are missing, so there is nothing to ask about. Put them"
            f" beside it, in {result.sequence.name}_ERR_SEG."
        )
    path = corrections_file(result.sequence.result_dir)
    session = session_of(result, path)
    if not session.questions:
        return f"{res_dir}: no link is in doubt, so there is nothing to ask."
    page = result.page(session.data())
    server = ReviewServer(session, lambda: with_data(page, session.data()), port)
    with server, interrupt_raised(), suppress(KeyboardInterrupt):
        ready(server.address)
        server.serve_forever()
    return farewell(result, path)


def session_of(result: StoredResult, path: Path) -> ReviewSession:
    """Return the session about a result, with the answers in a file."""
    solved = SolvedRun.read(result.work)
    first = solved.answered(read_corrections(path) if path.exists() else (), 0)[0]

    def solve(corrections: Sequence[Correction]) -> Solution:
        links, questions = solved.answered(corrections, ASKED)
        return Solution(*changes(first, links), questions)

    names = (result.sequence.dataset, result.sequence.name)
    return ReviewSession(path, solve, ends_in(result.reader, result.result), names)


def farewell(result: StoredResult, path: Path) -> str:
    """Return where the answers are, and how the masks come to obey them."""
    if not path.exists():
        return "Nothing was answered."
    count = len(read_corrections(path))
    folder, name = result.sequence.result_dir.parent, result.sequence.name
    return (
        f"{path} holds {count} correction{'' if count == 1 else 's'}. To write the masks that obey"
        f" them, run again with the options of the run before: sam4ct run {folder} {name}"
    )
