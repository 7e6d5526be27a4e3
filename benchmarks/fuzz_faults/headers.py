"""What the headers of TIFF files say: axes, sizes, descriptions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from fuzz_faults.cases import Case, Frames, Writer
from fuzz_faults.registry import (
    EITHER,
    FINE,
    FRAMES,
    GIVEN,
    IMAGES,
    REFUSED,
    SKIP,
    Blame,
    fault,
)
from fuzz_faults.writers import Pixels, in_all, in_one, stored, write_pages

# Axes


def _imagej(axes: str, **more: Any) -> Writer:
    return stored(imagej=True, metadata={"axes": axes, **more})


def _ome(axes: str, **more: Any) -> Writer:
    return stored(ome=True, metadata={"axes": axes, **more})


def _by_any(case: Case, axes: str) -> Writer:
    """Say the axes as one of three kinds of headers does."""
    ways: list[Callable[[str], Writer]] = [
        _imagej, _ome, lambda axes: stored(metadata={"axes": axes}),
    ]  # fmt: skip
    return ways[int(case.rng.integers(3))](axes)


@fault("encoding", FRAMES, REFUSED, ndim=3, apart=("pixels",), result=EITHER, truth=EITHER)
def slices_are_times(case: Case, part: Frames) -> Blame:
    """The header says that the first axis is time."""
    return in_all(part, _by_any(case, "TYX"))


@fault("encoding", FRAMES, REFUSED, ndim=3, apart=("pixels",), result=EITHER, truth=EITHER)
def slices_are_channels(case: Case, part: Frames) -> Blame:
    """The header says that the first axis is of channels."""
    return in_all(part, _by_any(case, "CYX"))


@fault("encoding", FRAMES, REFUSED, ndim=3, apart=("pixels",), result=EITHER, truth=EITHER)
def one_has_times(case: Case, part: Frames) -> Blame:
    """The header of one file says that its first axis is time."""
    return in_one(case, part, _by_any(case, "TYX"))


@fault("encoding", FRAMES, FINE, ndim=3, apart=("pixels",))
def slices_are_slices(case: Case, part: Frames) -> Blame:
    """The header says that the first axis is of slices."""
    return in_all(part, _by_any(case, "ZYX"))


@fault("encoding", FRAMES, FINE, ndim=2, apart=("pixels",))
def plane_says_so(case: Case, part: Frames) -> Blame:
    """The header of a plane says its two axes."""
    return in_all(part, _by_any(case, "YX"))


@fault("encoding", IMAGES, REFUSED, apart=("pixels",))
def movie_in_each_file(case: Case, part: Frames) -> Blame:
    """Each file holds three frames, and the header says so."""
    axes = "TYX" if case.ndim == 2 else "TZYX"
    return in_all(part, lambda path, frame: _by_any(case, axes)(path, np.stack([frame] * 3)))


@fault("encoding", IMAGES, REFUSED, apart=("pixels",))
def two_channels(case: Case, part: Frames) -> Blame:
    """Each file holds two channels, and the header says so."""
    axes, at = ("CYX", 0) if case.ndim == 2 else ("ZCYX", 1)
    write = _by_any(case, axes)
    return in_all(part, lambda path, frame: write(path, np.stack([frame, frame // 2], at)))


@fault("encoding", IMAGES, REFUSED, apart=("pixels",))
def movie_without_header(case: Case, part: Frames) -> Blame:
    """Planes: one file holds three of them; volumes: the files have four axes. No header tells."""
    return in_one(case, part, lambda path, frame: write_pages(path, np.stack([frame] * 3)))


@fault("encoding", GIVEN, REFUSED, apart=("pixels",))
def colours(case: Case, part: Frames) -> Blame:
    """Saved in colour."""

    def write(path: Path, frame: Pixels) -> None:
        colour = np.stack([frame, frame * 2, frame * 3], -1).astype(np.uint8)
        tifffile.imwrite(path, colour, photometric="rgb")

    return in_all(part, write)


# Descriptions


STALE = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">
<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="{kind}" SizeX="{x}" SizeY="{y}" SizeZ="{z}"
 SizeC="1" SizeT="6"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>
"""
DATA = (
    '<TiffData FirstT="{t}" FirstZ="{z}" IFD="{z}" PlaneCount="1">'
    '<UUID FileName="img_T{t:03d}.ome.tif">urn:uuid:00000000-0000-0000-0000-00000000000{t}</UUID>'
    "</TiffData>"
)


@fault("encoding", FRAMES, EITHER, apart=("pixels",))
def stale_ome(case: Case, part: Frames) -> Blame:
    """Each file's OME-XML names the files of the whole movie as they were called before."""

    def write(path: Path, frame: Pixels) -> None:
        depth = 1 if frame.ndim == 2 else len(frame)
        data = "".join(DATA.format(t=t, z=z) for t in range(6) for z in range(depth))
        xml = STALE.format(
            kind=frame.dtype, x=frame.shape[-1], y=frame.shape[-2], z=depth, data=data
        )
        stored(description=xml, metadata=None)(path, frame)

    return in_all(part, write)


@fault("encoding", FRAMES, EITHER)
def broken_ome(case: Case, part: Frames) -> Blame:
    """The OME-XML in the header is cut off."""
    return in_all(part, stored(description=STALE[:180] + "\n<", metadata=None))


@fault("encoding", FRAMES, EITHER)
def broken_imagej(case: Case, part: Frames) -> Blame:
    """The header of ImageJ contradicts the pixels."""
    words = "ImageJ=1.53t\nimages=77\nslices=77\nframes=x\nspacing=nan\nunit=\\u00B5m\n"
    return in_all(part, stored(description=words, metadata=None))


@fault("encoding", FRAMES, FINE)
def odd_description(case: Case, part: Frames) -> Blame:
    """The header holds text that is no ASCII."""
    return in_all(part, stored(description="Größe µm ".encode("latin-1"), metadata=None))


@fault("encoding", IMAGES, EITHER, masks=SKIP, apart=("pixels",))
def odd_spacing(case: Case, part: Frames) -> Blame:
    """The headers give a size of voxels that cannot be."""
    spacing = [0, -1, 1e9, float("nan"), float("inf")][int(case.rng.integers(5))]
    axes = "YX" if case.ndim == 2 else "ZYX"
    case.unknown()
    return in_all(part, _imagej(axes, spacing=spacing, unit="um"))


@fault("encoding", IMAGES, EITHER)
def odd_resolution(case: Case, part: Frames) -> Blame:
    """The resolution in the header is zero, not a number, or a millimetre a pixel."""
    value = [(0, 1), (0, 0), (1, 0), (10, 1), (4294967295, 1)][int(case.rng.integers(5))]

    def write(path: Path, frame: Pixels) -> None:
        stored(resolution=(1, 1), resolutionunit=3)(path, frame)
        with tifffile.TiffFile(path, mode="r+") as tif:
            for name in ("XResolution", "YResolution"):
                tif.pages[0].tags[name].overwrite(value)

    case.unknown()
    return in_all(part, write)


@fault("encoding", IMAGES, EITHER, ndim=3, apart=("pixels",))
def spacing_differs(case: Case, part: Frames) -> Blame:
    """One file gives another size of voxels than the others."""
    case.unknown()
    part.encode(_imagej("ZYX", spacing=2.0, unit="um"))
    return in_one(case, part, _imagej("ZYX", spacing=3.0, unit="um"))
