"""`sam4ct questions`: which places of a lineage are worth a look."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.cli.options import FOLDER


@click.command()
@click.argument("res_dir", type=FOLDER)
@click.option(
    "--n",
    "count",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Questions, at most.",
)
def questions(res_dir: Path, count: int) -> None:
    """List what to ask about the result RES_DIR, and write RES_DIR.sam4ct/questions.json.

    The first questions remove most wrong and missing links. What SS_CORRECTIONS.csv beside the
    result answers is not asked again.
    """
    from sam4ct.pipelines.tools.questions import as_table, questions_of  # HiGHS takes a moment

    for line in as_table(questions_of(res_dir, count)):
        click.echo(line)
