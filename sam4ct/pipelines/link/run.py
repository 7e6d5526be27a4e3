"""Link: one sequence from CTC folder to result, work folder and report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sam4ct.io.ctc import refuse_target
from sam4ct.io.files import write_json
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.record import circumstances
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.associate import associate
from sam4ct.pipelines.link.fill import fill
from sam4ct.pipelines.link.generate import generate, generation_counts
from sam4ct.pipelines.link.paint import paint, record_of
from sam4ct.pipelines.link.plan import Options, Plan
from sam4ct.pipelines.link.propagate import detect, propagate
from sam4ct.pipelines.link.repair import Repaired, repair
from sam4ct.report import facts_of_run, write_report
from sam4ct.report.rebuild import ResultFolder
from sam4ct.stages.fill import Generated
from sam4ct.tables import Links


def stages(run: Session[Plan], options: Options, frames: range | None = None) -> Iterator[str]:
    """Do the seven stages in order, each as far as it is not done; yield its name afterwards.

    Args:
        run: At work.
        options: For overwriting and the report.
        frames: Whose evidence to gather; see `propagate`.
    """
    masks = detect(run)
    yield "detect"
    masks = propagate(run, masks, frames)
    yield "propagate"
    masks = repair(run, masks)
    yield "repair"
    links = associate(run, masks)
    yield "associate"
    masks, links = generate(run, masks, links)
    yield "generate"
    filled = fill(run, masks, links)
    yield "fill"
    finish(run, masks, links, filled, options)
    yield "paint"


def run_sequence(plan: Plan, options: Options) -> WorkDir:
    """Do all stages of a planned run, or what is left of them.

    Args:
        plan: From `make_plan`.
        options: The same options.

    Returns:
        The work folder; the result is at `plan.sequence.result_dir`.

    Raises:
        Sam4ctError: Something the user can mend.
    """
    sequence, overwrite = plan.sequence, options.overwrite
    refuse_target(sequence.result_dir, overwrite=overwrite)
    with WorkDir.open(sequence.work_dir, plan.key(), overwrite=overwrite) as work:
        for _ in stages(Session(plan, work), options):
            pass
    return work


def finish(
    run: Session[Plan],
    masks: Repaired,
    links: Links,
    filled: Sequence[Generated],
    options: Options,
) -> None:
    """Paint and report; the result takes its place last of all."""
    with paint(run, masks, links, filled, overwrite=options.overwrite) as painted:
        record = record_of(masks, links, filled, painted, generation_counts(run.plan, run.work))
        if options.report:
            facts = facts_of_run(record | circumstances(run))
            run.clock.begin("report")
            reader, result = masks.painted[1], ResultFolder(painted.masks)
            write_report(run.work.report, reader, result, painted.traced.tracks, links, facts)
        write_json(run.work.run_json, record | circumstances(run))
