"""Plan of mode "track": movie, cells, seeds, profile and networks, settled before the run begins.

Only a few windows of the movie are read.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sam4ct.derive.track import FRAMES_SEEN
from sam4ct.errors import ProfileError
from sam4ct.geometry import Margins
from sam4ct.io.follow import (
    InitialCells,
    SeedFiles,
    TrackSequence,
    digest_movie,
    fingerprint,
    read_initial,
    refuse_background,
)
from sam4ct.io.movie import open_volumes, refuse_unlike
from sam4ct.io.ome_zarr.cache import CachedVolumes
from sam4ct.io.tiff import warn_of_cubes
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.manifest import load_manifest
from sam4ct.pipelines.common.options import Options, choose_network
from sam4ct.pipelines.common.run import RunPlan
from sam4ct.pipelines.common.sources import digest_of_sources
from sam4ct.pipelines.follow.artifacts import FrameInputs
from sam4ct.pipelines.follow.survey import derived_track
from sam4ct.profile import Profile, TrackSettings
from sam4ct.stages.follow import COARSE, step_by_spacing
from sam4ct.tables import Floats

logger = logging.getLogger(__name__)

SOURCES = {
    **dict.fromkeys(("detect", "propagate", "associate"), ("sam4ct.pipelines.follow.frames",)),
    "paint": ("sam4ct.pipelines.follow.frames", "sam4ct.pipelines.follow.paint"),
}
"""The modules that make the stages: when they or their imports change, so does the key."""


@dataclass(frozen=True, kw_only=True)
class TrackPlan(RunPlan):
    """All that following the cells of one sequence needs."""

    sequence: TrackSequence
    volumes: CachedVolumes
    cells: InitialCells
    """To be followed."""
    seeds: SeedFiles
    inputs: Mapping[str, str]
    """Digests of the inputs."""
    images_shared: str
    """Digest of what all images have in common, such as shape and type."""
    by_frame: tuple[FrameInputs, ...]
    """Digests of the input of every frame."""

    @property
    def track(self) -> TrackSettings:
        """The profile's table [track]."""
        assert self.profile.track is not None, "checked with the mode"
        return self.profile.track

    @property
    def diameter_px(self) -> float:
        """Typical in-plane diameter of a cell."""
        assert self.profile.cell_diameter_px is not None, "refused without one"
        return self.profile.cell_diameter_px

    @property
    def edge(self) -> Margins:
        """Margins of the frame in which cells may be cut off, or leave."""
        return Margins(self.volumes.shape, self.profile.border_px, self.profile.border_z_px)

    @property
    def initial_um(self) -> Floats:
        """Places of the cells to follow, (n, 3)."""
        return self.cells.places * self.profile.spacing_um

    def key(self) -> dict[str, str]:
        """What the result depends on: part → digest."""
        return {**self.inputs, **self.settings_key()}

    def stage_key(self, stage: str) -> dict[str, str]:
        """What a stage depends on, a digest of its code included.

        Painted frames depend on the whole movie, because the lineage is decided some frames later.
        The regions of a frame depend on no later frame; `by_frame` tells which have changed.
        """
        key = {**self.key(), "code": digest_of_sources(*SOURCES[stage])}
        if stage != "paint":
            key["images"] = self.images_shared
            del key["seeds"]
        return key


