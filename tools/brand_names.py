"""Brands that a query may name: those of labelled queries, and words that open many product names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from catalog.surface import stems
from state.guard import Embedder

MIN_NAMES = 4
"""Product names that a phrase opens before it counts as a brand's name."""
MIN_OPENING = 0.9
"""Share of the names with the phrase that it opens: brands stand first, kinds of goods stand anywhere."""
MIN_COSINE = 0.4


class BrandNames:
    """Finds brands near to a query. They are hints for a large model, no facts: catalogues do not mark brands."""

    def __init__(self, known: Iterable[str], product_names: Iterable[str], embedder: Embedder) -> None:
        self.names = sorted({*(" ".join(name.casefold().split()) for name in known), *opening_phrases(product_names)})
        self._stems = [set(stems(name)) for name in self.names]
        self._embedder = embedder
        self._vectors = embedder.embed(self.names) if self.names else np.empty((0, 0), dtype=np.float32)

    def near(self, query: str, found_names: Sequence[str] = (), limit: int = 6) -> list[str]:
        """Return up to ``limit`` brands: first those whose words stand in the query, then those that open
        ``found_names`` (names of products that it finds), then the nearest by meaning."""
        if not self.names:
            return []
        cosines = self._vectors @ self._embedder.embed([query])[0]
        asked, opened = set(stems(query)), {" ".join(name.casefold().split()) for name in found_names}

        def rank(row: int) -> tuple[bool, bool, float]:
            named = bool(self._stems[row]) and self._stems[row] <= asked
            opens = any(name.startswith(f"{self.names[row]} ") for name in opened)
            return named, opens, float(cosines[row])

        ranked = sorted(range(len(self.names)), key=rank, reverse=True)[:limit]
        return [self.names[row] for row in ranked if any(rank(row)[:2]) or cosines[row] >= MIN_COSINE]


def opening_phrases(product_names: Iterable[str]) -> list[str]:
    """Return phrases of one to three words that open many product names and hardly stand elsewhere in any."""
    opening, anywhere = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for name in product_names:
        words = name.casefold().split()
        for size in (1, 2, 3):
            phrases = {tuple(words[start : start + size]) for start in range(len(words) - size + 1)}
            anywhere.update(phrases)
            if len(words) > size:
                opening[tuple(words[:size])] += 1
    return sorted(
        " ".join(phrase)
        for phrase, count in opening.items()
        if count >= MIN_NAMES and count >= MIN_OPENING * anywhere[phrase] and any(len(word) > 2 for word in phrase)
    )
