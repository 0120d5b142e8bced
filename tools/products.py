"""Product search: what a shopper would see for the keywords of a placement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Self

import numpy as np

from catalog.lexicon import load_lexicon
from state.catalog import ProductHit
from state.guard import Embedder
from state.settings import Settings
from tools.keywords import readable_concepts
from tools.known_vectors import KnownVectors
from tools.product_index import ProductIndex, ProductSource, product_text, product_words

DEPTH = 60
"""Products that each of the two rankings of a keyword contributes."""
RRF_K = 60
REMEMBERED = 512
"""Single keywords whose ranking is kept."""
MIN_COSINE = 0.45
"""A product found by meaning alone is this near at least; below it are the neighbours of a thing not sold here."""
CATEGORY_BOOST, FILTER_BOOST, PREFERRED_BOOST = 1.15, 1.25, 1.3


@dataclass
class _Found:
    row: int
    score: float
    matched: list[tuple[float, str]]


class ProductSearch:
    """Finds products for keywords by their words (BM25) and their meaning (exact cosine), fused by rank."""

    def __init__(self, index: ProductIndex, embedder: Embedder) -> None:
        self._index = index
        self._embedder = embedder
        self._rows = {product.id: row for row, product in enumerate(index.products)}
        # Reading one query asks for its products more than once: categories, gate, guards.
        self._alone = lru_cache(maxsize=REMEMBERED)(self._ranked_alone)

    @classmethod
    def open(cls, settings: Settings, warehouse: ProductSource, embedder: Embedder) -> Self:
        """Open the index of the catalogue's version, building it where there is none."""
        return cls(ProductIndex.open(settings, warehouse, embedder), embedder)

    @cached_property
    def known_vectors(self) -> Embedder:
        """The embedder, with the products' vectors looked up in the index."""
        return KnownVectors(self._embedder, [product_text(item) for item in self._index.products], self._index.vectors)

    def find(
        self,
        keywords: Sequence[str],
        *,
        categories: Sequence[str] = (),
        filters: Sequence[str] = (),
        preferred: Collection[str] = (),
        limit: int = 24,
    ) -> list[ProductHit]:
        """Return up to ``limit`` available products, best first, every keyword represented if anything fits it.

        ``categories`` (aisles), ``filters`` (corpus terms such as "organic") and ``preferred`` (product ids, such as
        what the shopper bought before) put products forward, they exclude none and add none that no keyword finds.
        """
        asked = readable_concepts(keywords)
        if not asked or limit < 1:
            return []
        if len(asked) == 1 and not (categories or filters or preferred):
            lists: Sequence[Sequence[tuple[int, float]]] = [self._alone(asked[0])]
        else:
            lists = self._ranked_each(asked, self._boost(categories, filters, preferred))
        return [self._hit(found) for found in _merge(lists, asked, limit)]

    def _ranked_alone(self, keyword: str) -> list[tuple[int, float]]:
        [ranked] = self._ranked_each([keyword], self._boost((), (), ()))
        return ranked

    def _ranked_each(self, keywords: Sequence[str], boost: np.ndarray) -> list[list[tuple[int, float]]]:
        vectors = np.asarray(self._embedder.embed(keywords), dtype=np.float32)
        cosines = self._index.vectors @ vectors.T
        return [self._ranked(keyword, cosines[:, at], boost) for at, keyword in enumerate(keywords)]

    def _boost(self, categories: Sequence[str], filters: Sequence[str], preferred: Collection[str]) -> np.ndarray:
        boost = np.ones(len(self._index.products), dtype=np.float32)
        if categories:
            boost[np.isin(self._index.aisles, np.array(list(categories), dtype=object))] *= CATEGORY_BOOST
        wanted = {name for text in filters for name in load_lexicon().attributes_of(str(text)[:200])}
        for name in sorted(wanted):
            rows = [row for row, claims in enumerate(self._index.attributes) if name in claims]
            boost[rows] *= FILTER_BOOST
        boost[[row for key in preferred if (row := self._rows.get(key)) is not None]] *= PREFERRED_BOOST
        return boost

    def _ranked(self, keyword: str, cosine: np.ndarray, boost: np.ndarray) -> list[tuple[int, float]]:
        """Return ``(row, score in [0, 1])`` of one keyword, best first: reciprocal rank fusion, boosted."""
        words = product_words(keyword)
        lexical = np.asarray(self._index.words.get_scores(words)) if words else np.zeros_like(cosine)
        by_word = _top(np.where(self._index.available & (lexical > 0), lexical * boost, 0.0))
        by_meaning = _top(np.where(self._index.available & (cosine >= MIN_COSINE), cosine * boost, 0.0))
        fused: dict[int, float] = {}
        for ranking in (by_word, by_meaning):
            for rank, row in enumerate(ranking):
                fused[row] = fused.get(row, 0.0) + 1.0 / (RRF_K + rank)
        # 1.0 is the product that both rankings put first and that has all that was preferred.
        best = 2.0 / RRF_K * float(boost.max())
        scored = [(row, score * float(boost[row]) / best) for row, score in fused.items()]
        return sorted(scored, key=lambda item: (-item[1], item[0]))

    def _hit(self, found: _Found) -> ProductHit:
        matched = tuple(keyword for _, keyword in sorted(found.matched, key=lambda item: -item[0]))
        return ProductHit(
            product=self._index.products[found.row], score=round(min(found.score, 1.0), 4), matched=matched
        )


def _top(scores: np.ndarray) -> list[int]:
    """Return the rows of the ``DEPTH`` highest scores above 0, highest first, ties by row."""
    depth = min(DEPTH, len(scores))
    rows = np.argpartition(-scores, depth - 1)[:depth]
    rows = rows[scores[rows] > 0]
    return [int(row) for row in sorted(rows, key=lambda row: (-scores[row], row))]


def _merge(lists: Sequence[Sequence[tuple[int, float]]], keywords: Sequence[str], limit: int) -> list[_Found]:
    """Take the next new product of each keyword in turn, then order what was taken by score."""
    found: dict[int, _Found] = {}
    for keyword, ranked in zip(keywords, lists, strict=True):
        for row, score in ranked:
            entry = found.setdefault(row, _Found(row, 0.0, []))
            entry.score = max(entry.score, score)
            entry.matched.append((score, keyword))
    taken: dict[int, _Found] = {}
    places = [0] * len(lists)
    while len(taken) < limit and any(place < len(ranked) for place, ranked in zip(places, lists, strict=True)):
        for at, ranked in enumerate(lists):
            while places[at] < len(ranked) and ranked[places[at]][0] in taken:
                places[at] += 1
            if places[at] < len(ranked) and len(taken) < limit:
                taken[ranked[places[at]][0]] = found[ranked[places[at]][0]]
    return sorted(taken.values(), key=lambda entry: -entry.score)
