"""The command line: each command parses its options and calls one function.

An error that a user can mend is one message and exit status 2; any other error keeps its
traceback and exits 1. SIGTERM ends with status 75 (`runtime.interrupt`). Printed output that a
full disk refuses exits 2; a reader that leaves early (`| head`) is no error
(`runtime.streams`).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import click

from sam4ct import __version__
from sam4ct.cli.correct.questions import questions
from sam4ct.cli.correct.review import review_command
from sam4ct.cli.data.convert import convert_command
from sam4ct.cli.data.corrections import corrections
from sam4ct.cli.data.export import export_command
from sam4ct.cli.data.import_ import import_command
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
from sam4ct.runtime import graceful_exit, log_to_stderr, lost_output, tell_parent

USER_ERROR = 2
"""Exit status of a mistake of the user; click uses the same for wrong options."""


TASKS = {
    "Start here": ("demo", "check", "run"),
    "Data in and out": ("import", "export", "convert", "seeds", "init-tracks"),
    "Results": ("report", "questions", "review", "corrections", "validate", "evaluate"),
    "Settings and networks": ("profiles", "weights", "selftest", "finetune", "train-compact"),
    "Many sequences, many machines": ("run-all", "stage"),
    "Submission to the challenge": ("package",),
    "Simulated data": ("simulate", "simulate-embryo"),
}
"""The commands in the order of the help; any other command stands below "Others"."""


class _ByTask(click.Group):
    """A group whose help lists the commands by task."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        named = {name for names in TASKS.values() for name in names}
        others = {"Others": tuple(name for name in self.list_commands(ctx) if name not in named)}
        for task, names in (TASKS | others).items():
            commands = [(name, self.commands[name]) for name in names if name in self.commands]
            if commands:
                with formatter.section(task):
                    formatter.write_dl([(n, c.get_short_help_str(limit=100)) for n, c in commands])


@click.group(cls=_ByTask, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sam4ct")
@click.option("-v", "--verbose", is_flag=True, help="Print more.")
@click.option("-q", "--quiet", is_flag=True, help="Print warnings and errors only.")
def cli(verbose: bool, quiet: bool) -> None:
    """Link cells over time: images and masks in, tracks and divisions out."""
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
    review_command,
    questions,
    simulate,
    simulate_embryo_command,
    profiles,
    weights,
    import_command,
    convert_command,
    export_command,
    corrections,
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
        arguments: The words after the program's name; None: those of this process.
    """
    # Threads that wait sleep: with other work on the machine, spinning made a run take five times
    # as long, and alone it gained nothing. Both must be set before PyTorch is loaded.
    # In lower case: OpenMP does not know the capital of i in a Turkish locale.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # MKL sums in an order that does not depend on the number of threads.
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    # joblib comes with py-ctcmetrics and is not used: it would try out semaphores, and complain
    # where a machine has none or no /dev/shm.
    os.environ.setdefault("JOBLIB_MULTIPROCESSING", "0")
    settle_temporary_folder()
    try:
        with graceful_exit():
            # Without standalone mode, click returns the exit status of the command.
            status = cli(arguments, prog_name="sam4ct", standalone_mode=False)
    except Sam4ctError as error:
        if not tell_parent(str(error)):  # `run-all` prints it with the name of the sequence
            click.echo(f"Error: {error}", err=True)
        status = USER_ERROR
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    if problem := lost_output():
        click.echo(f"Error: {problem}", err=True)
        status = status or USER_ERROR
    sys.exit(status)
