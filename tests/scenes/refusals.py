"""What is said of a dataset that is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sam4ct.errors import SequenceError
from sam4ct.io.ctc.preflight import preflight
from sam4ct.io.ctc.sequence import find_sequences


def check_all(dataset: Path) -> None:
    for sequence in find_sequences(dataset):
        preflight(sequence)


def refusal(dataset: Path) -> str:
    with pytest.raises(SequenceError) as refused:
        check_all(dataset)
    return str(refused.value)
