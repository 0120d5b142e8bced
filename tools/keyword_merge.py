"""Merging the neighbours of several concepts into one list of distinct choices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.corpus import Term
from catalog.lexicon import load_lexicon
from catalog.surface import CONNECTORS, singular

IDENTICAL_COSINE = 0.97
"""Two terms this near that claim the same attributes are one choice ("chamomile tea", "camomile tea")."""


def round_robin(
    ranked: Sequence[Sequence[tuple[int, float]]], terms: Sequence[Term], vectors: np.ndarray, limit: int
) -> list[tuple[int, float, int]]:
    """Return up to ``limit`` of ``(row, similarity, concept)``, taking the next new choice of each concept in turn.

    ``ranked`` holds per concept its ``(row, similarity)``, nearest first. A term near several concepts goes to the
    one it is nearest to. Of near-identical terms the first one taken is kept.
    """
    nearest: dict[int, tuple[float, int]] = {}
    for concept, hits in enumerate(ranked):
        for row, similarity in hits:
            if row not in nearest or similarity > nearest[row][0]:
                nearest[row] = (similarity, concept)
    rows = sorted(nearest)
    twins = _twins(rows, terms, vectors)
    queues = [[row for row, _ in hits if nearest[row][1] == concept] for concept, hits in enumerate(ranked)]
    chosen: list[tuple[int, float, int]] = []
    taken: set[int] = set()
    places = [0] * len(queues)
    while len(chosen) < limit and any(place < len(queue) for place, queue in zip(places, queues, strict=True)):
        for concept, queue in enumerate(queues):
            while places[concept] < len(queue) and queue[places[concept]] in taken:
                places[concept] += 1
            if places[concept] < len(queue) and len(chosen) < limit:
                row = queue[places[concept]]
                chosen.append((row, nearest[row][0], concept))
                taken |= twins[row]
    return chosen


def _twins(rows: Sequence[int], terms: Sequence[Term], vectors: np.ndarray) -> dict[int, set[int]]:
    """Return per row the rows that are the same choice, itself included."""
    near = np.asarray(vectors[list(rows)], dtype=np.float32)
    close = near @ near.T >= IDENTICAL_COSINE
    words = [choice_words(terms[row].text) for row in rows]
    by_words: dict[frozenset[str], list[int]] = {}
    for at, key in enumerate(words):
        by_words.setdefault(key, []).append(at)
    twins = {row: {rows[other] for other in by_words[words[at]]} for at, row in enumerate(rows)}
    for one, other in np.argwhere(np.triu(close, 1)).tolist():
        if _same_claims(terms[rows[one]].text, terms[rows[other]].text):
            twins[rows[one]].add(rows[other])
            twins[rows[other]].add(rows[one])
    return twins


def _same_claims(one: str, other: str) -> bool:
    lexicon = load_lexicon()
    return set(lexicon.attributes_of(one)) == set(lexicon.attributes_of(other))


def choice_words(text: str) -> frozenset[str]:
    """Return the words that tell two choices apart: stems, without order and connectors."""
    return frozenset(singular(word) for word in text.split() if word not in CONNECTORS)
