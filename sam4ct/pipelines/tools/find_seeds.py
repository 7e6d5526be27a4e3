"""Seeds: the places of cells in every frame of a movie, searched block by block.

Frames and their blocks are searched by several threads: numpy and scipy let each other work.
What is found, and the bytes of the files, do not depend on how many there are.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from sam4ct.errors import ProfileError, SequenceError
from sam4ct.io.follow import SeedFolder, seeds_dir_of
from sam4ct.io.movie import Volumes, open_volumes
from sam4ct.io.tiff import (
    GIVE_SPACING,
    SPACING_UNKNOWN,
    UNKNOWN,
    TiffVolumes,
    warn_of_odd_spacing,
    warn_of_unsaid_stack,
)
from sam4ct.profile import Profile, Spacing, load_profile, profile_names
from sam4ct.runtime import Progress, processors
from sam4ct.stages.seeds import BlobLaw, Block, plan_blocks, seeds_in_block, seeds_of_frame
from sam4ct.types import Seeds

logger = logging.getLogger(__name__)

DETECTOR = "1"
"""To be raised when the stage's code changes what it finds."""
SIZES = (0.75, 1.5)
"""The smallest and largest cells that are looked for, in diameters of a typical one."""
LEAST_DIAMETER = 5.0
"""Pixels; smaller cells do not stand out from the noise."""
MOST_WORKERS = 4
"""Unless asked for more: each holds some 80 MB."""


@dataclass(frozen=True, kw_only=True)
class SeedOptions:
    """What a user may choose."""

    diameter_px: tuple[float, float] | None = None
    """Of the smallest and largest cells, in pixels along x; None: by the profile."""
    spacing_um: Spacing | None = None
    """Size of a voxel (z, y, x); None: as the profile says, else the images."""
    profile: str | None = None
    """A shipped profile or a file; None: that named like the dataset, if there is one."""
    frames: slice = field(default_factory=lambda: slice(None))
    threshold: float | None = None
    """Least contrast of a cell in grey values; None: by the noise of each frame."""
    workers: int | None = None
    file_format: Literal["csv", "parquet"] = "csv"
    overwrite: bool = False


@dataclass(frozen=True)
class SeedCount:
    """What a call has done."""

    folder: Path
    frames: int
    """Searched now; others were done before."""
    before: int
    seeds: int
    """Found now."""


def find_seeds(source: Path, out: Path | None, options: SeedOptions) -> SeedCount:
    """Find the seeds of a movie, one file a frame; the same call goes on after a stop.

    Args:
        source: `DATASET/SS`, TIFF or Zarr; see `open_volumes`.
        out: The folder to write; None: `SS_SEEDS` beside the movie.
        options: What to look for.

    Raises:
        SequenceError: The movie cannot be read, has none of the frames, or cells of that size
            cannot be found in it.
        ProfileError: Nothing says how large cells are.
        ResultError: The folder holds other seeds.
        WorkError: Another search is under way there, or the disk refuses.
    """
    source = Path(os.path.abspath(source))
    folder = Path(os.path.abspath(out or seeds_dir_of(source)))
    if folder.is_relative_to(source):
        raise SequenceError(
            f"{folder}: seeds may not be written into the movie. Choose another folder."
        )
    volumes = open_volumes(source)
    if isinstance(volumes, TiffVolumes):
        warn_of_unsaid_stack(volumes.files)
    law = _law(source, volumes, options)
    frames = _frames(source, volumes.frames, options.frames)
    search = _Search(source, volumes, law, options.threshold)
    settings = {**search.settings(), "format": options.file_format}
    # Parts of the frames are for several machines at once.
    shared = len(frames) < volumes.frames
    with SeedFolder.open(folder, settings, shared=shared, overwrite=options.overwrite) as target:
        missing = [t for t in frames if not target.has(t)]
        before, found = len(frames) - len(missing), 0
        workers = options.workers or min(MOST_WORKERS, processors())
        with Progress(len(frames), "seeds", "frames", done=before) as progress:
            for t, seeds in search.frames(missing, workers):
                target.write(t, seeds)
                found += len(seeds)
                progress.step(note=f"{len(seeds)} seeds")
    if missing and not found:
        logger.warning(
            "%s: no seeds in %d frames; try another --diameter (now %g:%g) or --threshold",
            *(folder, len(missing), *law.diameter_px),
        )
    return SeedCount(folder, len(missing), before, found)


