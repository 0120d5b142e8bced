"""The pairs that the relevance model learns from: the teacher's labels, and unlabelled pairs made beside them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from state.catalog import Product
from state.guard import Embedder
from state.relevance import product_text, theme_text
from training.datasets import load_examples
from training.examples import RelevanceExample, Task, ThemeLabel
from training.splits import Split, shopper_of

Item = TypeVar("Item")
FITS, MARGINAL, MISFIT = 2, 1, 0
_CLOSE, _NEXT = 10, 50
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
    shelves: Shelves,
    embedder: Embedder,
    *,
    seed: int = 7,
    advance: Callable[[], None] = lambda: None,
) -> list[LabelledPair]:
    """Return about 25 pairs a theme of ``themes`` (of the training split) without a label.

    - of the products nearest to each concept, 2 of the first 10 and 1 of the next 50 (hits and near misses),
    - 3 of the 60 nearest to the title alone (near-miss titles),
    - 3 that fit a theme that reads alike, of another shopper (themes swapped),
    - 3 of the aisles that the concepts lead to, 2 of the aisles next to them (same department), 2 from anywhere.

    None of them is in ``labelled``. Their targets come from a network and not from how they were made: a product of
    the next aisle or of a like theme may well fit.
    """
    chance = random.Random(seed)
    taken = {(row.theme.id, row.product.id) for row in labelled}
    fitting = _fitting(labelled)
    lenders = list({row.theme.id: row.theme for row in labelled if row.theme.id in fitting}.values())
    alike = _like_themes(themes, lenders, embedder)
    found: list[LabelledPair] = []
    for theme in themes:
        chosen: dict[str, Product] = {}
        *of_concepts, of_title = shelves.nearest([*theme.concepts, theme.title], _CLOSE + _NEXT)
        for nearest in of_concepts:
            chosen |= _drawn(chance, nearest[:_CLOSE], 2) | _drawn(chance, nearest[_CLOSE:], 1)
        first = list(chosen.values())
        chosen |= _drawn(chance, of_title, 3)
        chosen |= _drawn(chance, [product for like in alike[theme.id] for product in fitting[like]], 3)
        aisles, departments = {product.aisle for product in first}, {product.department for product in first}
        for aisle in _some(chance, sorted(aisles), 3):
            chosen |= _drawn(chance, shelves.by_aisle[aisle], 1)
        for department in _some(chance, sorted(departments), 2):
            beside = [name for name in shelves.aisles_of[department] if name not in aisles]
            chosen |= _drawn(chance, [product for name in beside for product in shelves.by_aisle[name]], 1)
        chosen |= _drawn(chance, shelves.products, 2)
        found += [LabelledPair(theme, item) for item in chosen.values() if (theme.id, item.id) not in taken]
        advance()
    return found


class Shelves:
    """The shop's products by nearness of their names to a text, by aisle and by department."""

    def __init__(self, products: Sequence[Product], vectors: np.ndarray, embedder: Embedder) -> None:
        """``vectors`` are those of the products' names, float32 ``[products, dimension]``."""
        self.products = products
        self._vectors, self._embedder = vectors, embedder
        self.by_aisle: dict[str, list[Product]] = defaultdict(list)
        self.aisles_of: dict[str, list[str]] = defaultdict(list)
        for product in products:
            if product.aisle not in self.by_aisle:
                self.aisles_of[product.department].append(product.aisle)
            self.by_aisle[product.aisle].append(product)

    def nearest(self, texts: Sequence[str], count: int) -> list[list[Product]]:
        """Return for each text the ``count`` products with the names nearest to it, nearest first."""
        found = []
        for row in self._embedder.embed(texts) @ self._vectors.T:
            best = np.argpartition(-row, min(count, len(row) - 1))[:count]
            found.append([self.products[at] for at in best[np.argsort(-row[best], kind="stable")]])
        return found


def _drawn(chance: random.Random, products: Sequence[Product], count: int) -> dict[str, Product]:
    return {product.id: product for product in _some(chance, products, count)}


def _some(chance: random.Random, items: Sequence[Item], count: int) -> list[Item]:
    return chance.sample(items, min(count, len(items)))


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
