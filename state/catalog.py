"""Catalogue types: what the shop sells and how it is shelved."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

PATH_SEPARATOR = " > "


class Category(BaseModel):
    """One leaf of the taxonomy. ``aisle`` is unique in a catalogue; ``path`` is ``department > aisle``."""

    model_config = ConfigDict(frozen=True)

    aisle: str
    department: str

    @property
    def path(self) -> str:
        return f"{self.department}{PATH_SEPARATOR}{self.aisle}"


class Product(BaseModel):
    """One sellable item. ``price`` is in the shop's currency, None where the catalogue has none."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    id: str
    name: str
    aisle: str
    department: str
    price: float | None = Field(default=None, ge=0)
    available: bool = True


class KeywordCandidate(BaseModel):
    """One term of the keyword corpus, as retrieved for a theme.

    ``similarity`` is the cosine to the nearest concept of the theme, ``concept`` that concept.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    kind: str = Field(pattern="^(query|category|filter)$")
    frequency: int = Field(ge=0)
    similarity: float
    concept: str


class ProductHit(BaseModel):
    """One product found for a placement's keywords.

    ``score`` is the fused retrieval score in [0, 1]; ``matched`` the keywords that found it, best first.
    """

    model_config = ConfigDict(frozen=True)

    product: Product
    score: float = Field(ge=0, le=1)
    matched: tuple[str, ...] = ()
