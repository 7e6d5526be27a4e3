"""The log: plain lines on stderr, the same in every process of a command."""

from __future__ import annotations

import logging
import sys

_OURS = logging.getLogger("sam4ct")


def log_to_stderr(level: int) -> None:
    """Show our messages from a level on, and other packages' warnings."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    _OURS.setLevel(level)


def log_level() -> int:
    """Return the level from which our messages are shown."""
    return _OURS.getEffectiveLevel()
