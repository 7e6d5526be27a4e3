"""Associate: the links of a whole sequence, from the evidence that lies in its work folder."""

from __future__ import annotations

import logging

from sam4ct.errors import WorkError
from sam4ct.geometry import Margins
from sam4ct.io.work import WorkDir, read_table, write_table
from sam4ct.pipelines.link.edited_evidence import evidence_files
from sam4ct.pipelines.link.plan import Plan
from sam4ct.pipelines.link.propagate import all_pairs, read_evidence
from sam4ct.pipelines.link.repair import cut_merged, cuts_of, given, is_cut
from sam4ct.stages.associate import Costs, Scene, associate, find_breaks, load_costs
from sam4ct.stages.repair import find_fragments, join, without_specks
from sam4ct.tables import Detections, Evidence, Joins, Links

logger = logging.getLogger(__name__)

JOINED = "joined.parquet"
"""Which fragments were linked as one region; beside the links."""


def run_associate(plan: Plan, work: WorkDir) -> Links:
    """Link the given masks of the whole sequence.

    Raises:
        WorkError: The evidence of some frame pair is missing.
    """
    work.stage("associate", plan.stage_key("associate"))
    # If masks are to be generated, these links are not the last word.
    first = work.artifact("associate", "links.parquet")
    path = first if plan.profile.generate_masks else work.links
    joined = work.artifact("associate", JOINED)
    if work.has(path) and work.has(joined) and is_cut(plan, work):
        return read_table(path, Links)
    pairs = all_pairs(plan)
    missing = [pair for pair in pairs if not work.has(work.evidence(*pair))]
    if missing:
        raise WorkError(
            f"{work.root}: the evidence of {len(missing)} frame pairs is missing, the first"
            f" begins at frame {missing[0][0]}. Run `sam4ct stage propagate` for all frames first."
        )
    evidence = read_evidence([work.evidence(*pair) for pair in pairs])
    joins = find_fragments(plan.survey.detections, evidence)
    write_table(joined, joins)
    if cut_merged(plan, work, evidence, joins, costs_of(plan), scene_of(plan)):
        del evidence  # before as much is read again
        evidence = read_evidence(evidence_files(plan, work))
    links = linked(plan, given(plan, work)[0], evidence, joins)
    write_table(path, links)
    return links


def linked(plan: Plan, detections: Detections, evidence: Evidence, joins: Joins) -> Links:
    """Return the links of all regions, fragments linked as the cells that they are part of."""
    profile = plan.profile
    detections, evidence = join(detections, evidence, joins, profile.spacing_um, plan.jumps)
    if profile.edit_masks:
        detections, evidence = without_specks(detections, evidence, profile.min_size, plan.edge)
    links = associate(detections, evidence, costs_of(plan), scene_of(plan))
    for t, reached, cells in find_breaks(detections, links):
        logger.warning(
            "%s: only %d of %d cells are linked to an earlier frame. Look at this frame and the"
            " one before it: the stage may have moved, frames may be missing, or time steps may"
            " be too long for cells to be recognised.",
            plan.sequence.masks[t],
            reached,
            cells,
        )
    return links


def costs_of(plan: Plan) -> Costs:
    """Return the costs that a run goes by."""
    return load_costs(plan.evidence, f"{plan.profile.ndim}d")


def scene_of(plan: Plan) -> Scene:
    """Return what association must know of a run beside its tables."""
    shape, profile = plan.survey.checked.shape, plan.profile
    return Scene(
        frames=len(plan.sequence.images),
        ndim=len(shape),
        spacing_um=profile.spacing_um,
        border=Margins(shape, profile.border_px, profile.border_z_px),
        divide=profile.division,
        min_cycle_frames=profile.min_cycle_frames,
        jumps=plan.jumps,
    )


def edit_counts(plan: Plan, work: WorkDir) -> dict[str, int]:
    """Return how many given masks were joined and cut; {} if they are left as they are."""
    if not plan.profile.edit_masks:
        return {}
    joins = read_table(work.artifact("associate", JOINED), Joins)
    return {"joined": len(joins), "cut": len(cuts_of(plan, work))}
