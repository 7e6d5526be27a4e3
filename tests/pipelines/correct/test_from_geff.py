"""An export that was edited elsewhere: the next run makes the edited lineage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from scenes.commands import sam4ct
from scenes.resting import SHAPES, write_movie

from sam4ct.io.corrections import read_corrections
from sam4ct.io.corrections.geff import read_geff
from sam4ct.io.work.tables import read_table
from sam4ct.tables import Links

OPTIONS = ("--evidence", "overlap", "--no-report", "--export", "geff", "--export", "csv")
Step = tuple[int, int, int, int]


@pytest.fixture(params=SHAPES, ids=["images", "volumes"])
def movie(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A finished run with its export."""
    movie = write_movie(tmp_path / "Rest", request.param)
    assert sam4ct("run", movie, "01", *OPTIONS).status == 0
    return movie


def exported(movie: Path) -> Path:
    (found,) = (movie / "01_RES.export").rglob("*.geff")
    return found


def links_of(movie: Path) -> Links:
    return read_table(movie / "01_RES.sam4ct" / "links.parquet", Links)


def steps(movie: Path) -> set[Step]:
    links = links_of(movie)
    columns = (links.t, links.label, links.t2, links.label2)
    return set(zip(*(column.tolist() for column in columns), strict=True))


class Edited:
    """A GEFF whose nodes and edges are changed by (frame, given label)."""

    def __init__(self, path: Path) -> None:
        self.path, self.group = path, zarr.open_group(path, mode="r+")
        props = self.group["nodes/props"]
        t, label = (np.asarray(props[f"{name}/values"]) for name in ("t", "source_label"))  # type: ignore[index]
        ids = np.asarray(self.group["nodes/ids"])
        self.id = dict(zip(zip(t.tolist(), label.tolist(), strict=True), ids.tolist(), strict=True))
        self.edges = {tuple(edge) for edge in np.asarray(self.group["edges/ids"]).tolist()}

    def cut(self, t: int, label: int, label2: int) -> None:
        self.edges.remove((self.id[t, label], self.id[t + 1, label2]))

    def join(self, t: int, label: int, label2: int) -> None:
        self.edges.add((self.id[t, label], self.id[t + 1, label2]))

    def drop(self, t: int, label: int) -> None:
        gone = self.id.pop((t, label))
        self.edges = {edge for edge in self.edges if gone not in edge}

    def save(self) -> None:
        """Write what is left as an editor does: new arrays of nodes and edges."""
        ids = np.asarray(self.group["nodes/ids"])
        stays = np.isin(ids, list(self.id.values()))
        arrays = {"nodes/ids": ids[stays]}
        for name, _ in self.group["nodes/props"].groups():  # type: ignore[union-attr]
            values = np.asarray(self.group[f"nodes/props/{name}/values"])
            arrays[f"nodes/props/{name}/values"] = values[stays]
        arrays["edges/ids"] = np.array(sorted(self.edges), dtype=np.uint64).reshape(-1, 2)
        for name, values in arrays.items():
            self.group.create_array(name, data=values, overwrite=True)


def edit(movie: Path) -> set[Step]:
    """Swap two cells, cut a track, drop a region, let a cell divide; return the lineage wanted."""
    edited = Edited(exported(movie))
    for label, other in ((1, 2), (2, 1)):
        edited.cut(1, label, label)
        edited.join(1, label, other)
    edited.cut(0, 3, 3)
    edited.drop(4, 3)
    edited.cut(3, 4, 4)
    edited.join(2, 3, 4)
    edited.cut(2, 4, 4)
    edited.save()
    wanted = steps(movie) - {(1, 1, 2, 1), (1, 2, 2, 2), (0, 3, 1, 3), (3, 3, 4, 3), (3, 4, 4, 4)}
    return (wanted | {(1, 1, 2, 2), (1, 2, 2, 1), (2, 3, 3, 4)}) - {(2, 4, 3, 4)}


def test_the_lineage_is_the_edited_one(movie: Path) -> None:
    wanted = edit(movie)
    done = sam4ct("corrections", "from-geff", exported(movie), movie / "01_RES")
    assert done.status == 0, done.err
    assert "'divides'" in done.out
    assert sam4ct("run", movie, "01", *OPTIONS).status == 0
    assert steps(movie) == wanted
    links = links_of(movie)
    assert links.answered.any()
    assert (links.confidence[links.answered] == 1.0).all()


def test_answered_links_are_marked_in_exports(movie: Path) -> None:
    before = zarr.open_group(exported(movie), mode="r")
    assert "edges/props/answered" not in before
    edit(movie)
    assert sam4ct("corrections", "from-geff", exported(movie), movie / "01_RES").status == 0
    assert sam4ct("run", movie, "01", *OPTIONS).status == 0
    group = zarr.open_group(exported(movie), mode="r")
    marked = np.asarray(group["edges/props/answered/values"])
    assert marked.sum() == links_of(movie).answered.sum()
    (table,) = (movie / "01_RES.export").rglob("links.csv")
    header, *rows = table.read_text().splitlines()
    column = header.split(",").index("answered")
    assert sum(row.split(",")[column] == "1" for row in rows) == marked.sum()


def test_an_export_that_nobody_edited_says_nothing(movie: Path) -> None:
    done = sam4ct("corrections", "from-geff", exported(movie), movie / "01_RES")
    assert "nothing new" in done.out
    assert read_corrections(movie / "01_CORRECTIONS.csv") == ()


def test_places_in_micrometres_and_without_our_labels_are_understood(movie: Path) -> None:
    """As another editor writes them: no label of ours, and lengths in micrometres."""
    wanted = edit(movie)
    group = zarr.open_group(exported(movie), mode="r+")
    del group["nodes/props/source_label"]
    del group["nodes/props/generated"]
    told = dict(group.attrs["geff"])  # type: ignore[arg-type]
    sizes = {"z": 2.0, "y": 0.5, "x": 0.5}
    axes = read_geff(exported(movie)).places.shape[1]
    for axis in "zyx"[-axes:]:
        values = np.asarray(group[f"nodes/props/{axis}/values"])
        group.create_array(f"nodes/props/{axis}/values", data=values * sizes[axis], overwrite=True)
    for axis in told["axes"]:
        axis["unit"] = "micrometer" if axis["type"] == "space" else axis["unit"]
    group.attrs["geff"] = told
    profile = movie / "mine.toml"
    settings = sam4ct("profiles", "derive", movie, "01").out
    lines = [
        "spacing_um = [2.0, 0.5, 0.5]" if line.startswith("spacing_um") else line
        for line in settings.splitlines()
    ]
    profile.write_text("\n".join(lines))
    run = ("run", movie, "01", "--evidence", "overlap", "--no-report", "--profile", profile)
    assert sam4ct(*run, "--overwrite").status == 0
    done = sam4ct("corrections", "from-geff", exported(movie), movie / "01_RES")
    assert done.status == 0, done.err
    assert sam4ct(*run).status == 0
    assert steps(movie) == wanted


@pytest.mark.parametrize("what", ["no geff", "no run", "no place"])
def test_what_cannot_be_used_is_refused(movie: Path, what: str, tmp_path: Path) -> None:
    edited, result = exported(movie), movie / "01_RES"
    if what == "no geff":
        edited = movie / "01"
    elif what == "no run":
        result = tmp_path / "02_RES"
    else:
        del zarr.open_group(edited, mode="r+")["nodes/props/y"]
    done = sam4ct("corrections", "from-geff", edited, result)
    assert done.status == 2
    said = {"no geff": "is no GEFF", "no run": "no finished run", "no place": "a place are needed"}
    assert said[what] in done.err
