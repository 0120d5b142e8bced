"""The pairs that the relevance model learns from: the teacher's labels, and unlabelled pairs made beside them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from state.catalog import Product
from state.guard import Embedder
from state.relevance import product_text, theme_text
from training.datasets import load_examples
from training.examples import RelevanceExample, Task, ThemeLabel
from training.relevance_pool import ProductFinder, products_to_label
from training.splits import Split, shopper_of

FITS, MARGINAL, MISFIT = 2, 1, 0
FROM_POOL, SWAPPED, NEXT_AISLE = 10, 2, 2
_LIKE_THEMES = 3


class ProductLookup(Protocol):
    """The part of a catalogue that pairs are made of."""

    def products(self, ids: Sequence[str]) -> dict[str, Product]: ...


@dataclass(frozen=True)
class LabelledPair:
    """A theme, a product and the teacher's label; no label where the pair was made here."""

    theme: ThemeLabel
    product: Product
    label: int | None = None

    @property
    def texts(self) -> tuple[str, str]:
        """The two texts that a cross-encoder reads."""
        return theme_text(self.theme.title, self.theme.concepts), product_text(self.product.name, self.product.aisle)


def labelled_pairs(split: Split, catalog: ProductLookup) -> list[LabelledPair]:
    """Return the shipped labels of ``split``, those of products that the catalogue does not have left out."""
    rows: Sequence[RelevanceExample] = load_examples(Task.RELEVANCE, split)
    products = catalog.products(sorted({row.product_id for row in rows}))
    return [LabelledPair(row.theme, products[row.product_id], row.label) for row in rows if row.product_id in products]


def soft_targets(pairs: Iterable[LabelledPair], marginal: float) -> list[float]:
    """Return what a network is to answer on labelled pairs: 1 fits, 0 does not, ``marginal`` in between."""
    return [{FITS: 1.0, MARGINAL: marginal, MISFIT: 0.0}[pair.label] for pair in pairs if pair.label is not None]


def unlabelled_pairs(
    labelled: Sequence[LabelledPair],
    themes: Sequence[ThemeLabel],
    search: ProductFinder,
    catalog: Sequence[Product],
    embedder: Embedder,
    *,
    seed: int = 7,
    advance: Callable[[], None] = lambda: None,
) -> list[LabelledPair]:
    """Return pairs of ``themes`` (of the training split) without a label, for a trained network to give a target to.

    - 10 of the pool that labels are drawn from (best, near misses, nearest to the title, same aisle, anywhere),
    - 2 products of themes that read alike but are of another shopper (themes swapped, near-miss titles),
    - 2 from aisles next to the ones that the theme's best products stand in (same department).

    None of them is in ``labelled``. Their targets come from a network and not from how they were made: a product of
    the next aisle or of a like theme may well fit.
    """
    chance = random.Random(seed)
    taken = {(row.theme.id, row.product.id) for row in labelled}
    fitting = _fitting(labelled)
    lenders = list({row.theme.id: row.theme for row in labelled if row.theme.id in fitting}.values())
    alike = _like_themes(themes, lenders, embedder)
    by_department: dict[str, list[Product]] = defaultdict(list)
    for product in catalog:
        by_department[product.department].append(product)
    found: list[LabelledPair] = []
    for theme in themes:
        pool = products_to_label(theme, search, catalog, seed)[:FROM_POOL]
        lent = [product for like in alike[theme.id] for product in fitting[like]]
        aisles, departments = {product.aisle for product in pool}, sorted({product.department for product in pool[:2]})
        shelf = [product for name in departments for product in by_department[name] if product.aisle not in aisles]
        chosen = {product.id: product for product in pool}
        for more, count in ((lent, SWAPPED), (shelf, NEXT_AISLE)):
            chosen.update({product.id: product for product in chance.sample(more, min(count, len(more)))})
        fresh = [product for product in chosen.values() if (theme.id, product.id) not in taken]
        found += [LabelledPair(theme, product) for product in fresh]
        advance()
    return found


def _fitting(labelled: Sequence[LabelledPair]) -> dict[str, list[Product]]:
    """Return the products labelled as fitting, by theme."""
    found: dict[str, list[Product]] = defaultdict(list)
    for row in labelled:
        if row.label == FITS:
            found[row.theme.id].append(row.product)
    return found


def _like_themes(
    themes: Sequence[ThemeLabel], others: Sequence[ThemeLabel], embedder: Embedder
) -> dict[str, list[str]]:
    """Return for each theme the ids of those of ``others`` with the nearest titles, of other shoppers."""
    if not others:
        return {theme.id: [] for theme in themes}
    similarity = embedder.embed([theme.title for theme in themes]) @ embedder.embed([t.title for t in others]).T
    owners = np.array([shopper_of(theme.id) for theme in others])
    found = {}
    for row, theme in enumerate(themes):
        nearest = np.argsort(-np.where(owners == shopper_of(theme.id), -2.0, similarity[row]), kind="stable")
        found[theme.id] = [others[at].id for at in nearest[:_LIKE_THEMES]]
    return found


def training_themes(count: int, seed: int) -> list[ThemeLabel]:
    """Return up to ``count`` themes of the shipped designs of training shoppers, drawn at random."""
    themes = [theme for design in load_examples(Task.DESIGN, "train") for theme in design.themes]
    return random.Random(seed).sample(themes, min(count, len(themes)))
