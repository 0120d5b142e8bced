"""What rewrites do to the results of queries: more that is relevant where they are thin, no harm where they are not.

A page is made as the search of the shop makes it (``tools.result_page``). What a product is to a query comes from
judgements (asked for 2, close 1, else 0: ``training.query_products``); for products that nobody judged the relevance
model stands in: 1 where the product stands in one of the query's labelled categories and fits the query's words. The
pool of a query is what was judged for it and what any of the compared systems found, so that recall compares systems
and is no absolute figure. The guards of rewrites do not ask the relevance model.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from state.catalog import PATH_SEPARATOR, Product, ProductHit
from state.guard import PairScorer
from state.intent import REWRITE_KINDS, IntentDraft, IntentVerdict, LabelledQuery, Rewrites
from state.intent_guard import ProductFinder
from state.relevance import product_text, theme_text
from tools.result_page import filling, result_page

SHOWN = 24
"""Products of a page of results."""
FOUND = 40
"""Products that a query contributes to it, at most."""
JUDGED = 5
"""Products by which a rewrite is judged."""
FITTING = 0.5
"""Share of them that has to be relevant to the query for the rewrite to be right."""

QUERY_FITS = 0.15
"""Score of the relevance model from which a product in a labelled category fits (benchmarks/query_results.py).

Best F1 against the judged products of 120 training queries (0.648). The model's own threshold is of themes, and far
too strict here: "Gluten Free Brown Rice Penne Pasta" has 0.26 for "gluten free penne".
"""

RewriteSystem = Callable[[LabelledQuery], Rewrites]
Guards = Callable[[IntentDraft], tuple[IntentDraft, Sequence[IntentVerdict]]]
Grades = Callable[[LabelledQuery, Sequence[Product]], Mapping[str, int]]
"""Tells the grade (2, 1 or 0) of products for a query, by id."""


@dataclass
class PageEffect:
    """Figures of a page of ``SHOWN`` results, a number a query that has anything relevant (precision: a query)."""

    recall: list[float] = field(default_factory=list)
    asked_for: list[float] = field(default_factory=list)
    precision: list[float] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)

    def add(self, page: Sequence[ProductHit], grades: Mapping[str, int]) -> None:
        """Add the figures of ``page``; ``grades`` hold the whole pool of its query."""
        shown = [grades.get(hit.product.id, 0) for hit in page[:SHOWN]]
        relevant, wanted = sum(grade > 0 for grade in grades.values()), sum(grade > 1 for grade in grades.values())
        self.precision.append(sum(grade > 0 for grade in shown) / max(len(shown), 1))
        if wanted:
            self.asked_for.append(sum(grade > 1 for grade in shown) / wanted)
        if relevant:
            self.recall.append(sum(grade > 0 for grade in shown) / relevant)
            best = _gain(sorted(grades.values(), reverse=True)[:SHOWN])
            self.ndcg.append(_gain(shown) / best)


@dataclass
class SystemEffect:
    """Sums over the queries of one system."""

    page: PageEffect = field(default_factory=PageEffect)
    given: Counter[str] = field(default_factory=Counter)
    rewrites: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    proposed: int = 0


@dataclass
class GroupEffect:
    """What is known of one group of queries: those with thin results, or the others."""

    queries: int = 0
    plain: PageEffect = field(default_factory=PageEffect)
    without: PageEffect = field(default_factory=PageEffect)
    systems: dict[str, SystemEffect] = field(default_factory=dict)


class EffectMeter:
    """Measures systems on labelled queries, side by side."""

    def __init__(self, products: ProductFinder, grades: Grades, guards: Guards) -> None:
        self._products = products
        self._grades = grades
        self._guards = guards

    def add(self, group: GroupEffect, row: LabelledQuery, systems: Mapping[str, RewriteSystem]) -> None:
        """Measure ``row`` with each system and add it to ``group``."""
        own = self._products.find([row.corrected], limit=FOUND)
        kept = {name: self._kept(group, name, row, system(row)) for name, system in systems.items()}
        texts = {text for rewrites in kept.values() for _, found in rewrites for text in found}
        found = {text: self._products.find([text], limit=FOUND) for text in sorted(texts)}
        mixed = {name: {text: found[text] for text in filling(rewrites)} for name, rewrites in kept.items()}
        pages = {name: result_page(row.corrected, own, others, limit=SHOWN)[0] for name, others in mixed.items()}
        plain, without = own[:SHOWN], result_page(row.corrected, own, limit=SHOWN)[0]
        judged = [hits[:JUDGED] for hits in found.values()]
        pool = {hit.product.id: hit.product for hits in (plain, without, *pages.values(), *judged) for hit in hits}
        grades = self._grades(row, list(pool.values()))
        group.queries += 1
        group.plain.add(plain, grades)
        group.without.add(without, grades)
        for name, rewrites in kept.items():
            effect = group.systems[name]
            effect.page.add(pages[name], grades)
            for kind, given in rewrites:
                effect.given[kind] += bool(given)
                effect.rewrites[kind] += len(given)
                effect.right[kind] += sum(_is_right(found[text], grades) for text in given)

    def _kept(self, group: GroupEffect, name: str, row: LabelledQuery, rewrites: Rewrites) -> Rewrites:
        """Return the rewrites that the guards leave."""
        effect = group.systems.setdefault(name, SystemEffect())
        fields = row.model_dump(exclude={"kind", "rewrites"})
        draft, verdicts = self._guards(IntentDraft(**fields, rewrites=rewrites))
        effect.proposed += sum(len(texts) for _, texts in rewrites)
        effect.removed.update(verdict.guard for verdict in verdicts if verdict.part in REWRITE_KINDS)
        return draft.rewrites


def graded(judged: Mapping[str, Mapping[str, int]], scorer: PairScorer, threshold: float = QUERY_FITS) -> Grades:
    """Return grades out of ``judged`` (by corrected query, then product id), of other products out of ``scorer``."""

    def grades(row: LabelledQuery, products: Sequence[Product]) -> dict[str, int]:
        known = dict(judged.get(row.corrected, {}))
        aisles = {path.partition(PATH_SEPARATOR)[2] for path in row.categories}
        asked = [product for product in products if product.id not in known and product.aisle in aisles]
        theme = theme_text(row.corrected, [row.corrected])
        scores = (
            scorer.score([(theme, product_text(item.name, item.aisle)) for item in asked]) if asked else np.zeros(0)
        )
        new = {item.id: int(score >= threshold) for item, score in zip(asked, scores.tolist(), strict=True)}
        return known | new

    return grades


def _is_right(hits: Sequence[ProductHit], grades: Mapping[str, int]) -> bool:
    first = hits[:JUDGED]
    return bool(first) and sum(grades.get(hit.product.id, 0) > 0 for hit in first) >= FITTING * len(first)


def _gain(grades: Sequence[int]) -> float:
    """Return the discounted cumulative gain, gains 2 ** grade - 1 (Burges et al. 2005)."""
    return sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades))
