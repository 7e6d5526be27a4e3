"""Tables of tracks, `res_track.txt` and `man_track.txt`, and what contradicts them."""

from __future__ import annotations

import numpy as np

from fuzz_faults.cases import Case, Frames, Texts
from fuzz_faults.registry import EITHER, FINE, REFUSED, Blame, fault

TABLES = ("result_table", "truth_table")
FRAMES = ("result", "truth")


def _name(part: Texts) -> str:
    return part.names[0]


@fault("text", TABLES, FINE)
def table_with_mark(case: Case, part: Texts) -> Blame:
    """The table begins with a byte order mark."""
    part.files[_name(part)] = b"\xef\xbb\xbf" + part.files[_name(part)]
    return []


@fault("text", TABLES, FINE)
def table_from_windows(case: Case, part: Texts) -> Blame:
    """The lines of the table end as on Windows."""
    part.edit(_name(part), lambda text: text.replace("\n", "\r\n"))
    return []


@fault("text", TABLES, FINE)
def table_without_last_line_end(case: Case, part: Texts) -> Blame:
    """The last line of the table has no end."""
    part.edit(_name(part), str.strip)
    return []


@fault("text", TABLES, FINE)
def table_with_empty_lines(case: Case, part: Texts) -> Blame:
    """The table has empty lines, tabs and spaces."""
    part.edit(_name(part), lambda text: text.replace(" ", "\t ").replace("\n", "  \n") + "\n\n")
    return []


@fault("text", TABLES, FINE)
def table_in_other_order(case: Case, part: Texts) -> Blame:
    """The last track comes first."""
    part.edit(_name(part), lambda text: "".join(reversed(text.splitlines(keepends=True))))
    return []


@fault("text", TABLES, REFUSED)
def table_in_utf_16(case: Case, part: Texts) -> Blame:
    """The table is in UTF-16."""
    part.files[_name(part)] = part.files[_name(part)].decode().encode("utf-16")
    return [_name(part)]


@fault("text", TABLES, REFUSED)
def table_with_commas(case: Case, part: Texts) -> Blame:
    """The numbers of the table are separated by commas."""
    part.edit(_name(part), lambda text: text.replace(" ", ","))
    return [_name(part)]


@fault("text", TABLES, REFUSED)
def table_with_header(case: Case, part: Texts) -> Blame:
    """The table has a line of names."""
    part.edit(_name(part), lambda text: "L B E P\n" + text)
    return [_name(part)]


@fault("text", TABLES, REFUSED)
def table_with_three_columns(case: Case, part: Texts) -> Blame:
    """The table has no parents."""
    part.edit(_name(part), lambda text: "".join(f"{row[:-2]}\n" for row in text.splitlines()))
    return [_name(part)]


@fault("text", TABLES, EITHER)
def table_of_floats(case: Case, part: Texts) -> Blame:
    """The numbers of the table have decimals."""
    part.edit(_name(part), lambda text: text.replace(" ", ".0 "))
    return [_name(part)]


@fault("text", TABLES, REFUSED)
def empty_table(case: Case, part: Texts) -> Blame:
    """The table is empty."""
    part.files[_name(part)] = b""
    return [_name(part), *_frames(case, part)]


def _frames(case: Case, part: Texts | Frames) -> list[str]:
    """Return the names of the frames that a table is of."""
    return case.parts[part.kind.removesuffix("_table")].names


@fault("text", TABLES, REFUSED, apart=("listing",))
def no_table(case: Case, part: Texts) -> Blame:
    """The table is not there."""
    name = _name(part)
    case.on_disk.append(case.file(part, name).unlink)
    return [name]


@fault("text", TABLES, REFUSED)
def huge_number_in_table(case: Case, part: Texts) -> Blame:
    """A number of the table has thirty digits."""
    part.edit(_name(part), lambda text: text.replace("1 0", f"1 {'9' * 30}", 1))
    return [_name(part)]


@fault("text", TABLES, REFUSED)
def missing_row(case: Case, part: Texts) -> Blame:
    """A track of the masks is not in the table."""
    part.edit(_name(part), lambda text: text.partition("\n")[2])
    return [_name(part), *_frames(case, part)]


@fault("text", TABLES, REFUSED)
def track_without_pixels(case: Case, part: Texts) -> Blame:
    """A track of the table is not in the masks."""
    part.edit(_name(part), lambda text: text + "99 0 3 0\n")
    return [_name(part), *_frames(case, part)]


