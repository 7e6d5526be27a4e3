"""The profile for mode "track" from seeds and the first frame, with the reason for each value.

Lengths are pixels along x; z and y are scaled to them by the spacing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from sam4ct.derive.balls import MOST_PLACES, ball_diameter
from sam4ct.derive.measure import mutual
from sam4ct.derive.rules import Choice, Derivation
from sam4ct.errors import ProfileError
from sam4ct.geometry import even
from sam4ct.profile import Profile, Spacing, TrackSettings
from sam4ct.tables import Floats
from sam4ct.types import SeedReader, VolumeReader

SEARCHED = (0.75, 1.5)
"""The smallest and the largest cells that `sam4ct seeds` finds, in diameters of a typical one."""
MARKERS = 1.5
"""Labels only mark cells if the objects at their places are larger by this factor."""
FRAMES_SEEN = 6
"""Number of frames in which steps of cells are measured."""
STEADY = 0.9
"""Quantile of the steps; many longer ones are between seeds of different cells."""
ROOM = 2.0
"""Search radius for seeds, in steps at that quantile."""
RADII = (1.5, 2.5)
"""Least and largest search radius in diameters: seeds are not exact, and neighbours are near."""
LEAST_SHARE = 0.25
"""Share of a ball's volume; smaller regions are no cells."""
LEAST_UNSEEDED = 0.3
"""The same for regions without a seed."""


def derive_track_profile(
    name: str,
    shape: tuple[int, ...],
    frames: int,
    *,
    spacing_um: Spacing | None,
    initial: Floats,
    sizes: NDArray[np.integer[Any]] | None,
    seeds: SeedReader,
    volumes: VolumeReader,
    known_diameter_px: tuple[float, float] | None,
) -> Derivation:
    """Choose every value of a profile for following cells.

    Args:
        name: Name of the dataset.
        shape: Shape of a frame, (z, y, x).
        frames: Number of frames.
        spacing_um: Size of a voxel (z, y, x); None if unknown.
        initial: (n, 3), the cells in frame 0, voxels.
        sizes: (n,), voxels of their labels; None if only their places are known.
        seeds: Seeds; those of the first frames are read.
        volumes: The movie; windows of frame 0 are read.
        known_diameter_px: The smallest and largest cells that seeds were searched for;
            None if unknown.

    Returns:
        The profile, and reasons by key; those of the table [track] as "track.KEY".

    Raises:
        ProfileError: The frames are images, or the size of cells cannot be measured.
    """
    if len(shape) != 3:
        raise ProfileError(
            f"{name}: frames are images of shape {shape}, and cells are followed by seeds in"
            " volumes (z, y, x) only. Segment all cells and link the masks instead."
        )
    spacing = _spacing(spacing_um)
    scale = np.asarray(spacing[0]) / spacing[0][-1]
    diameter = _diameter(name, scale, initial, sizes, volumes, known_diameter_px)
    steps = _steps(initial * scale, min(frames, FRAMES_SEEN), seeds, scale, diameter[0])
    radius = _radius(diameter[0], steps)
    ball = math.pi / 6.0 * diameter[0] ** 3 / float(np.prod(scale))
    return _derivation(
        {
            "dataset": (name, "the name of the data"),
            "mode": ("track", "there are seeds, and cells to follow"),
            "ndim": (3, f"the shape of a frame is {shape}"),
            "spacing_um": spacing,
            "cell_diameter_px": (round(diameter[0], 1), diameter[1]),
            **_windows(diameter[0]),
            "link_radius_px": (radius[0], "as seed_radius_px"),
            **_rules(),
            "min_size": (
                int(LEAST_SHARE * ball),
                f"{LEAST_SHARE:.0%} of the {ball:.0f} voxels of a ball as wide as a cell",
            ),
        },
        _seed_rules(radius, ball),
    )


def _derivation(choices: dict[str, Choice], track: dict[str, Choice]) -> Derivation:
    settings = TrackSettings(**{key: value for key, (value, _) in track.items()})
    profile = Profile(**{key: value for key, (value, _) in choices.items()}, track=settings)
    reasons = {**choices, **{f"track.{key}": choice for key, choice in track.items()}}
    return Derivation(profile, {key: reason for key, (_, reason) in reasons.items()})


def _spacing(given: Spacing | None) -> Choice:
    if given is not None:
        return given, "given with the data"
    return (
        (1.0, 1.0, 1.0),
        "a guess, as the data do not state it; if slices are further apart than pixels, give it,"
        " because all sizes depend on it",
    )


