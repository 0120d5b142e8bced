"""What examples for the judge are made of: themes with products that fit and that do not, and what shoppers show."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from catalog.surface import stems
from state.catalog import Product
from state.shopper import ShopperContext
from training.datasets import load_examples
from training.examples import DesignExample, RelevanceExample, Task, ThemeLabel
from training.splits import Split, shopper_of

FITS, REJECTED = 2, 0
_SEEN_PRODUCTS, _SEEN_AISLES = 12, 6
"""How much of a history the judge's prompt shows."""


class Products(Protocol):
    """What is needed of the catalogue."""

    def all_products(self) -> list[Product]: ...


class Shoppers(Protocol):
    def load(self, shopper_id: str, *, hold_out_last: bool = False) -> ShopperContext: ...


@dataclass(frozen=True)
class ShownTheme:
    """A theme with products that fit it, best known first, and products that a labeller refused for it."""

    label: ThemeLabel
    fitting: list[Product]
    rejected: list[Product]

    @property
    def shopper_id(self) -> str:
        return shopper_of(self.label.id)

    @property
    def shelf(self) -> str:
        """The aisle of most of the products that fit."""
        return Counter(product.aisle for product in self.fitting).most_common(1)[0][0]


class Material:
    """The teacher's pages of one split. Loads every shopper's context once, when it is asked for."""

    def __init__(
        self,
        designs: Sequence[DesignExample],
        labels: Sequence[RelevanceExample],
        catalog: Products,
        shoppers: Shoppers,
    ) -> None:
        self.products = [product for product in catalog.all_products() if product.available]
        self._shoppers = shoppers
        self._contexts: dict[str, ShopperContext] = {}
        self._named = _products_of_words(self.products)
        by_id = {product.id: product for product in self.products}
        labelled: dict[tuple[str, int], list[Product]] = defaultdict(list)
        for row in labels:
            if row.product_id in by_id:
                labelled[row.theme_id, row.label].append(by_id[row.product_id])
        self.pages: dict[str, list[ShownTheme]] = {}
        for design in designs:
            shown = [
                ShownTheme(theme, labelled.get((theme.id, FITS)) or self._find(theme), labelled[theme.id, REJECTED])
                for theme in design.themes
            ]
            self.pages[design.shopper_id] = [theme for theme in shown if theme.fitting]
        judged = {theme_id for theme_id, label in labelled if label == FITS}
        self.labelled = [theme for page in self.pages.values() for theme in page if theme.label.id in judged]

    @classmethod
    def of_split(cls, split: Split, catalog: Products, shoppers: Shoppers) -> Material:
        """Return the material that ships, of one split."""
        return cls(load_examples(Task.DESIGN, split), load_examples(Task.RELEVANCE, split), catalog, shoppers)

    def shopper(self, shopper_id: str) -> ShopperContext:
        if shopper_id not in self._contexts:
            self._contexts[shopper_id] = self._shoppers.load(shopper_id)
        return self._contexts[shopper_id]

    def evidence(self, shopper_id: str, theme: ShownTheme) -> str | None:
        """Return what the judge can see of the history that speaks for the theme, None if there is nothing."""
        shopper = self.shopper(shopper_id)
        wanted = {product.id for product in theme.fitting}
        for item in shopper.products[:_SEEN_PRODUCTS]:
            if item.product_id in wanted or self._is_concept(item.name, theme.label):
                return f"buys {_short(item.name)}"
        seen = [affinity.aisle for affinity in shopper.aisles[:_SEEN_AISLES]]
        counts = Counter(product.aisle for product in theme.fitting)
        common = [aisle for aisle in seen if counts[aisle] >= max(1, 0.25 * len(theme.fitting))]
        return f"buys from {common[0]}" if common else None

    def never_buys(self, shopper_id: str, theme: ShownTheme, *, department: bool) -> bool:
        """Tell whether nothing in the whole history is of the theme.

        With ``department``: of none of its main departments. Without: of no aisle of it, yet of a department of it.
        """
        items = self.shopper(shopper_id).products
        departments, aisles = {item.department for item in items}, {item.aisle for item in items}
        counts = Counter(product.department for product in theme.fitting)
        if department:
            return not departments & {name for name, count in counts.items() if count >= 0.25 * len(theme.fitting)}
        return bool(departments & {*counts}) and not aisles & {product.aisle for product in theme.fitting}

    @staticmethod
    def _is_concept(name: str, theme: ThemeLabel) -> bool:
        words = {*stems(name)}
        return any(len(said := {*stems(concept)}) > 1 and said <= words for concept in theme.concepts)

    def _find(self, theme: ThemeLabel) -> list[Product]:
        """Return up to two products a concept whose names hold all of its words, short names first."""
        found: dict[str, Product] = {}
        for concept in theme.concepts:
            sets = [self._named.get(word, set()) for word in stems(concept)]
            rows = set.intersection(*sets) if sets else set()
            for row in sorted(rows, key=lambda row: (len(self.products[row].name), row))[:2]:
                found[self.products[row].id] = self.products[row]
        return list(found.values())


def _products_of_words(products: Sequence[Product]) -> dict[str, set[int]]:
    named: dict[str, set[int]] = defaultdict(set)
    for row, product in enumerate(products):
        for word in stems(product.name):
            named[word].add(row)
    return named


def _short(name: str, words: int = 4) -> str:
    return " ".join(name.split()[:words])
