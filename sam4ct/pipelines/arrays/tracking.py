"""The result of linking arrays, and the files that it can be written to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sam4ct.errors import SequenceError
from sam4ct.io.ctc import ResultWriter
from sam4ct.io.export import GEFF, ZarrFormat, build_graph, placed, refuse_place, write_geff
from sam4ct.lineage import Track
from sam4ct.pipelines.arrays.frames import Movie, digits
from sam4ct.profile import Spacing
from sam4ct.regions import regions_of
from sam4ct.tables import Links

if TYPE_CHECKING:
    import networkx as nx


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
            digits=digits(frames),
            overwrite=overwrite,
        ) as writer:
            for t, frame in enumerate(self.labels):
                writer.write(t, frame)

    def to_geff(
        self,
        path: str | Path,
        images: Movie | None = None,
        *,
        zarr_format: ZarrFormat = 2,
        overwrite: bool = False,
    ) -> Path:
        """Write the lineage as GEFF, with the labels beside it, for napari and other programs.

        Args:
            path: A folder, e.g. "tracks.zarr", that appears when all of it is written.
            images: Shape of the labels; napari shows them below the labels.
            zarr_format: Programs in Java read 2 alone.
            overwrite: Replace an export that is there.

        Returns:
            What readers of GEFF take: `path/tracks.geff`.

        Raises:
            ResultError: Something is there already, or the disk refuses.
            WorkError: The folder above cannot be written.
        """
        place = Path(path).absolute()
        refuse_place(place, overwrite=overwrite)
        if images is not None and tuple(images.shape) != self.labels.shape:
            raise SequenceError(
                f"images have the shape {tuple(images.shape)}, the labels {self.labels.shape}."
                " Give the images that were linked."
            )
        tracks = [Track(*row) for row in self.tracks.tolist()]
        frames = self.labels.__getitem__
        graph = build_graph(place.stem, tracks, len(self.labels), frames, links=self.links)
        graph = replace(graph, spacing_um=self.spacing, interval_s=self.interval)
        shown = None if images is None else (lambda t: np.asarray(images[t]))
        with placed(place) as folder:
            write_geff(folder, graph, zarr_format, shown)
        return place / GEFF