def _diameter(
    name: str,
    scale: Floats,
    initial: Floats,
    sizes: NDArray[np.integer[Any]] | None,
    volumes: VolumeReader,
    known: tuple[float, float] | None,
) -> tuple[float, str]:
    """Return the diameter of a cell from labels, else the search for seeds, else the images."""
    if sizes is None and known is not None:
        # The search for cells of 0.75 to 1.5 typical diameters gives the typical one.
        typical = math.sqrt(math.prod(known) / math.prod(SEARCHED))
        return typical, f"the seeds were searched for cells of {known[0]:g} to {known[1]:g} px"
    seen = ball_diameter(volumes, initial, scale)
    looked_at = f"the bright objects at {min(len(initial), MOST_PLACES)} of the initial places"
    if sizes is not None:
        size = float(np.median(sizes))
        labelled = (6.0 / math.pi * size * float(np.prod(scale))) ** (1.0 / 3.0)
        if not seen > MARKERS * labelled:
            return (
                labelled,
                f"of a ball of {size:.0f} voxels, the median of the initial labels",
            )
        return seen, (
            f"median of {looked_at}; the labels are of {labelled:.1f} px and seem to be marks"
        )
    if math.isnan(seen):
        raise ProfileError(
            f"{name}: nothing is bright at the initial places in frame 0, so the size of"
            " cells cannot be measured. Check that places and images belong together, or write"
            " cell_diameter_px into a profile."
        )
    return seen, f"median of {looked_at}, measured in the image"


def _steps(
    places: Floats, frames: int, seeds: SeedReader, scale: Floats, diameter: float
) -> Floats:
    """Return the steps of the seeds near the cells from one frame to the next.

    A step joins mutual nearest seeds. A cell whose seed is missing moves with the seeds around.

    Args:
        places: The cells in frame 0, (n, 3), pixels.
        frames: Number of frames to read.
        seeds: Seeds, in voxels.
        scale: Size of a voxel in pixels.
        diameter: Seeds further from a cell's place are not near.
    """
    found = [np.empty(0)]
    before = seeds.seeds(0).places * scale
    for t in range(1, frames):
        after = seeds.seeds(t).places * scale
        here, there = mutual(before, after)
        if len(here):
            moves = after[there] - before[here]
            far, nearest = KDTree(before[here]).query(places)
            near = far <= diameter
            found.append(np.linalg.norm(moves[np.unique(nearest[near])], axis=1))
            places = places + np.where(near[:, None], moves[nearest], 0.0)
        before = after
    return np.concatenate(found)


def _radius(diameter: float, steps: Floats) -> tuple[float, str]:
    least, most = (share * diameter for share in RADII)
    if not len(steps):
        return round(least, 1), (
            f"{RADII[0]:g} cell diameters: no seed near the cells is in two frames"
        )
    step = float(np.quantile(steps, STEADY))
    radius = min(max(ROOM * step, least), most)
    return round(radius, 1), (
        f"{ROOM:g} times {step:.1f} px: {STEADY:.0%} of the seeds near the cells move less from"
        f" frame to frame; at least {RADII[0]:g}, at most {RADII[1]:g} cell diameters"
    )


def _windows(diameter: float) -> dict[str, Choice]:
    return {
        "window_px": (even(4.0 * diameter), "4 cell diameters: a cell and its neighbours"),
        "window_step": (0.25, "so a cell is at most an eighth of the window away from its centre"),
        "prompt": ("mask", "cells are segmented first; points would say less"),
        "median_px": (0, "SAM 2 tolerates noise; try 3 or 5 if single pixels are outliers"),
        "gamma": (1.0, "the brightness of cells was not measured"),
    }


def _rules() -> dict[str, Choice]:
    """Return the values that do not depend on the data."""
    return {
        "max_gap": (3, "a cell is followed without a seed for so many frames in a row"),
        "border_px": (1, "only a cell that touches the edge may have left the frame"),
        "border_z_px": (0, "no rule: cells in the outermost slices are dim, but not gone"),
        "division": (True, "embryos grow by divisions"),
        "min_cycle_frames": (4, "two divisions of a cell within fewer frames are mostly mistakes"),
        "fill": ("none", "a cell without a seed is segmented where it should be"),
        "generate_masks": (True, "there are no masks"),
        "edit_masks": (False, "there are no masks to edit"),
    }


def _seed_rules(radius: Choice, ball: float) -> dict[str, Choice]:
    """Return the values of the table [track]."""
    return {
        "seed_radius_px": radius,
        "min_size_without_seed": (
            int(LEAST_UNSEEDED * ball),
            f"{LEAST_UNSEEDED:.0%} of a ball: regions without a seed must be larger",
        ),
        "seeds_z_scale": (1.0, "all seeds are inside the volume, so their z counts slices"),
        "horizon_frames": (3, "few seeds are missed or wrong for longer"),
    }
