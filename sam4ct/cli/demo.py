"""`sam4ct demo` and `sam4ct selftest`: try it on simulated cells, and check its scores."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import click

from sam4ct.cli.options import DEVICE, FOLDER, WEIGHTS, setting

DEMO_SCORES = ("Valid", "DET", "SEG", "TRA", "LNK", "CT", "TF", "BC(1)", "BIO", "OP_CLB")
SELFTEST_SCORES = ("LNK", "BIO", "OP_CLB")

# Below, pipelines are imported where they are used: scoring takes seconds to load, and every
# command loads this module.


@click.command()
@click.argument("out", type=FOLDER)
@setting("--ndim", "2", "Images or volumes.", click.Choice(["2", "3"]))
@WEIGHTS
@DEVICE
def demo(out: Path, ndim: str, weights: tuple[str, ...], device: str) -> None:
    """Simulate cells below OUT, link them, print scores and write a report."""
    from sam4ct.pipelines.tools.demo import run_demo

    shown = run_demo(out, weights, device, int(ndim))
    for name in DEMO_SCORES:
        click.echo(f"{name:<7}{_figure(shown.scores, name)}")
    click.echo(f"result  {shown.result}")
    click.echo(f"report  {shown.report}")


@click.command()
@WEIGHTS
@DEVICE
@click.pass_context
def selftest(ctx: click.Context, weights: tuple[str, ...], device: str) -> None:
    """Link a fixed simulated suite; exit 1 if a score is below its floor.

    IOU says how well the network finds single cells in other frames, the other scores how good
    the links are.
    """
    from sam4ct.models.device import device_name
    from sam4ct.pipelines.common.options import Options, choose_network
    from sam4ct.pipelines.tools.selftest import SUITE, run_suite

    place, chosen = choose_network(Options(weights=weights, device=device))
    versions = " ".join(f"{name} {version(name)}" for name in ("torch", "sam2", "numpy"))
    click.echo(f"{device_name(place)}, weights {chosen['sam2'].name}")
    click.echo(f"python {platform.python_version()} {versions}")
    names = ("IOU", "FLOOR", *SELFTEST_SCORES, "FLOOR")
    click.echo(f"{'LOOK':<15}{''.join(f'{name:>8}' for name in names)}{'CELLS/S':>9}")
    failed = 0
    for done in run_suite(weights, device):
        case = done.case
        follows = f"{done.follows:>8.4f}{case.follow_floor:>8.2f}"
        scores = "".join(_figure(done.scores, name) for name in SELFTEST_SCORES)
        rate = f"{done.regions / done.seconds:>9.1f}"
        verdict = "" if done.passed else "  BELOW"
        click.echo(f"{case.name:<15}{follows}{scores}{case.score_floor:>8.2f}{rate}{verdict}")
        failed += not done.passed
    click.echo(f"{failed} of {len(SUITE)} below their floors" if failed else "none below its floor")
    ctx.exit(1 if failed else 0)


def _figure(scores: Mapping[str, float | None], name: str) -> str:
    """A score in a column of eight characters; a dash where there is none."""
    score = scores[name]
    return f"{'-' if score is None else f'{score:.4f}':>8}"