@fault("text", TABLES, REFUSED)
def track_that_ends_before_it_begins(case: Case, part: Texts) -> Blame:
    """A track ends before it begins."""
    part.edit(_name(part), lambda text: text.replace(" 0 4 0", " 4 0 0", 1))
    return [_name(part)]


@fault("text", TABLES, REFUSED)
def parent_that_is_not_there(case: Case, part: Texts) -> Blame:
    """The parent of two tracks is none of the table."""
    part.edit(_name(part), lambda text: text.replace("4 1\n", "4 77\n"))
    return [_name(part)]


@fault("text", TABLES, REFUSED)
def parent_of_itself(case: Case, part: Texts) -> Blame:
    """A track is its own parent."""
    part.edit(_name(part), lambda text: text.replace("2 0 4 0", "2 0 4 2"))
    return [_name(part)]


@fault("text", TABLES, REFUSED)
def doubled_row(case: Case, part: Texts) -> Blame:
    """A track is twice in the table."""
    part.edit(_name(part), lambda text: text + text.splitlines()[1] + "\n")
    return [_name(part)]


@fault("text", TABLES, REFUSED)
def track_beyond_the_end(case: Case, part: Texts) -> Blame:
    """A track ends after the last frame."""
    part.edit(_name(part), lambda text: text.replace(" 0 4 0", " 0 400 0", 1))
    return [_name(part), *_frames(case, part)]


# Pixels that contradict the table


@fault("pixels", FRAMES, REFUSED)
def label_without_track(case: Case, part: Frames) -> Blame:
    """A frame has a label that is not in the table."""
    t = int(case.rng.integers(len(part.arrays)))
    part.arrays[t] = part.arrays[t].copy()
    part.arrays[t].flat[0] = 50
    return [part.names[t]]


@fault("pixels", FRAMES, REFUSED)
def cell_missing_in_a_frame(case: Case, part: Frames) -> Blame:
    """A track has no pixels in a frame in the middle."""
    t = len(part.arrays) // 2
    part.arrays[t] = np.where(part.arrays[t] == 5, 0, part.arrays[t])
    return [part.names[t]]


@fault("pixels", FRAMES, REFUSED)
def nothing_but_background(case: Case, part: Frames) -> Blame:
    """No frame has a cell."""
    part.change(np.zeros_like)
    return [*part.names, part.folder]


@fault("pixels", FRAMES, EITHER)
def other_integers(case: Case, part: Frames) -> Blame:
    """Labels have another type of integers than the challenge wants."""
    kind = [np.uint8, np.int32, np.uint32, np.int64][int(case.rng.integers(4))]
    part.change(lambda frame: frame.astype(kind))
    return [*part.names, part.folder]


@fault("pixels", FRAMES, EITHER)
def floats_for_labels(case: Case, part: Frames) -> Blame:
    """Labels are floating point numbers."""
    part.change(lambda frame: frame.astype(np.float32))
    return [*part.names, part.folder]


# Segmentation truth


@fault("gold", ("gold",), FINE)
def gold_of_some_frames(case: Case, part: Frames) -> Blame:
    """The segmentation truth has some frames only."""
    for t in (0, 2):
        case.on_disk.append(case.file(part, part.names[t]).unlink)
    return []


@fault("gold", ("gold",), EITHER)
def gold_of_no_frame(case: Case, part: Frames) -> Blame:
    """The segmentation truth is of a frame that the result does not have."""
    part.names[-1] = "man_seg400.tif"
    return [part.names[-1]]


@fault("gold", ("gold",), REFUSED)
def gold_of_other_shape(case: Case, part: Frames) -> Blame:
    """The segmentation truth has another shape."""
    part.arrays[1] = part.arrays[1][..., 1:]
    return [part.names[1]]


@fault("gold", ("gold",), EITHER)
def gold_with_long_ending(case: Case, part: Frames) -> Blame:
    """The segmentation truth ends in .tiff."""
    part.names = [name + "f" for name in part.names]
    return part.names


@fault("gold", ("gold",), FINE)
def no_gold(case: Case, part: Frames) -> Blame:
    """There is no segmentation truth."""
    case.on_disk += [case.file(part, name).unlink for name in part.names]
    return []
