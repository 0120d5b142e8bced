"""Gathers what is known of a query for a large model: categories, brands, products, clicks, labelled queries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from state.catalog import ProductHit
from state.query_context import QueryContext
from tools.brand_names import BrandNames
from tools.labelled_queries import LabelledQueries, query_key
from tools.query_categories import OFFERED, ProductFinder, QueryCategories

POPULAR = 12
CLICKED = 6
SIMILAR = 4
_PROBED = 40


@dataclass(frozen=True)
class QueryContexts:
    """Builds contexts. ``orders`` counts the orders of each product, ``clicks`` those who picked it lately."""

    labelled: LabelledQueries
    categories: QueryCategories
    products: ProductFinder
    brands: BrandNames
    orders: Mapping[str, int] = field(default_factory=dict)
    clicks: Mapping[str, int] = field(default_factory=dict)

    def of(self, query: str, *, without: Collection[str] = ()) -> QueryContext:
        """Return what is known of ``query``. Neither its own label nor those of ``without`` (keys) take part."""
        hidden = {query_key(query), *without}
        hits = self.products.find([query], limit=_PROBED)
        names = self._most(hits, self.orders, POPULAR)
        return QueryContext(
            paths=[entry.category.path for entry in self.categories.candidates(query, OFFERED, without=hidden)],
            brands=self.brands.near(query, [hit.product.name for hit in hits]),
            products=names or [hit.product.name for hit in hits[:POPULAR]],
            clicked=self._most(hits, self.clicks, CLICKED),
            similar=[near.example for near in self.labelled.nearest(query, SIMILAR, without=hidden)],
        )

    @staticmethod
    def _most(hits: Sequence[ProductHit], counts: Mapping[str, int], limit: int) -> list[str]:
        """Return the names of the found products that were counted, most often counted first."""
        counted = [(counts.get(hit.product.id, 0), hit.product.name) for hit in hits]
        ordered = sorted((pair for pair in counted if pair[0]), key=lambda pair: -pair[0])
        return list(dict.fromkeys(name for _, name in ordered))[:limit]
