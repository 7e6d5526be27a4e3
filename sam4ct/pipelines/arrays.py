"""Link arrays: images and masks in memory to tracked labels, tracks and links.

The same stages as `sam4ct run` do the work, on frames that lie in a temporary folder for as
long as it takes. So the result has the bytes of `sam4ct run`, whatever holds the arrays.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import Sam4ctError, SequenceError
from sam4ct.io.ctc import (
    MASK,
    MASKS,
    RESULT,
    ResultWriter,
    find_sequences,
    read_tracks,
    write_tracks,
)
from sam4ct.io.files import frame_name, require_temporary_folder
from sam4ct.io.tiff import read_frame, write_image
from sam4ct.io.work import WorkDir
from sam4ct.lineage import Track
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.associate import associate
from sam4ct.pipelines.link.correct import correct
from sam4ct.pipelines.link.fill import fill
from sam4ct.pipelines.link.generate import generate
from sam4ct.pipelines.link.propagate import detect, propagate
from sam4ct.pipelines.link.repair import repair
from sam4ct.pipelines.link.run import LinkRun
from sam4ct.profile import Spacing
from sam4ct.regions import regions_of
from sam4ct.stages.paint import trace
from sam4ct.tables import Links, row_numbers

if TYPE_CHECKING:
    import networkx as nx

SEQUENCE = "01"


class Movie(Protocol):
    """Frames that are read one by one: a NumPy, dask or Zarr array (t, [z,] y, x)."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, t: int, /) -> Any: ...


@dataclass(frozen=True, eq=False)
class Tracking:
    """The result of `link`: who is who in every frame, and who descends from whom."""

    labels: NDArray[np.uint16]
    """(t, [z,] y, x); the label of a cell's track in every frame, 0 is background."""
    tracks: NDArray[np.int64]
    """(n, 4), a row a track: label, first frame, last frame, label of the mother (0: none)."""
    links: Links
    """Accepted links from (t, label) to (t2, label2) by track label, with `division` and
    `confidence` (probability that the link is right, 0 to 1), each an array of equal length."""
    spacing: Spacing | None = None
    """Size of a voxel (z, y, x) in micrometres, if it is known."""
    interval: float | None = None
    """Seconds between two frames, if they are known."""

    def to_networkx(self) -> nx.DiGraph:
        """Return the lineage as a graph: a node a cell and frame, an edge from frame to frame.

        Nodes are (t, label), with the attributes t, label, y, x (and z), the mean position of
        the cell's pixels. Edges have `confidence`, that of the link they are a part of, and
        `division`.
        """
        import networkx as nx

        graph = nx.DiGraph()
        axes = ("z", "y", "x")[-(self.labels.ndim - 1) :]
        for t, frame in enumerate(self.labels):
            for label, region in regions_of(frame.astype(np.int32)).items():
                place = np.argwhere(region.mask).mean(axis=0) + region.corner
                where = dict(zip(axes, place.tolist(), strict=True))
                graph.add_node((t, label), t=t, label=label, **where)
        names = ("t", "label", "t2", "label2", "division", "confidence")
        columns = (getattr(self.links, name).tolist() for name in names)
        for t, label, t2, label2, division, confidence in zip(*columns, strict=True):
            # Frames in which the cell was missed and filled in are on the way.
            filled = [(s, label) for s in range(t + 1, t2) if (s, label) in graph]
            for source, target in pairwise([(t, label), *filled, (t2, label2)]):
                here = division and target == (t2, label2)
                graph.add_edge(source, target, confidence=confidence, division=here)
        return graph

    def to_ctc(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write `maskNNN.tif` and `res_track.txt`, as the Cell Tracking Challenge defines them.

        Args:
            folder: Appears when all of it is written.
            overwrite: Replace a result that is there.

        Raises:
            ResultError: The folder holds something, or the disk refuses.
        """
        frames, *shape = self.labels.shape
        with ResultWriter(
            Path(folder).absolute(),
            [Track(*row) for row in self.tracks.tolist()],
            frames=frames,
            shape=tuple(shape),
            digits=_digits(frames),
            overwrite=overwrite,
        ) as writer:
            for t, frame in enumerate(self.labels):
                writer.write(t, frame)

    def score(self, truth: Movie, tracks: Sequence[Sequence[int]]) -> dict[str, float | None]:
        """Return the scores of the Cell Tracking Challenge; see `sam4ct.evaluate.evaluate`.

        Args:
            truth: True labels, (t, [z,] y, x), each frame with every cell.
            tracks: Rows of label, first frame, last frame, label of the mother.

        Raises:
            SequenceError: The truth cannot be used.
        """
        from sam4ct.evaluate import evaluate  # scoring takes seconds to load

        with _folder() as folder:
            self.to_ctc(folder / f"{SEQUENCE}{RESULT}")
            frames = folder / f"{SEQUENCE}_GT" / "TRA"
            _write(truth, frames, "man_track")
            write_tracks(frames / "man_track.txt", [Track(*row) for row in tracks])
            return dict(evaluate(folder / f"{SEQUENCE}{RESULT}", frames.parent))


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
    with _folder() as folder:
        dataset = folder / "arrays"
        _write(images, dataset / SEQUENCE, "t")
        _write(masks, dataset / f"{SEQUENCE}{MASKS}", MASK)
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


def _write(movie: Movie, folder: Path, prefix: str) -> None:
    """Write the frames of an array into a folder, as they are."""
    folder.mkdir(parents=True)
    frames = movie.shape[0]
    for t in range(frames):
        write_image(folder / frame_name(prefix, t, _digits(frames)), np.asarray(movie[t]))


def _digits(frames: int) -> int:
    """Width of the frame numbers in names of files."""
    return 3 if frames <= 1000 else 4


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a temporary folder for the block; errors name what is in it without its path."""
    require_temporary_folder()
    with tempfile.TemporaryDirectory(prefix="sam4ct-arrays-") as name:
        folder = Path(name).resolve()
        try:
            yield folder
        except Sam4ctError as error:
            raise type(error)(str(error).replace(f"{folder}/", "")) from error
