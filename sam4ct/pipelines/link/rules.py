"""Rules: what the stages that link must know of a run beside its tables."""

from __future__ import annotations

from sam4ct.geometry import Margins
from sam4ct.pipelines.link.plan import Plan
from sam4ct.stages.associate import Costs, Scene, load_costs


def costs_of(plan: Plan) -> Costs:
    """Return the costs of links and divisions, by kind of evidence and number of axes."""
    return load_costs(plan.evidence, f"{plan.profile.ndim}d")


def scene_of(plan: Plan) -> Scene:
    """Return what association must know beside the tables."""
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
