"""Names of files and folders, and where the dataset lies."""

from __future__ import annotations

import os
from collections.abc import Callable

from fuzz_faults.cases import Call, Case, Frames
from fuzz_faults.registry import CALL, EITHER, FINE, FRAMES, REFUSED, SKIP, Blame, fault

NUMBERED = ("images", "masks", "result", "truth")


def _rename(part: Frames, new: Callable[[int], str]) -> None:
    part.names = [new(t) for t in range(len(part.names))]


@fault("names", FRAMES, FINE, result=EITHER, truth=EITHER)
def long_ending(case: Case, part: Frames) -> Blame:
    """Files end in .tiff."""
    _rename(part, lambda t: part.names[t].replace(".tif", ".tiff"))
    return [*part.names, part.folder]


@fault("names", FRAMES, FINE, result=EITHER, truth=EITHER)
def capital_ending(case: Case, part: Frames) -> Blame:
    """Files end in .TIF."""
    ending = str(case.rng.choice([".TIF", ".Tif", ".TIFF"]))
    _rename(part, lambda t: part.names[t].replace(".tif", ending))
    return [*part.names, part.folder]


@fault("names", NUMBERED, EITHER)
def mixed_endings(case: Case, part: Frames) -> Blame:
    """One file ends in .tiff, the others in .tif."""
    t = int(case.rng.integers(len(part.names)))
    part.names[t] = part.names[t].replace(".tif", ".tiff")
    return [part.names[t], part.folder]


@fault("names", FRAMES, REFUSED, init_tracks=FINE)
def other_format(case: Case, part: Frames) -> Blame:
    """Files have the ending of another format."""
    ending = str(case.rng.choice([".png", ".nd2", ".czi", ".tif.gz", ".ome", ""]))
    _rename(part, lambda t: part.names[t].replace(".tif", ending))
    return [*part.names, part.folder]


@fault("names", NUMBERED, REFUSED, prepare_masks=EITHER, apart=("listing",))
def numbers_from_one(case: Case, part: Frames) -> Blame:
    """Frames are counted from 1."""
    case.unknown()
    _rename(part, lambda t: f"{part.prefix}{t + 1:03d}.tif")
    return [part.folder, part.names[0], part.names[0].replace("001", "000")]


@fault("names", NUMBERED, EITHER, apart=("listing",))
def one_wide_number(case: Case, part: Frames) -> Blame:
    """One frame number has four digits, the others three."""
    t = int(case.rng.integers(len(part.names)))
    part.names[t] = f"{part.prefix}{t:04d}.tif"
    return [part.names[t], part.folder]


@fault("names", NUMBERED, EITHER, apart=("listing",))
def wide_numbers(case: Case, part: Frames) -> Blame:
    """The frame numbers of one folder have four digits."""
    _rename(part, lambda t: f"{part.prefix}{t:04d}.tif")
    return [*part.names, part.folder]


@fault("names", NUMBERED, EITHER, apart=("listing",))
def narrow_numbers(case: Case, part: Frames) -> Blame:
    """The frame numbers have one digit."""
    _rename(part, lambda t: f"{part.prefix}{t}.tif")
    return [*part.names, part.folder]


@fault("names", NUMBERED, EITHER)
def other_prefix(case: Case, part: Frames) -> Blame:
    """Files are called otherwise, with numbers."""
    prefix = str(case.rng.choice(["img_", "frame", "T", "MASK", "t-", "m"]))
    _rename(part, lambda t: f"{prefix}{t:03d}.tif")
    return [*part.names, part.folder]


@fault("names", NUMBERED, REFUSED, apart=("listing",))
def copied_name(case: Case, part: Frames) -> Blame:
    """One file is called as file managers call copies."""
    t = int(case.rng.integers(len(part.names)))
    part.names[t] = part.names[t].replace(".tif", " (1).tif")
    return [part.names[t], f"{part.prefix}{t:03d}", part.folder]


