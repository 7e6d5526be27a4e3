"""Judge: what evidence says if nothing moved, and how two kinds of odds are put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scenes.drawn import Labels, detections_of, evidence_of, label_frames, scene_of

from sam4ct.regions import Region
from sam4ct.runtime import parallel as threads
from sam4ct.stages.associate.costs import Costs, load_costs
from sam4ct.stages.associate.model import measured
from sam4ct.stages.associate.scoring import Regions, Scored, scored, unmoved
from sam4ct.stages.propagate.evidence import StayPut
from sam4ct.tables import Evidence, Flags
from sam4ct.types import Propagated

MOVED = label_frames(
    [(12, 10), (12, 19), (30, 30)], [(12, 14), (12, 23), (27, 30)], [(12, 18), (12, 27), (30, 24)]
)


class Shifted(StayPut):
    """Sees every region four pixels further right."""

    def propagate(self, t: int, regions: Mapping[int, Region], t2: int) -> dict[int, Propagated]:
        step = 4 if t2 > t else -4
        return {
            label: Propagated(Region(r.mask, (r.corner[0], r.corner[1] + step)), 3.0)
            for label, r in regions.items()
        }


def test_unmoved_evidence_is_that_of_regions_that_stay_put() -> None:
    plain, seen = evidence_of(MOVED), unmoved(evidence_of(MOVED, Shifted()))
    rows = {key: row for row, key in enumerate(_keys(seen))}
    for row, key in enumerate(_keys(plain)):
        for name in Evidence.schema():
            assert getattr(seen, name)[rows[key]] == pytest.approx(getattr(plain, name)[row]), name


def _keys(evidence: Evidence) -> list[tuple[int, ...]]:
    columns = (evidence.t, evidence.label, evidence.t2, evidence.label2)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def judgement(
    frames: list[Labels], evidence: Evidence, costs: Costs, mothers: Flags | None = None
) -> Scored:
    detections = detections_of(frames)
    places, diameter = measured(detections, scene_of(frames))
    if mothers is None:
        mothers = np.ones(len(detections), bool)
    return scored(Regions(detections, places, diameter), [(evidence, None)], costs, mothers)


@pytest.mark.parametrize("stretch", [1, 1000])
def test_divisions_of_some_regions_alone_are_as_they_are_among_all(
    stretch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs, evidence = load_costs("sam2", "2d"), evidence_of(MOVED, Shifted())
    every = judgement(MOVED, evidence, costs)
    monkeypatch.setattr(threads, "STRETCH", stretch)
    mothers = np.arange(9) == 1
    some = judgement(MOVED, evidence, costs, mothers)
    of_these = mothers[every.splits.u]
    assert 0 < of_these.sum() < len(of_these)
    wanted = replace(every, splits=every.splits.take(of_these))
    assert _splits(some) == _splits(wanted)
    assert some.split_odds.tolist() == every.split_odds[of_these].tolist()
    assert [rows.tolist() for rows in some.pairs] == [r[of_these].tolist() for r in every.pairs]
    assert some.link_odds.tolist() == every.link_odds.tolist()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_plain_overlap_has_its_share(share: float) -> None:
    evidence = evidence_of(MOVED, Shifted())
    own, plain = (load_costs(kind, "3d") for kind in ("sam2", "overlap"))
    one = judgement(MOVED, evidence, replace(own, plain=None))
    other = judgement(MOVED, unmoved(evidence), plain)
    both = judgement(MOVED, evidence, replace(own, plain=plain, plain_share=share))
    assert np.array_equal(both.links.u, one.links.u)
    assert np.array_equal(both.links.v, one.links.v)
    assert not np.allclose(one.link_odds, other.link_odds)
    wanted = (1 - share) * one.link_odds + share * other.link_odds
    assert both.link_odds == pytest.approx(wanted)
    assert len(both.splits.u) == len(one.splits.u) == len(both.split_odds)
    row = {key: i for i, key in enumerate(_splits(other))}
    for key, first, mixed in zip(_splits(one), one.split_odds, both.split_odds, strict=True):
        if key in row:
            second = other.split_odds[row[key]]
            assert mixed == pytest.approx((1 - share) * first + share * second)


def _splits(found: Scored) -> list[tuple[int, ...]]:
    columns = (found.splits.u, found.splits.v, found.splits.w)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_plain_overlap_has_a_say_beside_the_network_alone() -> None:
    for kind in ("2d", "3d"):
        assert load_costs("sam2", kind).plain == load_costs("overlap", kind)
        assert load_costs("overlap", kind).plain is None
    assert load_costs("sam2", "track").plain is None
