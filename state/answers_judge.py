"""What the LLM judge answers: seven yes/no questions on a page, the reason always before the answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PageQuestion = Literal["cohesive", "diverse", "covers_needs"]
PlacementQuestion = Literal["title_on_brand", "fits_shopper", "enough_products", "products_match"]


class YesNo(BaseModel):
    """One answered question. The reason comes first so that the answer follows from it."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=160)
    answer: Literal["yes", "no"]


class PageAnswers(BaseModel):
    """Cohesive? Diverse? Covers the needs of the business?"""

    model_config = ConfigDict(extra="forbid")

    cohesive: YesNo
    diverse: YesNo
    covers_needs: YesNo


class PlacementAnswers(BaseModel):
    """Title well written and on brand? Fits the shopper? Enough products kept? Products match the title?"""

    model_config = ConfigDict(extra="forbid")

    title_on_brand: YesNo
    fits_shopper: YesNo
    enough_products: YesNo
    products_match: YesNo
