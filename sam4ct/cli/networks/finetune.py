"""`sam4ct finetune`: train SAM-Med3D on your cells, with coarse masks of a few frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sam4ct.cli.options import AT_LEAST_0, DEVICE, FOLDER, POSITIVE, VOXEL, Finite, setting
from sam4ct.errors import WeightsError
from sam4ct.io.files import require_temporary_folder
from sam4ct.models.device import choose_device
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.manifest import MANIFEST, destination, load_manifest, packaged_manifest
from sam4ct.models.weights.verify import choose
from sam4ct.profile import Spacing

_SEED = setting("--seed", 1, "Seed of random choices.", AT_LEAST_0)


@click.group()
def finetune() -> None:
    """Fine-tune SAM-Med3D on your own volumes."""


@finetune.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("out", type=FOLDER)
@click.option("--masks", type=FOLDER, help="Masks of the images SOURCE: maskNNN.tif, some frames.")
@click.option(
    "--spacing",
    "spacing_um",
    type=VOXEL,
    metavar="Z Y X",
    help="Size of a voxel in micrometres.  [default: as the images say]",
)
@click.option(
    "--cell-diameter-px",
    type=POSITIVE,
    help="In-plane diameter of a cell.  [default: measured from the masks]",
)
@click.option(
    "--weights",
    metavar="NAME",
    help="Weights of role sam_med3d to train later: patches are what their network sees."
    "  [default: those that `run` would take]",
)
@setting(
    "--validation",
    0.2,
    "Share of the annotated frames that validate.",
    Finite(0.0, 0.9, min_open=True),
)
@_SEED
@click.option("--overwrite", is_flag=True, help="Replace the patches that OUT holds.")
def prepare(
    source: Path,
    out: Path,
    masks: Path | None,
    spacing_um: Spacing | None,
    cell_diameter_px: float | None,
    weights: str | None,
    validation: float,
    seed: int,
    overwrite: bool,
) -> None:
    """Cut patches for training from annotated volumes into OUT.

    SOURCE is a folder of volumes tNNN.tif or an OME-Zarr, with the masks in --masks; or a
    TOML file that lists several datasets.
    """
    from sam4ct.finetune.patches.prepare import Cutting
    from sam4ct.finetune.patches.sources import Dataset, read_listing
    from sam4ct.pipelines.tools.finetune import prepare_patches

    if source.suffix == ".toml":
        if masks or spacing_um or cell_diameter_px:
            raise click.UsageError(
                f"Masks, spacing and diameter are keys of {source}. Write them there, without these"
                " options."
            )
        datasets = read_listing(source)
    elif masks is None:
        raise click.UsageError("Give --masks FOLDER with these images, or a .toml file.")
    else:
        only = Dataset(
            images=str(source),
            masks=str(masks),
            spacing_um=spacing_um,
            cell_diameter_px=cell_diameter_px,
        )
        datasets = [only]
    cutting = Cutting(entry=_entry(weights), seed=seed, validation=validation, overwrite=overwrite)
    index = prepare_patches(datasets, cutting, out)
    click.echo(
        f"{out}: {len(index.of('training'))} patches for training,"
        f" {len(index.of('validation'))} for validation"
    )


@finetune.command()
@click.argument("patches", type=FOLDER)
@click.argument("out", type=FOLDER)
@click.option("--name", required=True, help="Name of the new weights, for `run --weights`.")
@click.option(
    "--weights",
    metavar="NAME",
    help="Weights to begin with.  [default: those that the patches were cut for]",
)
@setting("--epochs", 20, "Times that every patch is shown.")
@setting("--batch", 4, "Patches at once on a device.")
@setting("--accumulate", 1, "A step learns from this many times --batch, all processes together.")
@setting("--rounds", 3, "Clicks on each patch; each but the first where the mask is wrong.")
@click.option(
    "--lr", "learning_rate", type=POSITIVE, default=2e-4, show_default=True,
    help="Highest learning rate.",
)  # fmt: skip
@setting("--workers", 0, "Processes that read patches; 0: none besides.", AT_LEAST_0)
@_SEED
@DEVICE
@click.option("--replace", "renew", is_flag=True, help="Replace the weights of that name.")
@click.option(
    "--manifest",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Manifest that gets the new weights.  [default: the one in your weights folder]",
)
def train(
    patches: Path,
    out: Path,
    name: str,
    weights: str | None,
    device: str,
    renew: bool,
    manifest: Path | None,
    **settings: Any,
) -> None:
    """Fine-tune on PATCHES; the same command continues a stopped training.

    Writes NAME.safetensors (the best epoch in validation), curve.csv, curve.png and
    checkpoint.pt to OUT, and lists NAME in your manifest. On several GPUs:

    torchrun --nproc-per-node 2 -m sam4ct finetune train PATCHES OUT --name NAME
    """
    require_temporary_folder()  # Matplotlib may put its list of fonts there
    from sam4ct.finetune.patches.files import read_index
    from sam4ct.finetune.tune.epochs import Tuning
    from sam4ct.finetune.tune.run import Product, tune

    product = Product(name=name, manifest=manifest or destination() / MANIFEST, renew=renew)
    entry = _entry(weights or read_index(patches).weights)
    made = tune(patches, out, entry, product, Tuning(**settings), device)
    if made is not None:  # of several processes one speaks
        click.echo(f"{made.name}: {out / made.file}, listed in {product.manifest}")


def _entry(name: str | None) -> Entry:
    """The weights of a name, or those that `run` would take."""
    manifest = load_manifest()
    if name is None:
        cuda = choose_device("auto") != "cpu"
        chosen = choose(manifest, [], cuda).get("sam_med3d")
        if chosen is None:
            raise WeightsError(
                f"{packaged_manifest()} and your own {MANIFEST}: no default for sam_med3d. Name"
                " weights with --weights; `sam4ct weights list` says which there are."
            )
        return chosen
    entry = manifest.get(name)
    if entry.role != "sam_med3d":
        raise WeightsError(
            f"weights {name!r} are of role {entry.role}. Choose some of role sam_med3d:"
            " sam4ct weights list."
        )
    return entry
