"""Files that are damaged, missing, doubled or something else; on disk, whatever they held."""

from __future__ import annotations

import os
from pathlib import Path

import tifffile
from PIL import Image as Picture

from fuzz_faults.cases import Case, Frames
from fuzz_faults.registry import EITHER, FINE, FRAMES, GIVEN, REFUSED, SKIP, Blame, fault


def _damaged(case: Case, part: Frames) -> Path:
    return case.file(part, case.pick(part))


@fault("file", FRAMES, REFUSED)
def truncated(case: Case, part: Frames) -> Blame:
    """A file ends in the middle."""
    path = _damaged(case, part)
    keep = float(case.rng.uniform(0.1, 0.9))
    case.on_disk.append(lambda: os.truncate(path, int(path.stat().st_size * keep)))
    return [path.name]


@fault("file", FRAMES, REFUSED)
def zero_length(case: Case, part: Frames) -> Blame:
    """A file is empty."""
    path = _damaged(case, part)
    case.on_disk.append(lambda: path.write_bytes(b""))
    return [path.name]


@fault("file", FRAMES, REFUSED)
def text_instead(case: Case, part: Frames) -> Blame:
    """A file holds text."""
    path = _damaged(case, part)
    case.on_disk.append(lambda: path.write_text("see the other computer\n"))
    return [path.name]


@fault("file", FRAMES, REFUSED)
def png_instead(case: Case, part: Frames) -> Blame:
    """A PNG under the name of a TIFF file."""
    path = _damaged(case, part)
    case.on_disk.append(lambda: Picture.new("L", (88, 66)).save(path, format="png"))
    return [path.name]


@fault("file", FRAMES, REFUSED)
def folder_instead(case: Case, part: Frames) -> Blame:
    """A folder in the place of a file."""
    path = _damaged(case, part)
    case.on_disk += [path.unlink, path.mkdir]
    return [path.name]


@fault("file", FRAMES, REFUSED)
def dangling_link(case: Case, part: Frames) -> Blame:
    """A link to a file that is not there."""
    path = _damaged(case, part)
    case.on_disk += [path.unlink, lambda: path.symlink_to("/nowhere/frame.tif")]
    return [path.name]


@fault("file", FRAMES, REFUSED)
def circular_link(case: Case, part: Frames) -> Blame:
    """A link to itself."""
    path = _damaged(case, part)
    case.on_disk += [path.unlink, lambda: path.symlink_to(path.name)]
    return [path.name]


@fault("file", FRAMES, REFUSED)
def pipe_instead(case: Case, part: Frames) -> Blame:
    """A named pipe in the place of a file: who opens it waits for ever."""
    path = _damaged(case, part)
    case.on_disk += [path.unlink, lambda: os.mkfifo(path)]
    return [path.name]


@fault("file", FRAMES, REFUSED)
def device_instead(case: Case, part: Frames) -> Blame:
    """A link to /dev/zero, which never ends."""
    path = _damaged(case, part)
    case.on_disk += [path.unlink, lambda: path.symlink_to("/dev/zero")]
    return [path.name]


@fault("file", FRAMES, FINE)
def link_instead(case: Case, part: Frames) -> Blame:
    """A link to the file, which lies elsewhere."""
    path = _damaged(case, part)
    elsewhere = case.root / "elsewhere.tif"
    case.on_disk += [lambda: path.rename(elsewhere), lambda: path.symlink_to(elsewhere)]
    return []


@fault("file", FRAMES, FINE)
def bytes_after_the_end(case: Case, part: Frames) -> Blame:
    """Something follows after the end of the TIFF file."""
    path = _damaged(case, part)
    case.on_disk.append(lambda: path.write_bytes(path.read_bytes() + bytes(1000)))
    return []


@fault("file", FRAMES, EITHER)
def changed_bytes(case: Case, part: Frames) -> Blame:
    """Twenty bytes in the header and the tags of a file are something else."""
    path = _damaged(case, part)

    def damage() -> None:
        data = bytearray(path.read_bytes())
        with tifffile.TiffFile(path) as tif:
            start, end = tif.pages[0].offset, tif.pages[0].offset + 200
        for place in case.rng.integers(start, min(end, len(data)), 20):
            data[place] = case.rng.integers(256)
        path.write_bytes(data)

    case.unknown()
    case.on_disk.append(damage)
    return [path.name]


