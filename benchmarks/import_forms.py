"""Print a table of the forms in which movies are imported, and whether results are the same.

    python benchmarks/import_forms.py    about a minute

The forms are those of tests/scenes/input_forms.py. Each is imported and linked by the overlap of
masks; its masks and res_track.txt are compared with those of the folder of the Cell Tracking
Challenge that holds the same frames. Exits 1 if any byte differs.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path

import tifffile

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from scenes.commands import tree  # noqa: E402
from scenes.input_forms import FORMS, OF_PLANES, Scene, scene  # noqa: E402

from sam4ct.io.ctc import find_sequences  # noqa: E402
from sam4ct.pipelines.common.options import Options  # noqa: E402
from sam4ct.pipelines.link.run import LinkRun  # noqa: E402
from sam4ct.pipelines.tools.importing.look import Wishes  # noqa: E402
from sam4ct.pipelines.tools.importing.movie import import_movie  # noqa: E402


def result_of(dataset: Path) -> dict[str, bytes | str | None]:
    """Link a dataset; return the files of its result."""
    (sequence,) = find_sequences(dataset)
    # The same voxels for all: some forms state their size, some cannot.
    options = Options(evidence="overlap", profile="auto", report=False, spacing_um=(5.0, 1.0, 1.0))
    LinkRun(sequence, options).execute()
    return tree(sequence.result_dir)


def ctc_folder(dataset: Path, movie: Scene) -> Path:
    for name, prefix, frames in ("01", "t", movie[0]), ("01_ERR_SEG", "mask", movie[1]):
        (dataset / name).mkdir(parents=True)
        for t, frame in enumerate(frames):
            path = dataset / name / f"{prefix}{t:03d}.tif"
            tifffile.imwrite(path, frame, photometric="minisblack", metadata=None)
    return dataset


def command(images: Path, masks: Path, wishes: Wishes, root: Path) -> str:
    named = {"--axes": wishes.axes, "--channel": wishes.channel}
    words = ["import", *(str(path.relative_to(root)) for path in (images, masks)), "DS"]
    return shlex.join(words + [w for pair in named.items() if pair[1] for w in pair if w])


def main() -> int:
    print("| form | of | command `sam4ct` | what import said | result as the CTC folder's |")
    print("|---|---|---|---|---|")
    differ = 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        for kind in "2D", "3D":
            wanted = result_of(ctc_folder(folder / kind / "movie", scene(kind)))
            for name in (n for n in FORMS if kind == "2D" or n not in OF_PLANES):
                root = folder / kind / name
                root.mkdir()
                images, masks, wishes = FORMS[name](root, scene(kind))
                done = import_movie(images, masks, root / "DS" / "movie", wishes)
                said = done.words.replace(f"{root}/", "").replace("\n", "; ")
                same = result_of(root / "DS" / "movie") == wanted
                differ += not same
                typed = command(images, masks, wishes, root)
                equal = "yes, every byte" if same else "NO"
                print(f"| {name} | {kind} | `{typed}` | {said} | {equal} |", flush=True)
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
