"""`sam4ct report`: one HTML file that shows a result."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.errors import SequenceError
from sam4ct.io.ctc import RESULT
from sam4ct.io.files import holds_tiff
from sam4ct.report.rebuild import rebuild_report

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("res_dir", type=_FOLDER)
@click.option(
    "--images",
    type=_FOLDER,
    help="Images of the result.  [default: SS beside SS_RES, or what `run IMAGES MASKS` imported]",
)
@click.option("--gt", "gt_dir", type=_FOLDER, help="Ground truth, DATASET/SS_GT, to show scores.")
def report(res_dir: Path, images: Path | None, gt_dir: Path | None) -> None:
    """Write RES_DIR.sam4ct/report.html: frames, lineages, least certain links.

    RES_DIR may come from any tool; only results of sam4ct have confidences for links.
    """
    _refuse_zarr(res_dir, images)
    scores = None
    if gt_dir is not None:
        # Imported here: py-ctcmetrics takes seconds to load, and every command loads this module.
        from sam4ct.metrics import evaluate

        scores = evaluate(res_dir, gt_dir)
    click.echo(rebuild_report(res_dir, images, scores))


def _refuse_zarr(res_dir: Path, images: Path | None) -> None:
    """Refuse images in Zarr: only the run that follows cells through them writes their report."""
    folder = images or res_dir.with_name(res_dir.name.removesuffix(RESULT))
    movie = folder if folder.suffix == ".zarr" else folder.with_name(f"{folder.name}.zarr")
    if movie.is_dir() and not holds_tiff(folder):
        raise SequenceError(
            f"{movie}: only `sam4ct run` writes reports of images in Zarr. Add --overwrite to that"
            " command: it rewrites the report from cached results."
        )
