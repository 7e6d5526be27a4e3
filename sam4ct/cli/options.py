"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

Command = TypeVar("Command", bound=Callable[..., Any])

DEVICE_VARIABLE = "SAM4CT_DEVICE"
FOLDER = click.Path(file_okay=False, path_type=Path)


class _Positive(click.FloatRange):
    """A positive number; click's own range lets `inf` and `nan` pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


POSITIVE = _Positive(min=0.0, min_open=True)
VOXEL = (_Positive(min=1e-9, max=1e9),) * 3
"""Sides of a voxel (z, y, x) in micrometres: beyond, sizes in voxels are no numbers any more."""

# A folder that is missing is refused by whoever reads it, who also says what to do.
DATASET = click.argument("dataset_dir", type=click.Path(path_type=Path))
SEQUENCES = click.argument("sequences", nargs=-1, metavar="[SEQ]...")
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Result folder; with several sequences the root of DATASET/SS_RES.  [default: beside"
    " the input]",
)
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace an existing result.")
REPORT = click.option(
    "--report/--no-report", default=True, show_default=True, help="Write report.html."
)
PROFILE = click.option(
    "--profile",
    metavar="NAME|FILE|auto",
    help="A shipped profile, a .toml file, or one derived from the data.  [default: the profile"
    " named like the dataset's folder, else auto]",
)
WEIGHTS = click.option(
    "--weights",
    multiple=True,
    metavar="NAME",
    help="Weights to use, once per role; see `sam4ct weights list`.  [default: the published"
    " large ones if they are here and a CUDA device is, else the compact ones]",
)
EVIDENCE = click.option(
    "--evidence",
    type=click.Choice(["sam2", "overlap"]),
    default="sam2",
    show_default=True,
    help="Source of linking evidence: SAM 2, or the overlap of masks (no network).",
)
FAST = click.option(
    "--fast",
    is_flag=True,
    help="Use SAM 2 only where the overlap of masks is ambiguous: up to several times faster where"
    " cells move little, and slightly less accurate.",
)
GENERATE = click.option(
    "--generate-masks/--no-generate-masks",
    default=None,
    help="Segment missed cells of volumes with SAM-Med3D, one click each.  [default: as the"
    " profile says]",
)

EDIT = click.option(
    "--edit-masks/--no-edit-masks",
    default=None,
    help="Whether given masks may be joined, cut or dropped.  [default: as the profile says]",
)


def _checked(ctx: click.Context, param: click.Parameter, value: str) -> str:
    kind, colon, number = value.partition(":")
    numbered = kind == "cuda" and number.isascii() and number.isdigit()
    if kind not in ("auto", "cpu", "cuda") or (colon and not numbered):
        from_variable = ctx.get_parameter_source(param.name or "") is ParameterSource.ENVIRONMENT
        raise click.BadParameter(
            f"{value!r} is not a device. Use auto, cpu, cuda or cuda:N.",
            param_hint=f"'{DEVICE_VARIABLE if from_variable else '--device'}'",
        )
    return value


def device_option(default: str) -> Callable[[Command], Command]:
    """Return the option --device; where it is not given, the variable counts, then the default."""
    return click.option(
        "--device",
        default=default,
        show_default=True,
        envvar=DEVICE_VARIABLE,
        show_envvar=True,
        metavar="auto|cpu|cuda[:N]",
        callback=_checked,
        help="Where networks run; auto takes CUDA where there is one.",
    )


DEVICE = device_option("auto")


def frame_range(_: click.Context, __: click.Parameter, value: str) -> slice:
    """Read A:B, the frames A to B - 1; either may be left out."""
    first, colon, last = value.partition(":")
    if not colon or not all(part.isdecimal() or not part for part in (first, last)):
        raise click.BadParameter(f"{value!r} is not a range of frames. Give A:B, e.g. 0:50.")
    return slice(int(first or 0), int(last) if last else None)


def run_options(command: Command) -> Command:
    """Add the options that choose what is computed, the same for `run`, `check` and `stage`."""
    for option in (EDIT, GENERATE, FAST, EVIDENCE, DEVICE, OUT, WEIGHTS, PROFILE):
        command = option(command)
    return command


def track_options(command: Command) -> Command:
    """Add the options of mode "track" that say where its inputs lie, for `run` and `check`."""
    for option in (
        click.option(
            "--init-tracks",
            "initial",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The cells to follow: a JSON of `sam4ct init-tracks`, or labels of frame 0."
            "  [default: in SS_INIT, else SS_GT/TRA/man_track000.tif]",
        ),
        click.option(
            "--seeds",
            type=click.Path(path_type=Path),
            metavar="PATH",
            help="Places of possible cells: a folder with one file a frame, or one table."
            "  [default: SS_SEEDS]",
        ),
    ):
        command = option(command)
    return command
