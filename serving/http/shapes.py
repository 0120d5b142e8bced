"""What the API takes and answers."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from catalog.schema import MAX_ID_CHARS
from state.catalog import Product
from state.errors import CatalogError
from state.intent import QueryIntent
from state.placement import Versions
from tools.shopper import check_shopper_id

PageState = Literal["fresh", "stale", "degraded", "provisional", "negative"]
FeedbackKind = Literal["impression", "click", "add_to_cart"]
MAX_EVENTS = 200
MAX_PRODUCTS_CHANGED = 10_000


def _readable_id(text: str) -> str:
    try:
        check_shopper_id(text)
    except CatalogError as error:
        raise ValueError(str(error)) from None
    return text


ForeignId = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS), AfterValidator(_readable_id)]


class VerdictView(BaseModel):
    """One guard's word on a placement: the answer to "why am I seeing this"."""

    guard: str
    outcome: str
    action: str
    score: float | None = None
    threshold: float | None = None
    reasons: list[str] = []


class ProductTile(BaseModel):
    """A product as a tile shows it. ``score`` is the ranker's (predicted to be bought next), ``relevance`` the
    placement's own; ``price_range`` is None where the catalogue has no price; ``found_by`` is the other query that
    found it, where it fills a thin page of search results."""

    id: str
    name: str
    aisle: str
    department: str
    price_range: str | None = None
    bought_before: bool = False
    score: float | None = None
    relevance: float | None = None
    found_by: str | None = None


class PlacementView(BaseModel):
    """A carousel: a theme with its products, in the order for this shopper now."""

    id: str
    title: str
    need: str
    why: str
    concepts: list[str] = []
    keywords: list[str] = []
    score: float | None = None
    verdicts: list[VerdictView] = []
    products: list[ProductTile]


class HubPage(BaseModel):
    """A shopper's page. ``state`` says how fresh it is; ``provisional`` is made by rules until a generated one is
    there; ``regenerating`` tells that one is being made: its progress is at ``/events``."""

    shopper_id: str
    persona: str
    cold: bool
    state: PageState
    made_at: datetime
    age_s: float
    fallback: bool
    fallback_reason: str | None = None
    provisional: bool = False
    regenerating: bool = False
    versions: Versions | None = None
    ranker: str | None = None
    placements: list[PlacementView]
    dropped_count: int = 0


class RunStarted(BaseModel):
    """A regeneration was started, or runs already. ``events`` is where its progress can be followed."""

    run_id: str
    shopper_id: str
    events: str
    already_running: bool = False


class FeedbackEvent(BaseModel):
    """What a shopper did with a placement or one of its products. ``at`` is when, now if left out."""

    model_config = ConfigDict(extra="forbid")

    kind: FeedbackKind
    placement_id: str = Field(min_length=1, max_length=2 * MAX_ID_CHARS)
    product_id: ForeignId | None = None
    at: datetime | None = None


class FeedbackBatch(BaseModel):
    """Events of one shopper. A batch sent twice under the same ``batch_id`` counts once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "shopper_id": "17",
                "events": [
                    {"kind": "impression", "placement_id": "17-0"},
                    {"kind": "add_to_cart", "placement_id": "17-0", "product_id": "24852"},
                ],
            }
        },
    )

    shopper_id: ForeignId
    events: list[FeedbackEvent] = Field(min_length=1, max_length=MAX_EVENTS)
    batch_id: str | None = Field(default=None, min_length=8, max_length=64, pattern=r"^[\w-]+$")


class FeedbackStored(BaseModel):
    """How many events were stored: 0 for a batch that was there already."""

    stored: int


class SearchResults(BaseModel):
    """Products for a query, best first.

    ``understood`` is what the query was taken to mean, None where that was not asked for or cannot be told.
    ``searched`` are the words that were searched: the query, or its repaired spelling where it was understood.
    ``thin``: few products say all that the query says; ``also`` are other queries whose products then fill the page.
    """

    query: str
    searched: str
    products: list[ProductTile]
    thin: bool = False
    also: list[str] = Field(default_factory=list)
    understood: QueryIntent | None = None


class AvailabilityUpdate(BaseModel):
    """Which products can be had now: True available, False out of stock, or "delisted" for good."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"products": {"24852": False}}})

    products: dict[ForeignId, bool | Literal["delisted"]] = Field(min_length=1, max_length=MAX_PRODUCTS_CHANGED)


class AvailabilityChanged(BaseModel):
    """How many products of the catalogue were set, and the ids that the catalogue does not have (the first 100)."""

    changed: int
    unknown: list[str] = []


class ShopperSummary(BaseModel):
    """A shopper of the demo picker."""

    id: str
    order_count: int
    top_aisles: list[str]
    new: bool = False


class ShopperList(BaseModel):
    shoppers: list[ShopperSummary]


_PRICE_BOUNDS = (2, 4, 6, 10, 20)


def price_range(price: float | None) -> str | None:
    """Return the band that a price lies in, in the shop's currency: ``under 2``, ``2 to 4``, ... ``20 and over``."""
    if price is None:
        return None
    if price < _PRICE_BOUNDS[0]:
        return f"under {_PRICE_BOUNDS[0]}"
    for low, high in pairwise(_PRICE_BOUNDS):
        if price < high:
            return f"{low} to {high}"
    return f"{_PRICE_BOUNDS[-1]} and over"


def tile_of(
    product: Product, *, bought_before: bool = False, score: float | None = None, found_by: str | None = None
) -> ProductTile:
    """Return the tile of a product found by search."""
    return ProductTile(
        id=product.id,
        name=product.name,
        aisle=product.aisle,
        department=product.department,
        price_range=price_range(product.price),
        bought_before=bought_before,
        relevance=score,
        found_by=found_by,
    )
