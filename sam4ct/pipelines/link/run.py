"""Link: one sequence from CTC folder to result, work folder and report."""

from __future__ import annotations

from typing import Any

from sam4ct.io.ctc import refuse_target
from sam4ct.io.files import write_json
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.engine_counts import engine_counts
from sam4ct.pipelines.common.record import Clock, circumstances, record_of
from sam4ct.pipelines.link.associate import edit_counts, run_associate
from sam4ct.pipelines.link.generate import run_generate
from sam4ct.pipelines.link.generated import generation_counts
from sam4ct.pipelines.link.plan import Options, Plan
from sam4ct.pipelines.link.propagate import run_detect, run_propagate
from sam4ct.pipelines.link.result import Painted, linked_regions, run_fill, run_paint
from sam4ct.report import facts_of_run, write_report
from sam4ct.report.rebuild import ResultFolder
from sam4ct.tables import Links


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
    clock = Clock()
    with WorkDir.open(sequence.work_dir, plan.key(), overwrite=overwrite) as work:
        resumed = run_detect(plan, work)
        clock.lap("detect")
        run_propagate(plan, work)
        clock.lap("propagate")
        links = run_linking(plan, work, clock)
        finish(plan, work, links, options, clock, resumed=resumed)
    return work


def run_linking(plan: Plan, work: WorkDir, clock: Clock) -> Links:
    """Link the given masks and, if the profile asks for them, generated ones; time both."""
    links = run_associate(plan, work)
    clock.lap("associate")
    if plan.profile.generate_masks:
        links = run_generate(plan, work, links)
        clock.lap("generate")
    return links


def finish(
    plan: Plan, work: WorkDir, links: Links, options: Options, clock: Clock, *, resumed: bool
) -> None:
    """Fill, paint, report; the result takes its place last of all.

    Args:
        plan: The run.
        work: Open work folder.
        links: The accepted links.
        options: For overwriting and the report.
        clock: Has the times so far.
        resumed: Whether an earlier command did a part of the work.
    """
    generated = run_fill(plan, work, links)
    clock.lap("fill")
    with run_paint(plan, work, links, generated, overwrite=options.overwrite) as painted:
        clock.lap("paint")
        clicked, edited = generation_counts(plan, work), edit_counts(plan, work)
        record = record_of(plan, links, generated, painted, clicked, edited)
        engine = engine_counts(work)
        if options.report:
            facts = facts_of_run(record | circumstances(clock, engine, resumed=resumed))
            _report(plan, work, painted, links, facts)
            clock.lap("report")
        write_json(work.run_json, record | circumstances(clock, engine, resumed=resumed))


def _report(
    plan: Plan, work: WorkDir, painted: Painted, links: Links, facts: dict[str, Any]
) -> None:
    masks, tracks = ResultFolder(painted.masks), painted.traced.tracks
    _, reader = linked_regions(plan, work)
    write_report(work.report, reader, masks, tracks, links, facts)
