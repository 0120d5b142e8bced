"""What spelling is judged by: words of the catalogue, of labelled queries and of English, with how often they occur."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from itertools import pairwise
from typing import Protocol, Self

from state.catalog import Category, Product
from state.intent import LabelledQuery

WORD = re.compile(r"[a-z][a-z'&-]*")
_ENGLISH = "frequency_dictionary_en_82_765.txt"


class Shop(Protocol):
    """A catalogue version: the warehouse, or a stand-in."""

    def all_products(self) -> list[Product]: ...

    def categories(self) -> list[Category]: ...


@dataclass(frozen=True)
class Vocabulary:
    """Counts of lower-case words.

    ``catalogue`` counts product and aisle names that hold a word, ``pairs`` product names that hold two words side by
    side, ``labelled`` well-spelled queries, ``repairs`` queries in which the first word was meant to be the second.
    ``english`` is the frequency in a large English corpus.
    """

    catalogue: Mapping[str, int]
    pairs: Mapping[tuple[str, str], int]
    labelled: Mapping[str, int]
    repairs: Mapping[tuple[str, str], int]
    english: Mapping[str, int]

    @classmethod
    def of(cls, shop: Shop, labelled: Sequence[LabelledQuery]) -> Self:
        """Count the words of a shop and of its labelled queries; keyword terms are phrases of the same names."""
        words, pairs = Counter[str](), Counter[tuple[str, str]]()
        for product in shop.all_products():
            found = WORD.findall(product.name.lower())
            words.update(set(found))
            pairs.update(set(pairwise(found)))
        for category in shop.categories():
            words.update(set(WORD.findall(category.aisle.lower())))
        known = Counter(word for row in labelled for word in labelled_words(row))
        repairs = Counter(repair for row in labelled for repair in repaired_words(row))
        return cls(words, pairs, known, repairs, english_words())

    def without(self, row: LabelledQuery) -> Self:
        """Return the vocabulary as it would be had ``row`` not been labelled: for fitting and measuring."""
        labelled, repairs = Counter(self.labelled), Counter(self.repairs)
        labelled.subtract(labelled_words(row))
        repairs.subtract(repaired_words(row))
        return replace(self, labelled=labelled, repairs=+repairs)

    def words(self) -> Iterable[str]:
        """Return every word of the catalogue and of labelled queries, sorted."""
        return sorted(self.catalogue.keys() | self.labelled.keys())


def labelled_words(row: LabelledQuery) -> set[str]:
    """Return the words that the label of ``row`` shows to be well spelled."""
    return {word for word in row.corrected.lower().split() if WORD.fullmatch(word)}


def repaired_words(row: LabelledQuery) -> set[tuple[str, str]]:
    """Return ``(typed, meant)`` for each word that the label of ``row`` changes."""
    typed, meant = row.query.lower().split(), row.corrected.lower().split()
    return (
        {pair for pair in zip(typed, meant, strict=False) if pair[0] != pair[1]} if len(typed) == len(meant) else set()
    )


def english_words() -> dict[str, int]:
    """Return the frequency of 82,765 English words: the list that comes with symspellpy."""
    lines = (resources.files("symspellpy") / _ENGLISH).read_text(encoding="utf-8-sig").splitlines()
    return {word: int(count) for word, count in (line.split() for line in lines)}
