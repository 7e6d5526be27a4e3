"""Survey of mode "track": derive the profile of a sequence.

Reads a few windows of the movie and the seeds of the first frames; `derive.track` chooses.
"""

from __future__ import annotations

import logging

from sam4ct.derive import Derivation, derive_track_profile
from sam4ct.derive.track import FRAMES_SEEN
from sam4ct.io.follow import (
    SeedFiles,
    TrackSequence,
    read_initial,
    refuse_background,
    searched_diameters,
    searched_spacing,
)
from sam4ct.io.movie import open_volumes
from sam4ct.io.tiff import DERIVE_WITH_SPACING, SPACING_UNKNOWN, UNKNOWN, warn_of_odd_spacing
from sam4ct.profile import Spacing

logger = logging.getLogger(__name__)


def derived_track(sequence: TrackSequence, spacing_um: Spacing | None = None) -> Derivation:
    """Return the profile that fits a sequence, and why.

    Args:
        sequence: Its movie, seeds and initial tracks.
        spacing_um: Size of a voxel (z, y, x), if known better than the movie says.

    Raises:
        SequenceError: The movie, seeds or initial tracks cannot be used.
        ProfileError: Nothing tells how large cells are.
    """
    volumes = open_volumes(sequence.source)
    initial = read_initial(sequence.initial, volumes.shape)
    refuse_background(sequence.initial, initial, volumes)
    seeds = SeedFiles(sequence.seeds, volumes.shape)
    seeds.require(range(min(volumes.frames, FRAMES_SEEN)))
    if spacing_um is None:
        warn_of_odd_spacing(sequence.source, volumes.spacing_um, DERIVE_WITH_SPACING)
        spacing_um = _stated_spacing(sequence, volumes.spacing_um)
    return derive_track_profile(
        sequence.dataset,
        volumes.shape,
        volumes.frames,
        spacing_um=spacing_um,
        initial=initial.places,
        sizes=initial.sizes,
        seeds=seeds,
        volumes=volumes,
        known_diameter_px=searched_diameters(sequence.seeds),
    )


def _stated_spacing(sequence: TrackSequence, by_movie: Spacing) -> Spacing | None:
    """Return the voxel size that the movie states, else the one that `sam4ct seeds` was given.

    None, with a warning, if there is neither: then voxels are taken for cubes.
    """
    for stated in (by_movie, searched_spacing(sequence.seeds)):
        if stated is not None and stated != UNKNOWN:
            return stated
    logger.warning(
        SPACING_UNKNOWN,
        sequence.source,
        DERIVE_WITH_SPACING,
    )
    return None
