"""Standard streams that never raise an error: closed, full, without a reader, of any encoding.

Printed lines tell of a result; they must not stop the run that makes it. `lost_output` says at
the end whether part of stdout was lost. Names of files are printed as their own bytes; other
characters that the stream's encoding lacks are printed as escapes, such as \\u65e5.
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
"""Characters that stand for bytes of a file's name that are not UTF-8 ("surrogateescape")."""


class _Sink(io.FileIO):
    """The raw end of a standard stream. It drops bytes that cannot be written."""

    lost: OSError | None = None
    """Why the first bytes were dropped; not set if only the reader has left."""

    def write(self, data: Any, /) -> int:
        """Write part of a buffer, or drop all of it; return the number of bytes."""
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
    """Make printing inside the block raise no error.

    Enter it before any file is opened: the next file would get the number of a closed stream,
    and prints of a library would go into that file. Streams that the caller has replaced, as
    tests do, stay as they are.
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
    """Return in words why part of the output to stdout was lost; None if nothing was."""
    if not isinstance(raw := getattr(getattr(sys.stdout, "buffer", None), "raw", None), _Sink):
        return None
    sys.stdout.flush()
    if raw.lost is None:
        return None
    return (
        f"stdout: {raw.lost.strerror}. Part of the printed output is lost; files that were"
        " written are complete. Free some space, or send the output elsewhere."
    )


def _open_closed() -> None:
    """Open streams that are closed (`2>&-`, daemons), on the null device."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            os.set_inheritable(nowhere, True)


def _safe(stream: TextIO | None) -> TextIO:
    """Return a stream to the same place, or to the null device, that raises no error."""
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(_Sink(os.devnull, "w")), "utf-8", _ERRORS)
    # An ASCII locale says little about the terminal, and UTF-8 contains ASCII.
    ascii_only = codecs.lookup(stream.encoding).name == "ascii"
    return io.TextIOWrapper(
        io.BufferedWriter(_Sink(stream.fileno(), "w", closefd=False)),
        "utf-8" if ascii_only else stream.encoding,
        _ERRORS,
        line_buffering=bool(stream.line_buffering or getattr(stream, "write_through", False)),
    )


def _as_bytes_or_escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode a character that the encoding lacks, for `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    code = ord(error.object[error.start])
    if code in _ESCAPED_BYTES:
        return bytes([code - 0xDC00]), error.start + 1
    escaped, _ = codecs.backslashreplace_errors(
        UnicodeEncodeError(error.encoding, error.object, error.start, error.start + 1, error.reason)
    )
    return escaped, error.start + 1