@dataclass(frozen=True)
class _Search:
    """A movie and what is looked for in it."""

    source: Path
    volumes: Volumes
    law: BlobLaw
    threshold: float | None

    def settings(self) -> dict[str, Any]:
        """Return what the seeds depend on, as JSON has it."""
        return {
            "detector": DETECTOR,
            "diameter_px": list(self.law.diameter_px),
            "shape": list(self.volumes.shape),
            "spacing": list(self.law.spacing),
            "threshold": self.threshold,
            "type": str(self.volumes.dtype),
        }

    def frames(self, frames: Sequence[int], workers: int) -> Iterator[tuple[int, Seeds]]:
        """Yield frames and their seeds, in order."""
        blocks = plan_blocks(self.volumes.shape, self.law)
        jobs = ((t, block) for t in frames for block in blocks)
        with ThreadPoolExecutor(workers) as pool:
            parts = self._in_order(pool, jobs, 2 * workers)
            for t in frames:
                found = list(islice(parts, len(blocks)))
                yield t, seeds_of_frame(found, self.law, self.threshold)

    def _in_order(
        self, pool: ThreadPoolExecutor, jobs: Iterator[tuple[int, Block]], ahead: int
    ) -> Iterator[Seeds]:
        """Yield the seeds of blocks in order, with so many of them under way."""
        running: deque[Future[Seeds]] = deque()
        for t, block in jobs:
            running.append(pool.submit(self._in_block, t, block))
            if len(running) > ahead:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()

    def _in_block(self, t: int, block: Block) -> Seeds:
        image = self.volumes.window(t, block.window)
        return seeds_in_block(image, block, self.law, self.volumes.shape, self.threshold)


def _law(source: Path, volumes: Volumes, options: SeedOptions) -> BlobLaw:
    """Settle sizes and spacing: as asked for, else by the profile, else by the images."""
    profile = _profile(source, options.profile)
    spacing = options.spacing_um or (profile.spacing_um if profile else volumes.spacing_um)
    is_volume = len(volumes.shape) == len(spacing)
    sizes = options.diameter_px
    if sizes is None:
        typical = profile.cell_diameter_px if profile else None
        if typical is None:
            raise ProfileError(
                f"{source}: nothing says how large the cells are. Give --diameter, e.g. 15"
                " pixels, or --profile with one that has cell_diameter_px."
            )
        sizes = SIZES[0] * typical, SIZES[1] * typical
    if profile is None and options.spacing_um is None and is_volume:
        if spacing == UNKNOWN:
            logger.warning(SPACING_UNKNOWN, source, GIVE_SPACING)
        first = volumes.files[0] if isinstance(volumes, TiffVolumes) else source
        warn_of_odd_spacing(first, spacing, GIVE_SPACING)
    logger.info(
        "%s: cells of %g to %g px, voxels of %g x %g x %g um (z, y, x)", source, *sizes, *spacing
    )
    _refuse_out_of_reach(source, sizes, volumes.shape)
    return BlobLaw(sizes, spacing[-len(volumes.shape) :])


def _refuse_out_of_reach(source: Path, sizes: tuple[float, float], shape: Sequence[int]) -> None:
    """Refuse sizes of cells (pixels) that cannot be found in frames of a shape, ([z,] y, x)."""
    smallest, largest = sizes
    told = f"cells of {smallest:g} to {largest:g} px"
    if largest < LEAST_DIAMETER:
        raise SequenceError(
            f"{source}: {told} are too small: they need {LEAST_DIAMETER:g} px or more. Give the"
            " size in pixels with --diameter, or enlarge the images."
        )
    if smallest > min(shape[-2:]):
        raise SequenceError(
            f"{source}: {told} do not fit into frames of {' x '.join(map(str, shape))}. Give the"
            " size in pixels with --diameter."
        )
    if smallest < SIZES[0] * LEAST_DIAMETER:
        logger.warning("%s: of %s, the smallest may be missed", source, told)


def _profile(source: Path, named: str | None) -> Profile | None:
    """The profile asked for, else the one named like the dataset's folder, if there is one."""
    if named is None:
        dataset = source.parent.name
        return load_profile(dataset) if dataset in profile_names() else None
    return load_profile(Path(named) if named.endswith(".toml") else named)


def _frames(source: Path, count: int, wanted: slice) -> range:
    frames = range(*wanted.indices(count))
    if not frames or (wanted.stop or 0) > count:
        raise SequenceError(
            f"{source}: has the frames 0 to {count - 1} only, but --frames is"
            f" {wanted.start}:{wanted.stop or ''}. Give a range of frames that are there, e.g."
            f" {wanted.start if frames else 0}:{count}."
        )
    return frames
