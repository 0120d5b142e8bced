"""What rewrites do to the results of queries: more that is relevant where they are thin, no harm where they are not.

A product is relevant to a query when it stands in one of the categories that the query is labelled with and the
relevance model finds that it fits the query's words. The pool of a query is what any of the compared systems found
for it, so that recall compares systems and is no absolute figure. The guards of rewrites do not ask the relevance
model; they do look at aisles (of predicted categories), so that the share of products in labelled aisles is in part
their own doing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest

import numpy as np

from state.catalog import PATH_SEPARATOR, Product
from state.guard import PairScorer
from state.intent import REWRITE_KINDS, IntentDraft, IntentVerdict, LabelledQuery, Rewrites
from state.intent_guard import ProductFinder
from state.relevance import product_text, theme_text

SHOWN = 24
"""Products of a page of results."""
KEPT_FIRST = 12
"""Places of a page that stay with the query's own results; rewrites share the others."""
JUDGED = 5
"""Products by which a rewrite is judged."""
FITTING = 0.5
"""Share of them that has to be relevant to the query for the rewrite to be right."""

QUERY_FITS = 0.2
"""Score from which a product fits a query, chosen by eye on a few queries and not calibrated.

The model's own threshold is of themes, and far too strict here: "Gluten Free Brown Rice Penne Pasta" has 0.26 for
"gluten free penne".
"""

RewriteSystem = Callable[[LabelledQuery], Rewrites]
Guards = Callable[[IntentDraft], tuple[IntentDraft, Sequence[IntentVerdict]]]


@dataclass
class SystemEffect:
    """Sums over the queries of one system. Recall and precision are of a page of ``SHOWN`` results."""

    recall_after: list[float] = field(default_factory=list)
    precision_after: list[float] = field(default_factory=list)
    given: Counter[str] = field(default_factory=Counter)
    rewrites: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    proposed: int = 0


@dataclass
class GroupEffect:
    """What is known of one group of queries: those with thin results, or the others."""

    queries: int = 0
    recall_before: list[float] = field(default_factory=list)
    precision_before: list[float] = field(default_factory=list)
    systems: dict[str, SystemEffect] = field(default_factory=dict)


class EffectMeter:
    """Measures systems on labelled queries, side by side."""

    def __init__(
        self, products: ProductFinder, scorer: PairScorer, guards: Guards, threshold: float = QUERY_FITS
    ) -> None:
        self._products = products
        self._scorer = scorer
        self._threshold = threshold
        self._guards = guards

    def add(self, group: GroupEffect, row: LabelledQuery, systems: Mapping[str, RewriteSystem]) -> None:
        """Measure ``row`` with each system and add it to ``group``."""
        own = [hit.product for hit in self._products.find([row.corrected], limit=SHOWN)]
        kept = {name: self._kept(group, name, row, system(row)) for name, system in systems.items()}
        texts = {text for rewrites in kept.values() for _, found in rewrites for text in found}
        found = {text: [hit.product for hit in self._products.find([text], limit=SHOWN)] for text in sorted(texts)}
        relevant = self._relevant(row, [own, *found.values()])
        group.queries += 1
        _count(group.recall_before, group.precision_before, own, relevant)
        for name, rewrites in kept.items():
            effect = group.systems[name]
            lists = [found[text] for _, texts in rewrites for text in texts]
            _count(effect.recall_after, effect.precision_after, merged(own, lists), relevant)
            for kind, texts in rewrites:
                effect.given[kind] += bool(texts)
                effect.rewrites[kind] += len(texts)
                effect.right[kind] += sum(_is_right(found[text], relevant) for text in texts)

    def _kept(self, group: GroupEffect, name: str, row: LabelledQuery, rewrites: Rewrites) -> Rewrites:
        """Return the rewrites that the guards leave."""
        effect = group.systems.setdefault(name, SystemEffect())
        fields = row.model_dump(exclude={"kind", "rewrites"})
        draft, verdicts = self._guards(IntentDraft(**fields, rewrites=rewrites))
        effect.proposed += sum(len(texts) for _, texts in rewrites)
        effect.removed.update(verdict.guard for verdict in verdicts if verdict.part in REWRITE_KINDS)
        return draft.rewrites

    def _relevant(self, row: LabelledQuery, lists: Sequence[Sequence[Product]]) -> set[str]:
        """Return the ids of the relevant products of the pool."""
        aisles = {path.partition(PATH_SEPARATOR)[2] for path in row.categories}
        pool = {product.id: product for found in lists for product in found if product.aisle in aisles}
        theme = theme_text(row.corrected, [row.corrected])
        pairs = [(theme, product_text(product.name, product.aisle)) for product in pool.values()]
        scores = self._scorer.score(pairs) if pairs else np.zeros(0)
        return {key for key, score in zip(pool, scores.tolist(), strict=True) if score >= self._threshold}


def merged(own: Sequence[Product], rewritten: Sequence[Sequence[Product]]) -> list[Product]:
    """Return a page of results: the query's best first, then in turn one of each rewrite and the query's others."""
    page = {product.id: product for product in own[:KEPT_FIRST]}
    turns = (product for turn in zip_longest(*rewritten, own[KEPT_FIRST:]) for product in turn if product is not None)
    for product in turns:
        if len(page) >= SHOWN:
            break
        page.setdefault(product.id, product)
    return list(islice(page.values(), SHOWN))


def _is_right(products: Sequence[Product], relevant: set[str]) -> bool:
    first = products[:JUDGED]
    return bool(first) and sum(product.id in relevant for product in first) >= FITTING * len(first)


def _count(recalls: list[float], precisions: list[float], page: Sequence[Product], relevant: set[str]) -> None:
    """Add recall (where anything is relevant) and precision of one page."""
    right = sum(product.id in relevant for product in page)
    if relevant:
        recalls.append(right / len(relevant))
    precisions.append(right / max(len(page), 1))
