"""From GEFF: what a person changed in an editor of tracks becomes corrections.

In: an edited GEFF and the result that it was made from. Out: `SS_CORRECTIONS.csv`.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from pathlib import Path

import numpy as np

from sam4ct.corrections import Correction, contradictions, in_order
from sam4ct.errors import CorrectionsError
from sam4ct.io.corrections import corrections_file, read_corrections, write_corrections
from sam4ct.io.corrections.geff import read_geff
from sam4ct.io.ctc import work_dir_of
from sam4ct.io.files import work_errors
from sam4ct.io.work import WorkDir, read_table
from sam4ct.pipelines.link.solved import read_solved, solved_stage
from sam4ct.stages.correct.differences import (
    differences,
    matched,
    steps_between,
    without_older,
)
from sam4ct.stages.fill import without
from sam4ct.tables import Detections, Joins, Links, row_numbers

logger = logging.getLogger(__name__)


def corrections_from_geff(
    edited: Path, res_dir: Path, out: Path | None = None
) -> tuple[Path, Counter[str]]:
    """Write the corrections that lead from a result to its edited lineage.

    Answers that are in the file already stay, but those about regions that were edited.

    Args:
        edited: The GEFF of an editor.
        res_dir: The result, `SS_RES`, of a run of this version.
        out: The file; None: `SS_CORRECTIONS.csv` beside the result.

    Returns:
        The file, and how many answers of each kind are new.

    Raises:
        CorrectionsError: The GEFF or the result cannot be used.
        WorkError: The work folder is damaged, or the disk refuses.
    """
    res_dir = Path(os.path.abspath(res_dir))
    out = corrections_file(res_dir) if out is None else out
    older = read_corrections(out) if out.is_file() else ()
    found = _changes(edited, res_dir)
    kept = list(without_older(older, found))
    while clash := next(contradictions([*found, *kept]), None):
        kept = [one for one in kept if one not in clash]
    write_corrections(out, in_order([*found, *kept]))
    return out, Counter(one.kind.value for one in found if one not in older)


def _changes(edited: Path, res_dir: Path) -> tuple[Correction, ...]:
    """Return the answers that lead from a result to its edited lineage."""
    work = WorkDir(work_dir_of(res_dir))
    if not (work.run_json.is_file() and work.links.is_file()):
        raise CorrectionsError(
            f"{res_dir}: its work folder {work.root} has no finished run of mode 'link', so it is"
            " not known which masks were linked. Run `sam4ct run` first."
        )
    with work_errors(work.run_json):
        profile = json.loads(work.run_json.read_bytes())["profile"]
    regions = read_solved(work, solved_stage(work), 1)[0]
    graph = read_geff(edited)
    ndim = int(profile["ndim"])
    if graph.places.shape[1] != ndim:
        raise CorrectionsError(
            f"{edited}: its places have {graph.places.shape[1]} axes, but the result has {ndim}."
            " Export it from this result."
        )
    spacing = np.asarray(profile["spacing_um"])[-ndim:]
    places = graph.places / spacing if graph.in_um else graph.places
    row = matched(regions, graph.t, places, graph.given)
    if graph.given is not None:
        # Regions that the program made: they are filled again as the links say.
        row[graph.given == 0] = -1
    links = read_table(work.links, Links)
    old = zip(
        row_numbers(regions, links.t, links.label).tolist(),
        row_numbers(regions, links.t2, links.label2).tolist(),
        strict=True,
    )
    steps = steps_between(row, graph.edges, len(graph.t))
    cells = _painted(work, regions)
    kept = set(row[row >= 0].tolist())
    if not kept:
        raise CorrectionsError(
            f"{edited}: none of its {len(row)} nodes is at the place of a region of {res_dir}."
            " Export it from this result, with places in pixels."
        )
    found = differences(regions, old, cells, steps, kept, ndim)
    for words in found.unsaid:
        logger.warning("%s: %s; this is left out", edited, words)
    return found.corrections


def _painted(work: WorkDir, regions: Detections) -> list[int]:
    """Return the rows of the regions that are in the result."""
    left = regions
    for name in ("dropped", "debris"):
        gone = read_table(work.artifact("correct", f"{name}.parquet"), Joins)
        there = set(zip(left.t.tolist(), left.label.tolist(), strict=True))
        rows = zip(gone.t.tolist(), gone.label.tolist(), strict=True)
        gone = gone.take(np.array([row in there for row in rows], dtype=bool))
        left = without(left, gone)
    return row_numbers(regions, left.t, left.label).tolist()  # type: ignore[no-any-return]
