"""Counting the phrases of many product names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import NamedTuple

from catalog.phrases import MAX_WORDS, NameParts, Words, split_head, take_apart
from catalog.surface import CONNECTORS, merge_key, singular

SMALL_SHOP_NAMES = 3_000
MAX_DESCRIBING = 4
MIN_HEAD_NAMES = 3
"""A word is a head when at least this many names end their phrase with it."""


class Phrase(NamedTuple):
    """One phrase of a name: its words, the claims in front, and where the name was cut to get it.

    ``cut`` holds the stems on both sides of the cut, None where nothing was cut off. Not ``whole``: it describes the
    product and does not say what it is.
    """

    words: Words
    claims: tuple[str, ...] = ()
    cut: tuple[str, str] | None = None
    whole: bool = True

    @property
    def form(self) -> Words:
        return (*(word for claim in self.claims for word in claim.split()), *self.words)


@dataclass
class Entry:
    """What was counted for one merge key.

    ``frequency`` and ``ids`` (name length, product id) are of the catalogue, ``outside`` of other names; ``standing``
    counts names that say no more of the product than the phrase; ``claims`` are the attributes in front, ``base`` the
    key without them; ``cut`` is where the first name seen was cut; ``rung`` is set by the choice of terms, 0 being
    the best attested.
    """

    forms: dict[Words, int] = field(default_factory=dict)
    ids: list[tuple[int, str]] = field(default_factory=list)
    frequency: int = 0
    outside: int = 0
    standing: int = 0
    claims: tuple[str, ...] = ()
    base: str = ""
    cut: tuple[str, str] | None = None
    rung: int = 0

    @property
    def total(self) -> int:
        return self.frequency + self.outside

    @property
    def words(self) -> Words:
        """The surface form seen most often; ties go to the shorter, then to the first in the alphabet."""
        return min(self.forms, key=lambda words: (-self.forms[words], len(words), words))

    def note(self, phrase: Phrase, product_id: str | None, name_length: int) -> None:
        """Count one more name that holds ``phrase``."""
        if not self.forms:
            self.cut = phrase.cut
            if phrase.claims:
                self.claims, self.base = phrase.claims, merge_key(phrase.words)
        self.forms[phrase.form] = self.forms.get(phrase.form, 0) + 1
        self.standing += phrase.whole and phrase.cut is None
        if product_id is None:
            self.outside += 1
        else:
            self.frequency += 1
            self.ids.append((name_length, product_id))

    def absorb(self, other: Entry) -> None:
        """Take over the counts of ``other``, of which this is the better form; a product counts once."""
        self.ids = sorted(set(self.ids) | set(other.ids))
        self.frequency = len(self.ids)
        self.outside += other.outside
        self.standing += other.standing


class PhraseTally:
    """Counts phrases by merge key. Names are added one by one; :meth:`count` then finds their phrases."""

    def __init__(self) -> None:
        self.attribute_products: dict[str, list[str]] = {}
        self.heads: Counter[str] = Counter()
        """Names, by stem, that are one phrase ending with the word."""
        self.words: Counter[str] = Counter()
        """Names, by stem, that hold the word."""
        self.catalogue_words: Counter[str] = Counter()
        """The same, of the catalogue's own names."""
        self.pairs: Counter[tuple[str, str]] = Counter()
        """Names, by stems, that hold the two words side by side."""
        self._names: list[tuple[NameParts, str | None, int]] = []

    @property
    def small(self) -> bool:
        """True while there are too few names for counts to tell much."""
        return len(self._names) < SMALL_SHOP_NAMES

    def add(self, name: str, product_id: str | None) -> None:
        """Count ``name``; ``product_id`` is None for a name from outside the catalogue."""
        parts = take_apart(name)
        self._names.append((parts, product_id, len(name)))
        if product_id is not None:
            for attribute in sorted(parts.attributes):
                self.attribute_products.setdefault(attribute, []).append(product_id)
        stemmed = [[singular(word) for word in segment] for segment in parts.segments]
        self.words.update({word for segment in stemmed for word in segment})
        if product_id is not None:
            self.catalogue_words.update({word for segment in stemmed for word in segment})
        self.pairs.update({pair for segment in stemmed for pair in pairwise(segment)})
        if len(parts.segments) == 1:
            head, _ = split_head(parts.segments[0])
            if head:
                self.heads[singular(head[-1])] += 1

    def count(self, on_name: Callable[[], object] = lambda: None) -> tuple[dict[str, Entry], dict[str, int]]:
        """Return the entries by key, and per key the count of its most frequent extension by a word to the left.

        ``on_name`` is called once per name.
        """
        entries: dict[str, Entry] = {}
        longer: Counter[tuple[str, str]] = Counter()
        for parts, product_id, length in self._names:
            on_name()
            head, describing = self._main(parts)
            seen: set[str] = set()
            for phrase in _phrases(parts, head, describing) if head else ():
                key = merge_key(phrase.form)
                if not key or key in seen:
                    continue
                seen.add(key)
                entries.setdefault(key, Entry()).note(phrase, product_id, length)
                if phrase.cut:
                    longer[key, phrase.cut[0]] += 1
        strongest: dict[str, int] = {}
        for (key, _), number in longer.items():
            strongest[key] = max(number, strongest.get(key, 0))
        return entries, strongest

    def _main(self, parts: NameParts) -> tuple[Words, list[Words]]:
        """Return the phrase that says what the product is, and the phrases that describe it.

        It is the first segment that closes with a known head: what stands before it is a brand or a line.
        """
        split = [split_head(segment) for segment in parts.segments]
        known = [at for at, (head, _) in enumerate(split) if head and self.heads[singular(head[-1])] >= MIN_HEAD_NAMES]
        if not known:
            known = [at for at, (head, _) in enumerate(split) if head and (self.small or len(split) == 1)]
        if not known:
            return (), []
        at = known[0]
        head, trailing = split[at]
        return head, [extra for extra in (trailing, *parts.segments[at + 1 :]) if 0 < len(extra) <= MAX_DESCRIBING]


def _phrases(parts: NameParts, head: Words, describing: list[Words]) -> Iterator[Phrase]:
    """Yield the phrases of one name whose product is a ``head``."""
    longest = len(head) if len(head) == MAX_WORDS + 1 else MAX_WORDS
    pairs = list(combinations(sorted(parts.claims), 2))
    for start in range(max(0, len(head) - longest), len(head)):
        words = head[start:]
        if words[0] in CONNECTORS:
            continue
        cut = (singular(head[start - 1]), singular(words[0])) if start else None
        yield Phrase(words, cut=cut)
        for claims in (*((claim,) for claim in parts.claims), *pairs):
            yield Phrase(words, claims, cut)
        for extra in (*describing, *((*second, *first) for first, second in combinations(describing, 2))):
            if len(extra) + len(words) <= MAX_WORDS + 1 and not set(extra) & set(words):
                yield Phrase((*extra, *words), cut=cut)
    for extra in describing:
        if len(extra) > 1:
            yield Phrase(extra, whole=False)
    if parts.joined and not describing and len(parts.joined) <= MAX_WORDS + 1:
        yield Phrase(parts.joined)
