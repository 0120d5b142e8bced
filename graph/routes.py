"""Routers: verdicts and budgets in, the name of the next step out. Pure, so that every branch is table-tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from state.placement import Placement, Status

AfterGuards = Literal["retry", "drop", "keep"]
AfterSettle = Literal["repair", "publish", "fall_back"]


def after_guards(placement: Placement, max_attempts: int) -> AfterGuards:
    """Return what follows the placement guards: write the keywords again, drop the placement, or keep it."""
    if placement.status is Status.DROPPED:
        return "drop"
    if placement.status is Status.REPAIR:
        return "retry" if placement.attempts < max_attempts else "drop"
    return "keep"


def after_settle(placements: Sequence[Placement], min_placements: int) -> AfterSettle:
    """Return what follows the page guards: repair what they failed, publish, or fall back to a rule-made page."""
    if any(placement.status is Status.REPAIR for placement in placements):
        return "repair"
    kept = sum(placement.status is Status.KEPT for placement in placements)
    return "publish" if kept >= min_placements else "fall_back"


def settle(placements: Sequence[Placement], repairs: int, max_repairs: int) -> list[Placement]:
    """Return the placements with repairs that the budget no longer allows turned into drops."""
    if repairs < max_repairs:
        return list(placements)
    return [
        placement.model_copy(update={"status": Status.DROPPED}) if placement.status is Status.REPAIR else placement
        for placement in placements
    ]
