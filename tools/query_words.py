"""What the shop knows of the words of queries: whether they can name a brand, or a kind of product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog.lexicon import Lexicon, load_lexicon
from catalog.surface import stems
from state.intent import LabelledQuery


class CatalogueWords:
    """Judges brands and products of queries by labelled queries, corpus terms and product names.

    Catalogues often print no brands (the demo's prints one in three of those that shoppers name), so that a brand need
    not be known. It only must not be something else: a claim ("gluten free"), a corpus term ("tortilla chips"), or
    what labelled queries call a product or an attribute. What they call a brand is one whatever else it is.
    """

    def __init__(self, names: Iterable[str], terms: Iterable[str], labelled: Sequence[LabelledQuery]) -> None:
        """Take the names of the products sold, the corpus terms of kind query, and the labelled queries."""
        self._lexicon: Lexicon = load_lexicon()
        self._brands = {_key(row.brand) for row in labelled if row.brand}
        self._goods = {_key(text) for row in labelled for label, text in row.spans() if label != "brand"}
        self._terms = {_key(term) for term in terms}
        words = {word for name in names for word in stems(name)}
        self._words = words.union(*(text.split() for text in (self._goods | self._terms)))

    def brand(self, text: str) -> bool:
        """Tell whether ``text`` can be a brand: it is a known one, or nothing says that it is something else."""
        key = _key(text)
        if not key or key in self._brands:
            return bool(key)
        spans = self._lexicon.spans(key.split())
        only_claims = spans and sum(span.end - span.start for span in spans) == len(key.split())
        return not (only_claims or key in self._goods or key in self._terms)

    def product(self, text: str) -> bool:
        """Tell whether ``text`` can be a kind of product: the last word, or half of the words, are known."""
        words = _key(text).split()
        known = [word in self._words for word in words]
        return bool(known) and (known[-1] or 2 * sum(known) >= len(known))


def _key(text: str) -> str:
    return " ".join(stems(text))
