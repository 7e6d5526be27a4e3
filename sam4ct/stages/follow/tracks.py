"""FollowedTracks: from the links of cells that are followed to tracks with labels.

The cells to follow keep the labels that they were given; daughters get the next ones, in
order of their frame and region, and those that were left out once the next ones are used up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sam4ct.errors import ResultError
from sam4ct.lineage import MAX_LABEL, Track
from sam4ct.tables import Ints, Links


@dataclass(frozen=True)
class FollowedTracks:
    """The tracks of a movie, and the regions that they consist of."""

    tracks: Sequence[Track]
    """By label."""
    regions: Mapping[int, Mapping[int, int]]
    """By frame: track label by label of a region."""

    def in_frame(self, t: int) -> Mapping[int, int]:
        """Return the track label of every region in a frame, by the region's label."""
        return self.regions.get(t, {})

    def lost_before(self, t: int) -> list[Track]:
        """Return the tracks that end before a frame without having divided."""
        mothers = {track.parent for track in self.tracks}
        return [k for k in self.tracks if k.end < t and k.label not in mothers]

    def labelled(self, links: Links) -> Links:
        """Return links of these regions with track labels in the place of the regions' own."""

        def tracks(t: Ints, label: Ints) -> list[int]:
            return [self.regions[s][i] for s, i in zip(t.tolist(), label.tolist(), strict=True)]

        return replace(
            links,
            label=np.array(tracks(links.t, links.label), np.int64),
            label2=np.array(tracks(links.t2, links.label2), np.int64),
        )


def followed_tracks(initial: Sequence[int], links: Links) -> FollowedTracks:
    """Return the tracks of the cells to follow and of their descendants.

    Args:
        initial: Labels of the cells to follow; their regions in frame 0 are 1, 2, ...
        links: Of these cells, one frame each, in order of their targets.

    Raises:
        ResultError: There are more tracks than 16-bit labels.
    """
    tracks = {label: Track(label, 0, 0) for label in initial}
    regions: dict[int, dict[int, int]] = {0: dict(enumerate(initial, start=1))}
    labels = _free_labels(initial)
    rows = zip(
        links.t.tolist(),
        links.label.tolist(),
        links.t2.tolist(),
        links.label2.tolist(),
        links.division.tolist(),
        strict=True,
    )
    for t, label, t2, label2, division in rows:
        track = regions[t][label]
        if division:
            own = next(labels, None)
            if own is None:
                raise ResultError(
                    f"frame {t2}: there are more than {MAX_LABEL} tracks, which is all that a"
                    " result can hold. Follow fewer cells at a time."
                )
            tracks[own] = Track(own, t2, t2, track)
            track = own
        else:
            tracks[track] = replace(tracks[track], end=t2)
        regions.setdefault(t2, {})[label2] = track
    return FollowedTracks([tracks[label] for label in sorted(tracks)], regions)


def _free_labels(taken: Sequence[int]) -> Iterator[int]:
    """Yield labels for new tracks: from the largest on, then those that were left out below it."""
    top = max(taken, default=0)
    yield from range(top + 1, MAX_LABEL + 1)
    yield from sorted(set(range(1, top)).difference(taken))
