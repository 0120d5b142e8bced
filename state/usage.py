"""Usage: what one chat call cost in tokens, seconds and money."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field


class CallUsage(BaseModel):
    """Cost of one answered chat request, re-asks included.

    ``calls`` counts the completions made (1 + re-asks); ``seconds`` is wall time, waiting in a batch included.
    """

    model_config = ConfigDict(frozen=True)

    phase: str
    role: str
    model: str
    calls: int = Field(default=1, ge=0)
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    cost_usd: float = Field(default=0.0, ge=0)


class PhaseUsage(BaseModel):
    """Sum of the calls of one phase of a page."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    cost_usd: float = 0.0


def usage_by_phase(calls: Iterable[CallUsage]) -> dict[str, PhaseUsage]:
    """Sum calls by phase, phases in order of first appearance."""
    totals: dict[str, PhaseUsage] = {}
    for call in calls:
        total = totals.setdefault(call.phase, PhaseUsage())
        for field in PhaseUsage.model_fields:
            setattr(total, field, getattr(total, field) + getattr(call, field))
    return totals
