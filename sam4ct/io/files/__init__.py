"""Name, check, write and lock files of any format.

Files:

- `names`: `t007.tif`, `mask007.tif`, and what can be wrong with them
- `other_files`: files that are not frames, and how to convert them
- `tiff_faults`: refuses damaged or unusual TIFF files
- `finite`: refuses NaN and infinite pixels
- `stored_movie`: what a movie in any format offers
- `temporary`: the folder for temporary files
- `labels`: refuses arrays that are not labels
- `writable`: whether a folder can be written
- `atomic`: writes files that are whole or absent; disk errors as messages
- `replace_folder`: replaces a folder by a new one
- `locks`: locks on folders, across processes and machines
- `digests`: hashes of files
"""

from __future__ import annotations

from sam4ct.io.files.atomic import (
    disk_errors,
    move,
    read_json,
    remove_leftovers,
    replacing,
    work_errors,
    write_json,
)
from sam4ct.io.files.digests import digest_of, digest_of_file, reading, sha256_of
from sam4ct.io.files.finite import refuse_not_finite
from sam4ct.io.files.labels import (
    labels_in,
    refuse_label_type,
    refuse_negative_label,
    refuse_non_labels,
    refuse_track_label,
)
from sam4ct.io.files.locks import FolderLock
from sam4ct.io.files.names import (
    WIDTHS,
    FrameFiles,
    count_frames,
    file_ranges,
    frame_files,
    frame_name,
    frame_pattern,
    holds_tiff,
    in_one_message,
    is_hidden,
    list_folder,
    pairing_problems,
)
from sam4ct.io.files.other_files import GUIDE, TIFF, first_of, is_image, is_tiff
from sam4ct.io.files.replace_folder import (
    new_folder,
    new_place,
    old_place,
    recover_folder,
    swap_folder,
)
from sam4ct.io.files.stored_movie import Frame, FrameInfo, StoredMovie
from sam4ct.io.files.temporary import require_temporary_folder, settle_temporary_folder
from sam4ct.io.files.tiff_faults import (
    UNREADABLE,
    refuse_broken_chain,
    refuse_lost_planes,
    refuse_missing_data,
    refuse_other_kinds,
)
from sam4ct.io.files.writable import refuse_unwritable, write_problem

__all__ = [
    "GUIDE",
    "TIFF",
    "UNREADABLE",
    "WIDTHS",
    "FolderLock",
    "Frame",
    "FrameFiles",
    "FrameInfo",
    "StoredMovie",
    "count_frames",
    "digest_of",
    "digest_of_file",
    "disk_errors",
    "file_ranges",
    "first_of",
    "frame_files",
    "frame_name",
    "frame_pattern",
    "holds_tiff",
    "in_one_message",
    "is_hidden",
    "is_image",
    "is_tiff",
    "labels_in",
    "list_folder",
    "move",
    "new_folder",
    "new_place",
    "old_place",
    "pairing_problems",
    "read_json",
    "reading",
    "recover_folder",
    "refuse_broken_chain",
    "refuse_label_type",
    "refuse_lost_planes",
    "refuse_missing_data",
    "refuse_negative_label",
    "refuse_non_labels",
    "refuse_not_finite",
    "refuse_other_kinds",
    "refuse_track_label",
    "refuse_unwritable",
    "remove_leftovers",
    "replacing",
    "require_temporary_folder",
    "settle_temporary_folder",
    "sha256_of",
    "swap_folder",
    "work_errors",
    "write_json",
    "write_problem",
]
