"""What is known of each candidate keyword of a theme without asking a model: the numbers that the selector reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.surface import stems
from state.guard import Embedder
from tools.keywords import readable_concepts

FEATURES = (
    "place",
    "nearest",
    "second",
    "mean",
    "to_title",
    "to_rationale",
    "beyond_title",
    "place_of_concept",
    "gap_of_concept",
    "words_of_concept",
    "words_known",
    "last_word",
    "same_words",
    "like_nearer",
    "like_others",
)
"""Place in the order given; cosine to the nearest and second concept, the mean over concepts, to title and rationale,
and to the title beyond the nearest concept's; place among the candidates of the same concept, and how much less near
than its first; best share of a concept's words, share of own words found in concepts, same last word as a concept, the
same words as one; cosine to the most alike candidate that stands before it, and the mean to all others."""


def keyword_features(
    embedder: Embedder, title: str, rationale: str, concepts: Sequence[str], candidates: Sequence[str]
) -> np.ndarray:
    """Return float64 ``[len(candidates), len(FEATURES)]``; ``candidates`` are distinct and come nearest first.

    ``concepts`` hold at least one that is readable (:func:`tools.keywords.readable_concepts`).
    """
    asked, count = readable_concepts(concepts), len(candidates)
    vectors = embedder.embed([title, rationale or title, *asked, *candidates])
    told, words = vectors[: 2 + len(asked)], vectors[2 + len(asked) :]
    to_told = told @ words.T
    near = to_told[2:]
    of, ranked = near.argmax(axis=0), -np.sort(-near, axis=0)
    alike = words @ words.T
    np.fill_diagonal(alike, 0)
    before = np.tril(alike, -1).max(axis=1, initial=0.0)
    places, gaps = _within_concepts(near, of)
    columns = [
        np.arange(count),
        ranked[0],
        ranked[min(1, len(asked) - 1)],
        near.mean(axis=0),
        to_told[0],
        to_told[1] if rationale else np.zeros(count),
        to_told[0] - (told[2:] @ told[0])[of],
        places,
        gaps,
        *_shared_words([stems(concept) for concept in asked], candidates).T,
        before,
        alike.clip(min=0).sum(axis=1) / max(count - 1, 1),
    ]
    return np.column_stack(columns).astype(np.float64)


def _within_concepts(near: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each candidate's place among those of its concept and its distance to the first of them."""
    best = near[of, np.arange(near.shape[1])]
    places, gaps = np.zeros(len(of)), np.zeros(len(of))
    for concept in np.unique(of):
        rows = np.flatnonzero(of == concept)
        rows = rows[np.argsort(-best[rows], kind="stable")]
        places[rows] = np.arange(len(rows))
        gaps[rows] = best[rows[0]] - best[rows]
    return places, gaps


def _shared_words(concepts: Sequence[list[str]], candidates: Sequence[str]) -> np.ndarray:
    """Return ``[candidates, 4]``: share of a concept's words, share of own words known, same last word, same words."""
    sets = [set(concept) for concept in concepts]
    known = set().union(*sets)
    lasts = {concept[-1] for concept in concepts if concept}
    found = np.zeros((len(candidates), 4))
    for row, text in enumerate(candidates):
        words = stems(text)
        own = set(words)
        if own:
            share = max((len(own & concept) / len(concept) for concept in sets if concept), default=0.0)
            found[row] = (share, len(own & known) / len(own), words[-1] in lasts, own in sets)
    return found
