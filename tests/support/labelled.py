"""Labelled queries over the shelves of the small shop."""

from __future__ import annotations

from support.small_shop import SmallCatalog

from state.intent import Attribute, LabelledQuery, Rewrites
from tools.intent_entries import Taxonomy

TEA, YOGURT, BREAD = "beverages > tea", "dairy eggs > yogurt", "bakery > bread"


def tea(query: str = "organic mint tea", corrected: str | None = None, **more: object) -> LabelledQuery:
    """Return the answer of a query for mint tea."""
    given: dict[str, object] = {
        "query": query,
        "corrected": corrected or query,
        "kind": "head",
        "product": "tea",
        "attributes": [Attribute(type="quality", value="organic"), Attribute(type="flavor", value="mint")],
        "categories": [TEA],
        "rewrites": Rewrites(synonym=["peppermint tea"], broader=["mint tea", "tea"], substitute=["green tea"]),
    }
    return LabelledQuery.model_validate({**given, **more})


def plain(query: str, **more: object) -> LabelledQuery:
    """Return an answer that says nothing but that the query is spelled right."""
    return LabelledQuery.model_validate({"query": query, "corrected": query, **more})


def small_taxonomy(version: str = "small-1") -> Taxonomy:
    return Taxonomy.of(version, SmallCatalog().categories())


GOODS = [
    ("yogurt", "flavor", ("vanilla", "berry")),
    ("bread", "quality", ("rye", "raisin")),
    ("tea", "form", ("loose",)),
]


def tagged_goods() -> list[LabelledQuery]:
    """Return queries of a brand, a word that says what kind, and a product, all combinations."""
    found = []
    for product, label, values in GOODS:
        for value in values:
            for brand in ("acme", "zest", None):
                text = " ".join(filter(None, (brand, value, product)))
                attributes = [Attribute(type=label, value=value)]
                found.append(
                    LabelledQuery(query=text, corrected=text, brand=brand, product=product, attributes=attributes)
                )
    return found
