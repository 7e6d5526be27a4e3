"""`--fast`: less is asked, little is lost, and the run is cut and resumed as any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scenes.commands import sam4ct, tree
from scenes.tracked_movie import make_tracked


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("movie")
    simulate = ["simulate", folder, "--dataset", "Cells", "--seed", 4, "--missed", 0.1]
    assert sam4ct(*simulate, "--frames", 6, "--size", 96, 112, "--cells", 6).status == 0
    return folder / "Cells"


def record(result: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(f"{result}.sam4ct") / "run.json").read_text())
    return found


def run(movie: Path, result: Path, *more: str) -> Path:
    outcome = sam4ct("run", movie, "--out", result, "--no-report", *more)
    assert outcome.status == 0, outcome.err
    return result


@pytest.fixture(scope="module")
def fast(movie: Path) -> Path:
    return run(movie, movie.parent / "fast" / "01_RES", "--fast")


def test_less_is_asked_and_the_links_are_nearly_the_same(movie: Path, fast: Path) -> None:
    full = run(movie, movie.parent / "full" / "01_RES")
    asked, usual = record(fast)["engine"], record(full)["engine"]
    assert asked["objects_recalled"] + asked["objects_settled"] == usual["objects_recalled"]
    assert asked["objects_recalled"] < 0.7 * usual["objects_recalled"]
    assert asked["encoder_windows"] < usual["encoder_windows"]
    assert asked["encoder_windows_again"] == 0
    links, others = (record(r)["counts"]["links"] for r in (fast, full))
    assert abs(links - others) <= 0.05 * others


def test_shards_of_a_fast_run_give_the_same_bytes(movie: Path, fast: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    for frames in ("4:", "0:2", "2:4"):
        words = ["--out", cut, "--fast", "--frames", frames]
        assert sam4ct("stage", "propagate", movie, "01", *words).status == 0
    assert sam4ct("stage", "paint", movie, "01", "--out", cut, "--fast", "--no-report").status == 0
    assert tree(cut) == tree(fast)
    for part in ("evidence", "masks"):
        folders = [Path(f"{r}.sam4ct") / "work" / part for r in (cut, fast)]
        assert tree(folders[0]) == tree(folders[1])


def test_evidence_of_another_kind_of_run_is_not_taken_for_it(movie: Path, tmp_path: Path) -> None:
    result = tmp_path / "01_RES"
    assert sam4ct("stage", "propagate", movie, "01", "--out", result, "--fast").status == 0
    run(movie, result)
    assert "objects_settled" not in record(result)["engine"]


def test_without_a_network_there_is_nothing_to_leave_out(movie: Path, tmp_path: Path) -> None:
    refused = sam4ct("run", movie, "--out", tmp_path / "r", "--fast", "--evidence", "overlap")
    assert refused.status == 2
    assert "--fast: is not used with --evidence overlap" in refused.err


@pytest.mark.parametrize("command", ["run", "check"])
def test_where_cells_are_followed_there_is_nothing_to_leave_out(
    command: str, tmp_path: Path
) -> None:
    refused = sam4ct(command, make_tracked(tmp_path), "--fast")
    assert refused.status == 2
    assert "--fast: is not used where cells are followed by seeds" in refused.err
