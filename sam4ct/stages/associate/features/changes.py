"""How size, brightness and memory change from the earlier to the later region of each link.

In: detections and directed evidence. Out: log odds that two regions are one cell, from each change
alone (`similarity`). Distances tell which regions are each other's nearest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sam4ct.runtime import each
from sam4ct.stages.associate.features.columns import MAX_DIAMETERS, CandidateRows
from sam4ct.stages.associate.features.pairs import Matches, Pairs, pairs_of
from sam4ct.stages.associate.features.similarity import likeness, size_noise
from sam4ct.tables import Detections, Evidence, Flags, Floats, Ints

LIKENESSES = ("size_likeness", "brightness_likeness", "memory_likeness")
BRIGHTNESS_NOISE = 0.02
"""Relative error of a cell's contrast: lamps and cameras are hardly steadier."""
MIN_BRIGHTNESS_NOISE = 1e-3
"""Error of arcsinh(contrast) of cells without contrast."""
MEMORY_NOISE = 0.01
"""Error of a cosine similarity."""


@dataclass(frozen=True)
class Changes(CandidateRows):
    """How size and brightness change from the earlier to the later region of each link.

    What a change tells is measured on the whole sequence, by `similarity`.
    """

    size: Floats
    """Logarithm of the ratio."""
    size_noise: Floats
    """Its standard deviation from counting voxels."""
    brightness: Floats
    brightness_noise: Floats
    memory: Floats
    """Cosine similarity of SAM 2's embeddings of both regions."""
    t: Ints
    """Frame of the earlier region."""
    dt: Ints
    nearest: Flags
    """Whether the two are each other's nearest."""

    @classmethod
    def of(
        cls, detections: Detections, evidence: Evidence, pairs: Pairs, nearest: Flags
    ) -> Changes:
        u, v = pairs.u, pairs.v
        # Contrasts of fluorescence span decades; those of other microscopes have both signs.
        here, there = (np.arcsinh(detections.contrast[end]) for end in (u, v))
        noise = size_noise(detections.size, detections.z1 - detections.z0 == 1)
        return cls(
            np.asarray(np.log(detections.size[v] / detections.size[u])),
            np.hypot(noise[u], noise[v]),
            there - here,
            np.hypot(*(_brightness_noise(detections.contrast[end]) for end in (u, v))),
            pairs.spread(evidence.similarity, np.ones(len(evidence), bool)),
            detections.t[u],
            pairs.dt,
            nearest,
        )

    @classmethod
    def among(
        cls, detections: Detections, evidence: Evidence, matches: Matches, diameter_um: Floats
    ) -> Changes:
        """Return the changes of all pairs that evidence names."""
        pairs = pairs_of(detections, evidence, matches)
        across = 0.5 * (diameter_um[pairs.u] + diameter_um[pairs.v])
        return cls.of(
            detections, evidence, pairs, nearest_pairs(distances(pairs, evidence, across))
        )

    def likenesses(self) -> Floats:
        """Log odds that two regions are one cell, from each change: (links, LIKENESSES)."""

        def of(figure: tuple[Floats, Floats]) -> Floats:
            return likeness(*figure, self.dt, self.nearest)

        figures = [
            (self.size, self.size_noise),
            (self.brightness, self.brightness_noise),
            (self.memory, np.full(len(self.dt), MEMORY_NOISE)),
        ]
        return np.stack(each(of, figures), axis=1)


def _brightness_noise(contrast: Floats) -> Floats:
    """Standard deviation of arcsinh(contrast), known to BRIGHTNESS_NOISE of the contrast."""
    relative = np.abs(np.nan_to_num(contrast))
    return np.asarray(
        MIN_BRIGHTNESS_NOISE + BRIGHTNESS_NOISE * relative / np.sqrt(1.0 + relative**2)
    )


def distances(pairs: Pairs, evidence: Evidence, across: Floats) -> dict[str, Floats]:
    """Features of the distance between two regions."""
    apart = pairs.spread(evidence.distance_um, np.ones(len(evidence), bool)) / across
    distance = np.asarray(np.minimum(MAX_DIAMETERS, apart), dtype=np.float64)
    return {"distance": distance, **pairs.nearnesses("", distance)}


def nearest_pairs(columns: dict[str, Floats]) -> Flags:
    """Return which regions are each other's nearest."""
    return np.asarray((columns["forward_nearness"] > 0.0) & (columns["backward_nearness"] > 0.0))
