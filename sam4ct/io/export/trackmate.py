"""TrackMate's XML, which Fiji opens, beside the image stack that it shows.

    NAME.xml    spots, their links, and which of them are one lineage
    NAME.tif    the images as one ImageJ stack; without images, the masks

A spot is a circle (sphere) of a cell's area (volume). Where the size of a pixel or the time
between frames is unknown, lengths are in pixels and times in frames.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from math import prod
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import tifffile
from numpy.typing import NDArray

from sam4ct.io.export.graph import TrackGraph
from sam4ct.io.movie import Volumes

logger = logging.getLogger(__name__)

VERSION = "7.13.2"
"""Of TrackMate, whose format this is."""
IMAGEJ_TYPES = ("uint8", "uint16", "float32")
STACK_BYTES = (1 << 32) - (1 << 26)
"""Largest stack: a TIFF file of ImageJ has 32-bit offsets."""

# Key: name, dimension, whether it is a whole number.
_SPOT = {
    "QUALITY": ("Quality", "QUALITY", False),
    "POSITION_X": ("X", "POSITION", False),
    "POSITION_Y": ("Y", "POSITION", False),
    "POSITION_Z": ("Z", "POSITION", False),
    "POSITION_T": ("T", "TIME", False),
    "FRAME": ("Frame", "NONE", True),
    "RADIUS": ("Radius", "LENGTH", False),
    "VISIBILITY": ("Visibility", "NONE", True),
    "LABEL": ("Label", "NONE", True),
    "GENERATED": ("Generated", "NONE", True),
}
_EDGE = {
    "SPOT_SOURCE_ID": ("Source spot ID", "NONE", True),
    "SPOT_TARGET_ID": ("Target spot ID", "NONE", True),
    "LINK_COST": ("Edge cost", "COST", False),
    "CONFIDENCE": ("Confidence", "NONE", False),
}
_TRACK = {
    "TRACK_INDEX": ("Track index", "NONE", True),
    "TRACK_ID": ("Track ID", "NONE", True),
    "NUMBER_SPOTS": ("Number of spots in track", "NONE", True),
    "TRACK_START": ("Track start", "TIME", False),
    "TRACK_STOP": ("Track stop", "TIME", False),
    "TRACK_DURATION": ("Track duration", "TIME", False),
}
_LINES = 4096
"""What is written at once."""


def write_trackmate(folder: Path, graph: TrackGraph, images: Volumes | None = None) -> None:
    """Write both files; one frame is held at a time.

    Args:
        folder: Holds them afterwards.
        graph: The result.
        images: Its images.
    """
    stack = _write_stack(folder / f"{graph.name}.tif", graph, images)
    lines = _lines(graph, stack)
    with (folder / f"{graph.name}.xml").open("w", encoding="utf-8", newline="\n") as file:
        while some := list(islice(lines, _LINES)):
            file.write("\n".join(some) + "\n")


def _write_stack(path: Path, graph: TrackGraph, images: Volumes | None) -> str:
    """Write what TrackMate shows; return the name of the file, "" if there is none."""
    frame: Callable[[int], NDArray[Any]] = graph.labels
    dtype: np.dtype[Any] = np.dtype(np.uint16)
    if images is not None and str(images.dtype) in IMAGEJ_TYPES:
        movie = images
        frame = lambda t: movie.window(t, [slice(None)] * len(graph.shape))  # noqa: E731
        dtype = images.dtype
    if graph.frames * prod(graph.shape) * dtype.itemsize > STACK_BYTES:
        logger.warning(
            "%s: left out, the movie is too large for one ImageJ stack. Open the images in Fiji"
            " first, and in TrackMate choose them for the file.",
            path,
        )
        return ""
    pixel = graph.spacing_um or (1.0, 1.0, 1.0)
    metadata = {"axes": f"T{''.join(graph.axes).upper()}", "spacing": pixel[0]}
    metadata |= {"unit": "um"} if graph.spacing_um else {}
    metadata |= {"finterval": graph.interval_s, "tunit": "sec"} if graph.interval_s else {}
    planes = (
        np.ascontiguousarray(plane, dtype.newbyteorder("="))
        for t in range(graph.frames)
        for plane in frame(t).reshape(-1, *graph.shape[-2:])
    )
    with tifffile.TiffWriter(path, imagej=True, byteorder="<") as tif:
        tif.write(
            planes,
            shape=(graph.frames, *graph.shape),
            dtype=dtype,
            compression="zlib",
            resolution=(1.0 / pixel[2], 1.0 / pixel[1]),
            metadata=metadata,
            software=False,
        )
    return path.name


def _lines(graph: TrackGraph, stack: str) -> Iterator[str]:
    space = "\N{MICRO SIGN}m" if graph.spacing_um else "pixel"
    time = "sec" if graph.interval_s else "frame"
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield _open("TrackMate", version=VERSION)
    yield _open("Model", spatialunits=space, timeunits=time)
    yield "<FeatureDeclarations>"
    for kind, features in ("Spot", _SPOT), ("Edge", _EDGE), ("Track", _TRACK):
        yield f"<{kind}Features>"
        for key, (name, dimension, whole) in features.items():
            names = {"name": name, "shortname": name, "dimension": dimension}
            yield _empty("Feature", feature=key, **names, isint=str(whole).lower())
        yield f"</{kind}Features>"
    yield "</FeatureDeclarations>"
    yield from _spots(graph)
    yield from _tracks(graph)
    yield "</Model>"
    yield from _settings(graph, stack)
    yield _empty("GUIState", state="ConfigureViews")
    yield "</TrackMate>"


def _spots(graph: TrackGraph) -> Iterator[str]:
    nodes, (dz, dy, dx) = graph.nodes, graph.spacing_um or (1.0, 1.0, 1.0)
    flat = len(graph.shape) == 2
    radius = np.sqrt(graph.sizes / np.pi) if flat else np.cbrt(graph.sizes * 0.75 / np.pi)
    ends = np.searchsorted(nodes.t, np.arange(graph.frames + 1)).tolist()
    made = graph.generated
    yield _open("AllSpots", nspots=len(nodes))
    for t, (first, last) in enumerate(pairwise(ends)):
        yield _open("SpotsInFrame", frame=t)
        for row in range(first, last):
            label = int(nodes.label[row])
            yield _empty(
                "Spot",
                ID=row + 1,
                name=f"{label}",
                QUALITY=1.0,
                POSITION_X=float(nodes.x[row]) * dx,
                POSITION_Y=float(nodes.y[row]) * dy,
                POSITION_Z=float(nodes.z[row]) * dz,
                POSITION_T=t * (graph.interval_s or 1.0),
                FRAME=t,
                RADIUS=float(radius[row]),
                VISIBILITY=1,
                LABEL=label,
                **({} if made is None else {"GENERATED": int(made[row])}),
            )
        yield "</SpotsInFrame>"
    yield "</AllSpots>"


def _tracks(graph: TrackGraph) -> Iterator[str]:
    """One track a lineage that has a link; TrackMate knows none of a single spot."""
    nodes, edges, step = graph.nodes, graph.edges, graph.interval_s or 1.0
    order = np.lexsort((edges.target, nodes.lineage[edges.target]))
    lineages, first = np.unique(nodes.lineage[edges.target][order], return_index=True)
    groups = np.split(order, first[1:]) if len(order) else []
    yield "<AllTracks>"
    for index, (lineage, rows) in enumerate(zip(lineages.tolist(), groups, strict=True)):
        begin = float(nodes.t[edges.source[rows]].min()) * step
        end = float(nodes.t[edges.target[rows]].max()) * step
        yield _open(
            "Track",
            name=f"Track_{lineage}",
            TRACK_ID=lineage,
            TRACK_INDEX=index,
            NUMBER_SPOTS=len(rows) + 1,
            TRACK_START=begin,
            TRACK_STOP=end,
            TRACK_DURATION=end - begin,
        )
        for row in rows.tolist():
            sure = float(edges.confidence[row])
            known = {} if np.isnan(sure) else {"LINK_COST": 1.0 - sure, "CONFIDENCE": sure}
            ends = {
                "SPOT_SOURCE_ID": edges.source[row] + 1,
                "SPOT_TARGET_ID": edges.target[row] + 1,
            }
            yield _empty("Edge", **ends, **known)
        yield "</Track>"
    yield "</AllTracks>"
    yield "<FilteredTracks>"
    yield from (_empty("TrackID", TRACK_ID=lineage) for lineage in lineages.tolist())
    yield "</FilteredTracks>"


def _settings(graph: TrackGraph, stack: str) -> Iterator[str]:
    dz, dy, dx = graph.spacing_um or (1.0, 1.0, 1.0)
    slices, height, width = (1, *graph.shape)[-3:]
    yield "<Settings>"
    yield _empty(
        "ImageData",
        filename=stack,
        folder="",
        width=width,
        height=height,
        nslices=slices,
        nframes=graph.frames,
        pixelwidth=dx,
        pixelheight=dy,
        voxeldepth=dz,
        timeinterval=graph.interval_s or 1.0,
    )
    ends = {"xend": width, "yend": height, "zend": slices, "tend": graph.frames}
    box = {"xstart": 0, "ystart": 0, "zstart": 0, "tstart": 0}
    yield _empty("BasicSettings", **box, **{axis: n - 1 for axis, n in ends.items()})
    yield _empty("DetectorSettings", DETECTOR_NAME="MANUAL_DETECTOR", RADIUS=1.0)
    yield _empty("InitialSpotFilter", feature="QUALITY", value=0.0, above="true")
    yield "<SpotFilterCollection />"
    yield _empty("TrackerSettings", TRACKER_NAME="MANUAL_TRACKER")
    yield "<TrackFilterCollection />"
    yield "</Settings>"


def _open(tag: str, **attributes: object) -> str:
    return f"<{tag}{_texts(attributes)}>"


def _empty(tag: str, **attributes: object) -> str:
    return f"<{tag}{_texts(attributes)} />"


def _texts(attributes: dict[str, object]) -> str:
    return "".join(f" {key}={quoteattr(_text(value))}" for key, value in attributes.items())


def _text(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
