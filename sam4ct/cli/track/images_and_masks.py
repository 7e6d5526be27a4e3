"""`sam4ct run IMAGES MASKS`: two files or folders in the place of a dataset and its sequence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import Command, movie_options
from sam4ct.io.ctc import IMPORTED

_OPTIONS = ("axes", "channel", "spacing_um", "interval_s")


def movie_or_dataset(command: Command) -> Command:
    """Let a command that takes DATASET and SEQ take IMAGES and MASKS as well.

    What it is given in the end is a dataset. The command needs the parameters `dataset_dir`,
    `sequences` and `out`; one that has `overwrite` runs, others only look.
    """

    def taken(dataset_dir: Path, sequences: tuple[str, ...], out: Path | None, **more: Any) -> Any:
        said = {option: more.pop(option) for option in _OPTIONS}
        dataset_dir, sequences = _dataset(dataset_dir, sequences, out, said, more)
        return command(dataset_dir=dataset_dir, sequences=sequences, out=out, **more)

    taken.__name__, taken.__doc__ = command.__name__, command.__doc__
    taken.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    wrapped: Callable[..., Any] = movie_options(taken)
    return wrapped  # type: ignore[return-value]


def _dataset(
    first: Path,
    names: tuple[str, ...],
    out: Path | None,
    said: dict[str, Any],
    more: dict[str, Any],
) -> tuple[Path, tuple[str, ...]]:
    from sam4ct.pipelines.common.answers import answers_changed
    from sam4ct.pipelines.common.options import Options
    from sam4ct.pipelines.tools.importing.for_run import (  # zarr takes a moment to import
        are_images_and_masks,
        dataset_of,
    )
    from sam4ct.pipelines.tools.importing.look import Wishes

    given = [option for option, value in said.items() if value is not None]
    if not are_images_and_masks(first, names):
        if given:
            raise click.UsageError(
                f"--{given[0].split('_')[0]} is for IMAGES and MASKS, not for a dataset. Leave it"
                " out, or give two files."
            )
        return first, names
    to_run = "overwrite" in more
    replaces = more.get("overwrite", False)
    if to_run and out is None:
        raise click.UsageError("Add --out OUT: the folder that the result of IMAGES is written to.")
    if to_run and out is not None and not replaces:
        answers = Options(corrections=more["corrections"], use_corrections=more["use_corrections"])
        # Whether the rest is as before, the run itself will ask.
        replaces = answers_changed(Path(os.path.abspath(out)), answers)
    imported = dataset_of(
        first,
        Path(names[0]),
        out,
        Wishes(**said),
        exports=more.get("export", ()),
        overwrite=replaces,
        to_run=to_run,
    )
    dataset, words = click.get_current_context().with_resource(imported)
    click.echo(words)
    return dataset, (IMPORTED,)
