"""`sam4ct profiles`: what profiles there are, what is in them, and a first one for new data."""

from __future__ import annotations

from pathlib import Path

import click

from sam4ct.cli.options import VOXEL
from sam4ct.derive import Derivation
from sam4ct.errors import ProfileError
from sam4ct.io.ctc import MASKS, RESULT, find_sequences, sequence_name
from sam4ct.io.files import replacing
from sam4ct.io.tiff import GIVE_SPACING, warn_of_odd_spacing
from sam4ct.pipelines.link.survey import survey
from sam4ct.profile import Spacing, load_profile, profile_names, to_toml


@click.group()
def profiles() -> None:
    """List, show and derive dataset profiles."""


@profiles.command("list")
def list_profiles() -> None:
    """Show the shipped profiles."""
    names = profile_names()
    width = max(map(len, names))
    click.echo(f"{'NAME':{width}}  MODE   NDIM  WINDOW  RADIUS  MIN SIZE")
    for name in names:
        p = load_profile(name)
        click.echo(
            f"{name:{width}}  {p.mode:5}  {p.ndim:4}  {p.window_px:6}"
            f"  {p.link_radius_px:6g}  {p.min_size:8}"
        )


@profiles.command()
@click.argument("name")
def show(name: str) -> None:
    """Print every value of the profile NAME (or file) and what it means."""
    click.echo(to_toml(load_profile(name), f"Profile {name}, defaults included."), nl=False)


@profiles.command()
@click.argument("dataset_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name", metavar="SEQ")
@click.option(
    "--spacing", "spacing_um", type=VOXEL, metavar="Z Y X",
    help="Size of a voxel in micrometres.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; the profile is printed if none is given.",
)  # fmt: skip
def derive(dataset_dir: Path, name: str, spacing_um: Spacing | None, output: Path | None) -> None:
    """Derive a profile from sequence SEQ of a dataset, with the reason for each value.

    From the masks to link, SEQ_ERR_SEG; without them from seeds, SEQ_SEEDS, and the cells to
    follow, SEQ_INIT.

    Edit the file, then use it: sam4ct run DATASET_DIR --profile FILE
    """
    if output is not None and output.exists():
        raise ProfileError(f"{output}: is there already. Remove it, or give another file.")
    name = sequence_name(dataset_dir, name)
    found, source = _derived(dataset_dir, name, spacing_um)
    dataset = found.profile.dataset
    text = to_toml(found.profile, f"Derived from the {source} of {dataset} {name}.", found.reasons)
    if output is None:
        click.echo(text, nl=False)
        return
    with replacing(output) as file:
        file.write(text.encode())
    click.echo(f"{output}: written. Look at the reasons, and edit what you know better.")


def _derived(dataset_dir: Path, name: str, spacing_um: Spacing | None) -> tuple[Derivation, str]:
    """Return the profile that fits a sequence, and by what of it."""
    from sam4ct.io.follow import find_track_sequence, track_names
    from sam4ct.pipelines.follow.survey import derived_track

    if not (dataset_dir / f"{name}{MASKS}").is_dir() and name in track_names(dataset_dir):
        followed = find_track_sequence(dataset_dir, name, dataset_dir / f"{name}{RESULT}")
        return derived_track(followed, spacing_um), "seeds and initial tracks"
    (sequence,) = find_sequences(dataset_dir, [name])
    seen = survey(sequence)
    if spacing_um is None:
        warn_of_odd_spacing(sequence.images[0], seen.spacing_um, GIVE_SPACING)
    return seen.derived(sequence.dataset, spacing_um), "masks"
