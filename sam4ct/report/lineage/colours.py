"""Families: the tracks of one founder, their order on the page and their colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sam4ct.lineage import Track

GOLDEN_ANGLE = 137.50776
"""Degrees. Its multiples are spread over the circle, so founders get distinct hues by label."""
DAUGHTER_TURN = 36.0
"""Degrees between the hue of a founder's daughter and its own; less each generation."""
TURN_DECAY = 0.75


def children_of(tracks: Iterable[Track]) -> dict[int, list[Track]]:
    """Return the daughters of every track that has some, in order of begin and label."""
    children: dict[int, list[Track]] = {}
    for track in sorted(tracks, key=lambda track: (track.begin, track.label)):
        if track.parent:
            children.setdefault(track.parent, []).append(track)
    return children


def families_of(tracks: Sequence[Track]) -> list[list[Track]]:
    """Return the tracks grouped by founder: large families first, mothers before daughters.

    Args:
        tracks: A valid table (see `lineage.table_problems`).
    """
    children = children_of(tracks)
    families = []
    for founder in sorted(tracks, key=lambda track: (track.begin, track.label)):
        if founder.parent:
            continue
        family = [founder]
        for track in family:  # It grows while we walk: breadth first.
            family += children.get(track.label, [])
        families.append(family)
    return sorted(families, key=lambda family: (-len(family), -_frames(family)))


def hues_of(families: Sequence[Sequence[Track]]) -> dict[int, int]:
    """Return a hue in whole degrees for every track: families far apart, daughters near.

    Args:
        families: As `families_of` returns them.
    """
    hues: dict[int, float] = {}
    for family in families:
        turn = {family[0].label: DAUGHTER_TURN}
        hues[family[0].label] = family[0].label * GOLDEN_ANGLE
        siblings: dict[int, int] = {}
        for track in family[1:]:
            rank = siblings[track.parent] = siblings.get(track.parent, -1) + 1
            side = 1 if rank % 2 else -1
            hues[track.label] = hues[track.parent] + side * turn[track.parent]
            turn[track.label] = turn[track.parent] * TURN_DECAY
    return {label: round(hue) % 360 for label, hue in hues.items()}


def divisions_in(children: Mapping[int, Sequence[Track]]) -> int:
    """Return how many tracks have two daughters or more."""
    return sum(len(daughters) > 1 for daughters in children.values())


def _frames(family: Iterable[Track]) -> int:
    return sum(track.end - track.begin + 1 for track in family)
