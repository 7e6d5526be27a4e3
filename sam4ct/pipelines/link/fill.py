"""Fill: regions for the frames in which linked cells were missed."""

from __future__ import annotations

from sam4ct.io.work import read_masks, write_masks
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import Repaired
from sam4ct.stages.fill import FillRules, Generated, fill_gaps
from sam4ct.tables import Links

FILLED = "generated.parquet"


def _method(plan: Plan) -> str:
    """How gaps are filled; without a network nothing was propagated but the mask as it was."""
    method = plan.profile.fill
    return "interpolate" if method == "propagate" and plan.options.evidence == "overlap" else method


def fill(run: Session[Plan], masks: Repaired, links: Links) -> list[Generated]:
    """Return regions for the frames in which linked cells were missed."""
    run.begin("fill")
    plan, path = run.plan, run.work.artifact("fill", FILLED)
    if not run.work.has(path):
        rules = FillRules(
            method=_method(plan),
            min_size=plan.profile.min_size,
            spacing_um=plan.profile.spacing_um,
            jumps=plan.jumps,
        )
        made = fill_gaps(links, masks.painted[1], masks.propagated_region, rules)
        write_masks(path, [(g.source_t, g.source_label, g.t, 0.0, g.region) for g in made])
    return [Generated(row.t2, row.t, row.label, row.region) for row in read_masks(path)]
