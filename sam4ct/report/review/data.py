"""The data of the review view as JSON: questions with their pictures and outlines.

Frames are read in order of time: first the regions, then the images, each frame once. Regions of
a few frames and the image of one are in memory at a time.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sam4ct.corrections import Correction
from sam4ct.questions import Question, as_json, row_of
from sam4ct.report.frames.ends import LinkEnds
from sam4ct.report.frames.projection import Contrast
from sam4ct.report.review.cells import UNITS, Frame, cells_in
from sam4ct.report.review.pictures import LARGE, SLICE, SMALL, pictures_of
from sam4ct.report.review.scene import LONGEST_GAP, Scene, ends_of, scene_of

FRAMES_KEPT = LONGEST_GAP + 3
"""Frames of most questions: that in question, those of answers, and one on either side."""
MOST_LARGE = 3
"""Frames of a question in full resolution."""
CELLS_LARGE, CELLS_SMALL = 14, 4
"""Most outlines in a picture that is shown large, and in one of the frames around."""
CELLS_SLICE = 6
"""Most outlines in one of the slices around."""


@dataclass(frozen=True)
class Served:
    """What a page that a server sends knows beyond a page in a file."""

    batch: int
    """Answers after which the page asks for the next questions."""
    answered: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Rows of corrections by key of a question, of answers that the server has."""


def review_data(
    questions: Sequence[Question],
    ends: LinkEnds,
    names: tuple[str, str],
    earlier: Sequence[Correction] = (),
    served: Served | None = None,
) -> dict[str, Any]:
    """Return the data of the review view.

    Args:
        questions: The best first.
        ends: Images and regions.
        names: Of the dataset and of the sequence.
        earlier: Corrections that the result was made with; saved with the new ones.
        served: Of a page that `sam4ct review` sends; None of a file.
    """
    dataset, sequence = names
    rows = [row_of(correction) for correction in earlier]
    asked = [as_json(question) for question in questions]
    identity = hashlib.sha256(json.dumps([dataset, sequence, asked, rows]).encode()).hexdigest()
    data: dict[str, Any] = {
        "identity": identity[:16],
        "sequence": sequence,
        "units": UNITS,
        "earlier": rows,
        "questions": questions_data(questions, ends),
    }
    if served is not None:
        data["served"] = {"batch": served.batch, "answered": served.answered}
    return data


def questions_data(questions: Sequence[Question], ends: LinkEnds) -> list[dict[str, Any]]:
    """Return questions with pictures and outlines, in the order of the questions.

    Args:
        questions: Any; a question about a region that is not there shows its place.
        ends: Images and regions.
    """
    keep = functools.lru_cache(FRAMES_KEPT)
    kept = LinkEnds(ends.volumes, keep(ends.regions), keep(ends.track_of))
    shape, frames = ends.volumes.shape, ends.volumes.frames
    scenes: dict[int, Scene] = {}
    cells: dict[tuple[int, int], list[list[list[Any]]]] = {}
    in_time = sorted(range(len(questions)), key=lambda n: (questions[n].about.t, n))
    for n in in_time:
        scenes[n] = scene_of(questions[n], shape, frames, kept.regions)
        for t in scenes[n].shown:
            cells[n, t] = _outlines(questions[n], scenes[n], t, kept)
    pictures = _pictures(scenes, ends)
    return [
        as_json(question)
        | _seen(question, scenes[n], [cells[n, t] for t in scenes[n].shown], pictures[n])
        for n, question in enumerate(questions)
    ]


def _outlines(question: Question, scene: Scene, t: int, ends: LinkEnds) -> list[list[list[Any]]]:
    """Return the cells of each slice of a frame."""
    named = {end.label for end in ends_of(question) if end.t == t}
    frame = Frame(ends.regions(t), ends.track_of(t), named)
    slices = scene.slices[t]
    large = t in scene.answers[:MOST_LARGE]
    return [
        cells_in(frame, z, scene.window, _most(large, n == len(slices) // 2))
        for n, z in enumerate(slices)
    ]


def _most(large: bool, middle: bool) -> int:
    if not large:
        return CELLS_SMALL
    return CELLS_LARGE if middle else CELLS_SLICE


def _pictures(scenes: dict[int, Scene], ends: LinkEnds) -> dict[int, list[list[str]]]:
    """Return the pictures of each question, frame by frame and slice by slice."""
    wanted: defaultdict[int, list[int]] = defaultdict(list)
    for n, scene in scenes.items():
        for t in scene.shown:
            wanted[t].append(n)
    pictures: defaultdict[int, list[list[str]]] = defaultdict(list)
    contrast: dict[int, Contrast | None] = dict.fromkeys(scenes)
    for t in sorted(wanted):  # in order of time, so that a question's come in order, too
        for n in wanted[t]:
            scene = scenes[n]
            large = SLICE if len(ends.volumes.shape) > 2 else LARGE
            size = large if t in scene.answers[:MOST_LARGE] else SMALL
            read = pictures_of(ends.volumes, t, scene.slices[t], scene.window, size, contrast[n])
            images, contrast[n] = read
            pictures[n].append(images)
    return pictures


def _seen(
    question: Question, scene: Scene, cells: list[list[list[Any]]], pictures: list[list[str]]
) -> dict[str, Any]:
    """Return what the page shows of a question."""
    about = question.about
    frames = [
        {
            "t": t,
            "views": [
                {"z": z, "image": image, "cells": rows}
                for z, image, rows in zip(scene.slices[t], images, outlines, strict=True)
            ],
        }
        for t, images, outlines in zip(scene.shown, pictures, cells, strict=True)
    ]
    return {
        "key": f"{about.t}:{about.label}:{question.text}",
        "other": scene.other,
        "window": [scene.window[0].start, scene.window[1].start, scene.side],
        "frames": frames,
    }
