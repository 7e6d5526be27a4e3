"""Under-segmentation: find masks that cover two cells, and cut them by a plane.

In: detections and evidence; masks. Out: which masks to cut, and the cut masks.

A segmenter may give two cells one mask, in one frame or a few. Such a mask has two predecessors in
the frame before and two successors in the frame after. Each pair is together about as large as the
mask, and has no other region to come from or to go to. (A dividing mother has two successors, but
one predecessor.) The log odds of both pairs come from models fitted to simulated movies
(`benchmarks/fit_merged.py`); a mask is cut if their sum is positive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sam4ct.regions import LabelFrame
from sam4ct.stages.associate import Chunks, Costs, Scene, measured
from sam4ct.stages.associate.features import (
    Candidates,
    Features,
    MergeCandidates,
    Steps,
    candidates,
    merge_candidates,
)
from sam4ct.stages.readers import Relabelled
from sam4ct.tables import Cuts, Detections, Evidence, Floats, Ints
from sam4ct.types import FrameReader


def find_merged(
    detections: Detections,
    evidence: Evidence,
    costs: Costs,
    scene: Scene,
    given: Detections | None = None,
) -> Cuts:
    """Return the masks that more probably cover two cells than one, and how to cut them.

    Args:
        detections: Regions after fragments were joined, ordered by frame and label.
        evidence: Rows of any frame pairs; only those of neighbouring frames are used.
        costs: Models of links, and of two regions that one mask covers (`Costs.of_merges`).
        scene: Voxel size of the sequence.
        given: All regions before fragments were joined; labels of halves are larger than
            theirs. None: `detections`.
    """
    if not len(detections) or not len(evidence):
        return Cuts.empty()
    before, after = merges_around(detections, evidence, costs, scene)
    masks, b, a = best_merges(before, after, costs.of_merges)
    before, after = before.take(b), after.take(a)
    odds = costs.of_merges(before.features) + costs.of_merges(after.features)
    likely = odds > 0.0
    cuts = _cuts_between(detections, masks[likely], before.take(likely), after.take(likely))
    return numbered(cuts, detections if given is None else given)


def merges_around(
    detections: Detections, evidence: Evidence, costs: Costs, scene: Scene
) -> tuple[MergeCandidates, MergeCandidates]:
    """Return the pairs of regions that masks may cover, in the frames before and after.

    Args:
        detections: See `find_merged`.
        evidence: See `find_merged`.
        costs: See `find_merged`.
        scene: See `find_merged`.
    """
    places, diameter = measured(detections, scene)
    near = evidence.take(np.abs(evidence.t2 - evidence.t) == 1)
    chunks = Chunks(detections, near, diameter)
    links, kin, same = [], [], []
    for part, known in chunks.parts(0, chunks.frames):
        found = candidates(detections, part, places, diameter, None, known)
        kin.append(costs.first.of_kin(found.features))
        same.append(costs.first.of_links(found.features))
        links.append(found.with_features())
    some = Candidates.concat(links), np.concatenate(kin), np.concatenate(same)
    before, after = Steps.to_later(*some), Steps.to_earlier(*some)
    return (
        merge_candidates(detections, before, places, diameter),
        merge_candidates(detections, after, places, diameter),
    )


def best_merges(
    before: MergeCandidates, after: MergeCandidates, odds: Callable[[Features], Floats]
) -> tuple[Ints, Ints, Ints]:
    """Return masks with a pair before and a pair after, and the rows of the most probable ones.

    Args:
        before: Pairs of predecessors.
        after: Pairs of successors.
        odds: Returns log odds from features.
    """
    rows = []
    for side in (before, after):
        order = np.lexsort((-odds(side.features), side.mask))
        rows.append(order[np.append(True, np.diff(side.mask[order]) != 0)[: len(order)]])
    masks, b, a = np.intersect1d(
        before.mask[rows[0]], after.mask[rows[1]], assume_unique=True, return_indices=True
    )
    return masks, rows[0][b], rows[1][a]


def _cuts_between(
    detections: Detections, masks: Ints, before: MergeCandidates, after: MergeCandidates
) -> Cuts:
    """Return how to cut masks: the mean axis and share of the pairs before and after."""
    # Two cells do not swap places within two frames. So if the two axes point in opposite
    # directions, the two pairs are in opposite order.
    turned = (before.axis_um * after.axis_um).sum(axis=1) < 0.0
    axis = before.axis_um + np.where(turned, -1.0, 1.0)[:, None] * after.axis_um
    share = 0.5 * (before.share + np.where(turned, 1.0 - after.share, after.share))
    z, y, x = axis.T
    none = np.zeros(len(masks), np.int64)
    return Cuts(detections.t[masks], detections.label[masks], none, none, z, y, x, share)


def numbered(cuts: Cuts, given: Detections) -> Cuts:
    """Return cuts with labels of the halves; these are larger than all labels of their frame.

    Args:
        cuts: Ordered by frame.
        given: Regions whose labels are taken.
    """
    highest = np.zeros(int(given.t.max(initial=0)) + 1, np.int64)
    np.maximum.at(highest, given.t, given.label)
    number = np.arange(len(cuts)) - np.searchsorted(cuts.t, cuts.t)
    first = highest[cuts.t] + 1 + 2 * number
    return replace(cuts, first=first, second=first + 1)


class CutFrames(Relabelled):
    """A `FrameReader` whose merged masks are cut in two, each half with its own label.

    The cut is a plane perpendicular to the axis between the two cells, placed so that both
    halves have the expected sizes.
    """

    def __init__(
        self, reader: FrameReader, cuts: Cuts, spacing_um: tuple[float, float, float]
    ) -> None:
        super().__init__(reader)
        self._cuts = cuts
        self._spacing = np.asarray(spacing_um)

    def labels(self, t: int) -> LabelFrame:
        """Return the masks of a frame; with cuts int64, as labels of halves may exceed int32."""
        labels = self._reader.labels(t)
        here = self._cuts.take(self._cuts.t == t)
        if not len(here):
            return labels
        cut = labels.astype(np.int64)
        places = np.argwhere(np.isin(labels, here.label))
        whose = labels[tuple(places.T)]
        axes = np.stack([here.z, here.y, here.x], axis=1)[:, -labels.ndim :]
        rows = zip(here.label, here.first, here.second, axes, here.share, strict=True)
        for label, first, second, axis, share in rows:
            at = places[whose == label]
            along = at * self._spacing[-labels.ndim :] @ axis
            order = np.argsort(along, kind="stable")
            size = int(np.clip(round(share * len(at)), 1, len(at) - 1))
            cut[tuple(at[order[:size]].T)] = first
            cut[tuple(at[order[size:]].T)] = second
        return cut
