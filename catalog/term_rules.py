"""Which counted phrases are terms: what a shopper might type, and not the cuttings of longer names."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.lexicon import load_lexicon
from catalog.phrases import Words
from catalog.surface import CONNECTORS, closed_key, merge_key, singular
from catalog.tally import Entry, PhraseTally

MIN_FREQUENCY = 2
MIN_WORD_HEAD_NAMES = 4
MIN_WORD_HEAD_SHARE = 0.1
"""One word alone is a term when it closes so many of the names it is in: "vanilla" does, "crunch" does not."""
CUT_SHARE = 0.75
"""A phrase that one longer phrase accounts for to this share, and that never stands alone, is a cutting of it."""
SURE_FREQUENCY = 5
"""From here on a phrase is trusted whatever its form ("brussels sprouts", "chips ahoy")."""
ORDER_SHARE = 0.34
"""A phrase this rare beside another order of its words is that one said backwards ("tea lemon", "lemon tea")."""
BASE_FREQUENCY = 3
KNOWN_WORD_NAMES = 5
"""A phrase seen once is a term if all its words are in so many names and, without its first word, it is a term seen
``BASE_FREQUENCY`` times."""


def choose_terms(tally: PhraseTally) -> list[Entry]:
    """Return the entries of ``tally`` that are terms, near-identical ones merged, the best attested first."""
    entries, longer = tally.count()
    plain = {
        key: entry
        for key, entry in entries.items()
        if not entry.claims and _is_term(tally, entry, longer.get(key, 0))
    }
    plain.update(_attested_once(tally, entries, plain))
    claimed = {
        key: entry for key, entry in entries.items() if entry.claims and entry.base in plain and _is_well_formed(entry)
    }
    chosen = _merge_orders(_merge_spacings([*plain.values(), *claimed.values()]))
    return sorted(chosen, key=lambda entry: (-entry.frequency, -entry.total - entry.standing, len(entry.words), entry.words))


def _is_term(tally: PhraseTally, entry: Entry, longer: int) -> bool:
    if entry.total < MIN_FREQUENCY or not _is_well_formed(entry):
        return False
    if not entry.standing and longer >= CUT_SHARE * entry.total:
        return False
    words = entry.words
    if len(words) == 1:
        return _is_word_term(tally, words[0])
    return entry.total >= SURE_FREQUENCY or not _opens_with_goods(tally, words)


def _attested_once(tally: PhraseTally, entries: dict[str, Entry], chosen: dict[str, Entry]) -> dict[str, Entry]:
    """Return the whole names seen once that narrow down a chosen term with a word in use elsewhere."""
    found = {}
    for key, entry in entries.items():
        if key in chosen or entry.claims or not entry.standing or entry.total >= MIN_FREQUENCY:
            continue
        words = entry.words
        base = chosen.get(merge_key(words[1:]))
        if len(words) < 2 or base is None or base.total < BASE_FREQUENCY or words[1] in CONNECTORS:
            continue
        known = all(tally.words[singular(word)] >= KNOWN_WORD_NAMES for word in words if word not in CONNECTORS)
        if known and _is_well_formed(entry) and not _opens_with_goods(tally, words):
            found[key] = entry
    return found


def _is_word_term(tally: PhraseTally, word: str) -> bool:
    lexicon, stem = load_lexicon().file, singular(word)
    if len(word) < 3 or word in lexicon.never_heads or word in lexicon.not_alone:
        return False
    return tally.heads[stem] >= max(MIN_WORD_HEAD_NAMES, MIN_WORD_HEAD_SHARE * tally.words[stem])


def _is_well_formed(entry: Entry) -> bool:
    """Tell whether the words could open, go on and close as a phrase of their own."""
    lexicon, words = load_lexicon().file, entry.words
    plain = words[sum(len(claim.split()) for claim in entry.claims) :] if entry.claims else words
    content = [singular(word) for word in words if word not in CONNECTORS]
    if plain[0] in lexicon.never_first or "no" in plain:
        return False
    if len(set(content)) < len(content):
        return " ".join(words) in lexicon.fixed_phrases
    return not all(word in lexicon.never_heads for word in plain)


def _opens_with_goods(tally: PhraseTally, words: Words) -> bool:
    """Tell whether a plural noun of the shop modifies another: "cookies chocolate" is a list, not a phrase."""
    for word, following in zip(words, words[1:], strict=False):
        stem = singular(word)
        if stem != word and word.endswith("s") and following not in CONNECTORS and tally.heads[stem] >= 10:
            return True
    return False


def _merge_spacings(entries: Iterable[Entry]) -> list[Entry]:
    """Merge entries that differ only in spaces ("soy milk", "soymilk")."""
    merged: dict[str, Entry] = {}
    for entry in sorted(entries, key=_by_strength):
        other = merged.setdefault(closed_key(entry.words), entry)
        if other is not entry:
            other.absorb(entry)
    return list(merged.values())


def _merge_orders(entries: Iterable[Entry]) -> list[Entry]:
    """Merge an entry into a far more frequent one of the same words in another order."""
    kept: dict[frozenset[str], list[Entry]] = {}
    for entry in sorted(entries, key=_by_strength):
        words = frozenset(singular(word) for word in entry.words if word not in CONNECTORS)
        same = kept.setdefault(words, [])
        if same and entry.total <= ORDER_SHARE * same[0].total:
            same[0].absorb(entry)
        else:
            same.append(entry)
    return [entry for same in kept.values() for entry in same]


def _by_strength(entry: Entry) -> tuple[int, int, Words]:
    return (-entry.total, -entry.standing, entry.words)
