"""The keyword corpus: every term that a page may use, mined from product names, aisles and attributes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from catalog.lexicon import load_lexicon
from catalog.tally import Entry, PhraseTally
from catalog.term_rules import choose_terms
from state.catalog import Category, Product

Kind = Literal["query", "category", "filter"]
EXAMPLES = 5
_RULES = ("corpus.py", "lexicon.py", "lexicon.yaml", "phrases.py", "surface.py", "tally.py", "term_rules.py")


@dataclass(frozen=True)
class Term:
    """One term of the corpus.

    ``frequency`` counts the products of the catalogue that show it (0: known from widening names alone);
    ``examples`` are up to five ids of such products, the plainest names first.
    """

    text: str
    kind: Kind
    frequency: int
    examples: tuple[str, ...] = ()


def mine_corpus(
    products: Sequence[Product],
    categories: Sequence[Category],
    *,
    max_terms: int | None = None,
    widening: Iterable[str] = (),
    on_name: Callable[[], object] = lambda: None,
) -> list[Term]:
    """Return the corpus of a catalogue: categories, filters, then queries from the best to the least attested.

    ``widening`` are further product names, from outside the catalogue: they add terms, never frequency. ``max_terms``
    asks for a size: that many terms, or all there are (facets are never cut). ``on_name`` is called twice per name:
    when it is read and when it is counted. The same input gives the same list, whatever its order.
    """
    ordered = sorted(products, key=lambda product: product.id)
    tally = PhraseTally()
    for product in ordered:
        tally.add(product.name, product.id)
        on_name()
    for name in sorted(set(widening)):
        tally.add(name, None)
        on_name()
    facets = [*_category_terms(ordered, categories), *_filter_terms(tally, ordered)]
    wanted = None if max_terms is None else max(max_terms - len(facets), 0)
    return [*facets, *(_query_term(entry) for entry in choose_terms(tally, wanted, on_name)[:wanted])]


def rules_digest() -> str:
    """Return a short digest of everything that decides what is mined: these modules and the lexicon."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for name in _RULES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:12]


def corpus_digest(terms: Iterable[Term]) -> str:
    """Return a short digest of the texts, kinds, frequencies and examples, in order."""
    digest = hashlib.sha256()
    for term in terms:
        digest.update(f"{term.kind}\t{term.text}\t{term.frequency}\t{','.join(term.examples)}\n".encode())
    return digest.hexdigest()[:12]


def _query_term(entry: Entry) -> Term:
    examples = tuple(product_id for _, product_id in sorted(entry.ids)[:EXAMPLES])
    return Term(" ".join(entry.words), "query", entry.frequency, examples)


def _category_terms(products: Sequence[Product], categories: Sequence[Category]) -> list[Term]:
    by_aisle: dict[str, list[Product]] = {}
    for product in products:
        by_aisle.setdefault(product.aisle, []).append(product)
    return [
        Term(aisle, "category", len(by_aisle.get(aisle, ())), _plainest(by_aisle.get(aisle, ())))
        for aisle in sorted({category.aisle for category in categories})
    ]


def _filter_terms(tally: PhraseTally, products: Sequence[Product]) -> list[Term]:
    by_id = {product.id: product for product in products}
    terms = []
    for attribute in load_lexicon().file.attributes:
        ids = tally.attribute_products.get(attribute.name, [])
        if len(ids) >= 3 or (ids and len(products) < 1000):
            terms.append(Term(attribute.name, "filter", len(ids), _plainest([by_id[id_] for id_ in ids])))
    return sorted(terms, key=lambda term: term.text)


def _plainest(products: Sequence[Product]) -> tuple[str, ...]:
    ranked = sorted(products, key=lambda product: (len(product.name), product.id))
    return tuple(product.id for product in ranked[:EXAMPLES])
