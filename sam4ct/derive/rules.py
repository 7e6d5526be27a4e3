"""The profile for mode "link" from the measured cells, with the reason for each value.

Rules are relative to the size of the cells, so they hold at any magnification. Lengths are
in-plane pixels; z is scaled to them by the spacing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sam4ct.derive.measure import Measured, measure, whole_cells
from sam4ct.errors import ProfileError
from sam4ct.profile import Profile, Spacing
from sam4ct.tables import Detections, Floats

Choice = tuple[Any, str]
"""A value and the reason for it."""

FEW_CELLS = 10
"""With fewer cells in view, a wrong division costs more than a missed one."""
DIM = 0.5
"""Dim cells are lifted if the median cell has less than this share of the highest contrast."""
FLAT_SLICES = 8
"""In a volume of fewer slices, cells reach through all of them."""


@dataclass(frozen=True)
class Derivation:
    """A profile, and the reason for each value, by key."""

    profile: Profile
    reasons: dict[str, str]


def derive_profile(
    name: str,
    shape: tuple[int, ...],
    detections: Detections,
    *,
    spacing_um: Spacing | None = None,
) -> Derivation:
    """Choose every value of a profile by the masks to link.

    Args:
        name: Name of the dataset.
        shape: Shape of a frame, ([z,] y, x).
        detections: The regions of all frames, ordered by frame.
        spacing_um: Size of a voxel (z, y, x); None if unknown.

    Raises:
        ProfileError: There is no region.
    """
    if not len(detections):
        raise ProfileError(
            f"{name}: the masks hold no regions, so no profile can be derived from them."
            " Segment the cells first, or choose a profile by name."
        )
    spacing = _spacing(len(shape), detections, spacing_um)
    cells = measure(detections, spacing[0])
    choices: dict[str, Choice] = {
        "dataset": (name, "the name of the data"),
        "mode": ("link", "there are masks to link"),
        "ndim": (len(shape), f"the shape of a frame is {shape}"),
        "spacing_um": spacing,
        "cell_diameter_px": (
            round(cells.diameter, 1),
            "median of the cells that do not touch the edge of the frame",
        ),
        **_windows(shape, cells),
        **_preparation(detections.contrast),
        **_motion(cells),
        **_border(shape, cells, spacing[0]),
        **_divisions(cells),
        **_masks(shape, cells),
    }
    return Derivation(
        Profile(**{key: value for key, (value, _) in choices.items()}),
        {key: reason for key, (_, reason) in choices.items()},
    )


def _spacing(ndim: int, detections: Detections, given: Spacing | None) -> Choice:
    if given is not None:
        return given, "given with the data"
    if ndim == 2:
        return (1.0, 1.0, 1.0), "unknown: counted in pixels"
    whole = whole_cells(detections)
    width = np.sqrt((whole.y1 - whole.y0) * (whole.x1 - whole.x0))
    flatness = float(np.median(width / (whole.z1 - whole.z0)))
    return (
        (round(min(max(flatness, 1.0), 10.0), 1), 1.0, 1.0),
        "unknown: in pixels; the distance of slices is such that cells are as high as wide",
    )


def _windows(shape: tuple[int, ...], cells: Measured) -> dict[str, Choice]:
    step = 0.0 if math.isnan(cells.step) else cells.step
    wanted = max(4.0 * cells.diameter, 2.0 * (cells.diameter + step))
    side = min(wanted, max(shape[-2:]))
    return {
        "window_px": (
            max(32, 32 * math.ceil(side / 32)),
            f"4 cell diameters ({4.0 * cells.diameter:.0f} px), so that a cell that moves by its"
            " diameter stays in view with its surroundings; at most the frame",
        ),
        "window_step": (0.25, "so a cell is at most an eighth of the window away from its centre"),
        "prompt": ("mask", "masks are given; points would say less"),
    }


def _preparation(contrast: Floats) -> dict[str, Choice]:
    median: Choice = (0, "SAM 2 tolerates noise; try 3 or 5 if single pixels are outliers")
    measured = contrast[~np.isnan(contrast)]
    if not len(measured):
        return {"median_px": median, "gamma": (1.0, "the brightness of cells was not measured")}
    low, middle, high = np.quantile(measured, [0.25, 0.5, 0.99])
    if low <= 1.0:
        gamma: Choice = (1.0, "not all cells are brighter than the background")
    else:
        gamma = (
            0.5 if middle < DIM * high else 1.0,
            f"the median cell has {middle / high:.0%} of the contrast of the brightest cells;"
            f" below {DIM:.0%} dim cells are lifted",
        )
    return {"median_px": median, "gamma": gamma}


def _motion(cells: Measured) -> dict[str, Choice]:
    room = 3.0 * cells.diameter if math.isnan(cells.apart) else 1.5 * cells.apart
    most = max(cells.diameter, room)
    if math.isnan(cells.step):
        radius, why = cells.diameter, "one cell diameter: no cell was seen in two frames"
    else:
        radius = min(max(3.0 * cells.step, 0.5 * cells.diameter), most)
        why = (
            f"3 times {cells.step:.1f} px: 95 % of the cells move less from frame to frame; at"
            f" least half a cell diameter, at most {most:.1f} px (1.5 times the distance of"
            " neighbours)"
        )
    return {
        "link_radius_px": (round(radius, 1), why),
        "max_gap": (2, "most cells are missed in one or two frames at most"),
    }


def _border(shape: tuple[int, ...], cells: Measured, spacing_um: Spacing) -> dict[str, Choice]:
    step = 1.0 if math.isnan(cells.step) else min(cells.step, cells.diameter)
    if len(shape) == 2:
        slices: Choice = (0, "images have no slices")
    elif shape[0] < FLAT_SLICES:
        slices = (0, f"with fewer than {FLAT_SLICES} slices most cells touch the first or last")
    else:
        apart = spacing_um[0] / spacing_um[-1]
        slices = (
            max(1, round(step / apart)),
            "one step of a cell from the first and last slice",
        )
    return {
        "border_px": (max(1, round(step)), "one step of a cell, at most its diameter"),
        "border_z_px": slices,
    }


def _divisions(cells: Measured) -> dict[str, Choice]:
    # Cells cross the edge independently, so their number varies by chance by its square root.
    chance = math.sqrt(max(cells.early, 1.0))
    grown = cells.late - cells.early >= chance
    few = max(cells.early, cells.late) < FEW_CELLS
    why = f"{cells.early:.0f} cells at the beginning, {cells.late:.0f} at the end"
    cycle: Choice = (1, "no rule: the number of cells does not grow beyond chance")
    if grown:
        doublings = math.log2(cells.late / max(cells.early, 0.5))
        doubling_frames = 0.75 * cells.frames / max(doublings, 1e-6)
        cycle = (
            min(5, max(1, int(doubling_frames / 4))),
            f"a quarter of the {doubling_frames:.0f} frames in which cells double; at most 5",
        )
    if few and not grown:
        why += f": fewer than {FEW_CELLS}, and growth by less than {chance:.0f} may be chance"
    return {"division": (grown or not few, why), "min_cycle_frames": cycle}


def _masks(shape: tuple[int, ...], cells: Measured) -> dict[str, Choice]:
    return {
        "min_size": (
            int(0.25 * cells.small),
            f"a quarter of {cells.small:.0f}: 95 % of the cells are larger",
        ),
        "fill": (
            ("propagate", "SAM 2 sees a whole cell in an image")
            if len(shape) == 2
            else ("interpolate", "SAM 2 sees sections of a cell in a volume, not its shape")
        ),
        "generate_masks": (False, "only on demand: it helps where many masks are missing"),
        "edit_masks": (True, "nothing says that the masks must stay as they are"),
    }