@fault("names", NUMBERED, REFUSED, apart=("listing",))
def digits_of_other_script(case: Case, part: Frames) -> Blame:
    """One frame number is in Arabic-Indic digits."""
    t = int(case.rng.integers(len(part.names)))
    part.names[t] = part.names[t].replace(f"{t}.tif", f"{chr(0x660 + t)}.tif")
    return [part.names[t], f"{part.prefix}{t:03d}", part.folder]


# Where the dataset lies


@fault("place", CALL, FINE)
def name_with_spaces(case: Case, call: Call) -> Blame:
    """The dataset's name has spaces, quotes and signs that shells know."""
    case.name = "My cells (2nd), 'week' $1 & #3 %d *"
    return []


@fault("place", CALL, FINE)
def name_in_unicode(case: Case, call: Call) -> Blame:
    """The dataset's name is in Japanese and German, with an emoji."""
    case.name = "細胞_Größe_🔬"
    return []


@fault("place", CALL, EITHER)
def name_in_latin_1(case: Case, call: Call) -> Blame:
    """The dataset's name is not in UTF-8."""
    case.name = os.fsdecode(b"caf\xe9")
    return ["caf"]


@fault("place", CALL, EITHER)
def name_with_line_end(case: Case, call: Call) -> Blame:
    """The dataset's name has a line end and a tab."""
    case.name = "Cells\nof\tMay"
    return ["Cells"]


@fault("place", CALL, EITHER)
def name_like_option(case: Case, call: Call) -> Blame:
    """The dataset's name begins with a hyphen."""
    case.name = "--help"
    return ["--help"]


@fault("place", CALL, EITHER)
def name_with_dots(case: Case, call: Call) -> Blame:
    """The dataset's name ends in .toml, as profiles do, or in .zarr."""
    case.name = f"Cells.{case.rng.choice(['toml', 'zarr', 'tif', 'v2.1'])}"
    return [case.name]


@fault("place", CALL, EITHER)
def long_name(case: Case, call: Call) -> Blame:
    """The dataset's name is nearly as long as names may be."""
    case.name = "Cells-" * 40
    return [case.name]


@fault("place", CALL, FINE)
def dataset_is_a_link(case: Case, call: Call) -> Blame:
    """The dataset is a link to a folder elsewhere."""

    def move() -> None:
        case.dataset.rename(case.root / "elsewhere")
        case.dataset.symlink_to(case.root / "elsewhere")

    case.on_disk.append(move)
    return []


@fault("place", CALL, FINE)
def folders_are_links(case: Case, call: Call) -> Blame:
    """The folders of the input are links."""
    folders = {
        part.folder for part in case.parts.values() if part.kind not in ("result", "result_table")
    }

    def move() -> None:
        for i, folder in enumerate(sorted(folders)):
            target = case.root / f"elsewhere{i}"
            (case.dataset / folder).rename(target)
            (case.dataset / folder).symlink_to(target)

    case.on_disk.append(move)
    return []


@fault("place", CALL, FINE)
def relative_path(case: Case, call: Call) -> Blame:
    """Paths are given from the working folder."""
    call.relative = True
    return []


@fault("sequence", CALL, EITHER, init_tracks=SKIP, apart=("names", "listing"))
def sequence_with_letters(case: Case, call: Call) -> Blame:
    """The sequence is called Pos0, as microscopes do."""
    _rename_sequence(case, "Pos0")
    return ["Pos0", case.name]


@fault("sequence", CALL, EITHER, init_tracks=SKIP, apart=("names", "listing"))
def sequence_of_one_digit(case: Case, call: Call) -> Blame:
    """The sequence is called 1 or 001."""
    _rename_sequence(case, str(case.rng.choice(["1", "001"])))
    return [case.sequence, case.name]


def _rename_sequence(case: Case, name: str) -> None:
    case.sequence = name
    for part in case.parts.values():
        part.folder = name + part.folder.removeprefix("01")
