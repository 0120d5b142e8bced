"""Which products of a theme are worth a label: what search finds, what it nearly finds, and what it would not."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Protocol

from state.catalog import Product, ProductHit
from training.examples import ThemeLabel

BEST, NEAR_MISSES, BY_TITLE, SAME_AISLE, ANYWHERE = 8, 5, 3, 4, 4
_RANKS = 40


class ProductFinder(Protocol):
    def find(self, keywords: Sequence[str], *, limit: int = 24) -> list[ProductHit]: ...


def products_to_label(
    theme: ThemeLabel, search: ProductFinder, catalog: Sequence[Product], seed: int = 7
) -> list[Product]:
    """Return up to 24 distinct available products, shuffled so that their order tells nothing.

    8 best of the concepts, 5 of their ranks 9 to 40 (near misses), 3 nearest to the title alone, 4 others of the
    aisles found, 4 from anywhere. The same theme, catalogue and seed give the same products.
    """
    digest = hashlib.sha256(f"{seed}:{theme.id}:{theme.title}".encode()).digest()
    chance = random.Random(int.from_bytes(digest[:8]))
    ranked = [hit.product for hit in search.find(theme.concepts, limit=_RANKS)]
    chosen: dict[str, Product] = {product.id: product for product in ranked[:BEST]}
    aisles = {product.aisle for product in chosen.values()}
    sellable = [product for product in catalog if product.available]
    titled = [hit.product for hit in search.find([theme.title], limit=_RANKS)]
    _add(chosen, chance.sample(ranked[BEST:], len(ranked[BEST:])), NEAR_MISSES)
    _add(chosen, titled, BY_TITLE)
    shelf = [product for product in sellable if product.aisle in aisles]
    _add(chosen, chance.sample(shelf, min(len(shelf), SAME_AISLE + len(chosen))), SAME_AISLE)
    _add(chosen, chance.sample(sellable, min(len(sellable), ANYWHERE + len(chosen))), ANYWHERE)
    products = list(chosen.values())
    chance.shuffle(products)
    return products


def _add(chosen: dict[str, Product], more: Sequence[Product], count: int) -> None:
    fresh = [product for product in more if product.id not in chosen]
    chosen.update({product.id: product for product in fresh[:count]})
