"""How a process behaves: printed output, log, progress, signals, threads.

- `streams`: standard streams that never raise an error
- `logs`: log lines on stderr
- `progress`: a bar on a terminal, plain lines elsewhere
- `interrupt`: SIGTERM ends a run within seconds, status 75
- `parallel`: several pieces of work at a time, the same result with any number of threads
"""

from __future__ import annotations

from sam4ct.runtime.interrupt import EXIT_TRY_AGAIN, graceful_exit
from sam4ct.runtime.logs import log_level, log_to_stderr
from sam4ct.runtime.parallel import each, in_stretches, processors, stretches
from sam4ct.runtime.progress import Progress, duration
from sam4ct.runtime.streams import lost_output, safe_streams

__all__ = [
    "EXIT_TRY_AGAIN",
    "Progress",
    "duration",
    "each",
    "graceful_exit",
    "in_stretches",
    "log_level",
    "log_to_stderr",
    "lost_output",
    "processors",
    "safe_streams",
    "stretches",
]
