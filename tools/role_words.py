"""What is known of the words of queries before they are tagged: how the catalogue and labelled queries use them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

import numpy as np

from catalog.surface import singular
from state.answers_intent import SEPARATOR, role_texts
from state.guard import Embedder
from state.intent import ROLE_LABELS, LabelledQuery
from tools.spelling_vocabulary import WORD, Shop

LABELS = (*ROLE_LABELS, "none")
NEAR_WORDS = 12
"""Labelled words that speak for a word like them."""
SHARPNESS = 12.0
"""How much more the nearest of them counts, per unit of cosine."""


@dataclass(frozen=True)
class WordUse:
    """How names of the catalogue use a word: in how many, at which end of them, and in which department most."""

    names: int = 0
    first: float = 0.0
    last: float = 0.0
    department: str = ""


class RoleWords:
    """Looks up words: their use in product names, and the labels that queries give them and words like them."""

    def __init__(self, shop: Shop, labelled: Sequence[LabelledQuery], embedder: Embedder) -> None:
        self._uses, self._pairs, self._names = _uses(shop)
        self._embedder = embedder
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._phrases: dict[str, Counter[str]] = defaultdict(Counter)
        for row in labelled:
            for word, label in word_labels(row):
                self._counts[word][label] += 1
            for label, text in row.spans():
                self._phrases[_key(text)][label] += 1
        self._words = sorted(self._counts)
        self._table = np.array([[self._counts[word][label] for label in LABELS] for word in self._words], dtype=float)
        self._vectors = embedder.embed(self._words) if self._words else np.zeros((0, 1), dtype=np.float32)
        self._place = {word: at for at, word in enumerate(self._words)}

    def use(self, word: str) -> WordUse:
        """Return how product names use ``word``."""
        return self._uses.get(word, _UNUSED)

    def bond(self, first: str, second: str) -> float:
        """Return how much more often names hold the two words side by side than by chance: 0 (never) to 1 (always).

        Normalised pointwise mutual information (Bouma, 2009), negative values as 0.
        """
        together = self._pairs.get((first, second), 0)
        if together < 2:
            return 0.0
        share = together / self._names
        apart = self.use(first).names * self.use(second).names / self._names**2
        return max(0.0, log(share / apart) / -log(share))

    def shares(self, word: str, own: Counter[tuple[str, str]]) -> dict[str, float]:
        """Return the share of each label in the labelled queries that hold ``word``, without the ``own`` of a row."""
        counts = {label: n - own[word, label] for label, n in self._counts.get(word, {}).items()}
        total = sum(counts.values())
        return {label: n / total for label, n in counts.items() if n > 0} if total > 0 else {}

    def phrase(self, text: str, own: Counter[str]) -> dict[str, int]:
        """Return how often labelled queries give each label to ``text`` as a whole."""
        key = _key(text)
        return {
            label: left for label, n in self._phrases.get(key, {}).items() if (left := n - own[f"{label}:{key}"]) > 0
        }

    def likely(self, words: Sequence[str], own: Counter[tuple[str, str]]) -> np.ndarray:
        """Return ``[words, LABELS]``: the labels of labelled words near to each word in meaning, itself left out."""
        if not words or not self._words:
            return np.zeros((len(words), len(LABELS)))
        cosines = self._embedded(words) @ self._vectors.T
        out = np.zeros((len(words), len(LABELS)))
        for row, word in enumerate(words):
            if (at := self._place.get(word)) is not None:
                cosines[row, at] = -1.0
            near = np.argsort(-cosines[row], kind="stable")[:NEAR_WORDS]
            table = self._table[near].copy()
            for place, column in enumerate(near):
                for label_at, label in enumerate(LABELS):
                    table[place, label_at] -= own[self._words[column], label]
            weights = np.exp(SHARPNESS * (cosines[row, near] - 1.0)) / np.maximum(table.sum(axis=1), 1)
            said = (weights[:, None] * np.maximum(table, 0)).sum(axis=0)
            out[row] = said / said.sum() if said.sum() > 0 else said
        return out

    def _embedded(self, words: Sequence[str]) -> np.ndarray:
        """Return the vectors of ``words``: only those that no labelled query holds are embedded now."""
        new = [word for word in dict.fromkeys(words) if word not in self._place]
        fresh = dict(zip(new, self._embedder.embed(new), strict=True)) if new else {}
        return np.array([fresh[word] if word in fresh else self._vectors[self._place[word]] for word in words])


def word_labels(row: LabelledQuery) -> list[tuple[str, str]]:
    """Return ``(word, label)`` for each word of the corrected query, ``none`` for one without a role."""
    return [(word, tag[2:] or "none") for word, tag in tagged(row)]


def tagged(row: LabelledQuery) -> list[tuple[str, str]]:
    """Return ``(word, tag)`` with tags ``B-<label>``, ``I-<label>`` and ``O``, as sequence taggers learn them."""
    words = row.corrected.lower().split()
    tags, place = ["O"] * len(words), 0
    for role in role_texts(row.corrected.lower(), _lower(row)):
        label, _, text = role.partition(SEPARATOR)
        span = text.split()
        while words[place : place + len(span)] != span:
            place += 1
        tags[place : place + len(span)] = [f"B-{label}", *[f"I-{label}"] * (len(span) - 1)]
        place += len(span)
    return list(zip(words, tags, strict=True))


def own_words(row: LabelledQuery | None) -> Counter[tuple[str, str]]:
    """Return what ``row`` adds to the counts of words, to be left out where its own roles are asked for."""
    return Counter(word_labels(row)) if row else Counter()


def own_phrases(row: LabelledQuery | None) -> Counter[str]:
    """Return what ``row`` adds to the counts of phrases."""
    return Counter(f"{label}:{_key(text)}" for label, text in row.spans()) if row else Counter()


_UNUSED = WordUse()


def _lower(row: LabelledQuery) -> LabelledQuery:
    return LabelledQuery.model_validate_json(row.model_dump_json().lower())


def _key(text: str) -> str:
    return " ".join(singular(word.replace("'", "")) for word in text.lower().split())


def _uses(shop: Shop) -> tuple[dict[str, WordUse], Counter[tuple[str, str]], int]:
    """Return the use of each word, in how many names each two words stand side by side, and the number of names."""
    names, first, last, pairs = Counter[str](), Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    departments: dict[str, Counter[str]] = defaultdict(Counter)
    products = shop.all_products()
    for product in products:
        words = WORD.findall(product.name.lower())
        if not words:
            continue
        first[words[0]] += 1
        last[words[-1]] += 1
        pairs.update(set(pairwise(words)))
        for word in set(words):
            names[word] += 1
            departments[word][product.department] += 1
    uses = {
        word: WordUse(
            n, first[word] / n, last[word] / n, min(departments[word], key=lambda d: (-departments[word][d], d))
        )
        for word, n in names.items()
    }
    return uses, pairs, len(products)
