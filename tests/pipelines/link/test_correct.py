"""Corrections through the pipeline: obeyed, marked, and no network asked again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import tifffile
from scenes.commands import sam4ct, tree
from scenes.resting import FRAMES, PLACES, SHAPES, box, place, write_movie

from sam4ct.corrections import Correction, End, Kind
from sam4ct.io.corrections import write_corrections
from sam4ct.io.ctc.track_table import read_tracks
from sam4ct.io.tiff.frame import read_frame
from sam4ct.io.work.tables import read_table
from sam4ct.pipelines.link import networks
from sam4ct.pipelines.link.lineage import correct as correcting
from sam4ct.tables import Joins, Links

OPTIONS = ("--evidence", "overlap", "--no-report")


@pytest.fixture(scope="module", params=SHAPES, ids=["images", "volumes"])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run without answers."""
    movie = write_movie(tmp_path_factory.mktemp("rest") / "Rest", request.param)
    assert sam4ct("run", movie, "01", *OPTIONS).status == 0
    return movie


@pytest.fixture
def movie(done: Path, tmp_path: Path) -> Path:
    """A copy of that run, to be corrected."""
    return shutil.copytree(done, tmp_path / "Rest")


def shape_of(movie: Path) -> tuple[int, ...]:
    return read_frame(movie / "01" / "t000.tif").shape


def say(movie: Path, *answers: Correction) -> None:
    write_corrections(movie / "01_CORRECTIONS.csv", answers)


def run(movie: Path, *more: object) -> None:
    ended = sam4ct("run", movie, "01", *OPTIONS, *more)
    assert ended.status == 0, ended.err


def refused(movie: Path, *more: object) -> str:
    ended = sam4ct("run", movie, "01", *OPTIONS, *more)
    assert ended.status == 2
    return str(ended.err)


def links_of(movie: Path) -> Links:
    return read_table(movie / "01_RES.sam4ct" / "links.parquet", Links)


def pairs(links: Links) -> set[tuple[int, int, int, int]]:
    columns = (links.t, links.label, links.t2, links.label2)
    return set(zip(*(column.tolist() for column in columns), strict=True))


def painted(movie: Path, t: int) -> np.ndarray:
    return read_frame(movie / "01_RES" / f"mask{t:03d}.tif")


