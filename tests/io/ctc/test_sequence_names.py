"""How sequences may be named, and what is said where a folder holds none to link."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from scenes.bad_inputs import make_dataset
from scenes.refusals import refusal

from sam4ct.cli import cli
from sam4ct.errors import SequenceError
from sam4ct.io.ctc.sequence import find_sequences
from sam4ct.io.ctc.sequence_names import sequence_name
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.dispatch import find_runs


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path)


@pytest.mark.parametrize("given", ["01", "01/", "./01", "Tiny/01", "Tiny/01/", "01.zarr/"])
def test_sequence_may_be_given_as_the_shell_completes_it(
    dataset: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dataset.parent if given.startswith("Tiny") else dataset)
    wanted = Path("Tiny") if given.startswith("Tiny") else Path()
    assert sequence_name(wanted, given) == "01"
    assert [found.name for found in find_sequences(wanted, [given])] == ["01"]
    assert [found.sequence.name for found in find_runs(wanted, [given, "01"], None, Options())] == [
        "01"
    ]


def test_sequence_of_another_dataset_is_no_name(dataset: Path) -> None:
    other = str(dataset.parent / "Other" / "01")
    assert sequence_name(dataset, other) == other
    with pytest.raises(SequenceError, match=r"there is no such sequence\. Choose from: 01\."):
        find_sequences(dataset, [other])


@pytest.mark.parametrize("name", ["Pos0", "s01", "A1"])
@pytest.mark.parametrize("named", [True, False])
def test_sequence_whose_name_is_no_number_is_to_be_renamed(
    dataset: Path, name: str, named: bool
) -> None:
    for folder in ("", "_ERR_SEG"):
        (dataset / f"01{folder}").rename(dataset / f"{name}{folder}")
    with pytest.raises(SequenceError) as refused:
        find_runs(dataset, [name] if named else [], None, Options())
    message = str(refused.value)
    assert message.startswith(f"{dataset / name}: its name is not a number")
    assert f"Rename {name} and {name}_ERR_SEG to 01 and 01_ERR_SEG" in message


@pytest.mark.parametrize(
    ("folder", "file"), [("01_ST/SEG", "man_seg000.tif"), ("01_GT/TRA", "man_track000.tif")]
)
@pytest.mark.parametrize("names", [[], ["01"]])
def test_masks_that_lie_elsewhere_are_named_with_how_to_use_them(
    dataset: Path, folder: str, file: str, names: list[str]
) -> None:
    (dataset / folder).parent.mkdir()
    (dataset / "01_ERR_SEG").rename(dataset / folder)
    with pytest.raises(SequenceError) as refused:
        find_runs(dataset, names, None, Options())
    message = str(refused.value)
    assert message.startswith(f"{dataset / '01_ERR_SEG'}: is missing. Put the masks to link there")
    assert f"of {folder}, copy {file} there as mask000.tif" in message


def test_sequence_without_any_masks_says_where_they_belong(dataset: Path) -> None:
    shutil.rmtree(dataset / "01_ERR_SEG")
    message = refusal(dataset)
    assert message.endswith("Put the masks to link there, as mask000.tif, mask001.tif, ...")


def test_sequence_given_for_its_dataset_is_told(dataset: Path) -> None:
    assert "holds frames, not sequences. Give the folder DATASET" in refusal(dataset / "01")


def test_movies_in_the_folder_of_the_dataset_are_named_with_where_frames_belong(
    tmp_path: Path,
) -> None:
    for name in ("masks.tif", "movie.tif"):
        (tmp_path / name).touch()
    message = refusal(tmp_path)
    assert message.startswith(f"{tmp_path / 'masks.tif'} (and 1 more): lies in the dataset's")
    assert "01/t000.tif" in message
    assert "01_ERR_SEG/mask000.tif" in message


@pytest.mark.parametrize(
    "command",
    [
        ["stage", "propagate", "{}", "01/", "--evidence", "overlap"],
        ["profiles", "derive", "{}", "01/"],
    ],
)
def test_other_commands_take_the_same_names(dataset: Path, command: list[str]) -> None:
    done = CliRunner().invoke(cli, [word.format(dataset) for word in command])
    assert done.exit_code == 0, done.output
