"""Which counted phrases are terms: what a shopper might type, and not the cuttings of longer names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from catalog.lexicon import load_lexicon
from catalog.phrases import Words
from catalog.surface import CONNECTORS, closed_key, merge_key, singular
from catalog.tally import MIN_HEAD_NAMES, Entry, PhraseTally

MIN_FREQUENCY = 2
MIN_WORD_HEAD_NAMES = 4
MIN_WORD_HEAD_SHARE = 0.1
"""One word alone is a term when it closes so many of the names it is in: "vanilla" does, "crunch" does not."""
CUT_SHARE = 0.75
"""A phrase that one longer phrase accounts for to this share, and that never stands alone, is a cutting of it."""
SURE_FREQUENCY = 5
"""From here on a phrase is trusted whatever its form ("brussels sprouts", "chips ahoy")."""
KNOWN_ABBREVIATION_NAMES = 3
_VOWEL, _DIGIT = re.compile("[aeiouy]"), re.compile("[0-9]")
ORDER_SHARE = 0.34
"""A phrase this rare beside another order of its words is that one said backwards ("tea lemon", "lemon tea")."""


class Rung(NamedTuple):
    """How far down to go for phrases seen once.

    Such a phrase needs every word in ``known_word_names`` names, and to be a term again, one seen ``base_frequency``
    times, without its first ``drop`` words. Without ``standing`` it need not be all that its name says, but then it
    must not begin inside a pair of words that belong together ("york style bagels", see :func:`_cuts_a_pair`).
    """

    known_word_names: int
    base_frequency: int
    drop: int = 1
    standing: bool = True
    bound_share: float = 0.25


LADDER = (
    Rung(5, 3),
    Rung(3, 2),
    Rung(2, 1),
    Rung(2, 1, drop=2),
    Rung(3, 2, standing=False),
    Rung(1, 1),
    Rung(2, 1, standing=False),
    Rung(1, 1, drop=2),
    Rung(1, 1, drop=3),
    Rung(1, 1, standing=False),
    Rung(1, 0),
    Rung(2, 1, standing=False, bound_share=0.6),
    Rung(1, 0, standing=False, bound_share=0.6),
)
"""The first rung belongs to every corpus; the others are taken one by one when a size is asked for. A small shop, where
little is seen twice, takes all those of whole names."""


def choose_terms(
    tally: PhraseTally, wanted: int | None = None, on_name: Callable[[], object] = lambda: None
) -> list[Entry]:
    """Return the entries of ``tally`` that are terms, near-identical ones merged, the best attested first.

    With ``wanted``, rungs of :data:`LADDER` are added until there are so many; what they add comes last.
    ``on_name`` is called once per name counted.
    ``on_name`` is called once per name counted.
    """
    entries, longer = tally.count(on_name)
    plain = {
        key: entry for key, entry in entries.items() if not entry.claims and _is_term(tally, entry, longer.get(key, 0))
    }
    claimed = _ClaimedTerms(entries)
    rungs = _rungs(tally, wanted)
    for depth, rung in enumerate(rungs):
        found = _seen_once(tally, entries, plain, rung)
        for entry in found.values():
            entry.rung = depth
        plain.update(found)
        chosen = [*plain.values(), *claimed.of(plain)]
        last = depth == len(rungs) - 1
        # Merging costs as much as counting: it is done when there may be enough.
        if last or (wanted is not None and len(chosen) >= wanted):
            merged = _merge_orders(_merge_spacings(chosen))
            if last or len(merged) >= (wanted or 0):
                break
    return sorted(merged, key=_by_rank)


def _rungs(tally: PhraseTally, wanted: int | None) -> Sequence[Rung]:
    """Return how far down to go: to the end for a size, through whole names in a small shop, else one rung."""
    if wanted is not None:
        return LADDER
    return [rung for rung in LADDER if rung.standing] if tally.small else LADDER[:1]


class _ClaimedTerms:
    """The entries with claims in front, let in with their bases: "organic string cheese" with "string cheese"."""

    def __init__(self, entries: dict[str, Entry]) -> None:
        self._entries = [entry for entry in entries.values() if entry.claims and _is_well_formed(entry)]

    def of(self, plain: dict[str, Entry]) -> list[Entry]:
        """Return those whose base is in ``plain``, on the rung of the base."""
        let_in = [entry for entry in self._entries if entry.base in plain]
        for entry in let_in:
            entry.rung = plain[entry.base].rung
        return let_in


def _is_term(tally: PhraseTally, entry: Entry, longer: int) -> bool:
    if entry.total < MIN_FREQUENCY or not _is_well_formed(entry):
        return False
    if not entry.standing and longer >= CUT_SHARE * entry.total:
        return False
    words = entry.words
    if len(words) == 1:
        return _is_word_term(tally, words[0])
    return entry.total >= SURE_FREQUENCY or not _opens_with_goods(tally, words)


def _seen_once(tally: PhraseTally, entries: dict[str, Entry], chosen: dict[str, Entry], rung: Rung) -> dict[str, Entry]:
    """Return the whole names seen once that narrow down a chosen term, as ``rung`` asks."""
    found = {}
    for key, entry in entries.items():
        if key in chosen or entry.claims or entry.total >= MIN_FREQUENCY:
            continue
        words = entry.words
        if not entry.standing and (rung.standing or _cuts_a_pair(tally, entry, rung.bound_share)):
            continue
        if len(words) == 1 and not (tally.small and _is_word_term(tally, words[0])):
            continue
        if _support(tally, chosen, words[rung.drop :]) < rung.base_frequency:
            continue
        content = [word for word in words if word not in CONNECTORS]
        known = all(_is_known(tally, word, rung.known_word_names) for word in content)
        if known and _is_well_formed(entry) and not _opens_with_goods(tally, words):
            found[key] = entry
    return found


def _is_known(tally: PhraseTally, word: str, names: int) -> bool:
    """Tell whether ``word`` is in ``names`` names; codes ("strwbry", "nfy060") need the catalogue's own."""
    if len(word) > 2 and (not _VOWEL.search(word) or (len(word) > 3 and _DIGIT.search(word))):
        return tally.catalogue_words[singular(word)] >= (1 if tally.small else KNOWN_ABBREVIATION_NAMES)
    return tally.words[singular(word)] >= names


