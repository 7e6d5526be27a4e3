"""Tell how many errors of a lineage a person's answers remove.

    python benchmarks/answers.py OUT [--data FOLDER] [--only CONDITION] [--seeds N]
        [--evidence overlap] [--counts N ...] [--orders ORDER ...]

Movies are simulated or real, as in suite.py, and linked below OUT where they are not yet. A
simulated proofreader (proofreader.py) answers questions in batches of 25; after each, the lineage
is solved again and asked about again. Orders of questions:

    gain        as `sam4ct questions` ranks them
    confidence  where the source of the least certain link goes
    random      where the source of any link goes

After so many answers the result is painted and scored: OP_CLB, and the wrong and missing edges
(edge_errors.py). Those that are left where all links of these masks are as in the truth cannot be
removed; the shares are of the others. Sequences without any are not in the mean shares.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from conditions import Movie, add_choice, chosen
from edge_errors import compare
from proofreader import Proofreader, is_about_leaving
from sam4ct.evaluate import evaluate

from sam4ct.corrections import Correction, End
from sam4ct.io.corrections import write_corrections
from sam4ct.io.ctc import CtcSequence, find_sequences
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.lineage.ask import SolvedRun
from sam4ct.pipelines.link.plan import make_plan
from sam4ct.pipelines.link.propagate import detect, propagate
from sam4ct.pipelines.link.repair import repair
from sam4ct.pipelines.link.run import LinkRun
from sam4ct.stages.repair import JoinedFrames
from sam4ct.tables import Links

BATCH = 25
COUNTS = (0, 25, 50, 100, 200, 400)
ORDERS = ("gain", "confidence", "random")


@dataclass(frozen=True)
class Scored:
    """A painted result."""

    errors: int
    """Wrong and missing edges."""
    op_clb: float


@dataclass(frozen=True)
class Corrected:
    """One linked movie, and who answers questions about it."""

    movie: Movie
    sequence: CtcSequence
    options: Options
    run: SolvedRun
    reader: Proofreader

    @classmethod
    def of(cls, movie: Movie, out: Path, evidence: str) -> Corrected:
        """Link a movie without corrections, as far as it is not done."""
        result = out / "answers" / evidence / movie.dataset.name / f"{movie.sequence}_RES"
        (sequence,) = find_sequences(movie.dataset, [movie.sequence], out=result)
        options = Options(profile="auto", evidence=evidence, report=False, overwrite=True)
        options = replace(options, use_corrections=False)
        LinkRun(sequence, options).execute()
        plan = make_plan(sequence, options)
        with WorkDir.open(sequence.work_dir, plan.key(), overwrite=True) as work:
            session = Session(plan, work)
            masks = repair(session, propagate(session, detect(session)))
        run = SolvedRun.read(WorkDir(sequence.work_dir))
        joined = JoinedFrames(masks.reader, masks.joins)
        return cls(movie, sequence, options, run, Proofreader(run.cells, joined, movie.truth))

    def scored(self, answers: Iterable[Correction]) -> Scored:
        """Run again with some answers, and score the result."""
        path = self.sequence.work_dir.with_name("answers.csv")
        write_corrections(path, answers)
        options = replace(self.options, corrections=path, use_corrections=True)
        LinkRun(self.sequence, options).execute()
        result = self.sequence.result_dir
        found = compare(result, self.movie.truth)
        scores = evaluate(result, self.movie.truth)
        assert scores["OP_CLB"] is not None
        errors = sum(error.kind != "semantics" for error in found.errors)
        return Scored(errors, scores["OP_CLB"])

    def answered(self, order: str, counts: Sequence[int]) -> list[Scored]:
        """Return the result after each of some numbers of answers."""
        answers: list[Correction] = []
        asked: set[tuple[End, bool]] = set()
        ask = _ORDERS[order]
        scores = []
        for n in range(0, max(counts) + 1, BATCH):
            if n in counts:
                scores.append(self.scored(answers))
            for about, said in ask(self, answers, asked):
                asked.add(about)
                answers += [one for one in said if one not in answers]
        return scores


Asked = list[tuple[tuple[End, bool], tuple[Correction, ...]]]
"""Which regions are asked about, whether where they go, and what is answered."""


def by_gain(movie: Corrected, answers: list[Correction], asked: set[tuple[End, bool]]) -> Asked:
    _, questions = movie.run.answered(answers, BATCH + len(asked))
    new = [(q, (replace(q.about, place=()), is_about_leaving(q))) for q in questions]
    return [(about, movie.reader.answer(q)) for q, about in new if about not in asked][:BATCH]


def by_link(
    order: Callable[[Links], Iterable[int]],
) -> Callable[[Corrected, list[Correction], set[tuple[End, bool]]], Asked]:
    def ask(movie: Corrected, answers: list[Correction], asked: set[tuple[End, bool]]) -> Asked:
        links, _ = movie.run.answered(answers, 0)
        found: dict[tuple[End, bool], tuple[Correction, ...]] = {}
        rows = {(t, i): n for n, (t, i) in enumerate(_keys(movie))}
        for row in order(links):
            key = int(links.t[row]), int(links.label[row])
            about = End(*key), True
            if not links.answered[row] and about not in asked and len(found) < BATCH:
                found[about] = movie.reader.says(rows[key], leaving=True)
        return list(found.items())

    return ask


def _keys(movie: Corrected) -> Iterable[tuple[int, int]]:
    cells = movie.run.cells
    return zip(cells.t.tolist(), cells.label.tolist(), strict=True)


def _shuffled(links: Links) -> list[int]:
    return np.random.default_rng(len(links)).permutation(len(links)).tolist()


_ORDERS = {
    "gain": by_gain,
    "confidence": by_link(lambda links: np.argsort(links.confidence, kind="stable").tolist()),
    "random": by_link(_shuffled),
}


def line(name: str, values: Iterable[str]) -> str:
    return f"{name:<40}" + "".join(f"{value:>9}" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_choice(parser)
    parser.add_argument("--evidence", choices=("sam2", "overlap"), default="sam2")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--orders", nargs="+", choices=ORDERS, default=list(ORDERS))
    parser.add_argument("--json", type=Path, help="Write all scores to this file.")
    arguments = parser.parse_args()
    counts, rows = sorted(arguments.counts), []
    print(line("movie, order", [f"N={n}" for n in counts] + ["perfect"]), flush=True)
    for number, movie in enumerate(chosen(arguments)):
        corrected = Corrected.of(movie, arguments.out, arguments.evidence)
        perfect = corrected.scored(corrected.reader.all())
        for order in arguments.orders:
            scores = corrected.answered(order, counts)
            rows.append((number, movie.label, order, scores, perfect))
            every = [*scores, perfect]
            print(line(f"{movie.label}, {order}: errors", (f"{s.errors}" for s in every)))
            print(line("    OP_CLB", (f"{s.op_clb:.4f}" for s in every)), flush=True)
    print("\n".join(summary(rows, counts, arguments.orders)))
    if arguments.json:
        table = [
            {
                "movie": label,
                "order": order,
                "errors": [s.errors for s in scores],
                "op_clb": [s.op_clb for s in scores],
                "perfect": [perfect.errors, perfect.op_clb],
            }
            for _, label, order, scores, perfect in rows
        ]
        arguments.json.write_text(json.dumps(table, indent=1) + "\n")


Row = tuple[int, str, str, list[Scored], Scored]


def summary(rows: Sequence[Row], counts: Sequence[int], orders: Sequence[str]) -> Iterable[str]:
    """Lines with the means over movies, by order."""
    for order in orders:
        own = [(scores, perfect) for _, _, name, scores, perfect in rows if name == order]
        errors = np.array([[s.errors for s in scores] for scores, _ in own], float)
        removable = errors[:, 0] - [perfect.errors for _, perfect in own]
        removed = errors[:, :1] - errors
        some = removable > 0
        shares = (removed[some] / removable[some, None]).mean(axis=0)
        pooled = removed.sum(axis=0) / max(1.0, removable.sum())
        each = removed.sum(axis=0) / np.maximum(1, np.array(counts) * len(own))
        clb = np.mean([[s.op_clb for s in scores] for scores, _ in own], axis=0)
        for what, values in (
            ("errors", errors.sum(axis=0)),
            ("share of removable ones removed, mean", shares),
            ("  of all movies together", pooled),
            ("removed by each answer", each),
            ("OP_CLB", clb),
        ):
            yield line(f"{order}: {what}", (f"{v:.3f}" for v in values))


if __name__ == "__main__":
    main()
