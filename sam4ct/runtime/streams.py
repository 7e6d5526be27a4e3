"""Standard streams that never stop the work: closed, full, without a reader, of any encoding.

What is printed is the account of a result, not the result. A stream that cannot be written
raises nothing: `lost_output` says at the end whether part of stdout was lost. Names of files
are printed as the bytes that they are; other characters that the stream's encoding lacks are
printed as escapes, such as \\u65e5.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TextIO

_ERRORS = "sam4ct-names"
_ESCAPED_BYTES = range(0xDC80, 0xDD00)
"""How Python holds the bytes of a file's name that its encoding lacks ("surrogateescape")."""


class _Sink(io.FileIO):
    """The raw end of a standard stream. What cannot be written is dropped."""

    lost: OSError | None = None
    """Why the first bytes were dropped; a reader that has left counts as none."""

    def write(self, data: Any, /) -> int:
        """Write some of a buffer, or drop all of it; return how many bytes."""
        try:
            while (written := super().write(data)) is None:
                # The parent made the stream non-blocking, and it is full for now.
                select.select([], [self], [])
        except OSError as error:
            if not self._has_no_reader(error):
                self.lost = self.lost or error
            return memoryview(data).nbytes
        return written

    def _has_no_reader(self, error: OSError) -> bool:
        """Whether a pipe was closed at the other end (`| head`), or a terminal is gone."""
        return error.errno == errno.EPIPE or (error.errno == errno.EIO and os.isatty(self.fileno()))


@contextmanager
def safe_streams() -> Iterator[None]:
    """Let nothing that is printed in the block raise an error.

    To be entered before any file is opened: the next one would get the number of a closed
    stream, and what a library prints would be written into it. Streams that the caller has
    replaced, as tests do, are left as they are.
    """
    _open_closed()
    codecs.register_error(_ERRORS, _as_bytes_or_escape)
    with ExitStack() as stack:
        for name in ("stdout", "stderr"):
            before = getattr(sys, name)
            if before is getattr(sys, f"__{name}__"):
                safe = _safe(before)
                setattr(sys, name, safe)
                stack.callback(setattr, sys, name, before)
                stack.callback(safe.flush)
        yield


def lost_output() -> str | None:
    """Return in words why part of what was printed to stdout was lost; None if all is well."""
    if not isinstance(raw := getattr(getattr(sys.stdout, "buffer", None), "raw", None), _Sink):
        return None
    sys.stdout.flush()
    if raw.lost is None:
        return None
    return (
        f"stdout: {raw.lost.strerror}. Part of the printed output is lost; files that were"
        " written are complete. Free some space, or print to another place."
    )


def _open_closed() -> None:
    """Open streams that were closed (`2>&-`, daemons) to nowhere."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            os.set_inheritable(nowhere, True)


def _safe(stream: TextIO | None) -> TextIO:
    """Return a stream to the same place, or to nowhere, that raises nothing."""
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(_Sink(os.devnull, "w")), "utf-8", _ERRORS)
    # An ASCII locale says nothing of the terminal, and UTF-8 contains ASCII.
    ascii_only = codecs.lookup(stream.encoding).name == "ascii"
    return io.TextIOWrapper(
        io.BufferedWriter(_Sink(stream.fileno(), "w", closefd=False)),
        "utf-8" if ascii_only else stream.encoding,
        _ERRORS,
        line_buffering=bool(stream.line_buffering or getattr(stream, "write_through", False)),
    )


def _as_bytes_or_escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what an encoding lacks, for `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    code = ord(error.object[error.start])
    if code in _ESCAPED_BYTES:
        return bytes([code - 0xDC00]), error.start + 1
    escaped, _ = codecs.backslashreplace_errors(
        UnicodeEncodeError(error.encoding, error.object, error.start, error.start + 1, error.reason)
    )
    return escaped, error.start + 1
