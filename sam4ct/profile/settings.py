"""The settings in which datasets differ: meaning, unit, default and range of each.

Lengths in pixels are in-plane pixels (y, x), also for volumes; spacing is (z, y, x).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal

from sam4ct.errors import ProfileError

Spacing = tuple[float, float, float]
Rule = tuple[str, bool, str]
"""A key, whether its value is allowed, and what to give instead."""


@dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """What only mode "track" needs: following chosen cells through large volumes by seeds."""

    seed_radius_px: float
    """Seeds at most this far from a cell's last place are candidates for its next one."""
    min_size_without_seed: int
    """Voxels; smaller regions are dropped where no seed is near."""
    seeds_z_scale: float = 1.0
    """The z of seed files times this is the slice of the image."""
    horizon_frames: int = 3
    """Frames looked ahead before a link is final."""

    def __post_init__(self) -> None:
        _refuse_broken(
            self,
            "[track]",
            [
                ("seed_radius_px", 0 < self.seed_radius_px < inf, "a positive number, e.g. 15"),
                ("min_size_without_seed", self.min_size_without_seed >= 0, "0 or more"),
                ("seeds_z_scale", 0 < self.seeds_z_scale < inf, "a positive number, e.g. 0.5"),
                ("horizon_frames", self.horizon_frames >= 1, "1 or more"),
            ],
        )


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Tracking parameters of one dataset (dataset_profiles/<name>.toml)."""

    dataset: str
    """Name of the dataset; that of its folder."""
    mode: Literal["link", "track"]
    """"link": join given masks over time. "track": follow initial cells by seeds."""
    ndim: Literal[2, 3]
    """2 for images (y, x), 3 for volumes (z, y, x)."""
    spacing_um: Spacing = (1.0, 1.0, 1.0)
    """Size of a voxel (z, y, x) in micrometres; 1, 1, 1 counts in pixels."""
    cell_diameter_px: float | None = None
    """Typical in-plane diameter of a cell; left out: measured from the masks at run time."""
    window_px: int
    """Side of the square crop that a 1024-px SAM 2 encoder sees; even."""
    window_step: float = 0.25
    """Grid of window centres, as a share of the window's side; 0: one window per cell."""
    prompt: Literal["mask", "points"] = "mask"
    """How SAM 2 is shown a cell: by its mask, or by a box and points as published."""
    median_px: int = 0
    """Side of the in-plane median filter on images, odd; 0: none."""
    gamma: float = 1.0
    """Exponent on the image's brightness; below 1 lifts dim cells, 1: none."""
    link_radius_px: float
    """Cells at most this far apart (at least one and a half diameters) may be the same even
    where nothing overlaps; grows with the frames between."""
    max_gap: int = 2
    """Frames in a row in which a cell may be missed and still be linked."""
    border_px: int = 1
    """Cells nearer than this to the frame's edge in y or x may appear and vanish freely."""
    border_z_px: int = 0
    """The same for the first and last slices; 0: no rule in z."""
    division: bool = True
    """Whether cells may divide."""
    min_cycle_frames: int = 1
    """Frames from a cell's birth to its own division, at least."""
    min_size: int
    """Generated regions of this many pixels (voxels) or fewer are not added; with
    edit_masks, input regions of this size are dropped too."""
    fill: Literal["propagate", "interpolate", "none"] = "propagate"
    """Where a missed cell's region comes from: SAM 2's mask, the shapes around it, or nowhere."""
    generate_masks: bool = False
    """Segment missed cells of volumes with SAM-Med3D before `fill` is asked."""
    edit_masks: bool = False
    """Whether input masks may be dropped, split or merged; off for the linking benchmark."""
    track: TrackSettings | None = None
    """Only with mode "track"."""

    def __post_init__(self) -> None:
        track = self.mode == "track"
        diameter = self.cell_diameter_px
        _refuse_broken(
            self,
            self.dataset or "profile",
            [
                ("dataset", bool(self.dataset) and self.dataset.isprintable(), "a plain name"),
                ("spacing_um", all(0 < s < inf for s in self.spacing_um), "positive numbers"),
                ("cell_diameter_px", diameter is None or 0 < diameter < inf, "a positive number"),
                (
                    "window_px",
                    self.window_px > 0 and self.window_px % 2 == 0,
                    "a positive even number, e.g. 512",
                ),
                ("window_step", 0 <= self.window_step <= 0.5, "a number from 0 to 0.5"),
                (
                    "median_px",
                    self.median_px == 0 or (self.median_px > 0 and self.median_px % 2 == 1),
                    "0 or a positive odd number",
                ),
                ("gamma", 0 < self.gamma < inf, "a positive number, e.g. 0.5"),
                ("link_radius_px", 0 < self.link_radius_px < inf, "a positive number, e.g. 50"),
                *(
                    (key, getattr(self, key) >= 0, "0 or more")
                    for key in ("max_gap", "border_px", "border_z_px", "min_size")
                ),
                ("min_cycle_frames", self.min_cycle_frames >= 1, "1 or more"),
                ("generate_masks", not (self.generate_masks and self.ndim == 2), "false in 2D"),
                ("track", self.track is None or track, 'mode "track" too, or remove [track]'),
                ("track", self.track is not None or not track, 'the table [track], or mode "link"'),
            ],
        )


def _refuse_broken(settings: object, where: str, rules: Iterable[Rule]) -> None:
    for key, allowed, wanted in rules:
        if not allowed:
            raise ProfileError(f"{where}: {key} is {getattr(settings, key)!r}. Give {wanted}.")
