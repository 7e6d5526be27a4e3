"""How a process behaves: printed output, log, progress, signals, threads.

- `streams`: standard streams that never raise an error
- `logs`: log lines on stderr
- `progress`: a bar on a terminal, plain lines elsewhere
- `interrupt`: SIGTERM ends a run within seconds, with status 75
- `parent`: a command that `run-all` started ends with it
- `parallel`: pieces of work in threads; the result does not depend on their number
"""

from __future__ import annotations

from sam4ct.runtime.interrupt import EXIT_TRY_AGAIN, graceful_exit, interrupt_raised
from sam4ct.runtime.logs import log_level, log_to_stderr
from sam4ct.runtime.parallel import each, in_stretches, processors, stretches
from sam4ct.runtime.parent import end_with_parent, start_child, tell_parent
from sam4ct.runtime.progress import Progress, duration
from sam4ct.runtime.streams import lost_output, safe_streams

__all__ = [
    "EXIT_TRY_AGAIN",
    "Progress",
    "duration",
    "each",
    "end_with_parent",
    "graceful_exit",
    "in_stretches",
    "interrupt_raised",
    "log_level",
    "log_to_stderr",
    "lost_output",
    "processors",
    "safe_streams",
    "start_child",
    "stretches",
    "tell_parent",
]
