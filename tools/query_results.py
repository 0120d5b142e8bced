"""What a query finds before anything is rewritten, and which kinds of rewrites could make it better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.surface import CONNECTORS, stems
from state.catalog import ProductHit
from state.intent import REWRITE_KINDS, RewriteKind
from state.intent_guard import ProductFinder

PROBED = 24
RICH = 8
"""Products that say all that the query says, from which on its results are good as they are; see docs/intents.md."""
BROAD_WORDS = 2
"""A query of so few words names a kind of thing; a longer one says which."""
_FILLERS = CONNECTORS | {"for", "with", "in", "on", "to", "from", "by", "my", "some"}


@dataclass(frozen=True)
class ResultForecast:
    """What a query finds: so many products (at most ``PROBED``), so many of which say all that the query says.

    ``words`` are those of the query, fillers left out.
    """

    found: int
    covering: int
    words: int

    @property
    def thin(self) -> bool:
        """Whether too few of the products are what was asked for."""
        return self.covering < RICH

    @property
    def broad(self) -> bool:
        """Whether the query names a kind of thing without saying which."""
        return 0 < self.words <= BROAD_WORDS


def wants_rewrites(forecast: ResultForecast) -> list[RewriteKind]:
    """Return the kinds of rewrites worth asking for.

    Thin results: all. Rich results of a broad query: substitutes, as suggestions. A query that says which one it wants
    and finds it is left alone.
    """
    if forecast.thin:
        return list(REWRITE_KINDS)
    return ["substitute"] if forecast.broad else []


class RewriteGate:
    """Decides by one product search, without a model."""

    def __init__(self, products: ProductFinder) -> None:
        self._products = products

    def wanted(self, query: str) -> list[RewriteKind]:
        """Return the kinds of rewrites worth asking for, in their order."""
        return wants_rewrites(self.forecast(query))

    def forecast(self, query: str) -> ResultForecast:
        """Return what ``query`` finds."""
        hits = self._products.find([query], limit=PROBED)
        return ResultForecast(len(hits), len(saying_all(query, hits)), len(content_stems(query)))


def saying_all(query: str, hits: Sequence[ProductHit]) -> list[ProductHit]:
    """Return those of ``hits`` whose name and aisle hold all that ``query`` says (by stem); none for nothing."""
    asked = content_stems(query)
    return [hit for hit in hits if asked and asked <= {*stems(f"{hit.product.name} {hit.product.aisle}")}]


def content_stems(query: str) -> frozenset[str]:
    """Return the words of ``query`` that say something, by stem."""
    return frozenset(word for word in stems(query) if word not in _FILLERS)
