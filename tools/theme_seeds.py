"""Splits a history into what the themes of a grounded design start from: one shelf each, and corpus terms near it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from state.catalog import KeywordCandidate
from state.placement import Need
from state.shopper import ProductHistory, ShopperContext
from state.vocabulary import ThemeSeed

LOOKED_AT = 60
PRODUCTS_OF_A_SEED = 5
TERMS_OF_A_SEED = 20
REGULARLY = 3
HOUSEHOLD_DEPARTMENTS = frozenset({"babies", "household", "personal care", "pets"})


class _Keywords(Protocol):
    def candidates(self, concepts: Sequence[str], limit: int = 100) -> list[KeywordCandidate]: ...


def theme_seeds(keywords: _Keywords, shopper: ShopperContext, count: int) -> list[ThemeSeed]:
    """Return up to ``count`` seeds, the shelf that the shopper buys from most first.

    Fewer when the history has fewer shelves, or the corpus nothing near a shelf.
    """
    shelves: dict[str, list[ProductHistory]] = {}
    for item in shopper.products[:LOOKED_AT]:
        shelves.setdefault(item.aisle, []).append(item)
    ranked = sorted(shelves, key=lambda aisle: (-sum(item.order_count for item in shelves[aisle]), aisle))
    seeds: list[ThemeSeed] = []
    for aisle in ranked:
        if len(seeds) == count:
            break
        items = shelves[aisle][:PRODUCTS_OF_A_SEED]
        bought: dict[str, int] = {}
        for item in items:
            bought.setdefault(item.name, item.order_count)
        terms = [term.text for term in keywords.candidates(list(bought), TERMS_OF_A_SEED) if term.kind == "query"]
        if terms:
            need = _need(items[0].department, max(bought.values()))
            seeds.append(ThemeSeed(aisle=aisle, need=need, bought=bought, concepts=terms))
    return seeds


def _need(department: str, order_count: int) -> Need:
    if department.casefold() in HOUSEHOLD_DEPARTMENTS:
        return Need.HOUSEHOLD
    return Need.REPLENISH if order_count >= REGULARLY else Need.EXPLORE
