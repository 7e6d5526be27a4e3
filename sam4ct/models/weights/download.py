"""Download one file over HTTP: resume an interrupted download, retry after temporary errors.

This module handles byte ranges, retries and network errors. `fetch` checks the bytes and gives
the file its final name. (pooch can neither resume an interrupted download nor tell a temporary
error from a lasting one, and published files have up to 900 MB.)
"""

from __future__ import annotations

import http.client
import logging
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sam4ct

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with the bytes received and the bytes expected; a restart counts from 0 again."""

_CHUNK_BYTES = 1 << 20
_BUSY = (408, 429)
"""HTTP statuses of temporary errors; those of 500 and above are temporary, too."""


@dataclass(frozen=True)
class Patience:
    """How often, and how long, to try a server."""

    tries: int = 5
    """Attempts in a row without a new byte, after which a server is given up."""
    first_pause_s: float = 1.0
    """Pause before the second attempt; each further pause is twice as long."""
    timeout_s: float = 30.0
    """Seconds without a byte, after which an attempt ends."""


PATIENT = Patience()


class _TransientError(Exception):
    """A temporary error: another attempt may succeed."""


class UnusableError(Exception):
    """A lasting error: this URL does not give the file."""


def silent(done_bytes: int, total_bytes: int) -> None:
    """Ignore progress."""


def download(url: str, part: Path, total: int, progress: Progress, patience: Patience) -> None:
    """Download a file; continue after the bytes that were received before.

    Args:
        part: The partial file; it keeps the bytes that were received, even after an error.
        total: Bytes of the whole file; a URL with another number of bytes is unusable.

    Raises:
        UnusableError: The URL does not give the file, or `patience.tries` attempts in a row
            brought no new byte.
        OSError: The file cannot be written.
    """
    if _size(part) > total:
        part.unlink()
    most, failures = _size(part), 0
    while _size(part) < total:
        try:
            _attempt(url, part, total, progress, patience.timeout_s)
        except _TransientError as fault:
            # Compared with the most so far: a server that ignores ranges starts from 0 each time.
            failures = 1 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            if failures >= patience.tries:
                raise UnusableError(f"{fault} ({failures} attempts)") from fault
            pause_s = patience.first_pause_s * 2 ** (failures - 1)
            logger.warning("%s: %s; trying again in %g s", url, fault, pause_s)
            time.sleep(pause_s)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _attempt(url: str, part: Path, total: int, progress: Progress, timeout_s: float) -> None:
    """Request the missing bytes, and append those that are received."""
    start = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    with _network_faults():
        response = _opener().open(request, timeout=timeout_s)
    with response:
        done = _first_byte(response, start)
        if response.length is not None and done + response.length != total:
            raise UnusableError(f"has {done + response.length} bytes, {total} expected")
        with part.open("ab" if done else "wb") as file:
            progress(done, total)
            while done < total:
                with _network_faults():
                    chunk = response.read(min(_CHUNK_BYTES, total - done))
                if not chunk:
                    raise _TransientError(f"the connection ended after {done} of {total} bytes")
                file.write(chunk)
                done += len(chunk)
                progress(done, total)
            file.flush()
            os.fsync(file.fileno())


def _first_byte(response: http.client.HTTPResponse, wanted: int) -> int:
    """Return the position in the file at which the response begins."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if not found or int(found[1]) != wanted:
        raise UnusableError("the server sent another part of the file than requested")
    return wanted


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener of HTTP and HTTPS, with proxies; no redirect leads to file: or ftp:."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", f"sam4ct/{sam4ct.__version__}")]
    return opener


@contextmanager
def _network_faults() -> Iterator[None]:
    """Turn network errors of the block into a `_TransientError` or an `UnusableError`."""
    try:
        yield
    except urllib.error.HTTPError as fault:
        fault.close()
        passing = fault.code in _BUSY or fault.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR
        raise (_TransientError if passing else UnusableError)(
            f"HTTP {fault.code} {fault.reason}"
        ) from fault
    except urllib.error.URLError as fault:
        lasting = isinstance(fault.reason, str | ssl.SSLCertVerificationError)
        raise (UnusableError if lasting else _TransientError)(str(fault.reason)) from fault
    except http.client.InvalidURL as fault:
        raise UnusableError(str(fault)) from fault
    except (OSError, http.client.HTTPException) as fault:
        raise _TransientError(str(fault) or type(fault).__name__) from fault
