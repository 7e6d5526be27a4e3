"""Make small files that stand in for the published weights, to prove how an image gets its weights.

`stand_ins.py CONTEXT` writes CONTEXT/weights/ with files of the published names and form, which
hold the compact networks, and lists them in CONTEXT/weights_manifest.json under the published
names. Prints the build argument WEIGHTS that asks for them.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

from sam4ct.io.files import sha256_of
from sam4ct.models.weights.load import STATE_KEY, load_state
from sam4ct.models.weights.manifest import MANIFEST, load_manifest, write_manifest

STAND_INS = {"sam2.1-hiera-large": "compact-sam2", "sam-med3d-turbo": "compact-sam-med3d"}


def main(context: Path) -> None:
    """Write files and manifest, and print the argument."""
    folder, manifest = context / "weights", load_manifest()
    folder.mkdir()
    for published, compact in STAND_INS.items():
        entry, content = manifest.get(published), manifest.get(compact)
        path = folder / entry.file
        torch.save({STATE_KEY[entry.role]: load_state(content)}, path)
        listed = replace(
            content,
            name=published,
            file=entry.file,
            source=entry.source,
            default_on=entry.default_on,
            bytes=path.stat().st_size,
            sha256=sha256_of(path),
        )
        manifest = manifest.updated([listed])
    write_manifest(context / MANIFEST, manifest)
    print(*(f"{name}@sha256:{manifest.get(name).sha256}" for name in STAND_INS))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
