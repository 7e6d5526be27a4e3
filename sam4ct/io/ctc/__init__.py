"""Read sequences of the Cell Tracking Challenge, and write and check results.

In: `DATASET/SS` (images) and `SS_ERR_SEG` (masks). Out: `SS_RES` with masks and `res_track.txt`,
complete and valid, or absent.

Files:

- `sequence_names`: chooses the sequences of a dataset
- `sequence`: finds and reads the frames of a sequence
- `instances`: checks that every cell has a label of its own
- `preflight`: reads and checks all frames before any work
- `painted_frames`: mask frames of large volumes in the work folder
- `track_table`: reads and writes `res_track.txt`
- `validate`: checks a result by the rules of the challenge
- `result`: writes the result folder
"""

from __future__ import annotations

from sam4ct.io.ctc.instances import InstanceCheck
from sam4ct.io.ctc.painted_frames import VolumeFrames
from sam4ct.io.ctc.preflight import Preflight, preflight
from sam4ct.io.ctc.result import MASK, ResultWriter, refuse_target
from sam4ct.io.ctc.sequence import (
    IMPORTED,
    INPUT,
    RESULT,
    CtcReader,
    CtcSequence,
    find_sequences,
    images_of_result,
    refuse_input_as_result,
    text_of_name,
    work_dir_of,
)
from sam4ct.io.ctc.sequence_names import MASKS, sequence_name
from sam4ct.io.ctc.track_table import TRACKS, read_tracks, write_tracks
from sam4ct.io.ctc.validate import validate_result

__all__ = [
    "IMPORTED",
    "INPUT",
    "MASK",
    "MASKS",
    "RESULT",
    "TRACKS",
    "CtcReader",
    "CtcSequence",
    "InstanceCheck",
    "Preflight",
    "ResultWriter",
    "VolumeFrames",
    "find_sequences",
    "images_of_result",
    "preflight",
    "read_tracks",
    "refuse_input_as_result",
    "refuse_target",
    "sequence_name",
    "text_of_name",
    "validate_result",
    "work_dir_of",
    "write_tracks",
]
