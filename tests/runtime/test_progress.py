"""Progress is one plain line a step in a log, and a bar on a terminal."""

from __future__ import annotations

import io
import logging

import pytest

from sam4ct.runtime.progress import Progress, duration


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def info_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="sam4ct")


def test_a_line_holds_count_rate_and_time_left(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    with Progress(92, "propagate", "frames", stream=io.StringIO(), clock=clock) as progress:
        clock.seconds += 4
        progress.step(12)
    assert caplog.messages == ["propagate 12/92, 3 frames/s, 27 s left"]


def test_every_step_is_one_line_with_its_note(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    with Progress(2, "paint", "frames", stream=io.StringIO(), clock=clock) as progress:
        for cells in (40, 41):
            clock.seconds += 10
            progress.step(note=f"{cells} cells")
    assert caplog.messages == [
        "paint 1/2, 0.1 frames/s, 10 s left, 40 cells",
        "paint 2/2, 0.1 frames/s, 0 s left, 41 cells",
    ]


def test_steps_done_before_a_resumption_do_not_count_for_the_rate(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    with Progress(
        100, "propagate", "frames", done=90, stream=io.StringIO(), clock=clock
    ) as progress:
        clock.seconds += 2
        progress.step()
    assert caplog.messages == ["propagate 91/100, 0.5 frames/s, 18 s left"]


def test_no_rate_is_claimed_before_time_has_passed(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    with Progress(5, "fill", "frames", stream=io.StringIO(), clock=clock) as progress:
        progress.step()
    assert caplog.messages == ["fill 1/5"]


def test_a_fast_rate_is_written_without_an_exponent(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    with Progress(2000, "detect", "frames", stream=io.StringIO(), clock=clock) as progress:
        clock.seconds += 1
        progress.step(1234)
    assert "1234 frames/s" in caplog.messages[0]


def test_a_terminal_gets_a_bar_and_no_lines(caplog: pytest.LogCaptureFixture) -> None:
    terminal = Terminal()
    with Progress(3, "propagate", "frames", done=1, stream=terminal) as progress:
        progress.step(2, "41 cells")
    last = terminal.getvalue().split("\r")[-1]
    assert "propagate: 100%" in last
    assert "3/3" in last
    assert "41 cells" in last
    assert caplog.messages == []


def test_the_bar_ends_when_the_block_fails() -> None:
    terminal = Terminal()
    with pytest.raises(ZeroDivisionError), Progress(3, "fill", "frames", stream=terminal):
        raise ZeroDivisionError
    assert terminal.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
