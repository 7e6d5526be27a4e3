"""How long a long crowded sequence takes to obey answers.

    python benchmarks/correct_speed.py              1,000 frames of 600 cells, 25 answers

A sequence is linked once from made tables (`speed_tables.py`), and its problem kept in files, as a
run does. Then random links are answered: a third is wrong, a third leads to another candidate, a
third ends there. Printed are the seconds on the clock to read the problem, to solve it again, and
to write the links; how many links differ; and the seconds to find the next 100 questions.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from speed_tables import MAX_GAP, SHAPE, Crowd

from sam4ct.corrections import Correction, End, Kind
from sam4ct.geometry import Margins
from sam4ct.io.work import WorkDir, write_table
from sam4ct.pipelines.link.lineage.solved import keep_solved, read_solved
from sam4ct.stages.associate import Scene, accepted, best_lineage, load_costs, measured
from sam4ct.stages.associate.solver import Solved
from sam4ct.stages.correct import answered, ask, resolve
from sam4ct.stages.propagate import frame_pairs
from sam4ct.tables import Detections, Evidence, Links


def answers_to(found: Solved, detections: Detections, count: int) -> list[Correction]:
    """Answers about random links, none of which is right."""
    rng, links = np.random.default_rng(1), found.problem.links
    chosen = rng.permutation(found.selection.links)
    others = np.setdiff1d(np.arange(len(links.u)), found.selection.links)
    said: list[Correction] = []
    taken: set[int] = set()

    def end(row: int) -> End:
        return End(int(detections.t[row]), int(detections.label[row]))

    for link in chosen.tolist():
        if len(said) == count:
            break
        u, v = int(links.u[link]), int(links.v[link])
        rivals = others[links.u[others] == u]
        new = int(links.v[rivals[0]]) if len(rivals) else v
        if taken.intersection((u, v, new)):
            continue
        taken |= {u, v, new}
        kind = (Kind.NOT_SAME_CELL, Kind.SAME_CELL, Kind.ENDS)[len(said) % 3]
        if kind is Kind.SAME_CELL and new != v:
            said.append(Correction(kind, (end(u), end(new))))
        elif kind is Kind.ENDS:
            said.append(Correction(kind, (end(u),)))
        else:
            said.append(Correction(Kind.NOT_SAME_CELL, (end(u), end(v))))
    return said


def pairs(links: Links) -> set[tuple[int, ...]]:
    columns = (links.t, links.label, links.t2, links.label2)
    return set(zip(*(column.tolist() for column in columns), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--cells", type=int, default=600)
    parser.add_argument("--answers", type=int, default=25)
    asked = parser.parse_args()
    crowd, costs = Crowd.crawl(asked.frames, asked.cells), load_costs("sam2", "2d")
    detections = crowd.detections()
    steps = [(t, t + dt) for t, dt in frame_pairs(asked.frames, MAX_GAP)]
    evidence = Evidence.concat(crowd.evidence(*p) for pair in steps for p in (pair, pair[::-1]))
    scene = Scene(frames=asked.frames, ndim=2, spacing_um=(1.0, 1.0, 1.0), border=Margins(SHAPE))
    began = time.perf_counter()
    base = best_lineage(detections, evidence, costs, scene)
    before = accepted(detections, base, costs)
    print(f"linked once in {time.perf_counter() - began:.1f} s: {len(before)} links", flush=True)
    with tempfile.TemporaryDirectory(prefix="sam4ct-correct-") as folder:
        work = WorkDir(Path(folder))
        began = time.perf_counter()
        keep_solved(work, "associate", detections, base)
        kept = time.perf_counter() - began
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
        print(f"kept in {kept:.1f} s: {size / 1e6:.0f} MB", flush=True)
        said = answers_to(base, detections, asked.answers)
        del base, evidence
        began = time.perf_counter()
        cells, stored = read_solved(work, "associate", scene.min_cycle_frames)
        read = time.perf_counter()
        found = resolve(stored, cells, said)
        solved = time.perf_counter()
        links = answered(accepted(cells, found, costs), said)
        write_table(work.links, links)
        ended = time.perf_counter()
        ask(found, cells, *measured(cells, scene), said)
        asking = time.perf_counter() - ended
    changed = len(pairs(before) ^ pairs(links))
    print(
        f"{len(said)} answers: read {read - began:.2f} s, solved {solved - read:.2f} s, written"
        f" {ended - solved:.2f} s, in all {ended - began:.2f} s; {changed} links differ;"
        f" 100 questions {asking:.2f} s"
    )


if __name__ == "__main__":
    main()
