"""What page designs are measured by, whoever wrote them: student, untuned base, teacher."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from catalog.surface import CONNECTORS, normalise, singular
from state.catalog import ProductHit
from state.guard import PairScorer
from state.placement import Theme
from state.relevance import product_text, theme_text

LOOKED_AT = 5
"""Products of a concept that are scored: one that fits is enough."""


class _Products(Protocol):
    def find(self, keywords: Sequence[str], *, limit: int = 24) -> list[ProductHit]: ...


@dataclass(frozen=True)
class TitleScores:
    """Counts over the titles of many pages. ``plain`` are those that only name an aisle, a product or a term."""

    titles: int
    distinct: int
    plain: list[str] = field(default_factory=list)

    @property
    def distinct_share(self) -> float:
        return self.distinct / self.titles if self.titles else 0.0

    @property
    def plain_share(self) -> float:
        return len(self.plain) / self.titles if self.titles else 0.0


def score_titles(titles: Iterable[str], names: Collection[frozenset[str]]) -> TitleScores:
    """Return how distinct and how plain ``titles`` are; ``names`` are the :func:`name_words` of shelf names."""
    written = list(titles)
    return TitleScores(
        titles=len(written),
        distinct=len({normalise(title) for title in written}),
        plain=[title for title in written if name_words(title) in names or not name_words(title)],
    )


def name_words(text: str) -> frozenset[str]:
    """Return the words of a name without order, number and connectors: "Eggs", "egg" and "the eggs" are one."""
    return frozenset(singular(word) for word in normalise(text).split() if word not in CONNECTORS)


def shelf_names(*kinds: Iterable[str]) -> frozenset[frozenset[str]]:
    """Return the :func:`name_words` of every name of ``kinds`` (aisles, products, corpus terms)."""
    return frozenset(name_words(name) for names in kinds for name in names)


def grounded_concepts(themes: Sequence[Theme], products: _Products, scorer: PairScorer) -> tuple[int, int]:
    """Return how many concepts of ``themes`` retrieve a product that ``scorer`` finds fitting, and how many there are.

    A concept is looked up alone; its best :data:`LOOKED_AT` products are scored against its theme, which is what the
    scorer was trained on, by the scorer's own threshold.

    Raises:
        ValueError: the scorer has no calibrated threshold.
    """
    if scorer.threshold is None:
        raise ValueError(f"scorer {scorer.name} has no calibrated threshold to call a product fitting by")
    places = [(at, concept) for at, theme in enumerate(themes) for concept in theme.concepts]
    found = {concept: products.find([concept], limit=LOOKED_AT) for concept in dict.fromkeys(c for _, c in places)}
    hits = [(at, concept, hit.product) for at, concept in places for hit in found[concept]]
    texts = [theme_text(theme.title, theme.concepts) for theme in themes]
    fits = scorer.score([(texts[at], product_text(p.name, p.aisle)) for at, _, p in hits]) >= scorer.threshold
    grounded = {(at, concept) for (at, concept, _), fit in zip(hits, fits, strict=True) if fit}
    return sum(place in grounded for place in places), len(places)
