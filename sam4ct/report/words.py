"""The report's texts as HTML: title, scores, facts of the run, cards of links.

Everything that comes from a file name or from `run.json` is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from sam4ct.lineage import Track
from sam4ct.report.frames.extract import Extract
from sam4ct.report.lineage.colours import children_of, divisions_in
from sam4ct.report.uncertain import THUMBNAIL_UNITS, Thumbnail, UncertainLink

SCORES = {
    "OP_CLB": "Linking benchmark: mean of LNK and BIO",
    "LNK": "Links: how few corrections the links need",
    "BIO": "Biology: mean of CT, TF, BC and CCA",
    "DET": "Detection: how few corrections the cells need",
    "SEG": "Segmentation: overlap of masks and truth",
    "TRA": "Tracking: corrections to cells and links together",
    "CT": "Complete tracks: found from first to last frame",
    "TF": "Track fractions: longest correct part of a track",
    "BC(1)": "Branching: divisions found, at most 1 frame off",
    "CCA": "Cell cycle: agreement of the cycle lengths",
}
"""Every score runs from 0 to 1 (best); in the order of the page."""

_KEPT = ("dataset", "sequence", "version", "date", "mode", "device", "generated")
"""Facts that are taken from `run.json` as they are."""
FACTS = {
    "answers": "Answers",
    "mode": "Mode",
    "profile": "Profile",
    "weights": "Weights",
    "device": "Device",
}
"""Facts of a run that are shown as they are, and their names on the page."""

KINDS = {
    "link": {
        "solid": "are given masks",
        "dashed": "were generated",
        "gaps": "generated masks",
        "count": "Generated masks",
        "seen": "as it was given",
    },
    "track": {
        "solid": "were found at seeds",
        "dashed": "where there was no seed",
        "gaps": "frames without a seed",
        "count": "Without a seed",
        "seen": "as it was segmented",
    },
}
"""By mode: words of the page for cells, and for those in `facts["generated"]`."""


def facts_of_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that `write_report` takes, in words where the record has structure.

    Args:
        run: The content of `run.json`, or the part of it that is known so far: `profile`
            (a mapping, with `spacing_um`), `reasons` (of a profile derived from the data;
            else empty), `weights` (by role), `seconds` (by stage, or their sum), and texts.
    """
    facts = {key: run[key] for key in _KEPT if key in run}
    if "profile" in run:
        facts["profile"] = "auto" if run.get("reasons") else run["profile"]["dataset"]
        if "spacing_um" in run["profile"]:
            facts["spacing_um"] = tuple(run["profile"]["spacing_um"])
    if "answers" in run:
        facts["answers"] = f"{run['answers']['count']:,} obeyed"
    if "weights" in run:
        names = ", ".join(entry["name"] for entry in run["weights"].values())
        facts["weights"] = names or "none (overlap)"
    if "seconds" in run:
        seconds = run["seconds"]
        facts["seconds"] = sum(seconds.values()) if isinstance(seconds, Mapping) else seconds
    return facts


