"""Chunks: the same links, wherever a sequence is cut into chunks of frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from sam4ct.geometry import Margins
from sam4ct.stages.associate import chunks as spans_module
from sam4ct.stages.associate.chunks import Chunks
from sam4ct.stages.associate.costs import load_costs
from sam4ct.stages.associate.features.merges import MERGE_FEATURES
from sam4ct.stages.associate.model import Scene, associate
from sam4ct.stages.repair.undersegmentation import merges_around
from sam4ct.tables import Detections, Evidence, Links

FRAMES, CELLS, SIDE = 20, 25, 120.0
SCENE = Scene(
    frames=FRAMES, ndim=2, spacing_um=(1.0, 1.0, 1.0), border=Margins((int(SIDE), int(SIDE)))
)


@pytest.fixture(scope="module")
def crowd() -> tuple[Detections, Evidence]:
    """Cells that crawl, crowded enough for doubts, and masks that find whoever is near."""
    rng = np.random.default_rng(3)
    at = rng.uniform(0, SIDE, (CELLS, 2))
    places = []
    for _ in range(FRAMES):
        at = np.clip(at + rng.normal(0, 4.0, at.shape), 0, SIDE - 1)
        places.append(at[rng.random(CELLS) > 0.1])
    t = np.repeat(np.arange(FRAMES), [len(p) for p in places])
    y, x = np.concatenate(places).T
    flat, box = np.zeros(len(t), int), {}
    for axis, centre in (("y", y), ("x", x)):
        box |= {f"{axis}0": centre.astype(int) - 5, f"{axis}1": centre.astype(int) + 6}
    detections = Detections(
        t=t, label=np.concatenate([np.arange(len(p)) + 1 for p in places]),
        size=rng.integers(60, 120, len(t)), z=flat * 1.0, y=y, x=x, z0=flat, z1=flat + 1,
        border=flat > 0, contrast=rng.normal(5.0, 1.0, len(t)), **box,
    )  # fmt: skip
    pairs = [(i, i + dt) for i in range(FRAMES) for dt in (1, 2, 3) if i + dt < FRAMES]
    rows = [seen(places, *p, rng) for a, b in pairs for p in ((a, b), (b, a))]
    return detections, Evidence.concat(rows)


def seen(places: list[np.ndarray], t: int, t2: int, rng: np.random.Generator) -> Evidence:
    """Evidence of the regions of one frame in another."""
    far, near = cKDTree(places[t2]).query(places[t], k=5)
    a = np.repeat(np.arange(len(far)), 5)
    found = rng.random(len(a)) * np.exp(-far.ravel() / 10.0)
    one = np.ones(len(a))
    return Evidence(
        t=np.full(len(a), t), label=a + 1, t2=np.full(len(a), t2), label2=near.ravel() + 1,
        iou_prop=found, containment_prop=found, coverage_prop=found, overlap=0.5 * found,
        distance_um=far.ravel(), size_ratio=one, object_score=5 * one,
        similarity=rng.random(len(a)), border=np.zeros(len(a), bool),
    )  # fmt: skip


def linked(crowd: tuple[Detections, Evidence], cycle: int = 1) -> Links:
    scene = replace(SCENE, min_cycle_frames=cycle)
    return associate(*crowd, load_costs("sam2", "2d"), scene)


def same(one: Links, other: Links) -> bool:
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in one.schema())


@pytest.fixture(scope="module")
def at_once(crowd: tuple[Detections, Evidence]) -> Links:
    """The links of the whole sequence as one chunk."""
    return linked(crowd)


@pytest.mark.parametrize("frames", [1, 3, 8])
def test_links_and_their_confidence_do_not_depend_on_chunks(
    crowd: tuple[Detections, Evidence],
    at_once: Links,
    frames: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spans_module, "CHUNK_ROWS", 1)
    monkeypatch.setattr(spans_module, "MIN_CHUNK_FRAMES", frames)
    assert len(list(Chunks(*crowd, np.ones(len(crowd[0]))))) == -(-FRAMES // frames)
    in_spans = linked(crowd)
    assert at_once.division.any()
    assert same(in_spans, at_once)


def test_merges_do_not_depend_on_parts(
    crowd: tuple[Detections, Evidence], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = load_costs("sam2", "2d")
    usual = merges_around(*crowd, costs, SCENE)
    monkeypatch.setattr(spans_module, "CHUNK_ROWS", 1)
    for side, whole in zip(merges_around(*crowd, costs, SCENE), usual, strict=True):
        assert len(whole.mask)
        assert side.mask.tolist() == whole.mask.tolist()
        assert np.array_equal(*(s.features.packed(MERGE_FEATURES) for s in (side, whole)))


def test_the_order_of_evidence_does_not_matter(
    crowd: tuple[Detections, Evidence], at_once: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    detections, evidence = crowd
    # As after fragments are joined: by source, then by target.
    order = np.lexsort((evidence.label2, evidence.t2, evidence.label, evidence.t))
    monkeypatch.setattr(spans_module, "CHUNK_ROWS", 1)
    assert same(linked((detections, evidence.take(order))), at_once)


def test_chunks_follow_each_other_and_hold_all_evidence(
    crowd: tuple[Detections, Evidence],
) -> None:
    detections, evidence = crowd
    chunks = Chunks(detections, evidence, np.ones(len(detections)), rows=2000)
    found = list(chunks)
    assert [chunk.first for chunk in found] == [0, *(chunk.end for chunk in found[:-1])]
    assert found[-1].end == FRAMES
    assert sum(len(chunks.evidence(chunk.first, chunk.end)) for chunk in found) == len(evidence)
    for chunk in found:
        rows = chunks.evidence(chunk.first, chunk.end)
        assert chunk.holds(np.minimum(rows.t, rows.t2)).all()
        assert chunk.halo == (max(0, chunk.first - 2), min(FRAMES, chunk.end + 2))
