"""workflow/: which sequences run, cut into which shards, with which options.

The Snakefile itself runs on a real cluster in .ci/cluster; here, without Snakemake, is
what it is told by sequences.py, and that the files beside it agree with each other.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from omegaconf import OmegaConf
from scenes.commands import ROOT, sam4ct

from sam4ct.io.ctc.sequence import find_sequences
from sam4ct.io.work.folder import WorkDir

WORKFLOW = ROOT / "workflow"
DEFAULTS = {
    "device": "cuda",
    "evidence": "sam2",
    "profile": None,
    "weights": [],
    "generate_masks": None,
    "edit_masks": None,
    "overwrite": False,
    "report": True,
}


def load() -> ModuleType:
    """Import workflow/sequences.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("sequences", WORKFLOW / "sequences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


sequences = load()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two datasets with three sequences, and folders that are none beside them."""
    for name in ("A/01", "A/02", "B/01"):
        for folder, prefix in ((name, "t"), (f"{name}_ERR_SEG", "mask")):
            (tmp_path / folder).mkdir(parents=True)
            for t in range(3):
                (tmp_path / folder / f"{prefix}{t:03d}.tif").touch()
    for other in ("B/02", "B/03_ERR_SEG", "A/01_RES.sam4ct", "A/notes", "A/notes_ERR_SEG"):
        (tmp_path / other).mkdir()
    return tmp_path


def names(movies: list[Any]) -> list[str]:
    return [f"{movie.dataset.name}/{movie.name}" for movie in movies]


def test_all_sequences_with_masks_are_found(root: Path) -> None:
    assert names(sequences.find_movies(root)) == ["A/01", "A/02", "B/01"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [(["A"], ["A/01", "A/02"]), (["A/02"], ["A/02"]), (["B", "A/01"], ["A/01", "B/01"])],
)
def test_datasets_and_sequences_can_be_chosen(
    root: Path, wanted: list[str], found: list[str]
) -> None:
    assert names(sequences.find_movies(root, wanted)) == found


@pytest.mark.parametrize("missing", ["B/02", "C", "01"])
def test_a_choice_that_is_not_there_is_refused_with_what_is(root: Path, missing: str) -> None:
    with pytest.raises(ValueError, match=rf"holds no {missing}\. It holds: A, A/01, A/02, B,"):
        sequences.find_movies(root, ["A", missing])


def test_a_folder_without_sequences_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no DATASET/SS with DATASET/SS_ERR_SEG"):
        sequences.find_movies(tmp_path)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_results_go_where_sam4ct_writes_them(root: Path, elsewhere: bool) -> None:
    out = root / "out" if elsewhere else None
    movies = sequences.find_movies(root, ["A"], out)
    found = find_sequences(root / "A", out=out)
    assert [movie.result for movie in movies] == [each.result_dir for each in found]
    assert [movie.frames for movie in movies] == [len(each.images) for each in found]


def test_marks_of_shards_lie_where_sam4ct_empties_them() -> None:
    mark = WorkDir(Path("{result}.sam4ct")).artifact("propagate", "frames-{first}-{last}.done")
    assert f'SHARD = "{mark}"' in (WORKFLOW / "Snakefile").read_text()


@pytest.mark.parametrize("frames", [1, 2, 99, 100, 101, 1764])
@pytest.mark.parametrize("most", [1, 7, 100, 5000])
def test_shards_cover_every_frame_once(frames: int, most: int) -> None:
    cuts = sequences.shards(frames, most)
    assert [t for first, last in cuts for t in range(first, last)] == list(range(frames))
    lengths = {last - first for first, last in cuts}
    assert max(lengths) <= most
    assert max(lengths) - min(lengths) <= 1


def test_a_short_sequence_is_one_shard() -> None:
    assert sequences.shards(100, 100) == [(0, 100)]


def test_a_sequence_without_frames_is_left_to_sam4ct_to_refuse() -> None:
    assert sequences.shards(0, 100) == [(0, 0)]


def test_options_of_the_configuration_reach_every_stage() -> None:
    changed = DEFAULTS | {"profile": "auto", "weights": ["a", "b"]}
    changed |= {"generate_masks": False, "edit_masks": True}
    assert sequences.options(changed) == [
        *("--device", "cuda", "--evidence", "sam2", "--profile", "auto"),
        *("--weights", "a", "--weights", "b", "--no-generate-masks", "--edit-masks"),
    ]


def test_what_is_left_out_is_left_to_sam4ct() -> None:
    assert sequences.options(DEFAULTS) == ["--device", "cuda", "--evidence", "sam2"]
    assert sequences.paint_options(DEFAULTS) == []


def test_paint_alone_overwrites_and_reports() -> None:
    changed = DEFAULTS | {"overwrite": True, "report": False}
    assert sequences.paint_options(changed) == ["--overwrite", "--no-report"]


@pytest.mark.parametrize("stage", ["propagate", "paint"])
def test_sam4ct_takes_the_options(root: Path, stage: str) -> None:
    """Frames are empty files, so it refuses those, after it has accepted everything else."""
    given = DEFAULTS | {"device": "cpu", "profile": "auto", "generate_masks": False}
    more = sequences.paint_options(DEFAULTS | {"overwrite": True, "report": False})
    (movie,) = sequences.find_movies(root, ["A/01"])
    outcome = sam4ct(
        *("stage", stage, *movie.arguments, *sequences.options(given)),
        *(more if stage == "paint" else ["--frames", "0:3"]),
    )
    assert outcome.status == 2
    assert "t000.tif" in outcome.err


def test_the_configuration_shown_has_the_defaults_of_its_schema() -> None:
    """omegaconf reads YAML as well as any."""
    shown = OmegaConf.to_container(OmegaConf.load(WORKFLOW / "config.yaml"))
    schema: Any = OmegaConf.to_container(OmegaConf.load(WORKFLOW / "config.schema.yaml"))
    assert isinstance(shown, dict)
    assert shown.pop("root")
    defaults = {key: value.get("default") for key, value in schema["properties"].items()}
    assert defaults.pop("root") is None
    assert shown == defaults
    assert {key: shown[key] for key in DEFAULTS} == DEFAULTS
