"""A shop of a few dozen products in memory: real behaviour of every seam of the page graph, no weights, no files."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Sequence

import numpy as np

from graph.services import Services
from state.catalog import Category, KeywordCandidate, Product, ProductHit
from state.guard import Chat
from state.relevance import product_name
from state.settings import Settings
from state.shopper import AisleAffinity, ProductHistory, ShopperContext

SHELVES = {
    ("produce", "fresh fruits"): ["banana", "gala apple", "lemon", "strawberries", "avocado"],
    ("dairy eggs", "yogurt"): ["greek yogurt", "vanilla yogurt", "berry yogurt", "yogurt tubes"],
    ("snacks", "chips pretzels"): ["tortilla chips", "sea salt pretzels", "kettle chips", "pita chips"],
    ("bakery", "bread"): ["whole wheat bread", "sourdough bread", "rye bread", "raisin bread"],
    ("beverages", "tea"): ["green tea", "black tea", "mint tea", "chai tea"],
    ("alcohol", "red wines"): ["red wine", "pinot noir wine", "merlot wine"],
}


class SmallCatalog:
    """The shelves above; popularity is shelf order."""

    version = "small-1"
    taxonomy_version = "small-1"

    def __init__(self) -> None:
        names = [(name, aisle, dept) for (dept, aisle), shelf in SHELVES.items() for name in shelf]
        self._products = {
            str(number): Product(id=str(number), name=name.title(), aisle=aisle, department=dept, price=2.5)
            for number, (name, aisle, dept) in enumerate(names, start=1)
        }

    def existing_ids(self, product_ids: Sequence[str]) -> set[str]:
        return {*product_ids} & {*self._products}

    def products(self, ids: Sequence[str]) -> dict[str, Product]:
        return {key: self._products[key] for key in ids if key in self._products}

    def all_products(self) -> list[Product]:
        return list(self._products.values())

    def categories(self) -> list[Category]:
        return [Category(aisle=aisle, department=dept) for dept, aisle in SHELVES]

    def popular(
        self, limit: int, aisles: Sequence[str] | None = None, *, hold_out_last: bool = False
    ) -> list[tuple[Product, int]]:
        wanted = [p for p in self._products.values() if aisles is None or p.aisle in aisles]
        return [(product, 100 - rank) for rank, product in enumerate(wanted[:limit])]


class SmallShoppers:
    """Shopper ``7`` buys fruit, yogurt and bread; every other one is cold."""

    def __init__(self, catalog: SmallCatalog) -> None:
        self._catalog = catalog

    def load(self, shopper_id: str, *, hold_out_last: bool = False) -> ShopperContext:
        products = self._catalog.products(["1", "2", "6", "7", "14"])
        history = [
            ProductHistory(
                product_id=p.id, name=p.name, aisle=p.aisle, department=p.department, order_count=5, orders_since_last=0
            )
            for p in products.values()
        ]
        if shopper_id != "7":
            return ShopperContext(shopper_id=shopper_id, cold=True, segment="popular in the shop", products=history)
        return ShopperContext(
            shopper_id=shopper_id,
            held_out=hold_out_last,
            order_count=6,
            basket_size=5.0,
            products=history,
            aisles=[
                AisleAffinity(aisle="fresh fruits", department="produce", share=0.5, lift=2.0),
                AisleAffinity(aisle="yogurt", department="dairy eggs", share=0.3, lift=1.5),
            ],
        )


class WordSearch:
    """Keyword and product search by shared words."""

    version = "words-1"

    def __init__(self, catalog: SmallCatalog, *, terms: Sequence[str] | None = None) -> None:
        self._catalog = catalog
        mined = [product.name.lower() for product in catalog.all_products()]
        self._terms = mined if terms is None else list(terms)

    def candidates(self, concepts: Sequence[str], limit: int = 100) -> list[KeywordCandidate]:
        wanted = {word for concept in concepts for word in concept.lower().split()}
        near = [term for term in self._terms if wanted & {*term.split()}]
        found = [*near, *(term for term in self._terms if term not in near)]
        return [
            KeywordCandidate(text=term, kind="query", frequency=1, similarity=0.9, concept=concepts[0])
            for term in found[:limit]
        ]

    def terms(self, kind: str = "query") -> list[str]:
        return self._terms if kind == "query" else []

    def find(
        self,
        keywords: Sequence[str],
        *,
        categories: Sequence[str] = (),
        filters: Sequence[str] = (),
        preferred: Collection[str] = (),
        limit: int = 24,
    ) -> list[ProductHit]:
        if not self._terms:
            return []
        hits = []
        for product in self._catalog.all_products():
            matched = [k for k in keywords if {*k.lower().split()} & {*product.name.lower().split()}]
            if matched or product.aisle in categories:
                score = (0.9 if matched else 0.4) + 0.05 * (product.id in preferred)
                hits.append(ProductHit(product=product, score=score, matched=tuple(matched)))
        return sorted(hits, key=lambda hit: -hit.score)[:limit]


class WordEmbedder:
    """Bag of words hashed to 64 dimensions, unit length: shared words mean similarity."""

    name = "words-64"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % 64] += 1.0
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


class WordScorer:
    """1.0 when theme and product name share a word, ``miss`` otherwise."""

    name, threshold = "shared-words", 0.5

    def __init__(self, miss: float = 0.0) -> None:
        self._miss = miss

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        words = [(_words(theme), _words(product_name(product))) for theme, product in pairs]
        return np.array([1.0 if a & b else self._miss for a, b in words], dtype=np.float32)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def small_services(chat: Chat, settings: Settings | None = None, *, terms: Sequence[str] | None = None) -> Services:
    """Return the services of the small shop around ``chat``; ``terms`` replaces the keyword corpus."""
    catalog = SmallCatalog()
    search = WordSearch(catalog, terms=terms)
    return Services(
        settings=settings or Settings(),
        catalog=catalog,
        shoppers=SmallShoppers(catalog),
        keywords=search,
        products=search,
        embedder=WordEmbedder(),
        scorer=WordScorer(),
        chat=chat,
    )
