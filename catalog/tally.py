"""Counting the phrases of many product names, and choosing those that a shopper would type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

from catalog.phrases import MAX_WORDS, NameParts, Words, split_head, take_apart
from catalog.surface import CONNECTORS, closed_key, merge_key, singular
from catalog.lexicon import load_lexicon

EXAMPLES = 5
MIN_HEAD_NAMES = 3
"""A word is a head when at least this many names end their phrase with it."""
MIN_WORD_HEAD_NAMES = 4
MIN_WORD_HEAD_SHARE = 0.1
"""One word alone is a term when it closes so many of the phrases it occurs in: "vanilla" does, "crunch" does not."""
CUT_SHARE = 0.75
"""A phrase that one longer phrase accounts for to this share, and that never stands alone, is a cutting of it."""


@dataclass
class Counted:
    """A merged phrase: its best surface form and what was counted for it."""

    text: str
    words: Words
    frequency: int = 0
    outside: int = 0
    standing: int = 0
    examples: tuple[str, ...] = ()


@dataclass
class _Entry:
    forms: dict[Words, int] = field(default_factory=dict)
    ids: list[tuple[int, str]] = field(default_factory=list)
    frequency: int = 0
    outside: int = 0
    standing: int = 0


class PhraseTally:
    """Counts phrases by merge key. Names are added one by one; :meth:`terms` then chooses."""

    def __init__(self) -> None:
        self.attribute_products: dict[str, list[str]] = {}
        self._names: list[tuple[NameParts, str | None, int]] = []
        self._heads: Counter[str] = Counter()
        self._words: Counter[str] = Counter()

    def add(self, name: str, product_id: str | None) -> None:
        """Count ``name``; ``product_id`` is None for a name from outside the catalogue."""
        parts = take_apart(name)
        self._names.append((parts, product_id, len(name)))
        if product_id is not None:
            for attribute in parts.attributes:
                self.attribute_products.setdefault(attribute, []).append(product_id)
        self._words.update({singular(word) for segment in parts.segments for word in segment})
        if len(parts.segments) == 1:
            head, _ = split_head(parts.segments[0])
            if head:
                self._heads[singular(head[-1])] += 1

    def terms(self, *, min_frequency: int) -> list[Counted]:
        """Return the chosen phrases, the best attested first."""
        entries = self._count()
        longest = _strongest_extensions(entries)
        chosen = [
            (key, entry)
            for key, entry in entries.items()
            if self._is_term(key, entry, longest.get(key, 0), min_frequency)
        ]
        merged = _merge_closed(chosen)
        return sorted(
            (_counted(entry) for entry in merged),
            key=lambda c: (-c.frequency, -(c.outside + c.standing), len(c.words), c.text),
        )

    def _count(self) -> dict[str, _Entry]:
        entries: dict[str, _Entry] = {}
        for parts, product_id, length in self._names:
            seen: set[str] = set()
            for words, standing in self._phrases(parts):
                key = merge_key(words)
                if not key or key in seen:
                    continue
                seen.add(key)
                entry = entries.setdefault(key, _Entry())
                entry.forms[words] = entry.forms.get(words, 0) + 1
                entry.standing += standing
                if product_id is None:
                    entry.outside += 1
                else:
                    entry.frequency += 1
                    entry.ids.append((length, product_id))
        return entries

    def _phrases(self, parts: NameParts) -> Iterator[tuple[Words, bool]]:
        """Yield the phrases of one name and whether each is all that the name says the product is."""
        head, describing = self._main(parts)
        if not head:
            return
        suffixes = [head[start:] for start in range(max(0, len(head) - MAX_WORDS), len(head))]
        suffixes = [words for words in suffixes if words[0] not in CONNECTORS]
        for words in suffixes:
            yield words, words == head
            for claim in parts.claims:
                yield (*claim.split(), *words), words == head
        if suffixes:
            for pair in combinations(sorted(parts.claims), 2):
                yield (*pair[0].split(), *pair[1].split(), *suffixes[0]), True
            for extra in describing:
                for words in dict.fromkeys((suffixes[0], *suffixes[-2:])):
                    if len(extra) + len(words) <= MAX_WORDS and not set(extra) & set(words):
                        yield (*extra, *words), True
        if parts.joined and not describing and len(parts.joined) <= MAX_WORDS + 1:
            yield parts.joined, True

    def _main(self, parts: NameParts) -> tuple[Words, list[Words]]:
        """Return the phrase that says what the product is, and the phrases that describe it.

        It is the first segment that closes with a known head: what stands before it is a brand or a line.
        """
        split = [split_head(segment) for segment in parts.segments]
        known = [at for at, (head, _) in enumerate(split) if head and self._is_head(head[-1])]
        if not known:
            return (), []
        at = known[0]
        head, trailing = split[at]
        later = [segment for segment in parts.segments[at + 1 :] if len(segment) <= 3]
        return head, [extra for extra in (trailing, *later) if 0 < len(extra) <= 3]

    def _is_head(self, word: str) -> bool:
        return self._heads[singular(word)] >= MIN_HEAD_NAMES

    def _is_term(self, key: str, entry: _Entry, longest: int, min_frequency: int) -> bool:
        total = entry.frequency + entry.outside
        words = _best_form(entry)
        if total < min_frequency or not _is_well_formed(words):
            return False
        if not entry.standing and longest >= CUT_SHARE * total:
            return False
        return len(words) > 1 or self._is_word_term(words[0])

    def _is_word_term(self, word: str) -> bool:
        stem = singular(word)
        file = load_lexicon().file
        if len(word) < 3 or word in file.never_heads or word in file.not_alone:
            return False
        heads = self._heads[stem]
        return heads >= MIN_WORD_HEAD_NAMES and heads >= MIN_WORD_HEAD_SHARE * self._words[stem]


def _is_well_formed(words: Words) -> bool:
    """Tell whether ``words`` could open, go on and close as a phrase of their own."""
    file = load_lexicon().file
    content = [singular(word) for word in words if word not in CONNECTORS]
    if words[0] in file.never_first and " ".join(words[:2]) not in _claim_openings():
        return False
    if len(set(content)) < len(content):
        return " ".join(words) in file.fixed_phrases
    return not all(word in file.never_heads for word in words)


@lru_cache(maxsize=1)
def _claim_openings() -> frozenset[str]:
    names = [attribute.name for attribute in load_lexicon().file.attributes if attribute.use == "prefix"]
    return frozenset(" ".join(name.split()[:2]) for name in names)


def _strongest_extensions(entries: dict[str, _Entry]) -> dict[str, int]:
    """Return, per key, the count of its most frequent extension by one word to the left."""
    strongest: dict[str, int] = {}
    for entry in entries.values():
        for words in entry.forms:
            if len(words) < 2:
                continue
            shorter = merge_key(words[1:])
            total = entry.frequency + entry.outside
            if total > strongest.get(shorter, 0):
                strongest[shorter] = total
    return strongest


def _merge_closed(chosen: Iterable[tuple[str, _Entry]]) -> list[_Entry]:
    """Merge entries that differ only in spaces ("soy milk", "soymilk")."""
    merged: dict[str, _Entry] = {}
    for _, entry in chosen:
        key = closed_key(_best_form(entry))
        other = merged.setdefault(key, entry)
        if other is not entry:
            for form, count in entry.forms.items():
                other.forms[form] = other.forms.get(form, 0) + count
            other.ids = sorted(set(other.ids) | set(entry.ids))
            other.frequency = len(other.ids)
            other.outside += entry.outside
            other.standing += entry.standing
    return list(merged.values())


def _best_form(entry: _Entry) -> Words:
    return min(entry.forms, key=lambda words: (-entry.forms[words], len(words), words))


def _counted(entry: _Entry) -> Counted:
    words = _best_form(entry)
    examples = tuple(id_ for _, id_ in sorted(entry.ids)[:EXAMPLES])
    return Counted(" ".join(words), words, entry.frequency, entry.outside, entry.standing, examples)