def record(movie: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((movie / "01_RES.sam4ct" / "run.json").read_text())
    return found


RESTING = {(t, label, t + 1, label) for t in range(FRAMES - 1) for label in PLACES}


def test_without_answers_all_cells_rest(movie: Path) -> None:
    assert pairs(links_of(movie)) == RESTING
    assert not links_of(movie).answered.any()
    assert "answers" not in record(movie)


def test_a_link_is_obeyed_marked_and_certain(movie: Path) -> None:
    say(movie, Correction(Kind.SAME_CELL, (End(1, 1), End(2, 2))))
    run(movie)
    links = links_of(movie)
    assert (1, 1, 2, 2) in pairs(links)
    assert {(1, 1, 2, 1), (1, 2, 2, 2)}.isdisjoint(pairs(links))
    assert links.confidence[links.answered].tolist() == [1.0]
    assert links.answered.sum() == 1
    one, other = (painted(movie, t)[box(label, shape_of(movie))] for t, label in ((1, 1), (2, 2)))
    assert set(np.unique(one)) == set(np.unique(other))
    assert record(movie)["answers"]["count"] == 1  # type: ignore[index]


def test_a_gap_is_filled_between_regions_that_were_said_to_be_one_cell(movie: Path) -> None:
    say(
        movie,
        Correction(Kind.SAME_CELL, (End(1, 1), End(3, 1))),
        Correction(Kind.NO_CELL, (End(2, 1),)),
    )
    run(movie)
    assert (1, 1, 3, 1) in pairs(links_of(movie))
    tracks = {int(painted(movie, t)[box(1, shape_of(movie))].max()) for t in (1, 2, 3)}
    assert len(tracks) == 1


def test_a_division_is_obeyed(movie: Path) -> None:
    say(movie, Correction(Kind.DIVIDES, (End(1, 1), End(2, 1), End(2, 2))))
    run(movie)
    links = links_of(movie)
    assert links.answered.tolist() == links.division.tolist()
    assert links.division.sum() == 2
    tracks = {track.label: track for track in read_tracks(movie / "01_RES" / "res_track.txt")}
    parents = [track.parent for track in tracks.values() if track.parent]
    assert len(parents) == 2
    assert len(set(parents)) == 1


@pytest.mark.parametrize(
    ("kind", "ends", "gone"),
    [
        (Kind.NOT_SAME_CELL, (End(1, 1), End(2, 1)), {(1, 1, 2, 1)}),
        (Kind.BEGINS, (End(2, 1),), {(1, 1, 2, 1)}),
        (Kind.ENDS, (End(2, 1),), {(2, 1, 3, 1)}),
        (Kind.DOES_NOT_DIVIDE, (End(2, 1),), set()),
        (Kind.CELL, (End(2, 1),), set()),
    ],
)
def test_links_are_taken_away(
    movie: Path, kind: Kind, ends: tuple[End, ...], gone: set[tuple[int, ...]]
) -> None:
    say(movie, Correction(kind, ends))
    run(movie)
    assert pairs(links_of(movie)).isdisjoint(gone)
    others = {link for link in RESTING if 1 not in link[1::2]}
    assert others <= pairs(links_of(movie))
    assert gone or pairs(links_of(movie)) == RESTING


@pytest.mark.parametrize("edit", ["--edit-masks", "--no-edit-masks"])
def test_what_is_no_cell_is_dropped_whether_masks_may_be_edited_or_not(
    movie: Path, edit: str
) -> None:
    run(movie, edit, "--overwrite")
    say(movie, Correction(Kind.NO_CELL, (End(0, 3),)))
    run(movie, edit)
    shape = shape_of(movie)
    assert not painted(movie, 0)[box(3, shape)].any()
    assert painted(movie, 1)[box(3, shape)].all()


def test_a_region_seen_once_is_kept_if_a_person_says_so(movie: Path) -> None:
    """Linked to nothing in the middle of the movie, it passes for debris."""
    shape = shape_of(movie)
    alone = (
        Correction(Kind.NOT_SAME_CELL, (End(1, 4), End(2, 4))),
        Correction(Kind.NOT_SAME_CELL, (End(2, 4), End(3, 4))),
    )
    kept = (Kind.CELL, Kind.BEGINS, Kind.ENDS)
    debris = []
    for more in ((), *((Correction(kind, (End(2, 4),)),) for kind in kept)):
        say(movie, *alone, *more)
        run(movie)
        found = read_table(movie / "01_RES.sam4ct/work/correct/debris.parquet", Joins)
        debris.append(list(zip(found.t.tolist(), found.label.tolist(), strict=True)))
    assert debris == [[(2, 4)], [], [], []]
    tracks = [set(np.unique(painted(movie, t)[box(4, shape)]).tolist()) for t in range(FRAMES)]
    assert tracks[2].isdisjoint({0, *tracks[1], *tracks[3]})


@pytest.mark.parametrize("edit", ["--edit-masks", "--no-edit-masks"])
def test_fragments_are_painted_as_one_cell(movie: Path, edit: str) -> None:
    shape, frame = shape_of(movie), movie / "01_ERR_SEG" / "mask002.tif"
    mask = read_frame(frame).astype(np.uint16)
    third = box(1, shape)
    upper = (*third[:-2], slice(third[-2].start, third[-2].start + 5), third[-1])
    lower = (*third[:-2], slice(third[-2].start + 10, third[-2].stop), third[-1])
    mask[upper], mask[lower] = 11, 12
    tifffile.imwrite(frame, mask)
    say(movie, Correction(Kind.ONE_CELL, (End(2, 1), End(2, 11), End(2, 12))))
    run(movie, edit, "--overwrite")
    tracks = [set(np.unique(painted(movie, t)[third]).tolist()) for t in range(FRAMES)]
    assert tracks[2] == tracks[1] == tracks[3]
    assert len(tracks[2]) == 1
    assert all(len(links_of(movie).take(links_of(movie).t == t)) == 4 for t in range(FRAMES - 1))


@pytest.mark.parametrize("edit", ["--edit-masks", "--no-edit-masks"])
def test_a_mask_of_two_cells_is_cut_where_it_is_narrow(movie: Path, edit: str) -> None:
    shape, frame = shape_of(movie), movie / "01_ERR_SEG" / "mask002.tif"
    mask = read_frame(frame).astype(np.uint16)
    mask[box(2, shape)] = 1
    y, x = PLACES[1]
    mask[(*box(1, shape)[:-2], slice(y + 6, y + 8), slice(x, PLACES[2][1]))] = 1
    tifffile.imwrite(frame, mask)
    say(movie, Correction(Kind.TWO_CELLS, (End(2, 1, place(1, shape)),)))
    run(movie, edit, "--overwrite")
    for label in (1, 2):
        here = [set(np.unique(painted(movie, t)[box(label, shape)]).tolist()) for t in (1, 2, 3)]
        assert here[0] == here[1] == here[2]
        assert len(here[1]) == 1


def test_a_speck_is_no_cell_and_can_be_nothing_else(movie: Path) -> None:
    frame, shape = movie / "01_ERR_SEG" / "mask002.tif", shape_of(movie)
    mask = read_frame(frame).astype(np.uint16)
    mask[(*(slice(3, 4),) * (len(shape) - 2), slice(80, 82), slice(80, 82))] = 9
    tifffile.imwrite(frame, mask)
    say(movie, Correction(Kind.NO_CELL, (End(2, 9),)))
    run(movie, "--edit-masks", "--overwrite")
    say(movie, Correction(Kind.BEGINS, (End(2, 9),)))
    assert "line 2: region 9 of frame 2 is as small as a speck" in refused(movie, "--edit-masks")
    run(movie, "--no-edit-masks", "--overwrite")
    assert painted(movie, 2)[..., 80:82, 80:82].any()


def test_answers_are_taken_back_and_the_result_is_as_before(movie: Path, done: Path) -> None:
    say(movie, Correction(Kind.ENDS, (End(2, 1),)))
    run(movie)
    assert tree(movie / "01_RES") != tree(done / "01_RES")
    run(movie, "--no-corrections")
    assert tree(movie / "01_RES") == tree(done / "01_RES")
    assert "is not empty" in refused(movie, "--no-corrections")
    run(movie)
    (movie / "01_CORRECTIONS.csv").unlink()
    run(movie)
    assert tree(movie / "01_RES") == tree(done / "01_RES")


def test_a_result_is_replaced_for_new_answers_alone(movie: Path) -> None:
    say(movie, Correction(Kind.ENDS, (End(2, 1),)))
    assert "is not empty" in refused(movie, "--no-edit-masks")
    run(movie)
    assert "is not empty" in refused(movie)
    (movie / "01_CORRECTIONS.csv").write_text("# the same\nkind,t,label,note\nends,2,1,sure\n")
    assert "is not empty" in refused(movie)


def test_check_says_which_answers_would_be_obeyed(movie: Path) -> None:
    said = movie / "01_CORRECTIONS.csv"
    say(movie, Correction(Kind.ENDS, (End(2, 1),)))
    assert f"answers {said}: 1" in sam4ct("check", movie, "01", *OPTIONS[:2]).out
    assert said.name not in sam4ct("check", movie, "01", *OPTIONS[:2], "--no-corrections").out


def test_a_file_elsewhere_is_named(movie: Path, tmp_path: Path) -> None:
    write_corrections(tmp_path / "mine.csv", [Correction(Kind.ENDS, (End(2, 1),))])
    run(movie, "--corrections", tmp_path / "mine.csv")
    assert (2, 1, 3, 1) not in pairs(links_of(movie))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ends,9,1,", "line 2: frame 9 is not there; the frames are 0 to 4"),
        ("ends,2,7,", "line 2: frame 2 has no region with the label 7"),
        ("ends,2,1,20", "line 2: place is '20'"),
        ("ends,2,1,1 2 3 4", "line 2: place is '1 2 3 4'"),
        ("stops,2,1,", "line 2: 'stops' is not a kind"),
    ],
)
def test_mistakes_are_refused_before_any_work(movie: Path, line: str, said: str) -> None:
    (movie / "01_CORRECTIONS.csv").write_text(f"kind,t,label,place\n{line}\n")
    before = tree(movie / "01_RES")
    assert said in refused(movie)
    assert tree(movie / "01_RES") == before


