"""The cross-encoder over every product of every placement of a run: distribution, severe violations, by theme."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from state.errors import ModelsError
from state.guard import PairScorer
from state.placement import Page
from state.relevance import product_text, theme_text

SEVERE: Final = 0.2
"""A product under this probability has nothing to do with its theme (docs/evaluation.md)."""
BINS: Final = 20
_PAIRS_AT_ONCE = 512

Scores = Mapping[tuple[str, str], np.ndarray]
"""By shopper and placement id: the probability that each product fits, float64 ``[products]``, as they are shown."""


def product_scores(
    pages: Sequence[Page], scorer: PairScorer, *, on_done: Callable[[int], object] = lambda count: None
) -> dict[tuple[str, str], np.ndarray]:
    """Return the probability of every product of every placement; ``on_done`` is told of pairs as they are scored.

    The pair is what the relevance guard scores: title and concepts, product and aisle. Equal pairs are scored once.

    Raises:
        ModelsError: the scorer gave something other than a number in [0, 1].
    """
    pairs = {
        (page.shopper_id, row.id): [
            (theme_text(row.title, row.concepts), product_text(product.name, product.aisle)) for product in row.products
        ]
        for page in pages
        for row in page.placements
    }
    distinct = list(dict.fromkeys(pair for own in pairs.values() for pair in own))
    found: dict[tuple[str, str], float] = {}
    for start in range(0, len(distinct), _PAIRS_AT_ONCE):
        part = distinct[start : start + _PAIRS_AT_ONCE]
        scores = np.asarray(scorer.score(part), dtype=np.float64)
        if scores.shape != (len(part),) or not ((scores >= 0) & (scores <= 1)).all():
            raise ModelsError(
                f"the scorer {scorer.name} gave no probabilities. Check its weights: shelfwise models check"
            )
        found |= dict(zip(part, scores.tolist(), strict=True))
        on_done(len(part))
    return {key: np.array([found[pair] for pair in own]) for key, own in pairs.items()}


@dataclass(frozen=True)
class PageRelevance:
    """Of one page's products: mean probability, share at or above the threshold, share of severe violations.

    NaN for a page without products.
    """

    mean: float
    fitting: float
    severe: float


def page_relevance(page: Page, scores: Scores, threshold: float) -> PageRelevance:
    """Return the figures of one page; a product in two placements counts in both."""
    own = [scores[page.shopper_id, row.id] for row in page.placements]
    every = np.concatenate(own) if own else np.empty(0)
    if not len(every):
        return PageRelevance(np.nan, np.nan, np.nan)
    return PageRelevance(float(every.mean()), float((every >= threshold).mean()), float((every < SEVERE).mean()))


def histogram(scores: Scores) -> list[int]:
    """Return how many products fall into each of :data:`BINS` equal parts of [0, 1], the last one closed."""
    every = np.concatenate([*scores.values(), np.empty(0)])
    return np.histogram(every, bins=BINS, range=(0.0, 1.0))[0].tolist()