def _support(tally: PhraseTally, chosen: dict[str, Entry], words: Words) -> int:
    """Return how often ``words`` was seen as a term or, one word alone, as a head; 0 if it is neither."""
    if not words or words[0] in CONNECTORS:
        return 0
    known = chosen.get(merge_key(words))
    heads = tally.heads[singular(words[0])] if len(words) == 1 else 0
    return max(known.total if known else 0, heads if heads >= MIN_HEAD_NAMES else 0)


def _cuts_a_pair(tally: PhraseTally, entry: Entry, share: float) -> bool:
    """Tell whether the phrase begins inside a pair that belongs together, as "york" does after "new".

    A pair does when its second word follows its first in ``share`` of the names that hold it.
    """
    return entry.cut is not None and tally.pairs[entry.cut] >= share * tally.words[entry.cut[1]]


def _is_word_term(tally: PhraseTally, word: str) -> bool:
    lexicon, stem = load_lexicon().file, singular(word)
    if len(word) < 3 or word in lexicon.never_heads or word in lexicon.not_alone:
        return False
    enough = 1 if tally.small else MIN_WORD_HEAD_NAMES
    return tally.heads[stem] >= max(enough, MIN_WORD_HEAD_SHARE * tally.words[stem])


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
    for word, following in pairwise(words):
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


def _by_rank(entry: Entry) -> tuple[int, int, int, int, Words]:
    return (entry.rung, -entry.frequency, -entry.total - entry.standing, len(entry.words), entry.words)


def _by_strength(entry: Entry) -> tuple[int, int, int, Words]:
    return (entry.rung, -entry.total, -entry.standing, entry.words)
