"""Themes, placements and pages: what the page graph makes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from state.usage import PhaseUsage
from state.verdict import Verdict


class Need(StrEnum):
    """The shopping need that a theme serves."""

    REPLENISH = "replenish"
    EXPLORE = "explore"
    MEAL_SOLUTION = "meal_solution"
    HEALTH_GOAL = "health_goal"
    OCCASION = "occasion"
    VALUE = "value"
    HOUSEHOLD = "household"


class Theme(BaseModel):
    """One idea of the page design. ``id`` is ``<shopper>-<position>``, stable across repairs."""

    id: str
    position: int = Field(ge=0)
    title: str
    need: Need
    rationale: str
    concepts: list[str]


class PageDesign(BaseModel):
    """Phase 1's answer: who the shopper is and the themes in page order."""

    persona: str
    themes: list[Theme]


class PlacedProduct(BaseModel):
    """A product in a placement. ``score`` in [0, 1] orders it; ``matched`` are the keywords that found it."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: str
    name: str
    aisle: str
    department: str
    price: float | None = None
    score: float
    matched: list[str] = Field(default_factory=list)
    bought_before: bool = False


class Status(StrEnum):
    """Where a placement stands: still in work, to be written again, on the page, or off it."""

    DRAFT = "draft"
    REPAIR = "repair"
    KEPT = "kept"
    DROPPED = "dropped"


class Placement(Theme):
    """A theme with its keywords and products, and every verdict passed on it.

    ``attempts`` counts how often keywords were written; ``candidate_count`` how many terms the writer chose from;
    ``feedback`` carries the reasons that the next attempt is told.
    """

    keywords: list[str] = Field(default_factory=list)
    categories: list[str] = Field(default_factory=list)
    filters: list[str] = Field(default_factory=list)
    products: list[PlacedProduct] = Field(default_factory=list)
    verdicts: list[Verdict] = Field(default_factory=list)
    status: Status = Status.DRAFT
    attempts: int = Field(default=0, ge=0)
    candidate_count: int = Field(default=0, ge=0)
    feedback: list[str] = Field(default_factory=list)

    @classmethod
    def of_theme(cls, theme: Theme) -> Placement:
        return cls(**theme.model_dump())


class DroppedPlacement(BaseModel):
    """A placement that did not make the page, with why: ``guard`` names the stage that ended it.

    What it had got so far is kept for the trace: ``product_ids`` are the products that no guard had taken out.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: str
    title: str
    need: Need
    guard: str
    reasons: list[str] = Field(min_length=1)
    verdicts: list[Verdict] = Field(default_factory=list)
    attempts: int = 0
    rationale: str = ""
    concepts: list[str] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list)
    categories: list[str] = Field(default_factory=list)
    filters: list[str] = Field(default_factory=list)
    candidate_count: int = 0
    product_ids: list[str] = Field(default_factory=list)

    @classmethod
    def of(cls, placement: Placement, guard: str, reasons: Sequence[str]) -> DroppedPlacement:
        """Return ``placement`` as ended by ``guard``."""
        same = set(cls.model_fields) & set(Placement.model_fields)
        return cls(
            **{name: getattr(placement, name) for name in same},
            guard=guard,
            reasons=list(reasons),
            product_ids=[product.id for product in placement.products],
        )


class Versions(BaseModel):
    """What a page was made with; part of its key in the store. Each value is a short digest or a version name."""

    catalog: str
    taxonomy: str
    corpus: str
    prompts: str
    models: str
    guards: str
    settings: str


class Page(BaseModel):
    """A finished page: what is shown, what was dropped and why, what it cost, what made it."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    shopper_id: str
    persona: str
    cold: bool = False
    fallback: bool = False
    fallback_reason: str | None = None
    placements: list[Placement]
    dropped: list[DroppedPlacement] = Field(default_factory=list)
    usage: dict[str, PhaseUsage] = Field(default_factory=dict)
    seconds: float = Field(default=0.0, ge=0, description="wall time of the whole graph run")
    versions: Versions
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
