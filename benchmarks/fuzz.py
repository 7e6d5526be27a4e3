"""Damage valid input in one to three ways, run a command, and see that it says so or is right.

    python benchmarks/fuzz.py                          100 runs
    python benchmarks/fuzz.py --seconds 60 --jobs 2    as many as fit
    python benchmarks/fuzz.py --only truncated --runs 20
    python benchmarks/fuzz.py --list

Draws a small movie with known truth, faults of `fuzz_faults`, and one of the commands that read
what is damaged. A run must end

- with status 0 and the right output, where the faults are harmless: masks, links, scores, places
  and pixels are compared with what was drawn;
- with status 2 and a message that names the file, folder or option, where one is not, and no
  result; or, for some faults, with a warning that names it.

Never may it end in a traceback, by a signal or too late, change anything that was there, or leave
anything outside of the places for results. Prints every run that breaks a rule and how to repeat
it, then a table of the faults; exits 1 if there was such a run. As root, the permissions of files
are obeyed all the same. Linux only.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from fuzz_faults import FAULTS
from fuzz_faults.commands import COMMANDS
from fuzz_faults.judging import MOST_FAULTS, Verdict, carry_out, draw, make_case
from fuzz_faults.processes import load_beforehand, obey_permissions, run

LIMIT_S = 180.0
RUNS = 100


def main() -> int:
    options = _options()
    if options.list:
        for fault in FAULTS.values():
            print(f"{fault.group:<12}{fault.name:<36}{fault.meaning}")
        print(f"{len(FAULTS)} faults")
        return 0
    obey_permissions()
    load_beforehand()
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    began = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="fuzz-", dir=options.keep)).resolve()
    try:
        verdicts = _all_runs(options, place)
    finally:
        if not options.keep:
            shutil.rmtree(place)
    return _summary(verdicts, time.monotonic() - began)


def _all_runs(options: argparse.Namespace, place: Path) -> list[Verdict]:
    """Make runs, several at a time, until there are enough or the time is over."""
    verdicts: list[Verdict] = []
    numbers = itertools.count(options.first)
    end = options.first + options.runs
    until = time.monotonic() + options.seconds
    telling = threading.Lock()

    def work() -> None:
        while time.monotonic() < until and (index := next(numbers)) < end:
            verdict = _one_run(options, place / str(index), index)
            with telling:
                verdicts.append(verdict)
                _tell(options, verdict)

    with ThreadPoolExecutor(options.jobs) as pool:
        for worker in [pool.submit(work) for _ in range(options.jobs)]:
            worker.result()
    return verdicts


def _one_run(options: argparse.Namespace, root: Path, index: int) -> Verdict:
    rng = np.random.default_rng([options.seed, index])
    command, ndim, faults = draw(rng, options.only, options.commands, options.most)
    case = make_case(rng, root, command, ndim)
    start = partial(run, program=options.program, limit=LIMIT_S, fresh=options.fresh)
    verdict = carry_out(index, case, command, faults, start)
    if not options.keep:
        shutil.rmtree(root)
    return verdict


def _tell(options: argparse.Namespace, verdict: Verdict) -> None:
    """Print a run that broke a rule, or every one if that is asked for."""
    if not (verdict.problems or options.verbose):
        return
    again = ["--seed", options.seed, "--first", verdict.index, "--runs", 1]
    if options.drawn_from:
        again += ["--only", *options.drawn_from]
    if options.most != MOST_FAULTS:
        again += ["--most", options.most]
    if len(options.commands) < len(COMMANDS):
        again += ["--commands", *options.commands]
    words = " ".join(map(str, again))
    print(f"{verdict}\n  again: python benchmarks/fuzz.py {words} --keep DIR\n", flush=True)


def _summary(verdicts: Iterable[Verdict], seconds: float) -> int:
    """Print how often each fault was drawn and how such runs ended; return the exit status."""
    drawn: defaultdict[str, Counter[str]] = defaultdict(Counter)
    wrong = runs = 0
    for verdict in verdicts:
        runs += 1
        wrong += bool(verdict.problems)
        ending = "wrong" if verdict.problems else str(verdict.ending.status)
        for way in verdict.faults:
            drawn[way.fault.name][ending] += 1
    print(f"{'fault':<36}{'drawn':>7}{'exit 0':>8}{'exit 2':>8}{'wrong':>7}")
    for name in FAULTS:
        ends = drawn[name]
        print(f"{name:<36}{ends.total():>7}{ends['0']:>8}{ends['2']:>8}{ends['wrong']:>7}")
    never = sum(not drawn[name] for name in FAULTS)
    print(
        f"{runs} runs in {seconds:.0f} s, {len(FAULTS) - never} of {len(FAULTS)} faults drawn,"
        f" {wrong} violations"
    )
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    parser.add_argument("--runs", type=int, help=f"number of runs; default: {RUNS}")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin none after this")
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--only", nargs="+", default=[], metavar="FAULT", help="one of them first")
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--most", type=int, default=MOST_FAULTS, help="faults a run")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument(
        "--fresh", action="store_true", help="an interpreter of its own for each run"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep input and output there")
    parser.add_argument("--verbose", action="store_true", help="print every run")
    parser.add_argument("--program", nargs="+", default=[], help="to start instead of sam4ct")
    parser.add_argument("--list", action="store_true", help="print the faults and end")
    options = parser.parse_args()
    options.drawn_from = options.only
    for name in options.only:
        if name not in FAULTS:
            parser.error(f"there is no fault {name}; see --list")
    options.only = options.only or list(FAULTS)
    if options.runs is None:
        options.runs = RUNS if options.seconds == float("inf") else sys.maxsize
    return options


if __name__ == "__main__":
    sys.exit(main())
