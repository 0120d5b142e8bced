"""Counting the phrases of many product names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from catalog.phrases import MAX_WORDS, NameParts, Words, split_head, take_apart
from catalog.surface import CONNECTORS, merge_key, singular

MAX_DESCRIBING = 4
MIN_HEAD_NAMES = 3
"""A word is a head when at least this many names end their phrase with it."""


@dataclass
class Entry:
    """What was counted for one merge key.

    ``frequency`` and ``ids`` (name length, product id) are of the catalogue, ``outside`` of other names;
    ``standing`` counts names that say no more of the product than the phrase; ``claims`` are the attributes in
    front, ``base`` the key without them; ``rung`` is set by the choice of terms (0: the best attested).
    """

    forms: dict[Words, int] = field(default_factory=dict)
    ids: list[tuple[int, str]] = field(default_factory=list)
    frequency: int = 0
    outside: int = 0
    standing: int = 0
    claims: tuple[str, ...] = ()
    base: str = ""
    rung: int = 0

    @property
    def total(self) -> int:
        return self.frequency + self.outside

    @property
    def words(self) -> Words:
        """The surface form seen most often; ties go to the shorter, then to the first in the alphabet."""
        return min(self.forms, key=lambda words: (-self.forms[words], len(words), words))

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
        self.pairs.update({pair for segment in stemmed for pair in zip(segment, segment[1:], strict=False)})
        if len(parts.segments) == 1:
            head, _ = split_head(parts.segments[0])
            if head:
                self.heads[singular(head[-1])] += 1

    def count(self) -> tuple[dict[str, Entry], dict[str, int]]:
        """Return the entries by key, and per key the count of its most frequent extension by a word to the left."""
        entries: dict[str, Entry] = {}
        longer: Counter[tuple[str, str]] = Counter()
        for parts, product_id, length in self._names:
            head, describing = self._main(parts)
            if not head:
                continue
            seen: set[str] = set()
            for words, claims, standing in _phrases(parts, head, describing):
                key = merge_key((*(word for claim in claims for word in claim.split()), *words))
                if key and key not in seen:
                    seen.add(key)
                    _note(entries, key, words, claims, standing, product_id, length)
            for start in range(max(1, len(head) - MAX_WORDS), len(head)):
                longer[merge_key(head[start:]), singular(head[start - 1])] += 1
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
            known = [at for at, (head, _) in enumerate(split) if head and len(parts.segments) == 1]
        if not known:
            return (), []
        at = known[0]
        head, trailing = split[at]
        return head, [extra for extra in (trailing, *parts.segments[at + 1 :]) if 0 < len(extra) <= MAX_DESCRIBING]


def _phrases(parts: NameParts, head: Words, describing: list[Words]) -> Iterator[tuple[Words, tuple[str, ...], bool]]:
    """Yield ``(words, claims in front, standing)`` for the phrases of one name."""
    longest = len(head) if len(head) == MAX_WORDS + 1 else MAX_WORDS
    suffixes = [head[start:] for start in range(max(0, len(head) - longest), len(head))]
    suffixes = [words for words in suffixes if words[0] not in CONNECTORS]
    pairs = list(combinations(sorted(parts.claims), 2))
    for words in suffixes:
        yield words, (), words == head
        for claims in (*((claim,) for claim in parts.claims), *pairs):
            yield words, claims, words == head
        for extra in describing:
            if len(extra) + len(words) <= MAX_WORDS + 1 and not set(extra) & set(words):
                yield (*extra, *words), (), True
        for first, second in combinations(describing, 2):
            both = (*second, *first, *words)
            if len(both) <= MAX_WORDS + 1 and len(set(both)) == len(both):
                yield both, (), True
    for extra in describing:
        if len(extra) > 1:
            yield extra, (), False
    if parts.joined and not describing and len(parts.joined) <= MAX_WORDS + 1:
        yield parts.joined, (), True


def _note(
    entries: dict[str, Entry],
    key: str,
    words: Words,
    claims: tuple[str, ...],
    standing: bool,
    product_id: str | None,
    length: int,
) -> None:
    entry = entries.setdefault(key, Entry())
    form = (*(word for claim in claims for word in claim.split()), *words)
    entry.forms[form] = entry.forms.get(form, 0) + 1
    entry.standing += standing
    if claims and not entry.claims:
        entry.claims, entry.base = claims, merge_key(words)
    if product_id is None:
        entry.outside += 1
    else:
        entry.frequency += 1
        entry.ids.append((length, product_id))
