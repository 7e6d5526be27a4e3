"""Tracks and lineages, and the rules of the Cell Tracking Challenge for them.

Pure python. Frames are zero-based and inclusive at both ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_LABEL = 65535
"""Masks are 16 bit; 0 is background."""


@dataclass(frozen=True, order=True)
class Track:
    """One line of res_track.txt: `L B E P`."""

    label: int
    begin: int
    end: int
    parent: int = 0

    def row(self) -> tuple[int, int, int, int]:
        return self.label, self.begin, self.end, self.parent


def table_problems(tracks: Iterable[Track]) -> list[str]:
    """Return what is wrong with a track table by itself, one sentence each; [] if valid.

    The rules are the challenge's: labels unique, 1 to 65535; the end not before
    the beginning; a parent is 0, or exists and ends strictly before its daughter
    begins.
    """
    problems: list[str] = []
    known: dict[int, Track] = {}
    for track in tracks:
        if not 1 <= track.label <= MAX_LABEL:
            problems.append(f"track {track.label}: labels run from 1 to {MAX_LABEL}.")
        if track.label in known:
            problems.append(f"track {track.label}: the label is used twice.")
        if track.begin < 0:
            problems.append(f"track {track.label}: begins at frame {track.begin}.")
        if track.end < track.begin:
            problems.append(
                f"track {track.label}: ends at frame {track.end}, before it begins"
                f" at frame {track.begin}."
            )
        known[track.label] = track
    for track in known.values():
        if track.parent == 0:
            continue
        parent = known.get(track.parent)
        if parent is None:
            problems.append(f"track {track.label}: its parent {track.parent} does not exist.")
        elif parent.end >= track.begin:
            problems.append(
                f"track {track.label}: begins at frame {track.begin}, but its parent"
                f" {parent.label} ends at frame {parent.end}."
            )
    return problems


def frame_problems(t: int, present: Iterable[int], tracks: Mapping[int, Track]) -> list[str]:
    """Return what is wrong with the labels of one mask frame; [] if valid.

    Args:
        t: The frame.
        present: Labels with pixels in it, without 0.
        tracks: All tracks by label.
    """
    found = set(present)
    problems = []
    for label in sorted(found):
        track = tracks.get(label)
        if track is None:
            problems.append(f"frame {t}: label {label} is not in the track table.")
        elif not track.begin <= t <= track.end:
            problems.append(
                f"frame {t}: label {label} has pixels, but lives in frames"
                f" {track.begin} to {track.end}."
            )
    alive = {label for label, track in tracks.items() if track.begin <= t <= track.end}
    problems += [f"frame {t}: track {label} has no pixels." for label in sorted(alive - found)]
    return problems