def test_answers_that_name_one_region_twice_over_are_told_apart(movie: Path) -> None:
    """One by label, the other by place: only the masks show that they contradict each other."""
    say(
        movie,
        Correction(Kind.ENDS, (End(2, 1),)),
        Correction(Kind.SAME_CELL, (End(2, 0, place(1, shape_of(movie))), End(3, 1))),
    )
    assert "lines 2 and 3: contradict each other" in refused(movie)


def test_answers_by_place_survive_new_masks(movie: Path, caplog: pytest.LogCaptureFixture) -> None:
    shape = shape_of(movie)
    ends = [Correction(Kind.ENDS, (End(2, label, place(label, shape)),)) for label in (1, 2)]
    say(movie, *ends)
    for t in range(FRAMES):
        frame = movie / "01_ERR_SEG" / f"mask{t:03d}.tif"
        mask = read_frame(frame).astype(np.uint16)
        if t == 2:
            mask[box(2, shape)] = 0
        tifffile.imwrite(frame, np.where(mask == 1, 40, mask).astype(np.uint16))
    run(movie, "--overwrite")
    assert (2, 40, 3, 40) not in pairs(links_of(movie))
    assert "line 3: region 2 of frame 2 is not there any more" in caplog.text


def test_the_order_of_answers_does_not_matter(movie: Path, tmp_path: Path) -> None:
    answers = [
        Correction(Kind.SAME_CELL, (End(1, 1), End(2, 2))),
        Correction(Kind.ENDS, (End(3, 3),)),
        Correction(Kind.NOT_SAME_CELL, (End(0, 4), End(1, 4))),
    ]
    lines = ["same cell,1,1,2,2", "ends,3,3,,", "not same cell,0,4,1,4"]
    say(movie, answers[1])
    run(movie)
    say(movie, *answers)
    run(movie)
    stepwise = tree(movie / "01_RES"), (movie / "01_RES.sam4ct" / "links.parquet").read_bytes()
    (movie / "01_CORRECTIONS.csv").write_text(
        "\n".join(["kind,t,label,t2,label2", *reversed(lines)]) + "\n"
    )
    shutil.rmtree(movie / "01_RES.sam4ct")
    run(movie, "--overwrite")
    at_once = tree(movie / "01_RES"), (movie / "01_RES.sam4ct" / "links.parquet").read_bytes()
    assert stepwise == at_once


