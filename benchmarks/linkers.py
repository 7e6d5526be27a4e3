"""The linkers that are compared: this project's, its peers', and plain overlap.

Each takes movies and leaves a result of each below a folder; how good these are is left to
`suite`. Results that lie there are replaced, and nothing of an earlier run is used.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from conditions import Movie
from peer_env import peer_python, run_peer

from sam4ct.io.ctc import CtcReader, ResultWriter, find_sequences, work_dir_of
from sam4ct.lineage import Track
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.link.run import LinkRun
from sam4ct.regions import LabelFrame
from sam4ct.stages.paint.frames import relabelled

Task = tuple[Movie, Path]
"""A movie and where its result goes."""
Linker = Callable[[Sequence[Task], Path], None]
"""Given tasks and the folder of the peers' environment."""


def link(name: str, movies: Sequence[Movie], out: Path, env: Path) -> None:
    """Link movies by a linker.

    Args:
        name: One of `LINKERS`.
        movies: To be linked.
        out: Results go below it, see `Movie.result`.
        env: Folder of the peers' environment.
    """
    tasks = [(movie, movie.result(out, name)) for movie in movies]
    for _, result in tasks:
        for old in (result, work_dir_of(result)):
            shutil.rmtree(old, ignore_errors=True)
        result.parent.mkdir(parents=True, exist_ok=True)
    LINKERS[name](tasks, env)


def by_sam4ct(
    tasks: Sequence[Task], env: Path, evidence: str = "sam2", *, fast: bool = False
) -> None:
    """As `sam4ct run --profile auto` does."""
    options = Options(profile="auto", evidence=evidence, fast=fast, report=False)
    for movie, result in tasks:
        (sequence,) = find_sequences(movie.dataset, [movie.sequence], out=result)
        LinkRun(sequence, options).execute()


def by_peer(tasks: Sequence[Task], env: Path, program: str) -> None:
    """By a program of `peers`."""
    sequences = [(movie.images, movie.masks, result) for movie, result in tasks]
    run_peer(peer_python(env), program, sequences)


def by_overlap(tasks: Sequence[Task], env: Path) -> None:
    """Each mask goes on from the mask of the frame before that it overlaps most."""
    for movie, result in tasks:
        (sequence,) = find_sequences(movie.dataset, [movie.sequence], out=result)
        reader = CtcReader(sequence)
        frames = [reader.labels(t) for t in range(reader.frames)]
        track_of, tracks = overlapping(frames)
        with ResultWriter(
            result, tracks, frames=len(frames), shape=reader.shape, digits=sequence.digits
        ) as writer:
            for t, frame in enumerate(frames):
                labels = np.array(sorted(track_of[t]), np.int64)
                tracks_now = np.array([track_of[t][i] for i in labels.tolist()], np.int64)
                writer.write(t, relabelled(frame, labels, tracks_now))


def overlapping(frames: Sequence[LabelFrame]) -> tuple[list[dict[int, int]], list[Track]]:
    """Link by most overlapped mask, two that share theirs being its daughters; no gaps.

    Of more than two, those of the largest overlaps are daughters, and the others begin.

    Returns:
        The track of each label by frame, and all tracks.
    """
    spans: list[list[int]] = []
    track_of: list[dict[int, int]] = []
    for t, frame in enumerate(frames):
        before = np.zeros_like(frame) if t == 0 else frames[t - 1]
        heirs: dict[int, list[int]] = {}
        common = _common(before, frame)
        for label in sorted(common, key=lambda label: -common[label][1]):
            heirs.setdefault(common[label][0], []).append(label)
        origin = {label: source for source, own in heirs.items() for label in own[:2]}
        now: dict[int, int] = {}
        for label in np.unique(frame[frame > 0]).tolist():
            mother = track_of[-1][origin[label]] if label in origin else 0
            if mother and len(heirs[origin[label]]) == 1:
                now[label], spans[mother - 1][1] = mother, t
                continue
            spans.append([t, t, mother])
            now[label] = len(spans)
        track_of.append(now)
    return track_of, [Track(i, *span) for i, span in enumerate(spans, start=1)]


def _common(before: LabelFrame, frame: LabelFrame) -> dict[int, tuple[int, int]]:
    """The most overlapped earlier mask of each mask, and the pixels that they share."""
    both = (before > 0) & (frame > 0)
    pairs, counts = np.unique(
        np.stack([before[both], frame[both]]).astype(np.int64), axis=1, return_counts=True
    )
    most: dict[int, tuple[int, int]] = {}
    for (source, label), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        if count > most.get(label, (0, 0))[1]:
            most[label] = source, count
    return most


OURS = ("sam4ct", "sam4ct fast", "sam4ct overlap")
PEERS = ("byotrack", "laptrack", "overlap")
LINKERS: Mapping[str, Linker] = {
    "sam4ct": by_sam4ct,
    "sam4ct fast": partial(by_sam4ct, fast=True),
    "sam4ct overlap": partial(by_sam4ct, evidence="overlap"),
    "byotrack": partial(by_peer, program="run_byotrack"),
    "laptrack": partial(by_peer, program="run_laptrack"),
    "overlap": by_overlap,
}
