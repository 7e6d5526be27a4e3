"""Links to tracks with labels, as in res_track.txt.

In: detections, accepted links, generated regions. Out: tracks, labelled from 1 in order of first
frame and input label.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from sam4ct.errors import ResultError
from sam4ct.lineage import MAX_LABEL, Track
from sam4ct.stages.fill import Generated
from sam4ct.tables import Detections, Flags, Ints, Links, row_numbers


@dataclass(frozen=True)
class Traced:
    """Tracks, and which track each detection and each generated region belongs to."""

    tracks: list[Track]
    of_detection: Ints
    """Track label of every row of the detections."""
    of_generated: dict[tuple[int, int, int], int]
    """Track label by (t, source_t, source_label) of a generated region."""


def trace(detections: Detections, links: Links, generated: Collection[Generated]) -> Traced:
    """Follow the links from detection to detection.

    A link over missed frames continues a track if all of them were filled;
    otherwise the track ends, and its continuation is a new one with it as parent.
    A mother goes on to the last frame in which she was filled in.

    Args:
        detections: Ordered by frame and label.
        links: Accepted ones.
        generated: The regions made for gaps; in all frames of a gap, or in none.

    Raises:
        ResultError: There are more tracks than 16-bit labels.
    """
    before, begins = _origins(detections, links, generated)
    label_of = np.zeros(len(detections), dtype=np.int64)
    begin: list[int] = []
    end: list[int] = []
    parent: list[int] = []
    for row, t in enumerate(detections.t.tolist()):
        if begins[row]:
            begin.append(t)
            end.append(t)
            parent.append(int(label_of[before[row]]) if before[row] >= 0 else 0)
            label_of[row] = len(begin)
        else:
            label_of[row] = label_of[before[row]]
            end[label_of[row] - 1] = t
    if len(begin) > MAX_LABEL:
        raise ResultError(
            f"the sequence has {len(begin)} tracks, but a result can hold {MAX_LABEL}."
            " Remove specks from the masks (min_size with edit_masks), or crop the frames."
        )
    sources = np.array([(g.source_t, g.source_label) for g in generated], np.int64).reshape(-1, 2)
    labels = label_of[row_numbers(detections, *sources.T)].tolist()
    of_generated = {
        (g.t, g.source_t, g.source_label): label for g, label in zip(generated, labels, strict=True)
    }
    # A mother who was missed before her division lasts as long as she was filled in.
    for (t, _, _), label in of_generated.items():
        end[label - 1] = max(end[label - 1], t)
    tracks = [Track(i, *row) for i, row in enumerate(zip(begin, end, parent, strict=True), start=1)]
    return Traced(tracks, label_of, of_generated)


def _origins(
    detections: Detections, links: Links, generated: Collection[Generated]
) -> tuple[Ints, Flags]:
    """Return the row that each detection comes from, -1 without, and whether a track begins."""
    filled = {(g.source_t, g.source_label) for g in generated}
    v = row_numbers(detections, links.t2, links.label2)
    before = np.full(len(detections), -1)
    before[v] = row_numbers(detections, links.t, links.label)
    sources = zip(links.t.tolist(), links.label.tolist(), strict=True)
    unfilled = np.array([source not in filled for source in sources], dtype=bool)
    begins = np.ones(len(detections), dtype=bool)
    begins[v] = links.division | ((links.t2 - links.t > 1) & unfilled)
    return before, begins
