"""Compare two images layer by layer: are two builds of a commit the same, and if not, in what?

    docker save IMAGE_A -o a.tar; docker save IMAGE_B -o b.tar; compare_images.py a.tar b.tar

Exits 1 if any file differs in more than its time.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

LISTED = 5


class Member(NamedTuple):
    """What an archive says of one file or folder of a layer."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    link: str
    sha256: str
    mtime: float


def read_json(image: tarfile.TarFile, name: str) -> Any:
    """Return a JSON file of a saved image."""
    file = image.extractfile(name)
    assert file is not None, f"{name} is no file"
    return json.load(file)


def members(image: tarfile.TarFile, layer: str) -> dict[str, Member]:
    """Return all files and folders of a layer, by name."""
    found = {}
    with tarfile.open(fileobj=image.extractfile(layer), mode="r|*") as archive:
        for m in archive:
            file = archive.extractfile(m) if m.isreg() else None
            sha256 = hashlib.file_digest(file, "sha256").hexdigest() if file else ""
            owner = (m.uid, m.gid)
            found[m.name] = Member(m.type, m.mode, owner, m.linkname, sha256, m.mtime)
    return found


def compare_layer(a: dict[str, Member], b: dict[str, Member]) -> bool:
    """Print how two layers differ; return whether it is in times alone."""
    other = [n for n in sorted(a.keys() | b.keys()) if _timeless(a.get(n)) != _timeless(b.get(n))]
    times = [n for n in sorted(a.keys() & b.keys()) if n not in other and a[n].mtime != b[n].mtime]
    for what, names in (("content", other), ("time only", times)):
        if names:
            more = ", ..." if len(names) > LISTED else ""
            print(f"    {what}: {len(names)} of {len(a)}: {', '.join(names[:LISTED])}{more}")
    return not other


def _timeless(member: Member | None) -> Member | None:
    return member and member._replace(mtime=0.0)


def main(a: Path, b: Path) -> int:
    """Compare two saved images; return the exit status."""
    same = True
    with tarfile.open(a) as one, tarfile.open(b) as two:
        (m1,), (m2,) = read_json(one, "manifest.json"), read_json(two, "manifest.json")
        config1, config2 = read_json(one, m1["Config"]), read_json(two, m2["Config"])
        digests = zip(config1["rootfs"]["diff_ids"], config2["rootfs"]["diff_ids"], strict=True)
        steps = [step for step in config1["history"] if not step.get("empty_layer")]
        for layer, (digest1, digest2) in enumerate(digests):
            verdict = "same" if digest1 == digest2 else "differs"
            made_by = steps[layer].get("created_by", "base image")
            print(f"{layer} {digest1[7:19]} {verdict:<8}{made_by[:60]}")
            if digest1 != digest2:
                layers = members(one, m1["Layers"][layer]), members(two, m2["Layers"][layer])
                same &= compare_layer(*layers)
        print("configuration", "same" if config1["config"] == config2["config"] else "differs")
        same &= config1["config"] == config2["config"]
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
