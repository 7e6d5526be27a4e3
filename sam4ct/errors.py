"""Errors that a user can mend. Each message says where, what, and what to do.

The command line turns every `Sam4ctError` into one line and exit status 2;
anything else is our fault, keeps its traceback and exits 1.
"""


class Sam4ctError(Exception):
    """Base of all errors caused by input, options or surroundings."""


class SequenceError(Sam4ctError):
    """A CTC folder, image or mask that cannot be used."""


class ProfileError(Sam4ctError):
    """A dataset profile with a wrong, unknown or missing key."""


class WeightsError(Sam4ctError):
    """A weight file that is missing, damaged, or of another architecture."""


class ResultError(Sam4ctError):
    """A result folder that breaks the CTC rules or stands in the way."""


class WorkError(Sam4ctError):
    """A work folder that is locked, unwritable, full, or of another run."""
