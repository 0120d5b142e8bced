"""Spelling repair with the shop's vocabulary: a misspelled word becomes the shop's word that it most likely means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from state.intent import LabelledQuery
from state.settings import PROJECT_ROOT, Settings
from tools.linear_scorer import LinearScorer
from tools.spelling_features import FEATURES, same_but_apostrophe, spelling_features
from tools.spelling_vocabulary import WORD, Shop, Vocabulary

if TYPE_CHECKING:
    from symspellpy import SymSpell

WEIGHTS_FILE = PROJECT_ROOT / "models" / "intents" / "spelling.json"
SHORTEST, LONGEST = 4, 24
"""Letters of the words that are looked at: shorter ones have too many neighbours, no word is longer."""
MOST_WORDS = 16
"""Words of a query that are looked at: bounds the time that hostile input takes."""
COMMON = 12
"""Names of the catalogue from which on a word counts as well spelled: its own misspellings are rarer."""
TOGETHER, APART = 20, 5
"""Names in which words stand joined, or side by side, before a query is changed to that."""


@dataclass(frozen=True)
class SpellingOption:
    """A word that the word at ``place`` of a query may mean, with its features (:data:`FEATURES`)."""

    place: int
    text: str
    features: list[float]


class Speller:
    """Repairs queries, word by word: SymSpell (Garbe) proposes, a fitted scorer decides, the query stays if unsure."""

    def __init__(self, vocabulary: Vocabulary, scorer: LinearScorer) -> None:
        self.vocabulary = vocabulary
        self._scorer = scorer
        self._index = _index(vocabulary)
        self._near = lru_cache(maxsize=1 << 14)(self._lookup)
        self._meant: dict[str, list[str]] = {}
        for typed, meant in sorted(vocabulary.repairs):
            self._meant.setdefault(typed, []).append(meant)

    @classmethod
    def open(
        cls, settings: Settings, shop: Shop, labelled: Sequence[LabelledQuery] = (), *, weights: Path = WEIGHTS_FILE
    ) -> Self:
        """Count the vocabulary of ``shop`` and of ``labelled`` (brands above all: catalogues leave many out).

        Raises:
            ModelsError: the weights cannot be used.
        """
        return cls(Vocabulary.of(shop, labelled), LinearScorer.open(weights, FEATURES))

    def correct(self, query: str) -> str:
        """Return ``query`` with its misspelled words repaired, spaces collapsed; everything else as it was typed.

        Numbers, units, words in other scripts and words that the shop knows are never touched.
        """
        words = query.split()
        head = self._respaced(words[:MOST_WORDS])
        options = self.options(head)
        best: dict[int, tuple[float, str]] = {}
        for option, chance in zip(options, self._scorer.probabilities([o.features for o in options]), strict=True):
            if chance >= self._scorer.threshold:
                best[option.place] = max(best.get(option.place, (0.0, "")), (float(chance), option.text))
        fixed = [best[place][1] if place in best else word for place, word in enumerate(head)]
        return " ".join([*fixed, *words[MOST_WORDS:]])

    def options(self, words: Sequence[str], vocabulary: Vocabulary | None = None) -> list[SpellingOption]:
        """Return what the words may mean instead; ``vocabulary`` replaces the speller's own (a part of it)."""
        known = vocabulary or self.vocabulary
        plain = [word.lower() for word in words]
        return [
            SpellingOption(place, meant, spelling_features(plain, place, meant, distance, known))
            for place, word in enumerate(plain)
            for meant, distance in self._proposed(word, known)
        ]

    def _proposed(self, word: str, known: Vocabulary) -> list[tuple[str, int]]:
        if not SHORTEST <= len(word) <= LONGEST or not WORD.fullmatch(word):
            return []
        told = [meant for meant in self._meant.get(word, ()) if known.repairs.get((word, meant), 0) > 0]
        if not told and (known.catalogue.get(word, 0) >= COMMON or known.labelled.get(word, 0) > 0):
            return []
        near = {meant: distance for meant, distance in self._near(word) if _usable(meant, known)}
        near.update({meant: near.get(meant, 2) for meant in told})
        return [(meant, far) for meant, far in near.items() if not same_but_apostrophe(word, meant)]

    def _lookup(self, word: str) -> tuple[tuple[str, int], ...]:
        from symspellpy import Verbosity

        distance = 1 if len(word) == SHORTEST else 2
        found = self._index.lookup(word, Verbosity.ALL, max_edit_distance=distance)
        return tuple((item.term, item.distance) for item in found if item.term != word and len(item.term) > 2)

    def _respaced(self, words: Sequence[str]) -> list[str]:
        """Join what the shop writes as one word ("pea nut") and part what it writes as two ("icecream")."""
        out: list[str] = []
        for word in words:
            before = out[-1].lower() if out else ""
            if before and self._written_as_one(before, word.lower()):
                out[-1] = before + word.lower()
            else:
                out += self._parts(word.lower()) or [word]
        return out

    def _written_as_one(self, first: str, second: str) -> bool:
        known, joined = self.vocabulary, first + second
        if len(joined) > LONGEST or not WORD.fullmatch(joined) or min(len(first), len(second)) < 2:
            return False
        both_known = known.labelled.get(first, 0) > 0 and known.labelled.get(second, 0) > 0
        if both_known or known.pairs.get((first, second), 0):
            return False
        return known.catalogue.get(joined, 0) >= TOGETHER

    def _parts(self, word: str) -> list[str]:
        known = self.vocabulary
        seen = known.catalogue.get(word, 0) + known.labelled.get(word, 0) + known.english.get(word, 0)
        if seen or not 2 * 3 <= len(word) <= LONGEST or not WORD.fullmatch(word):
            return []
        cuts = [(known.pairs.get((word[:cut], word[cut:]), 0), cut) for cut in range(3, len(word) - 2)]
        often, cut = max(cuts)
        return [word[:cut], word[cut:]] if often >= APART else []


def _usable(meant: str, known: Vocabulary) -> bool:
    return known.catalogue.get(meant, 0) > 1 or known.labelled.get(meant, 0) > 0


def _index(vocabulary: Vocabulary) -> SymSpell:
    from symspellpy import SymSpell

    index = SymSpell(max_dictionary_edit_distance=2, prefix_length=7)
    for word in vocabulary.words():
        if _usable(word, vocabulary):
            count = vocabulary.catalogue.get(word, 0) + vocabulary.labelled.get(word, 0)
            index.create_dictionary_entry(word, count)
    return index
