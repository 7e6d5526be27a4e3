"""Errors that a user can mend. Each message says where, what, and what to do.

The command line prints the message of a `Sam4ctError` and exits with status 2. Any other error
is a fault of the program: it keeps its traceback, and the status is 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return "Did you mean ...?" with the known word nearest to a wrong one, or all known words."""
    known = list(known)
    near = get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Choose from: {', '.join(known)}."


class Sam4ctError(Exception):
    """Base of all errors caused by input, options or the machine."""


class SequenceError(Sam4ctError):
    """A CTC folder, image or mask that cannot be used."""


class ProfileError(Sam4ctError):
    """A dataset profile with a wrong, unknown or missing key."""


class WeightsError(Sam4ctError):
    """A weight file that is missing, damaged, or of another architecture."""


class ResultError(Sam4ctError):
    """A result folder that breaks the rules of the challenge, or exists already."""


class WorkError(Sam4ctError):
    """A work folder that is locked, read-only, full, or of another run."""


class CorrectionsError(Sam4ctError):
    """A file of corrections that cannot be read, contradicts itself, or does not fit the masks."""