@fault("file", GIVEN, REFUSED, apart=("encoding",))
def damaged_pixels(case: Case, part: Frames) -> Blame:
    """Compressed pixels of which some bytes are zero."""
    path = _damaged(case, part)

    def damage() -> None:
        frame = part.arrays[part.names.index(path.name)]
        tifffile.imwrite(path, frame, photometric="minisblack", compression="zlib")
        with tifffile.TiffFile(path) as tif:
            start, count = tif.pages[-1].dataoffsets[0], tif.pages[-1].databytecounts[0]
        data = bytearray(path.read_bytes())
        data[start + count // 3 : start + count] = bytes(count - count // 3)
        path.write_bytes(data)

    case.on_disk.append(damage)
    return [path.name]


def _between(case: Case, part: Frames) -> str:
    """Return the name of a frame that is neither the first nor the last."""
    return part.names[int(case.rng.integers(1, len(part.names) - 1))]


@fault("listing", FRAMES, REFUSED, prepare_masks=FINE, labels=SKIP, apart=("file", "names"))
def missing_frame(case: Case, part: Frames) -> Blame:
    """A frame in the middle is not there."""
    path = case.file(part, _between(case, part))
    if part.kind == "masks":
        case.unknown()
    case.on_disk.insert(0, path.unlink)
    return [path.name, part.folder]


@fault("listing", ("images", "masks", "result", "truth"), REFUSED, convert=FINE, seeds=FINE,
       prepare_masks=FINE, apart=("file", "names", "pixels"))  # fmt: skip
def missing_last_frame(case: Case, part: Frames) -> Blame:
    """The last frame is not there."""
    path = case.file(part, part.names[-1])
    case.unknown()
    if case.parts.keys() == {"images"}:
        part.arrays.pop(), part.names.pop(), part.writers.pop()
    else:
        case.on_disk.append(path.unlink)
    return [path.name, part.folder]


@fault("listing", ("images", "masks", "result", "truth"), REFUSED)
def doubled_frame(case: Case, part: Frames) -> Blame:
    """A frame is there as .tif and as .tiff."""
    path = case.file(part, _between(case, part))
    case.on_disk.insert(0, lambda: path.with_suffix(".tiff").write_bytes(path.read_bytes()))
    return [path.name, path.stem]


@fault("listing", FRAMES, REFUSED, apart=("file", "folder"))
def no_folder(case: Case, part: Frames) -> Blame:
    """The folder is not there."""
    folder = case.folder(part)

    def remove() -> None:
        folder.rename(case.root / f"elsewhere-{folder.name}")

    case.on_disk.append(remove)
    return [folder.name, str(folder), part.folder]


@fault(
    "listing", ("images", "masks", "result", "truth"), REFUSED, apart=("file", "names", "folder")
)
def empty_folder(case: Case, part: Frames) -> Blame:
    """The folder is empty."""
    folder = case.folder(part)
    case.on_disk.append(lambda: [path.unlink() for path in folder.iterdir()])
    return [folder.name, part.folder]


@fault("listing", FRAMES, FINE)
def files_of_systems(case: Case, part: Frames) -> Blame:
    """Files that systems leave behind lie beside the frames."""
    folder, name = case.folder(part), case.pick(part)

    def leave() -> None:
        for extra in (".DS_Store", "Thumbs.db", "desktop.ini", f"._{name}", ".directory"):
            (folder / extra).write_bytes(b"\0\0\0\1Bud1")
        (folder / "@eaDir").mkdir()

    case.on_disk.append(leave)
    return []


@fault("listing", ("images", "masks", "result", "truth"), EITHER)
def notes_beside(case: Case, part: Frames) -> Blame:
    """Notes lie beside the frames."""
    path = case.folder(part) / "notes.txt"
    case.on_disk.append(lambda: path.write_text("the laser was weak"))
    return [path.name]
