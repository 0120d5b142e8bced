"""What the page store tells callers: a cached page and how fresh it is, runs, counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from state.placement import Page, Versions


class Freshness(StrEnum):
    """FRESH: as made. STALE: to be made again, good enough to show. DEGRADED: the store is down, this is a local copy.
    MISSING: nothing to show. NEGATIVE: nothing to show, and making it failed lately."""

    FRESH = "fresh"
    STALE = "stale"
    DEGRADED = "degraded"
    MISSING = "missing"
    NEGATIVE = "negative"


@dataclass(frozen=True)
class CachedPage:
    """The answer to a read.

    ``page`` is set for FRESH, STALE and DEGRADED: nothing in it is unavailable or forbidden now. ``reason`` says in
    words why it is not FRESH. ``withheld`` counts the products and placements taken out since the page was made.
    ``regenerate`` is True when a regeneration should be started now; ``retry_after_s`` is set for NEGATIVE.
    """

    shopper_id: str
    state: Freshness
    page: Page | None = None
    age_s: float | None = None
    reason: str | None = None
    withheld: int = 0
    regenerate: bool = False
    retry_after_s: float | None = None


class RunSummary(BaseModel):
    """One run of the page graph in a few lines, for the operator. ``error`` is set when it made no page.

    ``drop_reasons`` counts the dropped placements by the guard that ended them, ``drops`` quotes up to ten.
    """

    model_config = ConfigDict(extra="ignore")

    shopper_id: str
    made_at: datetime
    versions: Versions | None = None
    kept: int = 0
    dropped: int = 0
    drop_reasons: dict[str, int] = Field(default_factory=dict)
    drops: list[str] = Field(default_factory=list)
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    cold: bool = False
    fell_back: bool = False
    fallback_reason: str | None = None
    error: str | None = None


class Failure(BaseModel):
    """A shopper whose page could not be made: why, how often in a row, and when it may be tried again."""

    model_config = ConfigDict(extra="ignore")

    shopper_id: str
    reason: str
    failures: int = Field(ge=1)
    failed_at: datetime
    retry_at: datetime


@dataclass(frozen=True)
class StoreStats:
    """Counts of the store and of this process since it started.

    ``pages`` and ``bytes`` are None while the store is down. ``hits`` are reads answered with a page as it was made,
    ``stale`` and ``degraded`` those answered with such a page; ``rechecks`` counts stored pages judged again.
    """

    backend: str
    pages: int | None = None
    bytes: int | None = None
    hits: int = 0
    stale: int = 0
    degraded: int = 0
    misses: int = 0
    negative: int = 0
    corrupt: int = 0
    rechecks: int = 0
    regenerations: int = 0
    regenerations_refused: int = 0
    failures: int = 0
    store_errors: int = 0

    @property
    def hit_rate(self) -> float | None:
        """Share of reads answered with a page, None before the first read."""
        served = self.hits + self.stale + self.degraded
        reads = served + self.misses + self.negative
        return served / reads if reads else None


ProductState = Literal["available", "out_of_stock", "delisted"]


@dataclass(frozen=True)
class Unavailable:
    """The products that may not be shown now; ``revision`` changes with every update."""

    revision: str = ""
    states: dict[str, ProductState] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)
