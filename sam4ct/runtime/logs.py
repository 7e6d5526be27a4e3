"""The log: plain lines on stderr, the same in every process of a command."""

from __future__ import annotations

import logging
import sys

_OURS = logging.getLogger("sam4ct")


def log_to_stderr(level: int) -> None:
    """Show messages of sam4ct from a level on, and warnings of other packages."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    _OURS.setLevel(level)


def log_level() -> int:
    """Return the lowest level of the messages that are shown."""
    return _OURS.getEffectiveLevel()
