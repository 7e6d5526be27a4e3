"""The report's page, put together from its parts.

Frames are read one at a time and kept as compressed pictures, so memory is bounded by the
size of the file, a few MB. Equal arguments give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from sam4ct.corrections import Correction
from sam4ct.io.files import replacing
from sam4ct.lineage import Track
from sam4ct.questions import Question
from sam4ct.report.frames.ends import LinkEnds
from sam4ct.report.frames.viewer import ShownFrames, viewer_data
from sam4ct.report.frames.whole import ResultFrames, WholeFrames, ends_in
from sam4ct.report.lineage.charts import cells_over_time, confidence_histogram
from sam4ct.report.lineage.colours import families_of, hues_of
from sam4ct.report.lineage.tree import Tree, lineage_tree
from sam4ct.report.review import parts_of, review_data
from sam4ct.report.uncertain import uncertain_links
from sam4ct.report.words import (
    facts_html,
    kinds_of,
    links_html,
    origin_html,
    scores_html,
    slice_distance,
    title_of,
)
from sam4ct.tables import Links
from sam4ct.types import FrameReader

SCRIPTS = ("drawing.js", "panel.js", "page.js")


def write_report(
    path: Path,
    reader: FrameReader,
    result: ResultFrames,
    tracks: Sequence[Track],
    links: Links,
    facts: Mapping[str, Any],
    scores: Mapping[str, float | None] | None = None,
    questions: Sequence[Question] = (),
    corrections: Sequence[Correction] = (),
) -> None:
    """Write the report of a run whose frames can be read whole.

    Args:
        path: The HTML file; replaced if it is there.
        reader: Images, and the input masks that links join.
        result: Track labels of every frame of the result.
        tracks, links, facts, scores, questions, corrections: As in `write_page`. Without links
            and questions the input masks are not read.

    Raises:
        WorkError: The disk refuses.
        SequenceError, ResultError: A frame cannot be read.
    """
    movie, ends = WholeFrames(reader, result), ends_in(reader, result)
    write_page(path, movie, ends, tracks, links, facts, scores, questions, corrections)


def write_page(
    path: Path,
    movie: ShownFrames,
    ends: LinkEnds,
    tracks: Sequence[Track],
    links: Links,
    facts: Mapping[str, Any],
    scores: Mapping[str, float | None] | None = None,
    questions: Sequence[Question] = (),
    corrections: Sequence[Correction] = (),
) -> None:
    """Write the report of a run, see `page_html`.

    Raises:
        WorkError: The disk refuses.
        SequenceError, ResultError: A frame cannot be read.
    """
    review = _review(questions, ends, facts, corrections)
    html = page_html(movie, ends, tracks, links, facts, scores, review)
    with replacing(path) as file:
        file.write(html.encode())


def page_html(
    movie: ShownFrames,
    ends: LinkEnds,
    tracks: Sequence[Track],
    links: Links,
    facts: Mapping[str, Any],
    scores: Mapping[str, float | None] | None = None,
    review: Mapping[str, Any] | None = None,
) -> str:
    """Return the page of a run.

    Args:
        movie: Images and result, as far as they are shown.
        ends: The regions that links join.
        tracks: A valid track table.
        links: All links with their confidence; if there is none, that section is left out.
        facts: Any of `dataset`, `sequence`, `version`, `date`, `mode`, `profile`,
            `weights`, `device` (texts), `seconds` (number), `spacing_um` (z, y, x; else
            voxels are taken for cubes), and `generated`: pairs of frame and track label
            of regions that overlap no input mask, or in mode "track" have no seed.
        scores: By name, see `words.SCORES`; None where there is no ground truth.
        review: Of `review_data`; without questions the page has no review view.

    Raises:
        SequenceError, ResultError: A frame cannot be read.
    """
    tracks = sorted(tracks)
    generated = frozenset((int(t), int(label)) for t, label in facts.get("generated") or ())
    kinds = kinds_of(facts)
    families = families_of(tracks)
    hues = hues_of(families)
    tree = lineage_tree(families, movie.frames, hues, generated)
    data = viewer_data(movie, tracks, hues, generated, slice_distance(facts))
    parts = parts_of(review or {})
    return _asset("page.html").substitute(
        title=escape(title_of(facts)),
        origin=origin_html(facts),
        scores=scores_html(scores),
        facts=facts_html(facts, tracks, movie.extract, movie.frames),
        volume=_volume_html(data),
        last=len(data["frames"]) - 1,
        sampled=_sampled(len(data["frames"]), movie.frames),
        axis=tree.axis,
        tree=_tree_html(tree),
        cells=cells_over_time(tracks, movie.frames),
        links=_links_section(links, ends, hues, kinds["seen"]),
        solid=kinds["solid"],
        dashed=kinds["dashed"],
        gaps=kinds["gaps"],
        style=_asset("page.css").template + parts.style,
        script="".join(_asset(name).template for name in SCRIPTS) + parts.script,
        # Numbers, paths and base64 only: nothing in it can end the script element.
        data=json.dumps(data, separators=(",", ":")),
        tabs=parts.tabs,
        overview=parts.overview,
        section=parts.section,
        questions=parts.data,
        connect=parts.connect,
    )


def _review(
    questions: Sequence[Question],
    ends: LinkEnds,
    facts: Mapping[str, Any],
    corrections: Sequence[Correction],
) -> dict[str, Any]:
    """Return the data of the review view; {} if there is no question."""
    if not questions:
        return {}
    names = (str(facts.get("dataset", "")), str(facts.get("sequence", "")))
    return review_data(questions, ends, names, corrections)


def _asset(name: str) -> Template:
    return Template(files("sam4ct.report").joinpath("assets", name).read_text(encoding="utf-8"))


def _sampled(shown: int, frames: int) -> str:
    if shown == frames:
        return ""
    return f"{shown} of {frames:,} frames are shown, evenly chosen."


def _volume_html(data: Mapping[str, Any]) -> str:
    """Return the side view and the choice of the slice; "" for images."""
    if "volume" not in data:
        return ""
    zs, depth = data["volume"]["zs"], data["volume"]["depth"]
    sampled = f"{len(zs)} of {depth:,} slices are shown." if len(zs) < depth else ""
    return _asset("volume.html").substitute(last=len(zs) - 1, sampled=sampled)


def _tree_html(tree: Tree) -> str:
    note = f'<p class="note">{escape(tree.note)}</p>' if tree.note else ""
    return f"{tree.lines}</div>{note}"


def _links_section(links: Links, ends: LinkEnds, hues: Mapping[int, int], seen: str) -> str:
    if not len(links):
        return ""
    cards = links_html(uncertain_links(links, ends), hues)
    return _asset("links.html").substitute(
        cards=cards,
        seen=seen,
        histogram=confidence_histogram(links.confidence),
        count=f"{len(links):,}",
    )
