"""Fill: make regions for frames in which a linked cell was missed."""

from __future__ import annotations

from sam4ct.io.work import read_masks, write_masks
from sam4ct.pipelines.common.session import Session
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.repair import Repaired
from sam4ct.stages.fill import FillRules, Generated, fill_gaps
from sam4ct.tables import Links

FILLED = "generated.parquet"


def _method(plan: Plan) -> str:
    """How gaps are filled; without a network there are no propagated masks to fill them with."""
    method = plan.profile.fill
    return "interpolate" if method == "propagate" and plan.options.evidence == "overlap" else method


def fill(run: Session[Plan], masks: Repaired, links: Links) -> list[Generated]:
    """Return the regions that fill the gaps of links over missed frames."""
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
