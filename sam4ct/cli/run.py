"""`sam4ct run` and `sam4ct check`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from sam4ct.io.ctc import find_sequences
from sam4ct.io.result import prepare_target
from sam4ct.pipelines.link import run_sequence
from sam4ct.pipelines.outlook import outlook
from sam4ct.pipelines.plan import Options, make_plan

logger = logging.getLogger(__name__)

DATASET = click.argument(
    "dataset_dir", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
SEQUENCES = click.argument("sequences", nargs=-1, metavar="[SEQ]...")


def run_options(command: Any) -> Any:
    """Options that choose what is computed; the same for `run`, `check` and `stage`."""
    for option in (
        click.option(
            "--evidence",
            type=click.Choice(["sam2", "overlap"]),
            default="sam2",
            show_default=True,
            help="What says which mask is which: SAM 2, or plain overlap (no network).",
        ),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            metavar="auto|cpu|cuda[:N]",
            callback=_device,
            help="Where networks run.",
        ),
        click.option(
            "--out",
            type=click.Path(file_okay=False, path_type=Path),
            help="Result folder; with several sequences the root of DATASET/SS_RES.",
        ),
        click.option(
            "--weights",
            multiple=True,
            metavar="NAME",
            help="Weights to use, once per role; see `sam4ct weights list`.",
        ),
        click.option(
            "--profile",
            metavar="NAME|FILE|auto",
            help="Default: the shipped profile of this name, else auto.",
        ),
    ):
        command = option(command)
    return command


def _device(_: click.Context, __: click.Parameter, value: str) -> str:
    kind, colon, number = value.partition(":")
    numbered = kind == "cuda" and number.isdigit()
    if kind not in ("auto", "cpu", "cuda") or (colon and not numbered):
        raise click.BadParameter(f"{value!r} is not auto, cpu, cuda or cuda:N.")
    return value


@click.command()
@DATASET
@SEQUENCES
@run_options
@click.option("--overwrite", is_flag=True, help="Replace an existing result.")
@click.option("--report/--no-report", default=True, help="Write report.html.")
def run(
    dataset_dir: Path,
    sequences: tuple[str, ...],
    out: Path | None,
    profile: str | None,
    weights: tuple[str, ...],
    device: str,
    evidence: str,
    overwrite: bool,
    report: bool,
) -> None:
    """Link SEQuences (all, if none is named) of a CTC dataset.

    The same command continues a run that was stopped.
    """
    options = Options(
        profile=profile,
        weights=weights,
        device=device,
        evidence=evidence,
        overwrite=overwrite,
        report=report,
    )
    found = find_sequences(dataset_dir, sequences, out)
    for sequence in found:
        prepare_target(sequence.result_dir, overwrite=overwrite)
    for sequence in found:
        plan = make_plan(sequence, options)
        logger.info("%s", outlook(plan))
        work = run_sequence(plan, options)
        click.echo(f"{sequence.result_dir}: written")
        if report:
            click.echo(f"{work.report}: look at it in a browser")


@click.command()
@DATASET
@SEQUENCES
@run_options
def check(
    dataset_dir: Path,
    sequences: tuple[str, ...],
    out: Path | None,
    profile: str | None,
    weights: tuple[str, ...],
    device: str,
    evidence: str,
) -> None:
    """Say what `run` would do, with which profile and weights, and about how long."""
    options = Options(profile=profile, weights=weights, device=device, evidence=evidence)
    for sequence in find_sequences(dataset_dir, sequences, out):
        plan = make_plan(sequence, options)
        click.echo(outlook(plan, timed=True))
        for key, reason in plan.reasons.items():
            click.echo(f"  {key} = {getattr(plan.profile, key)}: {reason}")
