"""Verdicts: what a guard says of a placement, and what follows from it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Outcome(StrEnum):
    """PASS and FAIL are judgements; ERROR means that no judgement could be reached."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    ERROR = "error"


class Action(StrEnum):
    """What to do with the placement: keep it, take products out, write it again, or drop it."""

    KEEP = "keep"
    PRUNE = "prune"
    REPAIR = "repair"
    DROP = "drop"


class Verdict(BaseModel):
    """One guard's word on one placement.

    ``score`` and ``threshold`` are in the guard's own unit, higher is better; None where the guard is a rule.
    ``pruned`` lists the product ids to take out (action PRUNE, and REPAIR or DROP of a thin placement).
    A FAIL with action KEEP is advisory: recorded and shown, nothing is changed.
    """

    model_config = ConfigDict(frozen=True)

    guard: str
    placement_id: str
    outcome: Outcome
    action: Action
    score: float | None = None
    threshold: float | None = None
    reasons: tuple[str, ...] = ()
    pruned: tuple[str, ...] = ()
    guard_version: str = "0"
    model: str | None = None
    attempt: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _outcome_and_action_agree(self) -> Self:
        if self.outcome is Outcome.PASS and self.action is not Action.KEEP:
            raise ValueError(f"a PASS keeps the placement, not {self.action.value}")
        if self.outcome is not Outcome.PASS and not self.reasons:
            raise ValueError(f"a {self.outcome.value} verdict needs at least one reason")
        if self.action is Action.PRUNE and not self.pruned:
            raise ValueError("a PRUNE verdict names the products to take out")
        return self

    @property
    def ends_attempt(self) -> bool:
        """True when the placement cannot go on as it is: later (dearer) guards need not look at it."""
        return self.action in (Action.REPAIR, Action.DROP)
