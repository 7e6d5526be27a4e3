"""Planned: the plan of a run with its corrections, which are checked before any work."""

from __future__ import annotations

from dataclasses import replace

from sam4ct.io.corrections import refuse_unknown
from sam4ct.io.ctc import CtcSequence
from sam4ct.pipelines.common.answers import answers_path, read_answers
from sam4ct.pipelines.common.options import Options
from sam4ct.pipelines.link.plan import Plan, make_plan


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