def kinds_of(facts: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the words for the cells of a run; those of mode "link" if it has no mode."""
    return KINDS.get(str(facts.get("mode")), KINDS["link"])


def title_of(facts: Mapping[str, Any]) -> str:
    """Return the plain title, `DATASET · SS`; not escaped."""
    names = [str(facts[key]) for key in ("dataset", "sequence") if facts.get(key)]
    return " · ".join(names) or "Cell tracking"


def origin_html(facts: Mapping[str, Any]) -> str:
    """Return the line below the title: what made the result, and when."""
    version = f"sam4ct {facts['version']}" if facts.get("version") else ""
    # ISO 8601 is for machines.
    date = str(facts.get("date") or "").replace("T", " ").replace("+00:00", " UTC")
    parts = [version, date]
    return " · ".join(escape(part) for part in parts if part)


def scores_html(scores: Mapping[str, float | None] | None) -> str:
    """Return the scores named in `SCORES` as a list of tiles; "" without any.

    A score that is None or not a number does not apply and shows as a dash.
    """
    named = [name for name in SCORES if name in (scores or {})]
    if scores is None or not named:
        return ""
    tiles = "".join(_score_tile(name, scores[name]) for name in named)
    return f'<section aria-label="Scores"><ul class="scores">{tiles}</ul></section>'


def _score_tile(name: str, value: float | None) -> str:
    applies = value is not None and math.isfinite(value)
    text = f"{value:.3f}" if applies else "&ndash;"
    share = min(1.0, max(0.0, value)) if value is not None and applies else 0.0
    return (
        f'<li><span class="name">{name}</span><span class="value">{text}</span>'
        f'<span class="gauge"><span style="width:{100 * share:.1f}%"></span></span>'
        f'<span class="about">{SCORES[name]}</span></li>'
    )


def facts_html(
    facts: Mapping[str, Any], tracks: Sequence[Track], extract: Extract, frames: int
) -> str:
    """Return the facts of the run as a definition list; unknown facts are left out."""
    shape = extract.frame
    rows = {
        "Frames": f"{frames:,}",
        "Frame size": " \N{MULTIPLICATION SIGN} ".join(f"{n:,}" for n in shape[::-1]) + " px",
        "Cells": f"{sum(track.end - track.begin + 1 for track in tracks):,} in all frames",
        "Tracks": f"{len(tracks):,}",
        "Divisions": f"{divisions_in(children_of(tracks)):,}",
    }
    if len(shape) == 3:
        rows["Slices"] = f"{slice_distance(facts):.3g} px apart"
    if not extract.is_whole:
        rows["Shown"] = _shown(extract)
    if facts.get("generated") is not None:
        rows[kinds_of(facts)["count"]] = f"{len(facts['generated']):,}"
    rows |= {name: str(facts[key]) for key, name in FACTS.items() if facts.get(key)}
    if facts.get("seconds") is not None:
        rows["Time"] = duration(float(facts["seconds"]))
    items = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in rows.items())
    return f'<dl class="facts">{items}</dl>'


def _shown(extract: Extract) -> str:
    """Return which voxels are shown: `x 0 to 99, y 20 to 79, z 3 to 9; every 2nd pixel`."""
    axes = zip("xyz", extract.box[::-1], strict=False)
    ends = ", ".join(f"{axis} {part.start:,} to {part.stop - 1:,}" for axis, part in axes)
    steps = {"pixel": extract.steps[-1], "slice": extract.steps[0]}
    coarse = [f"every {_ordinal(step)} {name}" for name, step in steps.items() if step > 1]
    return "; ".join([ends, *coarse])


def _ordinal(n: int) -> str:
    teens = 10 <= n % 100 < 20
    return f"{n}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def slice_distance(facts: Mapping[str, Any]) -> float:
    """Return the distance of slices in in-plane pixels; 1 if it is not known."""
    z, _, x = facts.get("spacing_um") or (1.0, 1.0, 1.0)
    return float(z) / float(x)


def duration(seconds: float) -> str:
    """Return a time in words: `8.3 s`, `2 min 05 s`, `1 h 02 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def links_html(links: Iterable[UncertainLink], hues: Mapping[int, int]) -> str:
    """Return the least certain links as a list of cards."""
    return f'<ul class="links">{"".join(_card(link, hues) for link in links)}</ul>'


def _card(link: UncertainLink, hues: Mapping[int, int]) -> str:
    kind = "division" if link.division else ""
    if link.after.t > link.before.t + 1:
        kind = f"over {link.after.t - link.before.t} frames"
    if link.answered:
        kind = f"{kind}, answered".removeprefix(", ")
    return (
        f'<li><button type="button" data-t="{link.after.t}" data-track="{link.after.track}">'
        f'<span class="pair">{_picture(link.before, hues)}{_picture(link.after, hues)}</span>'
        f'<span class="how"><b>{link.confidence:.2f}</b>'
        f'<span class="gauge"><span style="width:{100 * link.confidence:.1f}%"></span></span>'
        f"<span>{kind}</span></span></button></li>"
    )


def _picture(end: Thumbnail, hues: Mapping[int, int]) -> str:
    track = f"track {end.track}" if end.track else "no track"
    side = THUMBNAIL_UNITS
    return (
        f'<span class="end"><span class="crop"><img src="{end.image}" alt="" loading="lazy">'
        f'<svg viewBox="0 0 {side} {side}" style="--h:{hues.get(end.track, 0)}" aria-hidden="true">'
        f'<path d="{end.outline}"/></svg></span>'
        f'<span class="where">frame {end.t}<br>{track}</span></span>'
    )
