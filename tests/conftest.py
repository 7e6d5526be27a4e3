"""What holds for every test: no network beyond this machine, no CUDA test without CUDA."""

from __future__ import annotations

import contextlib
import io
import ipaddress
import os
import random
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# As the command line does, see cli.main.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

# What a user has set for runs of their own is not for tests: weights and devices, nor the way to
# other machines, for tests ask this one.
for name in list(os.environ):
    if name.lower().endswith("_proxy") or (name.startswith("SAM4CT_") and name != "SAM4CT_DATA"):
        del os.environ[name]

# A drawn case that fails once must fail again for whoever looks into it.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def _is_local(address: object) -> bool:
    """Unix sockets have a path, and this machine's own addresses are loopback ones."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections to other machines: sam4ct needs none, and neither may its tests."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if not _is_local(address):
            raise OSError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(scope="session")
def embryo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of mode "track" with a Zarr as the movie; no test changes it."""
    from scenes.embryo_runs import make_embryo  # only here, as torch below

    return make_embryo(tmp_path_factory.mktemp("embryo"))


@pytest.fixture(scope="session")
def overlap(embryo: Path) -> Path:
    """The result of an undisturbed run on it without SAM 2, outside of it; no test changes it."""
    from scenes.embryo_runs import run

    run(embryo, embryo.parent / "overlap")
    return embryo.parent / "overlap"


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `run-all` work in this process: one of its own takes seconds to start.

    See test_run_apart.py for those, and the tests of `run-all` without this.
    """
    import click

    from sam4ct.cli import cli
    from sam4ct.errors import Sam4ctError
    from sam4ct.pipelines.batch import run_all

    def run_here(arguments: Sequence[str]) -> run_all.Ending:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                cli(["-q", *arguments], standalone_mode=False)
        except (Sam4ctError, click.ClickException) as error:
            return run_all.Ending(str(error))
        return run_all.Ending()

    monkeypatch.setattr(run_all, "run_command", run_here)


def shuffle(items: list[pytest.Item], seed: int) -> None:
    """Put tests in an order of their own, those of a file together: they share what is costly."""
    chance, files = random.Random(seed), {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    groups = list(files.values())
    for group in (groups, *groups):
        chance.shuffle(group)
    items[:] = [item for group in groups for item in group]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="Of the order of the tests; drawn if not given.")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(10**6)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    terminalreporter.write_line(f"pytest --seed {config.option.seed} runs the tests in this order")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle the files, and the tests in each: none may need another one before it.

    Also skip the tests marked `gpu` where there is no CUDA device.
    """
    shuffle(items, config.option.seed)
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch  # only here: it takes seconds, and most test files do without it

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
