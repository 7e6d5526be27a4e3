"""Options that many commands share: where their values come from, and how a wrong one is named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from scenes.bad_inputs import SHAPE, VOLUME, make_dataset
from scenes.commands import sam4ct

from sam4ct.cli import TASKS, cli
from sam4ct.io.ctc.sequence import find_sequences
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.link.plan import make_plan


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path)


def every_option(group: click.Group) -> Iterator[tuple[str, click.Option]]:
    """Every option below a group, with its command."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_option(command)
        for option in command.params:
            if isinstance(option, click.Option):
                yield name, option


def test_help_lists_every_command_once_below_its_task() -> None:
    text = sam4ct("--help").out
    assert [task for task in TASKS if f"{task}:\n" in text] == list(TASKS)
    listed = re.findall(r"^  ([a-z][a-z-]*)  ", text, re.MULTILINE)
    assert sorted(listed) == sorted(cli.commands)
    assert "Others" not in text


def test_every_device_option_listens_to_the_variable() -> None:
    found = {name: option for name, option in every_option(cli) if "--device" in option.opts}
    assert {"run", "check", "propagate", "demo", "selftest", "train"} <= found.keys()
    assert {option.envvar for option in found.values()} == {"SAM4CT_DEVICE"}


def test_device_comes_from_the_variable(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM4CT_DEVICE", "cuda:99")
    refused = sam4ct("check", dataset)
    assert refused.status == 2
    assert "--device cuda:99: PyTorch sees" in refused.err


@pytest.mark.parametrize("variable", ["cuda:99", ""])
def test_option_wins_over_the_variable_and_an_empty_one_is_none(
    variable: str, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAM4CT_DEVICE", variable)
    options = ["--device", "cpu"] if variable else []
    assert sam4ct("check", dataset, *options).status == 0


def test_wrong_device_is_blamed_on_what_said_it(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAM4CT_DEVICE", "gpu")
    by_variable = sam4ct("check", dataset)
    by_option = sam4ct("check", dataset, "--device", "gpus")
    assert (by_variable.status, by_option.status) == (2, 2)
    assert (
        "Error: Invalid value for 'SAM4CT_DEVICE': 'gpu' is not a device. Use auto"
        in by_variable.err
    )
    assert "Error: Invalid value for '--device': 'gpus' is not a device. Use auto" in by_option.err


def test_numbers_of_all_options_are_finite() -> None:
    kinds = {
        (command, option.opts[0]): part
        for command, option in every_option(cli)
        for part in getattr(option.type, "types", [option.type])
        if isinstance(part, click.types.FloatParamType)
    }
    assert ("prepare", "--validation") in kinds
    for asked, kind in kinds.items():
        for value in ("nan", "inf", "-inf"):
            with pytest.raises(click.BadParameter):
                print(asked, kind.convert(value, None, None))


@pytest.mark.parametrize("value", ["inf", "nan", "0", "-1"])
@pytest.mark.parametrize("command", ["seeds", "convert"])
def test_sizes_of_voxels_are_positive_and_finite(tmp_path: Path, command: str, value: str) -> None:
    words = [command, str(tmp_path), str(tmp_path / "out"), "--spacing", value, "1", "1"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "Invalid value for '--spacing'" in done.output


@pytest.mark.parametrize("shape", [SHAPE, VOLUME])
@pytest.mark.parametrize("profile", ["auto", "shipped"])
@pytest.mark.parametrize("wanted", [True, False, None])
def test_whether_masks_are_edited_can_be_decided_by_hand(
    shape: tuple[int, ...], profile: str, wanted: bool | None, tmp_path: Path
) -> None:
    dataset = make_dataset(tmp_path, shape)
    if profile == "shipped":
        profile = "Fluo-N2DL-HeLa" if len(shape) == 2 else "Fluo-N3DH-CE"
    (sequence,) = find_sequences(dataset)
    options = Options(profile=profile, evidence="overlap", edit_masks=wanted)
    plan = make_plan(sequence, options)
    assert plan.profile.edit_masks == ((profile == "auto") if wanted is None else wanted)
    if profile == "auto":
        assert (plan.reasons["edit_masks"] == "asked for") == (wanted is not None)
    usual = make_plan(sequence, replace(options, edit_masks=None))
    changed = plan.profile.edit_masks != usual.profile.edit_masks
    assert (plan.key() != usual.key()) == changed


@pytest.mark.parametrize("option", ["--edit-masks", "--no-edit-masks"])
def test_every_command_that_runs_takes_the_choice_and_records_it(
    option: str, dataset: Path, tmp_path: Path
) -> None:
    words = ["--evidence", "overlap", option]
    stage = ["stage", "propagate", dataset, "01", "--out", tmp_path / "01_RES"]
    assert sam4ct("check", dataset, *words).out.count("edit_masks") == 1
    assert sam4ct(*stage, *words).status == 0
    assert sam4ct("run", dataset, *words, "--out", tmp_path / "01_RES").status == 0
    run = json.loads((tmp_path / "01_RES.sam4ct" / "run.json").read_bytes())
    assert run["profile"]["edit_masks"] == (option == "--edit-masks")
    assert run["reasons"]["edit_masks"] == "asked for"


@pytest.mark.usefixtures("at_home")
def test_run_all_edits_masks_where_there_are_some(embryo: Path, tmp_path: Path) -> None:
    make_dataset(tmp_path / "data")
    (tmp_path / "data" / "Embryo").symlink_to(embryo)
    words = ["--out", tmp_path / "out", "--device", "cpu", "--evidence", "overlap"]
    told = sam4ct("run-all", tmp_path / "data", *words, "--no-edit-masks")
    assert told.out.splitlines()[-1] == "2 written, 0 there already, 0 failed", told.err
    run = json.loads((tmp_path / "out" / "Tiny" / "01_RES.sam4ct" / "run.json").read_bytes())
    assert not run["profile"]["edit_masks"]


@pytest.mark.parametrize("option", ["--edit-masks", "--no-edit-masks"])
def test_choice_is_refused_where_there_are_no_masks(option: str, embryo: Path) -> None:
    refused = sam4ct("check", embryo, option)
    assert refused.status == 2
    assert f"{option} is not used where cells are followed by seeds" in refused.err
