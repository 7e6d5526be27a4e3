"""Measure what fine-tuning gains on a look that the compact SAM-Med3D has never seen.

    python benchmarks/finetune_gain.py                 about 15 minutes on two cores
    python benchmarks/finetune_gain.py --look dic --seed 2

Simulates volumes under a microscope that no training volume was taken with (phase
contrast: dark mottled cells in bright seams; finetune/compact has fluorescence
alone), and coarse masks of a tenth of the frames, grown, shrunken or missing cell by
cell. Patches and training go through the commands, with their defaults. Then every
cell of frames that had no mask is clicked on in its innermost voxel, as generation
would, with the weights before and after, and the regions are compared with the truth,
in voxels of the frame. Prints the mean Dice coefficients and exits 1 if the gain is
less than 0.10.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sam4ct.finetune.patches.files import read_index
from sam4ct.finetune.patches.objects import innermost
from sam4ct.io.simulated import write_dataset
from sam4ct.io.tiff import read_frame
from sam4ct.models.sam_med3d.crops import CropLaw
from sam4ct.models.sam_med3d.engine import SamMed3dSegmenter, SegmenterSettings
from sam4ct.models.weights.entry import Entry
from sam4ct.models.weights.load import load_sam_med3d
from sam4ct.models.weights.manifest import MANIFEST, load_manifest
from sam4ct.regions import Region, labels_under, regions_of
from sam4ct.simulate import MovieLaw, SegmentationErrors
from sam4ct.simulate.cells.cell import CellLaw
from sam4ct.simulate.imaging.optics import Optics

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, str(ROOT / "entrypoint.py")]
LEAST_GAIN = 0.10
TUNED = "tuned"
FRAMES = 30
ANNOTATED = (3, 14, 25)
HELD_BACK = (0, 9, 20, 29)
LEAST_VOXELS = 100
"""Cells of fewer voxels are cut off by the frame's edge, mostly, and not asked for."""
SPACING = (3.0, 1.0, 1.0)
COARSE = SegmentationErrors(
    missed=0.1, burst=0.0, split=0.0, merged=0.0, eroded=0.45, dilated=0.45, spurious=0.0
)


def movie(look: str) -> MovieLaw:
    """The law of the volumes: crowded cells of about 22 pixels, slices 3 pixels apart."""
    return MovieLaw(
        shape=(16, 128, 128),
        frames=FRAMES,
        cells=30,
        law=CellLaw(radius=13.0, radius_spread=0.15, elongation=0.6, bumpiness=0.1, motion=0.2),
        optics=Optics(
            look=look, texture=0.6, halo=0.7, level=-0.2, blur_px=1.0, noise=0.08, background=0.2
        ),
        spacing=SPACING,
    )


def sam4ct(*arguments: object) -> None:
    """Run a command as a user would."""
    subprocess.run([*PROGRAM, *map(str, arguments)], check=True)


def keep_annotated(masks: Path) -> None:
    """Leave the masks of a tenth of the frames."""
    for t in set(range(FRAMES)) - set(ANNOTATED):
        (masks / f"mask{t:03d}.tif").unlink()


def dice(found: Region, label: int, truth: np.ndarray) -> float:
    """Dice coefficient of a region and a label of a frame."""
    labels, voxels = labels_under(found, truth)
    common = int(voxels[labels == label].sum())
    return 2.0 * common / (found.size + int((truth == label).sum()))


def held_back_dice(dataset: Path, entry: Entry, diameter: float) -> list[float]:
    """Return the Dice coefficient of every cell of the frames held back, clicked on once."""
    law = CropLaw.of(entry.image_size, SPACING, diameter, entry.window_diameters)

    def image(t: int) -> np.ndarray:
        return read_frame(dataset / "01" / f"t{t:03d}.tif").astype(np.float32)

    segmenter = SamMed3dSegmenter(load_sam_med3d(entry, "cpu"), image, law, SegmenterSettings())
    scores = []
    for t in HELD_BACK:
        truth = np.asarray(read_frame(dataset / "01_GT" / "TRA" / f"man_track{t:03d}.tif"))
        cells = {n: r for n, r in regions_of(truth).items() if r.size >= LEAST_VOXELS}
        found = segmenter.segment(t, [innermost(region, SPACING) for region in cells.values()])
        scores += [dice(region, label, truth) for label, region in zip(cells, found, strict=True)]
    return scores


def main(weights: str, look: str, seed: int, options: Sequence[str], folder: Path) -> int:
    dataset = write_dataset(folder, "New-Look", movie(look), COARSE, seed)
    coarse = dataset / "01_ERR_SEG"
    keep_annotated(coarse)
    patches, out = folder / "patches", folder / "tuned"
    began = time.monotonic()
    cut = ["--masks", coarse, "--spacing", *SPACING, "--weights", weights]
    sam4ct("finetune", "prepare", dataset / "01", patches, *cut)
    listed = ["--name", TUNED, "--manifest", out / MANIFEST]
    sam4ct("finetune", "train", patches, out, *listed, "--device", "cpu", *options)
    minutes = (time.monotonic() - began) / 60.0
    diameter = float(read_index(patches).datasets[0]["cell_diameter_px"])
    known = load_manifest([out / MANIFEST])
    before, after = (
        held_back_dice(dataset, known.get(name), diameter) for name in (weights, TUNED)
    )
    gain = float(np.mean(after) - np.mean(before))
    print(
        f"{look}, seed {seed}: {len(before)} cells held back, Dice {np.mean(before):.3f} before,"
        f" {np.mean(after):.3f} after, gain {gain:+.3f}, {minutes:.1f} minutes"
    )
    return int(gain < LEAST_GAIN)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the gain of fine-tuning on a new look.")
    parser.add_argument("--weights", default="compact-sam-med3d")
    parser.add_argument(
        "--look", default="phase", choices=["phase", "spread", "brightfield", "dic"]
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("options", nargs="*", help="of `finetune train`, after --")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sam4ct-finetune-") as folder:
        sys.exit(main(chosen.weights, chosen.look, chosen.seed, chosen.options, Path(folder)))
