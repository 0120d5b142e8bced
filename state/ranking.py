"""What ranking a page gives: placements and products in the order that one shopper sees now, and what was left out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from state.placement import Need, PlacedProduct


class Engagement(BaseModel):
    """Feedback on one placement so far: how often it was shown, clicked, and added to the cart from."""

    model_config = ConfigDict(frozen=True)

    impressions: int = Field(default=0, ge=0)
    clicks: int = Field(default=0, ge=0)
    adds: int = Field(default=0, ge=0)


class LeftOutReason(StrEnum):
    """Why something of the page is not shown."""

    UNKNOWN = "unknown"
    """The catalogue in use does not have the product."""
    UNAVAILABLE = "unavailable"
    AGE_RESTRICTED = "age_restricted"
    SHOWN_ELSEWHERE = "shown_elsewhere"
    """The product stands in another placement, where it is seen sooner: it shows once."""
    THIN = "thin"
    """Too few products of the placement are left."""


class LeftOut(BaseModel):
    """A product of a placement, or with ``product_id`` None a whole placement, that is not shown."""

    model_config = ConfigDict(frozen=True)

    placement_id: str
    product_id: str | None = None
    reason: LeftOutReason


class RankedProduct(PlacedProduct):
    """A product in the order to show it. ``predicted`` in [0, 1] is the ranker's chance that it is bought next."""

    predicted: float = Field(ge=0, le=1)


class RankedPlacement(BaseModel):
    """A placement in the order to show it.

    ``value`` is the predicted engagement of its first products (discounted sum of ``predicted``), ``feedback`` the
    factor from what shoppers did with it so far (1 without feedback); ``made_position`` is its place on the made page.
    """

    id: str
    title: str
    need: Need
    rationale: str
    made_position: int
    value: float = Field(ge=0)
    feedback: float = Field(default=1.0, gt=0)
    products: list[RankedProduct]


class RankedPage(BaseModel):
    """A page as it is shown. ``ranker`` names what scored the products; ``ranker_fault`` says why it was not the one
    asked for (the external service did not answer in time, for instance)."""

    shopper_id: str
    persona: str
    cold: bool = False
    fallback: bool = False
    placements: list[RankedPlacement]
    left_out: list[LeftOut] = Field(default_factory=list)
    ranker: str
    ranker_version: str
    ranker_fault: str | None = None
    page_created_at: datetime
    ranked_at: datetime
    seconds: float = Field(default=0.0, ge=0)


class RankOptions(BaseModel):
    """How a page is put together; docs/ranking.md explains each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_placements: int = Field(default=12, ge=1)
    max_products: int = Field(default=24, ge=1, description="Products shown in a placement.")
    min_products: int = Field(default=3, ge=1, description="A placement with fewer products left is not shown.")
    valued_products: int = Field(default=6, ge=1, description="First products that a placement is valued by.")
    diversity: float = Field(default=0.3, ge=0, le=1, description="Weight of being unlike what stands above (MMR).")
    fading: float = Field(
        default=0.8, gt=0, le=1, description="Worth left for each product before that has the same keyword; 1 is off."
    )
    near_identical: float = Field(default=0.8, gt=0, le=1, description="Such placements are not neighbours.")
    keep_order: bool = Field(default=False, description="Keep the placements in the order they were made in.")


class RankerSettings(BaseModel):
    """The product ranker: the learned one in ``model_dir``, or with ``url`` an external service before it."""

    model_config = ConfigDict(extra="forbid")

    model_dir: str | None = Field(default=None, description="Folder of the learned ranker; unset: the shipped one.")
    url: str | None = Field(default=None, pattern=r"^https?://", description="Scoring endpoint of an external ranker.")
    api_key: SecretStr | None = None
    timeout_s: float = Field(default=0.05, gt=0, le=5, description="Of one answer, from the first byte to the last.")
    max_faults: int = Field(default=3, ge=1, description="Faults in a row after which the service is left alone.")
    pause_s: float = Field(default=10.0, gt=0, description="For how long it is left alone.")
    options: RankOptions = Field(default_factory=RankOptions)