def make_track_plan(sequence: TrackSequence, options: Options) -> TrackPlan:
    """Settle a run.

    Raises:
        Sam4ctError: The input, an option, a profile or a weight file cannot be used.
    """
    named = settle_track_profile(sequence, options)
    device, weights = choose_network(options, generate=True)
    volumes = open_volumes(sequence.source)
    refuse_unlike(volumes)
    if volumes.frames == 1:
        logger.warning("%s: is a single frame: there is nothing to link.", sequence.source)
    if named is not None:
        warn_of_cubes(sequence.source, named, volumes.spacing_um)
    cells = read_initial(sequence.initial, volumes.shape)
    found = None if named else derived_track(sequence)
    profile = named or found.profile  # type: ignore[union-attr]
    if profile.track is None or profile.cell_diameter_px is None:
        raise AssertionError("settled above")
    seeds = SeedFiles(sequence.seeds, volumes.shape, profile.track.seeds_z_scale)
    seeds_by_frame = seeds.check(volumes.frames)
    _warn_of_coarse_steps(sequence, seeds, profile, volumes.frames)
    cached = CachedVolumes(volumes)
    refuse_background(sequence.initial, cells, cached)
    _warn_of_weights(options, weights)
    movie = digest_movie(sequence.source, volumes)
    return TrackPlan(
        sequence=sequence,
        volumes=cached,
        cells=cells,
        seeds=seeds,
        profile=profile,
        reasons=found.reasons if found else {},
        options=options,
        device=device,
        weights=weights,
        inputs=fingerprint(sequence, movie),
        images_shared=movie.shared,
        by_frame=tuple(map(FrameInputs, movie.frames, seeds_by_frame)),
    )


def settle_track_profile(sequence: TrackSequence, options: Options) -> Profile | None:
    """Return the profile of a run; None if it is to be derived. Reads no pixels.

    Raises:
        ProfileError: It cannot be used, or an option makes no sense for following cells.
    """
    if options.generate_masks is False:
        raise ProfileError(
            f"{sequence.source}: its cells are followed by masks of SAM-Med3D. Leave out"
            " --no-generate-masks."
        )
    if options.fast:
        raise ProfileError(
            f"{sequence.result_dir}: --fast: is not used where cells are followed by seeds:"
            " there are no masks to compare. Leave it out."
        )
    if options.edit_masks is not None:
        option = "--edit-masks" if options.edit_masks else "--no-edit-masks"
        raise ProfileError(
            f"{sequence.result_dir}: {option} is not used where cells are followed by seeds:"
            " there are no given masks. Remove it."
        )
    profile = options.named_profile(sequence.dataset)
    if profile is None:
        return None
    where = f"{sequence.source}: the profile {profile.dataset}"
    if profile.mode != "track":
        raise ProfileError(
            f"{where} links given masks (mode {profile.mode!r}), and there are none, but seeds and"
            " initial tracks. Choose a profile of mode 'track', e.g. --profile auto."
        )
    if profile.ndim != 3:
        raise ProfileError(
            f"{where} is for {profile.ndim}D, but cells are followed through volumes. Choose"
            " another profile, e.g. --profile auto."
        )
    if profile.cell_diameter_px is None:
        raise ProfileError(
            f"{where} does not say how large cells are, and there are no masks to measure. Add"
            " cell_diameter_px."
        )
    return replace(profile, dataset=sequence.dataset)


def _warn_of_coarse_steps(
    sequence: TrackSequence, seeds: SeedFiles, profile: Profile, frames: int
) -> None:
    """Warn if cells of the first frames move further than their seeds can tell apart."""
    seen = [seeds.seeds(t).places * profile.spacing_um for t in range(min(frames, FRAMES_SEEN))]
    ratio = step_by_spacing(seen)
    if ratio > COARSE:
        logger.warning(
            "%s: from one frame to the next, cells move by %.0f %% of the distance to their"
            " neighbours. At such steps cells are mixed up and divisions missed. Check the"
            " lineages, or follow a movie with shorter time steps.",
            sequence.source,
            100.0 * ratio,
        )


def _warn_of_weights(options: Options, weights: Mapping[str, Entry]) -> None:
    """Recommend fine-tuned weights if the default ones are used."""
    used = weights["sam_med3d"]
    if not any(load_manifest().get(name).role == used.role for name in options.weights):
        logger.warning(
            "cells are segmented with %s, which was not trained on volumes like these. `sam4ct"
            " finetune` trains a better one from a few masks; choose it with --weights.",
            used.name,
        )
