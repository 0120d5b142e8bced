"""What the operator is answered: how a page came to be, runs, counts, health."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from serving.http.shapes import VerdictView
from state.cached import RunSummary
from state.placement import Versions
from state.usage import PhaseUsage


class TraceProduct(BaseModel):
    """A product that was found for a placement; ``shown`` on the page as made, or pruned by a guard."""

    id: str
    name: str
    aisle: str
    score: float | None = None
    matched: list[str] = []
    shown: bool = True
    pruned_by: str | None = None


class TracePlacement(BaseModel):
    """A theme's way: concepts -> candidates -> keywords -> products -> verdicts -> kept or dropped."""

    id: str
    title: str
    need: str
    rationale: str = ""
    kept: bool
    dropped_by: str | None = None
    reasons: list[str] = []
    concepts: list[str] = []
    candidate_count: int = 0
    keywords: list[str] = []
    categories: list[str] = []
    filters: list[str] = []
    products: list[TraceProduct] = []
    verdicts: list[VerdictView] = []
    attempts: int = 0


class Trace(BaseModel):
    """How a page came to be. ``funnel`` counts: themes, candidates, keywords, products found, products shown."""

    shopper_id: str
    persona: str
    cold: bool
    fallback: bool
    fallback_reason: str | None = None
    made_at: datetime
    seconds: float
    versions: Versions
    usage: dict[str, PhaseUsage]
    funnel: dict[str, int]
    placements: list[TracePlacement]


class Latency(BaseModel):
    """How long the latest pages took to answer, in milliseconds."""

    count: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None


class OperatorStats(BaseModel):
    """The store's counts, what generation does, how quick serving is."""

    store: dict[str, Any]
    hit_rate: float | None = None
    running: int
    queued: int
    generated: dict[str, int]
    latency: Latency
    feedback_events: dict[str, int]
    uptime_s: float


class OperatorRuns(BaseModel):
    """Latest runs, newest first."""

    runs: list[RunSummary]


class Live(BaseModel):
    status: Literal["live"] = "live"


class Ready(BaseModel):
    """Each part that has to work before pages can be served."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str]
