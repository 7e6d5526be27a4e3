"""`sam4ct review`: correct a result in a browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from sam4ct.pipelines.tools.review import review

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("review")
@click.argument("res_dir", type=_FOLDER)
@click.option("--images", type=_FOLDER, help="Images of the result.  [default: SS beside SS_RES]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Of the page on 127.0.0.1.  [default: any that is free]",
)
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser.")
def review_command(res_dir: Path, images: Path | None, port: int, browser: bool) -> None:
    """Answer questions about RES_DIR in a browser, and see the lineage solved again.

    Every answer is saved at once in SS_CORRECTIONS.csv beside RES_DIR. Ctrl-C ends the review; the
    next `sam4ct run` writes the masks that obey the answers.
    """

    def ready(address: str) -> None:
        click.echo(f"{address}\nCtrl-C ends the review; every answer is saved at once.")
        if browser:
            webbrowser.open(address)

    click.echo(review(res_dir, images, port, ready))
