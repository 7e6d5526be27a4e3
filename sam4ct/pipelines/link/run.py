"""Link: one sequence from CTC folder to result, work folder and report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sam4ct.io.corrections import refuse_unknown
from sam4ct.io.ctc import CtcReader, CtcSequence, refuse_target
from sam4ct.io.files import write_json
from sam4ct.io.work import WorkDir
from sam4ct.pipelines.common.answers import (
    answers_changed,
    answers_path,
    keep_answered,
    read_answers,
)
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.common.record import circumstances
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.fill import fill
from sam4ct.pipelines.link.generate import generate, generation_counts
from sam4ct.pipelines.link.lineage.ask import SHOWN, SolvedRun, write_questions
from sam4ct.pipelines.link.lineage.associate import associate
from sam4ct.pipelines.link.lineage.correct import correct
from sam4ct.pipelines.link.lineage.edit import edit
from sam4ct.pipelines.link.paint import paint, record_of
from sam4ct.pipelines.link.plan import Plan, make_plan, settle_profile
from sam4ct.pipelines.link.propagate import detect, propagate
from sam4ct.pipelines.link.repair import Repaired, costs_of, repair, scene_of
from sam4ct.pipelines.link.summary import describe, estimate
from sam4ct.report import facts_of_run, write_report
from sam4ct.report.rebuild import ResultFolder
from sam4ct.stages.fill import Generated
from sam4ct.tables import Links


def stages(run: Session[Plan], frames: range | None = None) -> Iterator[str]:
    """Do the stages in order, each as far as it is not done; yield its name afterwards.

    Args:
        run: At work.
        frames: Whose evidence to gather; see `propagate`.
    """
    masks = detect(run)
    yield "detect"
    masks = propagate(run, masks, frames)
    yield "propagate"
    masks = repair(run, masks)
    yield "repair"
    masks, links = associate(run, masks)
    yield "associate"
    masks, links = generate(run, masks, links)
    yield "generate"
    masks, links = edit(run, masks, links)
    masks, links = correct(run, masks, links)
    yield "correct"
    filled = fill(run, masks, links)
    yield "fill"
    finish(run, masks, links, filled)
    yield "paint"


@dataclass(frozen=True)
class LinkRun:
    """The masks of one sequence, to be linked; a `Run`."""

    sequence: CtcSequence
    options: Options

    def used(self) -> Options:
        is_image = len(CtcReader(self.sequence).shape) == 2
        return replace(self.options, generate_masks=None) if is_image else self.options

    def settle(self) -> frozenset[str]:
        profile = settle_profile(self.sequence, self.options)
        generate = profile.generate_masks if profile else self.options.generate_masks
        roles = {"sam2": self.options.evidence == "sam2", "sam_med3d": generate}
        return frozenset(role for role, asked in roles.items() if asked)

    @cached_property
    def plan(self) -> Plan:
        """Profile, networks and key; every frame is read."""
        return planned(self.sequence, self.options)

    def describe(self) -> str:
        return describe(self.plan)

    def estimate(self) -> str:
        return estimate(self.plan)

    def key(self) -> dict[str, str]:
        return self.plan.key()

    def execute(self) -> WorkDir:
        overwrite, replaces = self.options.overwrite, self.replaces
        refuse_target(self.sequence.result_dir, overwrite=replaces)
        plan = replace(self.plan, options=replace(self.options, overwrite=replaces))
        with WorkDir.open(self.sequence.work_dir, plan.key(), overwrite=overwrite) as work:
            for _ in stages(Session(plan, work)):
                pass
        return work

    @cached_property
    def replaces(self) -> bool:
        # A result that this run has made, before there were other answers, can be made again by
        # taking the answers back. Asked before the run begins, for the run records its answers.
        if self.options.overwrite or not answers_changed(self.sequence.result_dir, self.options):
            return self.options.overwrite
        return WorkDir(self.sequence.work_dir).run_key() == self.plan.key()


def planned(sequence: CtcSequence, options: Options) -> Plan:
    """Settle a run with its corrections; see `make_plan`.

    Raises:
        Sam4ctError: As `make_plan`; and a correction names a frame or a label that is not there.
    """
    answers = read_answers(sequence.result_dir, options)
    plan = make_plan(sequence, options)
    path = answers_path(sequence.result_dir, options)
    if path is None:
        return plan
    checked = plan.survey.checked
    refuse_unknown(path, answers, plan.survey.detections, checked.frames, len(checked.shape))
    return replace(plan, answers=answers, answers_file=path)


def finish(run: Session[Plan], masks: Repaired, links: Links, filled: Sequence[Generated]) -> None:
    """Paint, ask and report; the result folder appears last, when all else is written."""
    options = run.plan.options
    with paint(run, masks, links, filled, overwrite=options.overwrite) as painted:
        record = record_of(masks, links, filled, painted, generation_counts(run.plan, run.work))
        run.clock.begin("ask")
        solved = SolvedRun.of(run.work, costs_of(run.plan), scene_of(run.plan))
        questions = solved.answered(run.plan.answers)[1]
        write_questions(run.work, run.plan.sequence.name, questions)
        if options.report:
            facts = facts_of_run(record | circumstances(run))
            run.clock.begin("report")
            reader, result = masks.painted[1], ResultFolder(painted.masks)
            write_report(
                run.work.report,
                reader,
                result,
                painted.traced.tracks,
                links,
                facts,
                questions=questions[:SHOWN],
                corrections=run.plan.answers,
            )
        write_json(run.work.run_json, record | circumstances(run))
    keep_answered(run.work, run.plan.answers)
