"""Do readers that nobody here wrote take what `sam4ct export` writes? See .ci/readers.

    readers_check.py FOLDER    open the exports of all CASE/01_RES below it, and compare

Runs in an environment without sam4ct; what a reader should find is taken from `res_track.txt`.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geff
import networkx as nx
import pandas as pd
import yaozarrs
import zarr
from funtracks.import_export import import_from_geff
from geff.core_io import read_to_memory
from geff.validate.data import ValidationConfig, validate_data
from napari_geff._reader import get_geff_reader
from pycellin import load_TrackMate_XML
from traccuracy import run_metrics
from traccuracy.loaders import load_ctc_data, load_geff_data
from traccuracy.matchers import CTCMatcher
from traccuracy.metrics import CTCMetrics
from tracksdata.graph import IndexedRXGraph

Node = tuple[int, int]
"""(frame, label)."""
MANY = 1000
"""Nodes."""


def expected(result: Path) -> nx.DiGraph:
    """Return the graph that a track table means; nodes are (frame, label)."""
    graph: nx.DiGraph = nx.DiGraph()
    lines = (result / "res_track.txt").read_text().splitlines()
    rows = [tuple(map(int, line.split())) for line in lines]
    ends = {label: end for label, _, end, _ in rows}
    for label, begin, end, parent in rows:
        nx.add_path(graph, [(t, label) for t in range(begin, end + 1)])
        if parent:
            graph.add_edge((ends[parent], parent), (begin, label))
    return graph


def same(found: nx.DiGraph, wanted: nx.DiGraph, named: Callable[[Any, Any], Node]) -> None:
    """Hold that a graph has the wanted nodes and edges, once each node is named by its data."""
    names = {node: named(node, data) for node, data in found.nodes(data=True)}
    assert set(names.values()) == set(wanted.nodes), "other nodes"
    assert len(names) == wanted.number_of_nodes(), "nodes twice"
    assert {(names[a], names[b]) for a, b in found.edges} == set(wanted.edges), "other edges"


def check_geff(place: Path, wanted: nx.DiGraph) -> None:
    geff.validate_structure(place)
    everything = ValidationConfig(graph=True, lineage=True, tracklet=True)
    validate_data(read_to_memory(place), everything)
    found, meta = geff.read(place)
    same(found, wanted, lambda _, data: (data["t"], data["seg_id"]))
    (labels,) = (o for o in meta.related_objects if o.type == "labels")
    masks = zarr.open_array(place / labels.path, mode="r")
    assert masks.ndim == len(meta.axes), "labels have other axes than nodes"


def check_napari_geff(place: Path, wanted: nx.DiGraph) -> None:
    reader = get_geff_reader(str(place))
    assert reader is not None, "is refused"
    layers = reader(str(place))
    assert [kind for _, _, kind in layers] == ["image", "labels", "tracks"]
    assert len(layers[-1][0]) == wanted.number_of_nodes()


def check_traccuracy(place: Path, result: Path) -> None:
    mine = load_geff_data(str(place), load_geff_seg=True)
    theirs = load_ctc_data(str(result), str(result / "res_track.txt"), run_checks=False)
    (scores,), _ = run_metrics(theirs, mine, CTCMatcher(), [CTCMetrics()])
    for name in "TRA", "DET", "LNK":
        assert scores["results"][name] == 1.0, f"{name} {scores['results'][name]}"


def check_tracksdata(place: Path, wanted: nx.DiGraph) -> None:
    graph, _ = IndexedRXGraph.from_geff(str(place))
    assert graph.num_nodes() == wanted.number_of_nodes()
    assert graph.num_edges() == wanted.number_of_edges()


def check_funtracks(place: Path, wanted: nx.DiGraph) -> None:
    names = {"time": "t", "pos": ["y", "x"], "seg_id": "seg_id"}
    if "z" in zarr.open_group(place, mode="r")["nodes/props"]:
        names["pos"] = ["z", "y", "x"]
    tracks = import_from_geff(place, names, place.parent / "labels" / "tracks")
    assert tracks.graph.num_nodes() == wanted.number_of_nodes()
    assert tracks.graph.num_edges() == wanted.number_of_edges()


def check_trackmate(place: Path, wanted: nx.DiGraph) -> None:
    model = load_TrackMate_XML(place)
    linked = wanted.subgraph(node for node, degree in wanted.degree if degree)
    found = nx.compose_all([nx.DiGraph(lineage) for lineage in model.get_cell_lineages()])
    same(found, linked, lambda _, data: (data["FRAME"], data["LABEL"]))


def check_ome_zarr(place: Path, _: nx.DiGraph) -> None:
    for group in place, place / "labels", place / "labels" / "tracks":
        yaozarrs.validate_zarr_store(str(group))


def check_csv(place: Path, wanted: nx.DiGraph) -> None:
    cells, links = pd.read_csv(place / "cells.csv"), pd.read_csv(place / "links.csv")
    found: nx.DiGraph = nx.DiGraph()
    found.add_nodes_from(zip(cells["frame"], cells["track"], strict=True))
    before = zip(links["frame"], links["track"], strict=True)
    after = zip(links["next_frame"], links["next_track"], strict=True)
    found.add_edges_from(zip(before, after, strict=True))
    same(found, wanted, lambda node, _: node)


def check(folder: Path) -> int:
    """Open all exports with all readers that can take them; return how many failed."""
    failed = 0
    for result in sorted(folder.glob("*/*_RES")):
        wanted, out = expected(result), result.with_name(f"{result.name}.export")
        place = out / f"{result.name}.zarr" / "tracks.geff"
        readers: dict[str, tuple[Callable[..., None], Path, Any]] = {
            "geff": (check_geff, place, wanted),
            "ome-zarr": (check_ome_zarr, out / f"{result.name}.ome.zarr", wanted),
        }
        # These fail on any graph without nodes.
        if wanted:
            readers["tracksdata"] = check_tracksdata, place, wanted
            readers["trackmate"] = check_trackmate, out / "trackmate" / "01_RES.xml", wanted
            readers["napari-geff"] = check_napari_geff, place, wanted
        # One measures cells one by one, the other compares all labels of a frame with all.
        if wanted and len(wanted) < MANY:
            readers["funtracks"] = check_funtracks, place, wanted
            readers["traccuracy"] = check_traccuracy, place, result
        if (out / "csv").exists():
            readers["csv"] = check_csv, out / "csv", wanted
        for name, (reads, what, against) in readers.items():
            began = time.monotonic()
            try:
                # Progress bars say nothing of the readers.
                with contextlib.redirect_stderr(io.StringIO()):
                    reads(what, against)
            except (AssertionError, ValueError, KeyError, TypeError, OSError) as error:
                failed += 1
                print(f"FAIL {result.parent.name}: {name}: {type(error).__name__}: {error}")
            else:
                seconds = time.monotonic() - began
                print(f"ok   {seconds:3.0f}s {result.parent.name}: {name}")
    return failed


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(min(check(Path(sys.argv[1])), 1))
