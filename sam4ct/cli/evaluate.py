"""`sam4ct evaluate` and `sam4ct validate`: score a result, check that it keeps the rules."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.io.ctc import validate_result
from sam4ct.io.files import write_json

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("res_dir", type=_FOLDER)
@click.argument("gt_dir", type=_FOLDER)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the scores to this file, too; a score that does not exist is null.",
)
@click.pass_context
def evaluate(ctx: click.Context, res_dir: Path, gt_dir: Path, json_file: Path | None) -> None:
    """Score the result RES_DIR against the ground truth GT_DIR (DATASET/SS_GT).

    A result that breaks the rules of the challenge has no scores: Valid is 0, exit status 2.
    """
    # Imported here: py-ctcmetrics takes seconds to load, and every command loads this module.
    from sam4ct.metrics import evaluate as scores_of

    scores = scores_of(res_dir, gt_dir)
    for name, score in scores.items():
        click.echo(f"{name:<7}{'-' if score is None else f'{score:.4f}':>8}")
    if json_file is not None:
        write_json(json_file, scores)
    if not scores["Valid"]:
        click.echo(f"Not valid; sam4ct validate {res_dir} says why.", err=True)
        ctx.exit(2)


@click.command()
@click.argument("res_dir", type=_FOLDER)
@click.option("--images", type=_FOLDER, help="The images of the result, DATASET/SS or SS.zarr.")
@click.pass_context
def validate(ctx: click.Context, res_dir: Path, images: Path | None) -> None:
    """Check that the result RES_DIR keeps the rules of the challenge.

    If it breaks any, they are listed, and the exit status is 2.
    """
    problems = validate_result(res_dir, images)
    for problem in problems:
        click.echo(problem)
    if problems:
        ctx.exit(2)
    click.echo(f"{res_dir}: valid")
