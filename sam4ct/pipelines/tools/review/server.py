"""The server of the review page. It serves this machine only, and this page only.

Other pages in the same browser could send messages to it, so every address has a random token, the
Host must be ours (which stops names that were bound to 127.0.0.1 later), an Origin must be ours,
and messages must be JSON (which browsers do not send elsewhere without asking first).
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sam4ct.errors import Sam4ctError, WorkError
from sam4ct.pipelines.tools.review.session import ReviewSession

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MOST_BYTES = 1_000_000
"""Largest message that the page may post."""
_JSON, _HTML = "application/json", "text/html; charset=utf-8"


class ReviewServer(ThreadingHTTPServer):
    """Serves a session until it is shut down."""

    daemon_threads = True

    def __init__(self, session: ReviewSession, page: Callable[[], str], port: int = 0) -> None:
        """Begin to listen.

        Args:
            session: Takes the answers.
            page: Returns the page.
            port: 0: any that is free.

        Raises:
            WorkError: The port is taken.
        """
        self.session, self.page, self.token = session, page, secrets.token_urlsafe(16)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise WorkError(
                f"port {port}: cannot be used ({error.strerror}). Choose another with --port, or"
                " leave it out."
            ) from error

    @property
    def hosts(self) -> tuple[str, str]:
        """The names by which the page may be asked for."""
        return f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"

    @property
    def address(self) -> str:
        """Address of the page."""
        return f"http://{self.hosts[0]}/{self.token}/"


class _Refused(Exception):
    """A request that is not from the page."""

    def __init__(self, status: HTTPStatus, problem: str) -> None:
        super().__init__(problem)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        self._reply(self._page)

    def do_POST(self) -> None:
        self._reply(self._message)

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests only where somebody asked for more."""
        logger.debug(format, *args)

    def version_string(self) -> str:
        return "sam4ct"

    def _page(self) -> tuple[str, str]:
        if self._path() != "":
            raise _Refused(HTTPStatus.NOT_FOUND, "there is one page only")
        return _HTML, self.server.page()

    def _message(self) -> tuple[str, str]:
        what, session = self._path(), self.server.session
        if self.headers.get_content_type() != _JSON:
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "messages are JSON")
        content = self._content()
        if what == "answer":
            return _JSON, json.dumps(session.answer(str(content["key"]), content["rows"]))
        if what == "solve":
            return _JSON, json.dumps(session.solve())
        raise _Refused(HTTPStatus.NOT_FOUND, "no such message")

    def _path(self) -> str:
        """Return the path below the token.

        Raises:
            _Refused: The request is not from our page.
        """
        _, token, path = (*self.path.split("?")[0].split("/", 2), "", "")[:3]
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if host not in self.server.hosts or origin not in (None, f"http://{host}"):
            raise _Refused(HTTPStatus.FORBIDDEN, "another page may not ask")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise _Refused(HTTPStatus.NOT_FOUND, "open the address that sam4ct review prints")
        return path

    def _content(self) -> dict[str, Any]:
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError as error:
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "no length") from error
        if not 0 <= length <= MOST_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long")
        content = json.loads(self.rfile.read(length))
        if not isinstance(content, dict):
            raise ValueError("a message is a JSON object")
        return content

    def _reply(self, work: Callable[[], tuple[str, str]]) -> None:
        status = HTTPStatus.OK
        try:
            kind, text = work()
        except _Refused as refused:
            status, kind, text = refused.status, _JSON, json.dumps({"problem": str(refused)})
        except (ValueError, KeyError) as error:
            status, kind = HTTPStatus.BAD_REQUEST, _JSON
            text = json.dumps({"problem": f"not understood: {error}"})
        except Sam4ctError as error:
            status, kind = HTTPStatus.CONFLICT, _JSON
            text = json.dumps({"problem": str(error)})
        body = text.encode()
        if status is not HTTPStatus.OK:  # its content may not have been read
            self.close_connection = True
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": "frame-ancestors 'none'",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
