"""Fetching weights from a server on this machine that has every fault a server can have."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from sam4ct.errors import WeightsError
from sam4ct.models.weights.download import Patience
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.fetch import adopt, fetch

PAYLOAD = np.random.default_rng(0).bytes(3_000_001)
HURRIED = Patience(tries=3, first_pause_s=0.0, timeout_s=5.0)


@dataclass
class Server:
    """What the server does, and what it was asked: path and Range of each request."""

    content: bytes = PAYLOAD
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    """Bytes to send before the connection is cut, for the requests to come."""
    statuses: list[int] = field(default_factory=list)
    """Statuses to answer with, for the requests to come."""
    redirect: str | None = None
    lie_about_start: int = 0
    hide_length: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.asked.append((handler.path, wanted))
        if self.redirect and not handler.path.startswith("/there"):
            handler.send_response(302)
            handler.send_header("Location", self.redirect)
            handler.end_headers()
        elif self.statuses:
            handler.send_error(self.statuses.pop(0))
        else:
            self._send(handler, wanted)

    def _send(self, handler: BaseHTTPRequestHandler, wanted: str | None) -> None:
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if not self.ranges:
            start = 0
        handler.send_response(206 if start else 200)
        if start:
            told = start + self.lie_about_start
            handler.send_header("Content-Range", f"bytes {told}-{len(self.content) - 1}/*")
        body = self.content[start:]
        if not self.hide_length:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self.cut_after.pop(0)] if self.cut_after else body)
        handler.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        state.url = f"http://127.0.0.1:{running.server_port}"
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield state
        running.shutdown()


@pytest.fixture
def entry(server: Server) -> Entry:
    return Entry(
        name="net",
        file="net.pt",
        role="sam2",
        config="sam2.1_hiera_t",
        image_size=1024,
        source=f"{server.url}/origin/net.pt",
        licence="Apache-2.0",
        bytes=len(PAYLOAD),
        sha256=hashlib.sha256(PAYLOAD).hexdigest(),
    )


def fetched(entry: Entry, folder: Path, *mirrors: str) -> bytes:
    return fetch(entry, folder, mirrors, patience=HURRIED).read_bytes()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_fetched_file_is_whole_and_alone_in_a_new_folder(entry: Entry, tmp_path: Path) -> None:
    assert fetched(entry, tmp_path / "new") == PAYLOAD
    assert left_in(tmp_path / "new") == ["net.pt"]


def test_a_file_that_is_here_is_not_fetched_again(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "net.pt").write_bytes(PAYLOAD)
    fetched(entry, tmp_path)
    assert server.asked == []


def test_a_damaged_file_is_replaced(entry: Entry, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(PAYLOAD[::-1])
    assert fetched(entry, tmp_path) == PAYLOAD


def test_a_fetch_goes_on_where_an_earlier_one_stopped(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "net.pt.part").write_bytes(PAYLOAD[:1_000_000])
    assert fetched(entry, tmp_path) == PAYLOAD
    assert server.asked == [("/origin/net.pt", "bytes=1000000-")]


def test_a_cut_connection_is_taken_up_at_the_next_byte(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    server.cut_after = [500_000, 700_000]
    assert fetched(entry, tmp_path) == PAYLOAD
    assert [asked for _, asked in server.asked] == [None, "bytes=500000-", "bytes=1200000-"]


def test_headway_renews_the_patience(entry: Entry, server: Server, tmp_path: Path) -> None:
    server.cut_after = [400_000] * 6
    assert fetched(entry, tmp_path) == PAYLOAD
    assert len(server.asked) == 7


def test_a_server_without_ranges_begins_anew(entry: Entry, server: Server, tmp_path: Path) -> None:
    server.ranges, server.cut_after = False, [500_000]
    assert fetched(entry, tmp_path) == PAYLOAD


def test_a_server_that_always_cuts_at_the_same_byte_is_given_up(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    server.ranges, server.cut_after = False, [500_000] * 9
    with pytest.raises(WeightsError, match="ended after 500000 of 3000001 bytes"):
        fetched(entry, tmp_path)
    assert len(server.asked) == HURRIED.tries


@pytest.mark.parametrize("status", [503, 500, 429])
def test_a_busy_server_is_asked_again(
    entry: Entry, server: Server, tmp_path: Path, status: int
) -> None:
    server.statuses = [status, status]
    assert fetched(entry, tmp_path) == PAYLOAD
    assert len(server.asked) == 3


def test_a_server_that_stays_busy_is_given_up_with_a_remedy(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    server.statuses = [503] * 9
    with pytest.raises(WeightsError, match=r"origin/net\.pt: HTTP 503.*--mirror.*--from"):
        fetched(entry, tmp_path)
    assert len(server.asked) == HURRIED.tries


def test_a_file_that_is_not_there_is_asked_for_once(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    server.statuses = [404]
    with pytest.raises(WeightsError, match="HTTP 404"):
        fetched(entry, tmp_path)
    assert len(server.asked) == 1


def test_nobody_listening_is_told_with_the_url(entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"http://127\.0\.0\.1:9/net\.pt: .*refused"):
        fetched(Entry(**{**entry.to_json(), "source": "http://127.0.0.1:9/net.pt"}), tmp_path)


def test_wrong_bytes_are_refused_and_deleted(entry: Entry, server: Server, tmp_path: Path) -> None:
    server.content = PAYLOAD[::-1]
    with pytest.raises(WeightsError, match=f"SHA-256 .* {entry.sha256} expected.*deleted"):
        fetched(entry, tmp_path)
    assert left_in(tmp_path) == []


def test_a_file_of_another_size_is_refused_before_it_is_fetched(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    server.content = b"<html>Please log in</html>"
    (tmp_path / "net.pt.part").write_bytes(PAYLOAD[:10])
    server.ranges = False
    with pytest.raises(WeightsError, match="26 bytes, 3000001 expected"):
        fetched(entry, tmp_path)
    assert (tmp_path / "net.pt.part").read_bytes() == PAYLOAD[:10]


def test_no_more_is_written_than_the_entry_promises(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    server.content, server.hide_length = bytes(5_000_000), True
    most = 0

    def note(done_bytes: int, total_bytes: int) -> None:
        nonlocal most
        most = max(most, done_bytes)

    with pytest.raises(WeightsError, match="SHA-256"):
        fetch(entry, tmp_path, progress=note, patience=HURRIED)
    assert most == entry.bytes


def test_an_answer_from_another_byte_on_is_refused(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "net.pt.part").write_bytes(PAYLOAD[:1000])
    server.lie_about_start = 1
    with pytest.raises(WeightsError, match="another part of the file"):
        fetched(entry, tmp_path)


def test_a_mirror_is_asked_before_the_source(entry: Entry, server: Server, tmp_path: Path) -> None:
    assert fetched(entry, tmp_path, f"{server.url}/mirror/") == PAYLOAD
    assert server.asked == [("/mirror/net.pt", None)]


def test_the_source_is_asked_when_a_mirror_has_no_such_file(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    server.statuses = [404]
    assert fetched(entry, tmp_path, f"{server.url}/mirror") == PAYLOAD
    assert [path for path, _ in server.asked] == ["/mirror/net.pt", "/origin/net.pt"]


def test_a_mirror_that_is_no_web_address_is_refused(entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="file:///etc"):
        fetched(entry, tmp_path, "file:///etc")


def test_a_redirect_keeps_the_range(entry: Entry, server: Server, tmp_path: Path) -> None:
    server.redirect = f"{server.url}/there/net.pt"
    (tmp_path / "net.pt.part").write_bytes(PAYLOAD[:7])
    assert fetched(entry, tmp_path) == PAYLOAD
    assert server.asked[-1] == ("/there/net.pt", "bytes=7-")


@pytest.mark.parametrize("scheme", ["file", "ftp"])
def test_a_redirect_off_the_web_is_refused(
    entry: Entry, server: Server, tmp_path: Path, scheme: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(PAYLOAD)
    server.redirect = f"{scheme}://{secret}"
    with pytest.raises(WeightsError, match=rf"redirect|unknown url type: {scheme}"):
        fetched(entry, tmp_path / "to")


def test_an_entry_published_nowhere_needs_a_mirror(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    own = Entry(**{**entry.to_json(), "source": "local"})
    with pytest.raises(WeightsError, match=r"published nowhere.*--mirror"):
        fetched(own, tmp_path)
    assert fetched(own, tmp_path, server.url) == PAYLOAD


def test_two_fetches_of_a_file_ask_for_it_once(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    found: list[bytes] = []
    both = [
        threading.Thread(target=lambda: found.append(fetched(entry, tmp_path))) for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert found == [PAYLOAD, PAYLOAD]
    assert len(server.asked) == 1


def test_progress_ends_at_the_whole_file(entry: Entry, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    fetch(entry, tmp_path, progress=lambda *now: told.append(now), patience=HURRIED)
    assert told[0] == (0, entry.bytes)
    assert told[-1] == (entry.bytes, entry.bytes)
    assert told == sorted(told)


def test_a_folder_that_cannot_be_made_is_named(entry: Entry, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match=r"file/sub/net\.pt: cannot be written.*--to"):
        fetched(entry, tmp_path / "file" / "sub")


def test_a_disk_that_fills_up_is_no_fault_of_the_network(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "net.pt.part").symlink_to("/dev/full")
    with pytest.raises(WeightsError, match="No space left on device"):
        fetched(entry, tmp_path)
    assert len(server.asked) == 1


def test_a_local_copy_is_taken_without_network(
    entry: Entry, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "copy").write_bytes(PAYLOAD)
    path = adopt(entry, tmp_path / "copy", tmp_path / "to")
    assert path.read_bytes() == PAYLOAD
    assert server.asked == []
    assert left_in(tmp_path / "to") == ["net.pt"]


def test_a_wrong_local_copy_is_refused(entry: Entry, tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(PAYLOAD[:-1])
    with pytest.raises(WeightsError, match="copy is not 'net': 3000000 bytes found, 3000001"):
        adopt(entry, tmp_path / "copy", tmp_path / "to")
    assert not (tmp_path / "to").exists()
