"""Folders of the Cell Tracking Challenge.

In: `DATASET/SS`, `SS_ERR_SEG`. Out: frames and masks; `SS_RES` with `res_track.txt`, complete
and valid or absent.

Files:

- `sequence_names`: which sequences of a dataset are wanted
- `sequence`: which frames and masks there are
- `instances`: whether masks label cells one by one
- `preflight`: every pixel once, before any work
- `painted_frames`: mask frames of large volumes, painted in the work folder
- `track_table`: `res_track.txt`
- `validate`: the rules of the challenge
- `result`: the result folder
"""

from __future__ import annotations

from sam4ct.io.ctc.instances import InstanceCheck
from sam4ct.io.ctc.painted_frames import VolumeFrames
from sam4ct.io.ctc.preflight import Preflight, preflight
from sam4ct.io.ctc.result import MASK, ResultWriter, refuse_target
from sam4ct.io.ctc.sequence import (
    RESULT,
    CtcReader,
    CtcSequence,
    find_sequences,
    refuse_input_as_result,
    text_of_name,
    work_dir_of,
)
from sam4ct.io.ctc.sequence_names import MASKS, sequence_name
from sam4ct.io.ctc.track_table import TRACKS, read_tracks, write_tracks
from sam4ct.io.ctc.validate import validate_result

__all__ = [
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
