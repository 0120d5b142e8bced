"""The vocabulary of one placement: every text that its keyword writer may choose."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from state.placement import Need


class Vocabulary(BaseModel):
    """What was retrieved for a theme: corpus terms, aisles and filters, nearest first."""

    model_config = ConfigDict(frozen=True)

    keywords: list[str]
    categories: list[str]
    filters: list[str]

    @property
    def texts(self) -> list[str]:
        """Everything that may be chosen, the three kinds together."""
        return [*self.keywords, *self.categories, *self.filters]


class ThemeSeed(BaseModel):
    """What one theme of a grounded design starts from: products of one shelf, and corpus terms near them.

    ``bought`` maps product names to the number of orders they were in.
    """

    model_config = ConfigDict(frozen=True)

    aisle: str
    need: Need
    bought: dict[str, int]
    concepts: list[str]


class Evidence(BaseModel):
    """What a shopper bought of a theme: ``bought`` maps product names to numbers of orders, most telling first.

    ``beside`` is the nearest product that they bought or picked on a page, when nothing of the theme itself was bought.
    """

    model_config = ConfigDict(frozen=True)

    bought: dict[str, int] = Field(default_factory=dict)
    beside: str | None = None