def test_stages_obey_answers_too(movie: Path, tmp_path: Path) -> None:
    say(movie, Correction(Kind.ENDS, (End(2, 1),)))
    run(movie)
    out = tmp_path / "out" / "01_RES"
    options = ("--evidence", "overlap", "--out", out, "--corrections")
    for stage in ("propagate", "correct", "paint"):
        ended = sam4ct("stage", stage, movie, "01", *options, movie / "01_CORRECTIONS.csv")
        assert ended.status == 0, ended.err
    assert tree(out) == tree(movie / "01_RES")


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose evidence is of the compact network."""
    movie = write_movie(tmp_path_factory.mktemp("seen") / "Rest", SHAPES[0])
    assert sam4ct("run", movie, "01", "--no-report", "--device", "cpu").status == 0
    return movie


def test_no_network_looks_at_anything_twice(
    looked_at: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    movie = shutil.copytree(looked_at, tmp_path / "Rest")
    before = record(movie)["engine"]
    assert before["encoder_windows"] > 0  # type: ignore[index]

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a network was set up")

    run = ("run", movie, "01", "--no-report", "--device", "cpu")
    with monkeypatch.context() as patch:
        patch.setattr(networks, "sam2_engine", refuse)
        say(
            movie,
            Correction(Kind.SAME_CELL, (End(1, 1), End(2, 2))),
            Correction(Kind.NO_CELL, (End(0, 3),)),
            Correction(Kind.ONE_CELL, (End(3, 3), End(3, 4))),
        )
        done = sam4ct(*run)
        assert done.status == 0, done.err
    assert record(movie)["engine"] == before
    assert (1, 1, 2, 2) in pairs(links_of(movie))
    say(movie, Correction(Kind.TWO_CELLS, (End(2, 4),)))
    assert sam4ct(*run).status == 0
    after = record(movie)["engine"]
    halves = 2 * 2 * 2  # two halves, two frames before and two after
    assert after["objects_recalled"] - before["objects_recalled"] <= 2 * halves  # type: ignore[index]
    assert after["encoder_windows"] > before["encoder_windows"]  # type: ignore[index]


class Stopped(BaseException):
    """As a kill: nobody catches it."""


@pytest.mark.parametrize("step", ["resolve", "answered", "debris", "write_table"])
def test_a_run_that_is_stopped_while_it_corrects_goes_on(
    movie: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(movie, Correction(Kind.SAME_CELL, (End(1, 1), End(2, 2))))
    said = (movie / "01_CORRECTIONS.csv").read_bytes()
    whole = shutil.copytree(movie, movie.parent / "whole" / movie.name)
    run(whole)

    def stopped(*_: object, **__: object) -> NoReturn:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(correcting, step, stopped)
        with pytest.raises(Stopped):
            sam4ct("run", movie, "01", *OPTIONS)
    assert (movie / "01_CORRECTIONS.csv").read_bytes() == said
    run(movie)
    assert tree(movie / "01_RES") == tree(whole / "01_RES")
    links = movie / "01_RES.sam4ct" / "links.parquet"
    assert links.read_bytes() == (whole / "01_RES.sam4ct" / "links.parquet").read_bytes()
