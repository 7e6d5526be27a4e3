"""`sam4ct demo` and `sam4ct selftest`: see it work, and see that it works well."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import click

SHOWN = ("Valid", "DET", "SEG", "TRA", "LNK", "CT", "TF", "BC(1)", "BIO", "OP_CLB")

WEIGHTS = click.option("--weights", multiple=True, metavar="NAME", help="Weights to use.")
DEVICE = click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]")


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@WEIGHTS
@DEVICE
def demo(out: Path, weights: tuple[str, ...], device: str) -> None:
    """Simulate cells below OUT, link them, score the result and report on it."""
    # Scoring takes seconds to load, and every command loads this module.
    from sam4ct.pipelines.demo import run_demo

    shown = run_demo(out, weights, device)
    for name in SHOWN:
        score = shown.scores.get(name)
        click.echo(f"{name:<7}{'-' if score is None else f'{score:.4f}':>8}")
    click.echo(f"result  {shown.result}")
    click.echo(f"report  {shown.report}")


@click.command()
@WEIGHTS
@DEVICE
@click.pass_context
def selftest(ctx: click.Context, weights: tuple[str, ...], device: str) -> None:
    """Link a fixed simulated suite; exit 1 if a score is below its floor."""
    from sam4ct.models.device import choose_device, device_name
    from sam4ct.models.weights import choose, load_manifest
    from sam4ct.pipelines.selftest import run_suite

    place = choose_device(device)
    chosen = choose(load_manifest(), weights, place.startswith("cuda"))
    versions = " ".join(f"{name} {version(name)}" for name in ("torch", "sam2", "numpy"))
    click.echo(f"{device_name(place)}, weights {chosen['sam2'].name}")
    click.echo(f"python {platform.python_version()} {versions}")
    click.echo(f"{'LOOK':<15}{'LNK':>8}{'BIO':>8}{'OP_CLB':>8}{'FLOOR':>8}{'CELLS/S':>9}")
    failed = 0
    for done in run_suite(weights, device):
        values = "".join(
            f"{'-' if (v := done.scores[k]) is None else f'{v:.4f}':>8}"
            for k in ("LNK", "BIO", "OP_CLB")
        )
        rate = done.regions / done.seconds
        verdict = "" if done.passed else "  BELOW"
        click.echo(f"{done.case.look:<15}{values}{done.case.floor:>8.2f}{rate:>9.1f}{verdict}")
        failed += not done.passed
    click.echo(f"{failed} of the suite below its floor" if failed else "all above their floors")
    ctx.exit(1 if failed else 0)
