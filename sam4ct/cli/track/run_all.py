"""`sam4ct run-all`: run every sequence below a folder; a container without arguments does this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import (
    EDIT,
    EVIDENCE,
    EXPORT,
    FAST,
    GENERATE,
    OVERWRITE,
    PROFILE,
    REPORT,
    WEIGHTS,
    device_option,
)
from sam4ct.pipelines.batch.run_all import Kind, Outcome, run_all
from sam4ct.pipelines.common.options import Options


@click.command("run-all")
@click.argument("root", type=click.Path(path_type=Path))
@PROFILE
@WEIGHTS
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Root below which DATASET/SS_RES is written.  [default: beside the input]",
)
@device_option("cuda")
@EVIDENCE
@FAST
@GENERATE
@EDIT
@OVERWRITE
@REPORT
@EXPORT
@click.pass_context
def run_all_command(ctx: click.Context, /, root: Path, out: Path | None, **chosen: Any) -> None:
    """Run every sequence below ROOT that has masks, or seeds and initial tracks.

    Datasets are looked for up to three folders deep. Results and exports that are there are kept,
    so the same command continues what was stopped. A sequence that fails does not stop the others.
    A line for each says how it ended; the exit status is 2 if one failed, and 1 after a fault of
    the program.
    """
    outcomes = run_all(root, Options(**chosen), out)
    width = max(len(outcome.label) for outcome in outcomes)
    for outcome in outcomes:
        click.echo(f"{outcome.label:<{width}}  {_words(outcome)}")
    counts = Counter(outcome.kind for outcome in outcomes)
    click.echo(", ".join(f"{counts[kind]} {kind.value}" for kind in Kind))
    ctx.exit(_status(outcomes))


def _words(outcome: Outcome) -> str:
    """`written PATH`, `there already`, or `failed: ` with the first line of the reason."""
    if outcome.kind is Kind.FAILED:
        return f"failed: {outcome.detail.splitlines()[0]}"
    return f"{outcome.kind.value} {outcome.detail}".rstrip()


def _status(outcomes: Sequence[Outcome]) -> int:
    if any(outcome.unexpected for outcome in outcomes):
        return 1
    return 2 if any(outcome.kind is Kind.FAILED for outcome in outcomes) else 0
