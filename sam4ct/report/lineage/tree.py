"""The lineage tree as SVG: time runs to the right, a track is a line, a division a fork.

`page.js` uses the data attributes, `page.css` the classes. Lengths in CSS pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sam4ct.lineage import Track
from sam4ct.report.lineage.colours import children_of

MOST_TRACKS = 600
"""More would be neither readable nor light."""
ROW_PX = 17
FAMILY_GAP_PX = 7
MARGIN_PX = 14
LABEL_PX = 46
"""Room for the label after a track that ends with the movie."""
DIGIT_PX = 7
WIDTH_PX = 520
LEAST_PX_PER_FRAME, MOST_PX_PER_FRAME = 1.5, 24.0
TICK_PX = 60
"""Ticks of the time axis are at least so far apart."""


@dataclass(frozen=True)
class Tree:
    """A drawn tree. The axis stays in view while the lines below it scroll."""

    axis: str
    lines: str
    note: str
    """A sentence about tracks that are not drawn; "" if all are."""


def lineage_tree(
    families: Sequence[Sequence[Track]],
    frames: int,
    hues: Mapping[int, int],
    generated: Iterable[tuple[int, int]],
) -> Tree:
    """Draw the largest families.

    Args:
        families: As `families.families_of` returns them.
        frames: Number of frames of the movie.
        hues: In degrees, by track label.
        generated: (t, track label) of regions that no input mask supports.
    """
    shown = _chosen(families)
    step = min(MOST_PX_PER_FRAME, max(LEAST_PX_PER_FRAME, WIDTH_PX / frames))
    width = round(2 * MARGIN_PX + (frames - 1) * step + LABEL_PX)
    rows, height = _rows(shown)
    lines = [line for family in shown for line in _family_lines(family, rows, step, hues)]
    svg = (
        f'<svg id="tree" width="{width}" height="{height}" data-x0="{MARGIN_PX}"'
        f' data-step="{step:.4g}">{"".join(lines)}'
        f'<path class="made" d="{_generated_path(generated, rows, step)}"/>'
        f'<line class="now" x1="{MARGIN_PX}" x2="{MARGIN_PX}" y1="0" y2="{height}"/></svg>'
    )
    return Tree(_axis(frames, step, width), svg, _note(families, shown))


def _chosen(families: Sequence[Sequence[Track]]) -> list[list[Track]]:
    """Return the largest families that fit; of one too large, its first generations."""
    if not families:
        return []
    shown = [list(families[0][:MOST_TRACKS])]  # mothers first, so a cut keeps it connected
    room = MOST_TRACKS - len(shown[0])
    for family in families[1:]:
        if len(family) > room:
            break
        shown.append(list(family))
        room -= len(family)
    return shown


def _rows(families: Sequence[Sequence[Track]]) -> tuple[dict[int, float], int]:
    """Return the height of every track's line, by label, and that of the whole tree.

    Tracks without daughters get a row each, in order of descent; a mother lies in the
    middle of her daughters.
    """
    rows: dict[int, float] = {}
    y = float(ROW_PX)
    for family in families:
        children = children_of(family)
        order = _depth_first(family[0], children)
        for track in order:
            if track.label not in children:
                rows[track.label] = y
                y += ROW_PX
        for track in reversed(order):
            if daughters := children.get(track.label):
                rows[track.label] = sum(rows[d.label] for d in daughters) / len(daughters)
        y += FAMILY_GAP_PX
    return rows, round(y)


def _depth_first(founder: Track, children: Mapping[int, Sequence[Track]]) -> list[Track]:
    order, waiting = [], [founder]
    while waiting:
        track = waiting.pop()
        order.append(track)
        waiting += reversed(children.get(track.label, []))
    return order


def _x(t: float, step: float) -> str:
    return f"{MARGIN_PX + t * step:.1f}"


def _family_lines(
    family: Sequence[Track], rows: Mapping[int, float], step: float, hues: Mapping[int, int]
) -> Iterator[str]:
    """Yield every track's joint to its mother, line and label.

    A track of one frame is a dot: round line caps. The joint to an only daughter,
    which a division is not, is dashed.
    """
    ends = {track.label: track.end for track in family}
    children = children_of(family)
    for track in family:
        row = rows[track.label]
        joint = ""
        if track.parent:
            kind = "fork" if len(children[track.parent]) > 1 else "fork bridge"
            start = f"M{_x(ends[track.parent], step)} {rows[track.parent]:.1f}"
            joint = f'<path class="{kind}" d="{start}L{_x(track.begin, step)} {row:.1f}"/>'
        line = f"M{_x(track.begin, step)} {row:.1f}H{_x(track.end, step)}"
        yield (
            f'<g class="track" data-track="{track.label}" data-y="{row:.1f}"'
            f' style="--h:{hues[track.label]}">{joint}'
            f'<path class="reach" d="{line}"/><path d="{line}"/>'
            f"{_label(track, row, step, is_mother=track.label in children)}</g>"
        )


def _label(track: Track, row: float, step: float, *, is_mother: bool) -> str:
    """Return a track's label: after its end, or above its line if daughters stand there.

    A mother whose line is too short for it has it in a tooltip only.
    """
    name = str(track.label)
    if not is_mother:
        return f'<text x="{_x(track.end, step)}" y="{row:.1f}" dx="6" dy="3.5">{name}</text>'
    if (track.end - track.begin) * step < DIGIT_PX * len(name):
        return f"<title>{name}</title>"
    return f'<text x="{_x(track.begin, step)}" y="{row:.1f}" dx="2" dy="-3.5">{name}</text>'


def _generated_path(
    generated: Iterable[tuple[int, int]], rows: Mapping[int, float], step: float
) -> str:
    """Return one path with a short stroke for every generated region."""
    half = min(step, 6.0) / 2.0
    return "".join(
        f"M{MARGIN_PX + t * step - half:.1f} {rows[label]:.1f}h{2.0 * half:.3g}"
        for t, label in sorted(generated)
        if label in rows
    )


def _axis(frames: int, step: float, width: int) -> str:
    nice = (n * 10**k for k in range(6) for n in (1, 2, 5))
    every = next(n for n in nice if n * step >= TICK_PX)
    ticks = "".join(f'<text x="{_x(t, step)}" y="15">{t}</text>' for t in range(0, frames, every))
    return f'<svg class="axis" width="{width}" height="22" aria-hidden="true">{ticks}</svg>'


def _note(families: Sequence[Sequence[Track]], shown: Sequence[Sequence[Track]]) -> str:
    tracks, drawn = sum(map(len, families)), sum(map(len, shown))
    if tracks == drawn:
        return ""
    cut = len(shown[0]) < len(families[0])
    largest = f"the first {drawn} tracks of the largest" if cut else f"the {len(shown)} largest"
    return (
        f"Drawn: {largest} of {len(families)} families; {tracks - drawn} of {tracks} tracks"
        " are left out. They are in the viewer all the same."
    )
