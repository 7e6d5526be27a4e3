"""A small sequence, its result, and a reader of reports; for the tests of the report."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam4ct.lineage import Track
from sam4ct.report import write_report
from sam4ct.tables import Links

TRACKS = [Track(1, 0, 2), Track(2, 3, 5, 1), Track(3, 3, 5, 1), Track(4, 0, 5)]
"""One division and a bystander."""
LINKS = Links(
    t=np.array([0, 1, 2, 2]),
    label=np.array([11, 11, 11, 11]),
    t2=np.array([1, 2, 3, 3]),
    label2=np.array([11, 11, 12, 13]),
    division=np.array([False, False, True, True]),
    confidence=np.array([0.9, 0.8, 0.3, 0.4]),
)
FACTS: dict[str, Any] = {"dataset": "Cells", "sequence": "01", "generated": [(4, 4)]}
SCORES = {"DET": 0.98, "LNK": 0.97, "CCA": None, "BC(3)": 0.5}


class FakeSequence:
    """Squares: tracks 1 to 4 in the result; the input's labels are ten higher."""

    def __init__(self, ndim: int = 2, frames: int = 6, tracks: list[Track] | None = None) -> None:
        self.frames, self.shape = frames, (4, 60, 80)[-ndim:]
        self._tracks = TRACKS if tracks is None else tracks

    def image(self, t: int) -> NDArray[np.uint16]:
        noise = np.random.default_rng(t).integers(0, 100, self.shape)
        return (noise + 500 * (self.drawn(t) > 0)).astype(np.uint16)

    def labels(self, t: int) -> NDArray[np.int32]:
        drawn = self.drawn(t)
        return np.where(drawn > 0, drawn + 10, 0).astype(np.int32)

    def drawn(self, t: int) -> NDArray[np.uint16]:
        drawn = np.zeros(self.shape, np.uint16)
        for track in self._tracks:
            if track.begin <= t <= track.end:
                n = (track.label - 1) % 12
                y, x = 20 * (n // 4) + t % 8, 20 * (n % 4) + 3
                drawn[..., y : y + 9, x : x + 9] = track.label
        return drawn


class FakeResult:
    """The result that fits a `FakeSequence`."""

    def __init__(self, sequence: FakeSequence) -> None:
        self._sequence = sequence

    def labels(self, t: int) -> NDArray[np.uint16]:
        return self._sequence.drawn(t)


class Page(HTMLParser):
    """What a browser would find in a report."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: dict[str, str] = {}
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        tag = self.open[-1] if self.open else ""
        self.words[tag] = self.words.get(tag, "") + data

    def by_id(self, name: str) -> dict[str, str | None]:
        return next(attrs for _, attrs in self.elements if attrs.get("id") == name)

    @property
    def data(self) -> dict[str, Any]:
        found = re.search(r'id="data">(.*?)</script>', self.text, re.DOTALL)
        assert found
        value: dict[str, Any] = json.loads(found[1])
        return value


def written(
    folder: Path,
    sequence: FakeSequence | None = None,
    tracks: list[Track] = TRACKS,
    links: Links = LINKS,
    facts: dict[str, Any] = FACTS,
    scores: dict[str, float | None] | None = SCORES,
) -> Page:
    sequence = sequence or FakeSequence()
    write_report(
        folder / "report.html", sequence, FakeResult(sequence), tracks, links, facts, scores
    )
    return Page(folder / "report.html")
