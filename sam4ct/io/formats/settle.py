"""What the axes of a movie and of its masks are, as far as their headers and shapes tell.

Masks have no channels, and all other axes in common with their images. All ways to name the axes
of which nothing is said are tried; if one alone fits, it is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from sam4ct.errors import SequenceError
from sam4ct.io.formats.movie import UNNAMED, Facts, Movie

OF_IMAGES, OF_MASKS = "TCZYX", "TZYX"
DROPPED = "-"
"""Stands for an axis of length one, which carries nothing."""


def settle(images: Movie, masks: Movie, given: str | None, command: str) -> tuple[str, str]:
    """Return the axes of images and masks, a letter each or `DROPPED`, in the order of the files.

    Args:
        images: The movie.
        masks: Its masks.
        given: The axes of the images as the user names them; None if not.
        command: What the user may type, to be followed by `--axes`.

    Raises:
        SequenceError: No way to name the axes fits, or several do.
    """
    if given is None:
        of_images = _names(images, OF_IMAGES)
        of_masks = _names(masks, OF_MASKS)
    else:
        of_images = [_given(images, given)]
        lengths = _lengths(of_images[0], images.facts)
        alike = [a for a in _like(of_images[0]) if len(a) == len(masks.facts.shape)]
        alike = [a for a in alike if _fit(lengths, _lengths(a, masks.facts))]
        of_masks = alike[:1] or _names(masks, OF_MASKS)
    fitting = [
        (ours, theirs)
        for ours in of_images
        for theirs in of_masks
        if _fit(_lengths(ours, images.facts), _lengths(theirs, masks.facts))
    ]
    if not fitting:
        raise SequenceError(_unlike(images, masks, command))
    if len({ours for ours, _ in fitting}) > 1 or len(fitting) > 1:
        raise SequenceError(_unclear(images, [ours for ours, _ in fitting], command))
    (settled,) = fitting
    lengths = _lengths(settled[0], images.facts)
    if given is None and "T" not in lengths and "Z" in lengths:
        raise SequenceError(
            f"{images.path}: is one volume of {lengths['Z']} slices by its header, and in one time"
            " point there is nothing to track. If the slices are time points, say so:"
            f" {command} --axes {settled[0].replace(DROPPED, '').replace('Z', 'T')}"
        )
    return settled


def _names(movie: Movie, allowed: str) -> list[str]:
    """All ways to name the axes of a movie that its header allows."""
    facts = movie.facts
    axes = "".join(DROPPED if n == 1 else a for a, n in zip(facts.axes, facts.shape, strict=True))
    # Rows and columns are named even if there is one of them only.
    axes = "".join(a if a in "YX" else b for a, b in zip(facts.axes, axes, strict=True))
    named = [axis for axis in axes if axis not in (DROPPED, UNNAMED)]
    if strange := [axis for axis in named if axis not in OF_IMAGES]:
        raise SequenceError(
            f"{movie.path}: has the axes {facts.axes} of {facts.shape} by its header. Save it"
            f" without the axis {strange[0]}: only time, channels, z, y and x can be tracked."
        )
    if "C" in named and "C" not in allowed:
        count = facts.shape[axes.index("C")]
        raise SequenceError(
            f"{movie.path}: has {count} channels or colours (axes {facts.axes} of {facts.shape})."
            " Those are no labels. Export the labels themselves, one whole number a cell, 0 for"
            " the background."
        )
    return sorted(set(_filled(axes, [a for a in allowed if a not in named])))


def _filled(axes: str, letters: Sequence[str]) -> Iterator[str]:
    for chosen in permutations(letters, axes.count(UNNAMED)):
        rest = iter(chosen)
        filled = "".join(next(rest) if axis == UNNAMED else axis for axis in axes)
        if len(set(filled) - {DROPPED}) == len(filled) - filled.count(DROPPED):
            yield filled


def _given(movie: Movie, given: str) -> str:
    """The axes as the user names them; the T of a folder may be left out."""
    facts = movie.facts
    axes = given.upper()
    if len(axes) == len(facts.shape) - 1 and facts.axes.startswith("T") and "T" not in axes:
        axes = f"T{axes}"
    wrong = set(axes) - set(OF_IMAGES) or len(set(axes)) < len(axes) or not {*"YX"} <= set(axes)
    if wrong or len(axes) != len(facts.shape):
        raise SequenceError(
            f"{movie.path}: has {len(facts.shape)} axes of the lengths {facts.shape}, which --axes"
            f" {given} does not name. Give one of the letters {', '.join(OF_IMAGES)} for each, Y"
            " and X among them."
        )
    return axes


def _like(axes: str) -> list[str]:
    """The axes that masks may have where images have these."""
    return [axes.replace("C", ""), axes.replace("C", DROPPED)]


def _lengths(axes: str, facts: Facts) -> dict[str, int]:
    """Length of each axis; those of length one are left out, but for y and x."""
    lengths = zip(axes, facts.shape, strict=True)
    return {axis: n for axis, n in lengths if axis != DROPPED and (n > 1 or axis in "YX")}


def _fit(images: dict[str, int], masks: dict[str, int]) -> bool:
    return {axis: n for axis, n in images.items() if axis != "C"} == masks


def _unlike(images: Movie, masks: Movie, command: str) -> str:
    told = [f"{m.path} has the axes {m.facts.axes} of {m.facts.shape}" for m in (images, masks)]
    hint = ""
    if images.facts.shape == masks.facts.shape:
        named = images.facts.axes.replace("Z", "T") if "T" not in images.facts.axes else ""
        named = named or images.facts.axes
        hint = f" Or name the axes of both, e.g.: {command} --axes {named.replace(UNNAMED, 'T')}"
    return (
        f"{told[0]}, but {told[1]}. Both need the same time points, slices, rows and columns: give"
        f" the masks of these very images.{hint}"
    )


def _unclear(images: Movie, fitting: Sequence[str], command: str) -> str:
    names = [axes.replace(DROPPED, "") for axes in dict.fromkeys(fitting)]
    first, *others = sorted(names, key=_likelihood)
    more = f"  (or {', '.join(others)})" if others else ""
    what = "its axes" if UNNAMED in images.facts.axes else "those of the masks"
    return (
        f"{images.path}: has the shape {images.facts.shape}, and nothing says what {what} are"
        f" (T time, C channel, Z slice). Say it: {command} --axes {first}{more}"
    )


def _likelihood(axes: str) -> tuple[bool, int]:
    return not axes.startswith("T"), axes.find("C")
