"""Arguments and options that several commands share, and makers of options."""

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


class Finite(click.FloatRange):
    """A finite number in a range; click's own range lets `inf` and `nan` pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


POSITIVE = Finite(min=0.0, min_open=True)
VOXEL = (Finite(min=1e-9, max=1e9),) * 3
"""Sides of a voxel (z, y, x) in micrometres: beyond, sizes in voxels are no numbers any more."""
SHARE = Finite(0.0, 1.0)
AT_LEAST_0, AT_LEAST_1 = click.IntRange(min=0), click.IntRange(min=1)


def setting(
    name: str, default: Any, text: str | None, kind: click.ParamType[Any] = AT_LEAST_1, **more: Any
) -> Callable[[Command], Command]:
    """Return an option with a default that the help shows; a positive whole number unless told."""
    return click.option(name, type=kind, default=default, show_default=True, help=text, **more)


# A folder that is missing is refused by whoever reads it, who also says what to do.
DATASET = click.argument("dataset_dir", type=click.Path(path_type=Path))
SEQUENCES = click.argument("sequences", nargs=-1, metavar="[SEQ]...")
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Result folder; with several sequences the folder above DATASET/SS_RES.  [default: beside"
    " the input]",
)
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace an existing result.")
REPORT = click.option(
    "--report/--no-report", default=True, show_default=True, help="Write report.html."
)
PROFILE = click.option(
    "--profile",
    metavar="NAME|FILE|auto",
    help="Settings: a shipped profile, a .toml file, or auto: measured on the data.  [default:"
    " the profile named like the dataset's folder, else auto]",
)
FORMATS = ("geff", "napari", "csv", "trackmate", "ome-zarr")
EXPORT = click.option(
    "--export",
    type=click.Choice(FORMATS),
    multiple=True,
    help="Write the result for another program, too, into SS_RES.export; may be given several"
    " times; see `sam4ct export`.",
)
WEIGHTS = click.option(
    "--weights",
    multiple=True,
    metavar="NAME",
    help="Network weights, one for each role of `sam4ct weights list`.  [default: the published"
    " large ones if they are installed and there is a CUDA device, else the compact ones]",
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
CORRECTIONS = click.option(
    "--corrections",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Answers of a person that the lineage obeys, for one sequence; see docs/correcting.md."
    "  [default: SS_CORRECTIONS.csv beside the result, if it is there]",
)
NO_CORRECTIONS = click.option(
    "--no-corrections",
    "use_corrections",
    flag_value=False,
    default=True,
    help="Obey no answers, although there is such a file.",
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
    """Return the option --device; without it the variable counts, then the default."""
    return click.option(
        "--device",
        default=default,
        show_default=True,
        envvar=DEVICE_VARIABLE,
        show_envvar=True,
        metavar="auto|cpu|cuda[:N]",
        callback=_checked,
        help="Where networks run; auto: a CUDA device if there is one, else the CPU.",
    )


DEVICE = device_option("auto")


def spacing_option(default: str = "") -> Callable[[Command], Command]:
    """Return the option --spacing; `default` says in words what counts without it."""
    return click.option(
        "--spacing",
        "spacing_um",
        type=VOXEL,
        metavar="Z Y X",
        help="Size of a voxel in micrometres." + (f"  [default: {default}]" if default else ""),
    )


def frame_range(_: click.Context, __: click.Parameter, value: str) -> slice:
    """Read A:B, the frames A to B - 1; either may be left out."""
    first, colon, last = value.partition(":")
    if not colon or not all(part.isdecimal() or not part for part in (first, last)):
        raise click.BadParameter(f"{value!r} is not a range of frames. Give A:B, e.g. 0:50.")
    return slice(int(first or 0), int(last) if last else None)


def run_options(command: Command) -> Command:
    """Add the options for what is computed, the same in `run`, `check` and `stage`."""
    for option in (
        NO_CORRECTIONS,
        CORRECTIONS,
        EDIT,
        GENERATE,
        FAST,
        EVIDENCE,
        DEVICE,
        OUT,
        WEIGHTS,
        PROFILE,
    ):
        command = option(command)
    return command


def track_options(command: Command) -> Command:
    """Add the options of `run` and `check` for the inputs of mode "track"."""
    for option in (
        click.option(
            "--init-tracks",
            "initial",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Large volumes: the cells to follow, a JSON of `sam4ct init-tracks` or labels of"
            " frame 0."
            "  [default: in SS_INIT, else SS_GT/TRA/man_track000.tif]",
        ),
        click.option(
            "--seeds",
            type=click.Path(path_type=Path),
            metavar="PATH",
            help="Large volumes: seeds, a folder with a file for each frame, or one table."
            "  [default: SS_SEEDS]",
        ),
    ):
        command = option(command)
    return command


def movie_options(command: Command) -> Command:
    """Add the options that say what the axes of a movie are, for `import`, `run` and `check`."""
    for option in (
        click.option(
            "--axes",
            metavar="TZYX",
            help="The axes of IMAGES, a letter for each: T time, C channel, Z slice, Y row, X"
            " column.  [default: as the header says]",
        ),
        click.option(
            "--channel",
            metavar="N|NAME",
            help="The channel to take: its number, from 0 on, or name.",
        ),
        click.option(
            "--spacing",
            "spacing_um",
            type=VOXEL,
            metavar="Z Y X",
            help="Size of a voxel in micrometres; of images, Z is not used.  [default: as in the"
            " header]",
        ),
        click.option(
            "--interval",
            "interval_s",
            type=POSITIVE,
            metavar="SECONDS",
            help="From frame to frame.  [default: as in the header]",
        ),
    ):
        command = option(command)
    return command
