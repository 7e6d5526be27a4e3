"""Options that many commands share: where their values come from, and how a wrong one is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from bad_inputs import make_dataset
from click.testing import CliRunner
from commands import sam4ct

from sam4ct.cli import cli


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path)


def device_options(group: click.Group) -> Iterator[tuple[str, click.Option]]:
    """Every --device below a group, with its command."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from device_options(command)
        for option in command.params:
            if isinstance(option, click.Option) and "--device" in option.opts:
                yield name, option


def test_every_device_option_listens_to_the_variable() -> None:
    found = dict(device_options(cli))
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


@pytest.mark.parametrize("value", ["inf", "nan", "0", "-1"])
@pytest.mark.parametrize("command", ["seeds", "convert"])
def test_sizes_of_voxels_are_positive_and_finite(tmp_path: Path, command: str, value: str) -> None:
    words = [command, str(tmp_path), str(tmp_path / "out"), "--spacing", value, "1", "1"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "Invalid value for '--spacing'" in done.output
