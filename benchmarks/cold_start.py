"""How long from `docker run` to the first frame pair processed, and where the seconds go.

    cold_start.py docker run --rm -v DATA:/data sam4ct:cpu

DATA holds a sequence without a result. The container is stopped once the first frame pair is done.
Before, it is asked for its `--version`, which tells what the container and the command line take
from the rest. As root the file caches are dropped before each: a cold start is meant.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

MILESTONES = {
    "first frame read": r"check 1/",
    "all frames read": r"check (\d+)/\1\b",
    "profile and windows settled": r".* \d+: \d+ frames of",
    "first frame pair": r"propagate 1/",
}
"""What has happened when a line of the run's output begins so."""


def drop_caches() -> None:
    """Forget all files that the system has in memory, if it lets us."""
    os.sync()
    if os.geteuid() == 0:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    else:
        print("not root: the file caches stay as they are", file=sys.stderr)


def seconds_to_version(command: Sequence[str]) -> float:
    """Return how long the command takes to tell its version."""
    drop_caches()
    began = time.monotonic()
    subprocess.run([*command, "--version"], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def seconds_to_milestones(command: Sequence[str]) -> dict[str, float]:
    """Return after how long the run reached each of the milestones.

    Raises:
        SystemExit: It ended before the last of them.
    """
    drop_caches()
    reached: dict[str, float] = {}
    last = "it printed nothing"
    began = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            for name, pattern in MILESTONES.items():
                if re.match(pattern, line):
                    reached.setdefault(name, time.monotonic() - began)
            if len(reached) == len(MILESTONES):
                run.send_signal(signal.SIGTERM)
                break
            last = line
        else:
            sys.exit(f"the run ended before its first frame pair: {last.strip()}")
        run.stdout.read()
    return reached


def main(command: Sequence[str]) -> None:
    """Print after how many seconds each milestone was reached, and the step to it."""
    steps = {"--version": seconds_to_version(command)}
    steps |= seconds_to_milestones(command)
    before = 0.0
    for name, seconds in steps.items():
        print(f"{name:<28}{seconds:>7.1f} s{seconds - before:>+8.1f}")
        before = seconds


if __name__ == "__main__":
    main(sys.argv[1:])
