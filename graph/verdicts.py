"""What verdicts do to a placement: pure functions from a placement and a verdict to the placement after it."""

from __future__ import annotations

from state.placement import Placement, Status
from state.verdict import Action, Verdict


def apply_verdict(placement: Placement, verdict: Verdict) -> Placement:
    """Return ``placement`` after ``verdict``: recorded, pruned products taken out, status and feedback set.

    REPAIR adds the reasons to what the next attempt is told; a dropped placement stays dropped. The input is unchanged.

    Raises:
        ValueError: the verdict is on another placement.
    """
    if verdict.placement_id != placement.id:
        raise ValueError(f"verdict on placement {verdict.placement_id} applied to {placement.id}")
    update: dict[str, object] = {"verdicts": [*placement.verdicts, verdict]}
    if verdict.pruned:
        out = set(verdict.pruned)
        update["products"] = [product for product in placement.products if product.id not in out]
    if verdict.action is Action.DROP:
        update["status"] = Status.DROPPED
    elif verdict.action is Action.REPAIR and placement.status is not Status.DROPPED:
        update["status"] = Status.REPAIR
        new = [reason for reason in dict.fromkeys(verdict.reasons) if reason not in placement.feedback]
        update["feedback"] = [*placement.feedback, *new]
    return placement.model_copy(update=update)
