"""One TIFF file of any axes, read page by page: ImageJ, OME, or without a header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from math import prod
from pathlib import Path
from types import TracebackType
from xml.etree import ElementTree

import numpy as np

from sam4ct.errors import SequenceError
from sam4ct.io.files import refuse_lost_planes, refuse_missing_data
from sam4ct.io.formats.movie import UNNAMED, Facts, read_pages
from sam4ct.io.tiff import Frame
from sam4ct.io.tiff.axes import header_axes, ome_xml
from sam4ct.io.tiff.frame import open_tiff, tiff_errors
from sam4ct.io.tiff.label_frames import refuse_lossy
from sam4ct.io.tiff.spacing import frame_interval, voxel_sizes

_LETTERS = str.maketrans({"Q": UNNAMED, "I": UNNAMED, "S": "C"})
"""Axes as tifffile calls them: two of which nothing is said, and the colours of a pixel."""


class TiffStack(AbstractContextManager["TiffStack"]):
    """A `Movie` in one file; it stays open until it is closed."""

    def __init__(self, path: Path) -> None:
        """Open a file and read its header.

        Raises:
            SequenceError: It cannot be read, or holds several images.
        """
        self.path = path
        with tiff_errors(path):
            self._tif = open_tiff(path)
            try:
                self.facts = self._read_facts()
            except BaseException:
                self._tif.close()
                raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tif.close()

    def read(self, at: Mapping[int, int]) -> Frame:
        """See `Movie`. Pages that hold more than is asked for are cut after they are decoded."""
        with tiff_errors(self.path):
            return read_pages(self.facts, self._page, self._decoded, at)

    def tiff_of(self, t: int) -> Path | None:
        """See `Movie`: only a file without time is a frame."""
        lengths = dict(zip(self.facts.axes, self.facts.shape, strict=True))
        return self.path if t == 0 and lengths.get("T", 1) == 1 else None

    def refuse_lossy(self) -> None:
        """See `Movie`."""
        with tiff_errors(self.path):
            refuse_lossy(self.path, self._tif)

    def _read_facts(self) -> Facts:
        tif = self._tif
        if len(tif.series) > 1:
            told = "; ".join(f"{s.name or n} {tuple(s.shape)}" for n, s in enumerate(tif.series))
            raise SequenceError(
                f"{self.path}: holds {len(tif.series)} images ({told}). Save the one to track as a"
                " TIFF of its own."
            )
        series = tif.series[0]
        names, shape = header_axes(self.path, tif)
        if names.endswith("YX"):
            refuse_lost_planes(self.path, tif, shape)
        refuse_missing_data(self.path, tif)
        page = tuple(series.keyframe.shape)
        # A page may have axes of length one that the series leaves out.
        while page != shape[len(shape) - len(page) :] and 1 in page:
            page = (*page[: page.index(1)], *page[page.index(1) + 1 :])
        self._page, self._offset = page, series.dataoffset
        dtype = np.dtype(series.dtype)
        self._stored = dtype.newbyteorder(tif.byteorder)
        return Facts(
            names.translate(_LETTERS),
            shape,
            dtype.newbyteorder("="),
            _channel_names(ome_xml(tif)),
            voxel_sizes(tif),
            frame_interval(tif),
        )

    def _decoded(self, places: Sequence[int]) -> Frame:
        lead = self.facts.shape[: len(places)]
        number = int(np.ravel_multi_index(tuple(places), lead)) if places else 0
        if self._offset is None:
            held = self._tif.series[0].pages[number]
            if held is None:
                raise SequenceError(f"{self.path}: page {number} is missing. Export it again.")
            page: Frame = held.asarray()
        else:  # Read, not mapped: mapped pages would count as this process's memory.
            count = prod(self._page)
            self._tif.filehandle.seek(self._offset + number * count * self._stored.itemsize)
            page = self._tif.filehandle.read_array(self._stored, count)
        return page.reshape(self._page)


def _channel_names(xml: str | None) -> tuple[str, ...]:
    """The names of all channels by OME-XML; () unless each has one."""
    try:
        pixels = None if xml is None else ElementTree.fromstring(xml).find(".//{*}Pixels")
    except ElementTree.ParseError:
        pixels = None
    names = () if pixels is None else [c.get("Name") for c in pixels.iterfind("{*}Channel")]
    return tuple(name for name in names if name) if all(names) else ()
