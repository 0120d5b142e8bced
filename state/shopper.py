"""The shopper as the page agent sees them: facts derived from orders, never raw events."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ProductHistory(BaseModel):
    """What one shopper did with one product.

    ``orders_since_last`` is 0 when the product was in the latest order seen; ``cadence_days`` is the
    median gap between its purchases, None with fewer than two gaps that the data dates;
    ``due`` is days since last purchase over cadence (1 = due now), None without a cadence.
    """

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    product_id: str
    name: str
    aisle: str
    department: str
    order_count: int = Field(ge=1)
    orders_since_last: int = Field(ge=0)
    days_since_last: float | None = None
    cadence_days: float | None = None
    due: float | None = None


class AisleAffinity(BaseModel):
    """An aisle's share of the shopper's order lines, and its lift over the share among all shoppers."""

    model_config = ConfigDict(frozen=True)

    aisle: str
    department: str
    share: float = Field(ge=0, le=1)
    lift: float = Field(ge=0)


class Preference(BaseModel):
    """A preference derived from product names (``organic``, ``plant-based``, ...) with its evidence.

    ``share`` is the share of the shopper's lines that show it; ``evidence`` names up to three products.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    share: float = Field(ge=0, le=1)
    lift: float = Field(ge=0)
    evidence: tuple[str, ...] = ()


class DayPart(StrEnum):
    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    NIGHT = "night"


class ShopperContext(BaseModel):
    """Everything a page may know of a shopper.

    ``cold`` marks a shopper without (enough) history: ``products`` then holds what is popular in the shop and
    ``segment`` says where the stand-in comes from. ``held_out`` tells that the latest order was left out.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    shopper_id: str
    cold: bool = False
    segment: str | None = None
    held_out: bool = False
    order_count: int = Field(default=0, ge=0)
    basket_size: float | None = None
    days_between_orders: float | None = None
    day_part: DayPart | None = None
    products: list[ProductHistory] = Field(default_factory=list)
    last_order: list[str] = Field(default_factory=list, description="product names of the latest order seen")
    aisles: list[AisleAffinity] = Field(default_factory=list)
    preferences: list[Preference] = Field(default_factory=list)
    picked: list[str] = Field(
        default_factory=list, description="product names clicked or added to the cart on earlier pages, most used first"
    )

    @property
    def product_ids(self) -> set[str]:
        return {item.product_id for item in self.products}
