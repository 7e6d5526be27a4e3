"""What a solution has changed: links and tracks, as the page counts them."""

from __future__ import annotations

import numpy as np

from sam4ct.pipelines.tools.review.changes import changes
from sam4ct.tables import Links


def lineage(*links: tuple[int, int, int, bool]) -> Links:
    """Links from label to label2 between frames t and t + 1."""
    t, label, label2, division = (np.array(column) for column in zip(*links, strict=True))
    return Links(
        t=t,
        label=label,
        t2=t + 1,
        label2=label2,
        division=division.astype(bool),
        confidence=np.ones(len(t)),
    )


LINES = [(t, label, label, False) for t in range(4) for label in (1, 2, 3)]
"""Three tracks of five frames."""


def test_nothing_is_changed() -> None:
    assert changes(lineage(*LINES), lineage(*LINES[::-1])) == (0, 0)
    assert changes(Links.empty(), Links.empty()) == (0, 0)


def test_a_swap_changes_four_links_of_two_tracks() -> None:
    """
    1 - 1   1        1 - 1   1
          x            >   <
    2 - 2   2        2 - 2   2
    """
    swapped = [link for link in LINES if link not in ((2, 1, 1, False), (2, 2, 2, False))]
    swapped += [(2, 1, 2, False), (2, 2, 1, False)]
    assert changes(lineage(*LINES), lineage(*swapped)) == (4, 2)


def test_a_link_that_is_gone_changes_one_track() -> None:
    assert changes(lineage(*LINES), lineage(*LINES[1:])) == (1, 1)


def test_a_division_changes_the_mother_and_what_becomes_a_daughter() -> None:
    """Track 1 goes on as 1; then it divides into 1 and 2, and 2 was a track of its own."""
    before = lineage((0, 1, 1, False), (1, 1, 1, False), (2, 2, 2, False))
    after = lineage((0, 1, 1, False), (1, 1, 1, True), (1, 1, 2, True), (2, 2, 2, False))
    assert changes(before, after) == (3, 2)


def test_the_first_links_of_all_count() -> None:
    assert changes(Links.empty(), lineage((0, 1, 1, False))) == (1, 2)
