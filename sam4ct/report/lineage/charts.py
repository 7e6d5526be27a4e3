"""Two small SVG charts: confidence of the links, and number of cells over time.

Colours are in `page.css`. Lengths in units of the charts' view boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sam4ct.lineage import Track

WIDTH, HEIGHT = 520, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 30
BINS = 20
LEAST_BAR = 1.5
"""Least height of a bar that is not empty, so that a single link can be seen."""

_PLOT_W, _PLOT_H = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM


def confidence_histogram(confidence: NDArray[np.float64]) -> str:
    """Return a histogram of confidences, 0 to 1; counts on a logarithmic scale.

    Logarithmic, because nearly all links of a good run are certain, and the few others matter.
    """
    counts, _ = np.histogram(np.clip(confidence, 0.0, 1.0), BINS, (0.0, 1.0))
    top = np.log10(1.0 + max(1, int(counts.max())))
    width = _PLOT_W / BINS
    bars = []
    for n, count in enumerate(counts.tolist()):
        high = max(LEAST_BAR, np.log10(1.0 + count) / top * _PLOT_H) if count else 0.0
        low, up = n / BINS, (n + 1) / BINS
        bars.append(
            f'<rect class="bar" x="{LEFT + n * width + 1:.1f}" y="{TOP + _PLOT_H - high:.1f}"'
            f' width="{width - 2:.1f}" height="{high:.1f}">'
            f"<title>{count} links of confidence {low:.2f} to {up:.2f}</title></rect>"
        )
    ticks = [(f"{v:g}", LEFT + v * _PLOT_W) for v in (0.0, 0.25, 0.5, 0.75, 1.0)]
    powers = [10**k for k in range(8) if np.log10(1.0 + 10**k) <= top]
    levels = [(f"{v:,}", np.log10(1.0 + v) / top) for v in powers]
    total = f"Histogram of {len(confidence)} confidences"
    return _chart(total, "".join(bars), ticks, levels, "confidence")


def cells_over_time(tracks: Sequence[Track], frames: int) -> str:
    """Return the number of cells in every frame as a line."""
    change = np.zeros(frames + 1, dtype=int)
    for track in tracks:
        change[track.begin] += 1
        change[track.end + 1] -= 1
    cells = np.cumsum(change)[:frames]
    step = _PLOT_W / max(1, frames - 1)
    top = _nice_ceiling(int(cells.max()))
    points = " ".join(
        f"{LEFT + t * step:.1f},{TOP + (1 - n / top) * _PLOT_H:.1f}"
        for t, n in enumerate(cells.tolist())
    )
    base = TOP + _PLOT_H
    end = LEFT + (frames - 1) * step
    body = (
        f'<polygon class="area" points="{LEFT},{base} {points} {end:.1f},{base}"/>'
        f'<polyline class="curve" points="{points}"/>'
    )
    marks = sorted({round(v) for v in np.linspace(0, frames - 1, 5)})
    ticks = [(str(t), LEFT + t * step) for t in marks]
    levels = [(f"{v:,}", v / top) for v in sorted({0, top // 2, top})]
    about = f"From {cells[0]} cells in the first frame to {cells[-1]} in the last"
    return _chart(about, body, ticks, levels, "frame")


def _nice_ceiling(value: int) -> int:
    """Return a round number, not smaller than a value."""
    digits = len(str(max(1, value)))
    scale = int("1".ljust(digits, "0"))
    return next(n * scale for n in (1, 2, 4, 6, 8, 10) if n * scale >= value)


def _chart(
    about: str,
    body: str,
    ticks: Sequence[tuple[str, float]],
    levels: Sequence[tuple[str, float]],
    below: str,
) -> str:
    """Return a chart with its axes.

    Args:
        about: What it shows, for screen readers.
        body: SVG of the data.
        ticks: Text and x of the marks below.
        levels: Text and share of the height of the grid lines.
        below: Name of the axis below.
    """
    base = TOP + _PLOT_H
    grid = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="level" x="{LEFT - 6}" y="{y + 3.5:.1f}">{text}</text>'
        for text, y in ((text, base - share * _PLOT_H) for text, share in levels)
    )
    marks = "".join(f'<text class="tick" x="{x:.1f}" y="{base + 14}">{t}</text>' for t, x in ticks)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{about}">'
        f'{grid}{body}<line class="base" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>'
        f'{marks}<text class="tick" x="{LEFT + _PLOT_W / 2:.0f}" y="{HEIGHT - 2}">{below}</text>'
        "</svg>"
    )
