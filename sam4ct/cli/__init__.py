"""The command line: parse, call one function, translate our errors.

Everything a user can mend is one message and exit status 2; anything else keeps
its traceback and exits 1. SIGTERM ends with 75, see `io.interrupt`. Output that a full disk
does not take is told as well, and exits 2; a reader that has left early (`| head`) is none of
our concern, see `io.streams`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import click

from sam4ct import __version__
from sam4ct.cli.data.convert import convert_command
from sam4ct.cli.data.init_tracks import init_tracks_command
from sam4ct.cli.data.seeds import seeds_command
from sam4ct.cli.data.simulate import simulate
from sam4ct.cli.data.simulate_embryo import simulate_embryo_command
from sam4ct.cli.demo import demo, selftest
from sam4ct.cli.evaluate import evaluate, validate
from sam4ct.cli.networks.finetune import finetune
from sam4ct.cli.networks.train import train_compact
from sam4ct.cli.networks.weights import weights
from sam4ct.cli.package import package
from sam4ct.cli.profiles import profiles
from sam4ct.cli.report import report
from sam4ct.cli.track.run import check, run
from sam4ct.cli.track.run_all import run_all_command
from sam4ct.cli.track.stage import stage
from sam4ct.errors import Sam4ctError
from sam4ct.io.files import settle_temporary_folder
from sam4ct.runtime import graceful_exit, log_to_stderr, lost_output

USER_ERROR = 2
"""What click exits with as well if an option is wrong."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sam4ct")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@click.option("-q", "--quiet", is_flag=True, help="Warnings and errors only.")
def cli(verbose: bool, quiet: bool) -> None:
    """Link or follow cells over time in Cell Tracking Challenge folders with SAM 2."""
    log_to_stderr(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)


for command in (
    run,
    run_all_command,
    check,
    stage,
    demo,
    selftest,
    validate,
    evaluate,
    report,
    simulate,
    simulate_embryo_command,
    profiles,
    weights,
    convert_command,
    init_tracks_command,
    seeds_command,
    train_compact,
    finetune,
    package,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Args:
        arguments: What follows the program's name; None: those of this process.
    """
    # Threads that wait do not spin: beside other work spinning made a run take five times as long,
    # and alone it gained nothing. Both must be said before PyTorch is loaded.
    # In lower case: in a Turkish locale the capital of i is none that OpenMP knows.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # MKL sums in an order that does not depend on the number of threads.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    # joblib comes with py-ctcmetrics and is not used: it would try out semaphores, and complain
    # where a machine has none or no /dev/shm.
    os.environ.setdefault("JOBLIB_MULTIPROCESSING", "0")
    settle_temporary_folder()
    try:
        with graceful_exit():
            # Without its standalone mode click returns the status that a command exits with.
            status = cli(arguments, prog_name="sam4ct", standalone_mode=False)
    except Sam4ctError as error:
        click.echo(f"Error: {error}", err=True)
        status = USER_ERROR
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    if problem := lost_output():
        click.echo(f"Error: {problem}", err=True)
        status = status or USER_ERROR
    sys.exit(status)
