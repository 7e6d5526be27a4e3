"""`sam4ct.link`: images and masks in memory become tracked labels, tracks and links.

The same stages as `sam4ct run` do the work, on frames that lie in a temporary folder for as
long as it takes. So the result has the bytes of `sam4ct run`, whatever holds the arrays.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.ctc import MASK, MASKS, find_sequences, read_tracks
from sam4ct.io.tiff import read_frame
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.arrays.frames import Movie, temporary, write_frames
from sam4ct.pipelines.arrays.tracking import Tracking
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.fill import fill
from sam4ct.pipelines.link.generate import generate
from sam4ct.pipelines.link.lineage.associate import associate
from sam4ct.pipelines.link.lineage.correct import correct
from sam4ct.pipelines.link.propagate import detect, propagate
from sam4ct.pipelines.link.repair import repair
from sam4ct.pipelines.link.run import LinkRun
from sam4ct.profile import Spacing
from sam4ct.stages.paint import trace
from sam4ct.tables import Links, row_numbers

SEQUENCE = "01"


def link(
    images: Movie,
    masks: Movie,
    *,
    spacing: Spacing | None = None,
    interval: float | None = None,
    profile: str | Path = "auto",
    evidence: str = "sam2",
    device: str = "auto",
    weights: Sequence[str] = (),
    fast: bool = False,
    generate_masks: bool | None = None,
    edit_masks: bool | None = None,
) -> Tracking:
    """Link the masks of cells over time.

    Frames are read one by one, written to a temporary folder, and removed at the end.

    Args:
        images: (t, [z,] y, x), integers or floats; NumPy, dask, Zarr, or anything else with
            `shape` that gives a frame for `[t]`.
        masks: The same shape, integers: 0 is background, every other label a cell. A label
            says nothing about other frames.
        spacing: Size of a voxel (z, y, x) in micrometres; without it voxels are taken for cubes.
            For images it is only kept with the result.
        interval: Seconds between two frames; kept with the result.
        profile: "auto", the name of a shipped profile, or a .toml file.
        evidence: "sam2", or "overlap" of masks, which needs no network.
        device: "auto", "cpu", "cuda" or "cuda:N".
        weights: Names of weights, at most one a network; see `sam4ct weights list`.
        fast: Use SAM 2 only where the overlap of masks is ambiguous.
        generate_masks: Whether missed cells of volumes are segmented; None: as the profile says.
        edit_masks: Whether masks may be joined, cut or dropped; None: as the profile says.

    Raises:
        Sam4ctError: The arrays, an option, the profile or the weights cannot be used.

    Example:
        >>> import numpy as np
        >>> import sam4ct
        >>> from sam4ct.simulate import movie_law, simulate
        >>> law = movie_law("nuclei", shape=(96, 96), frames=4)
        >>> movie = list(simulate(np.random.default_rng(1), law))
        >>> images = np.stack([frame.image for frame in movie])
        >>> masks = np.stack([frame.labels for frame in movie])
        >>> tracking = sam4ct.link(images, masks, evidence="overlap")
        >>> tracking.labels.shape
        (4, 96, 96)
        >>> bool(tracking.links.confidence.min() > 0.5)
        True
        >>> graph = tracking.to_networkx()
    """
    _refuse_unlike(images, masks)
    # As the command line does, before torch is loaded: sums do not depend on the threads.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    options = Options(
        profile=str(profile),
        weights=tuple(weights),
        device=device,
        evidence=evidence,
        fast=fast,
        generate_masks=generate_masks,
        edit_masks=edit_masks,
        report=False,
        spacing_um=spacing if len(images.shape) == 4 else None,  # as `run` does for images
    )
    with temporary() as folder:
        dataset = folder / "arrays"
        write_frames(images, dataset / SEQUENCE, "t")
        write_frames(masks, dataset / f"{SEQUENCE}{MASKS}", MASK)
        (sequence,) = find_sequences(dataset)
        run = LinkRun(sequence, options)
        run.execute()
        files = sorted(sequence.result_dir.glob(f"{MASK}*.tif"))
        labels = np.stack([read_frame(file) for file in files]).astype(np.uint16, copy=False)
        tracks = read_tracks(sequence.result_dir / "res_track.txt")
        return Tracking(
            labels=labels.reshape(tuple(masks.shape)),
            tracks=np.array([track.row() for track in tracks], np.int64).reshape(-1, 4),
            links=_links_of_tracks(run),
            spacing=spacing,
            interval=interval,
        )


def _links_of_tracks(run: LinkRun) -> Links:
    """Return the links of a finished run, with the labels of its tracks; all is read from files."""
    with WorkDir.open(run.sequence.work_dir, run.key()) as work:
        session = Session(run.plan, work)
        masks = repair(session, propagate(session, detect(session)))
        masks, links = generate(session, *associate(session, masks))
        masks, links = correct(session, masks, links)
        filled = fill(session, masks, links)
    detections, _ = masks.painted
    track = trace(detections, links, filled).of_detection
    return replace(
        links,
        label=track[row_numbers(detections, links.t, links.label)],
        label2=track[row_numbers(detections, links.t2, links.label2)],
    )


def _refuse_unlike(images: Movie, masks: Movie) -> None:
    """Refuse arrays that are no movie of images or volumes with their masks."""
    if tuple(images.shape) != tuple(masks.shape):
        raise SequenceError(
            f"images have the shape {tuple(images.shape)}, masks {tuple(masks.shape)}."
            " Give one mask image for every image, of the same shape."
        )
    if len(images.shape) not in (3, 4) or 0 in images.shape:
        raise SequenceError(
            f"images have the shape {tuple(images.shape)}. Give an array (t, y, x), or"
            " (t, z, y, x) for volumes; select one channel first."
        )
