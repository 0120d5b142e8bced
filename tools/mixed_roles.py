"""Roles of a query without a language model: random field and encoder, mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from state.intent import Roles
from state.settings import PROJECT_ROOT
from tools.query_roles import MOST_WORDS, CrfRoles, roles_of_tags

TAGGER_DIR = PROJECT_ROOT / "models" / "query-tagger"


class WordTagger(Protocol):
    """Gives log probabilities ``[words, tags]`` of the tags of words, in a fixed order of tags."""

    def chances(self, words: Sequence[str]) -> np.ndarray: ...


class MixedRoles:
    """Tags queries by the weighted mean of two log probabilities a word; the two err in different places."""

    def __init__(self, field: CrfRoles, encoder: WordTagger, tags: Sequence[str], share: float) -> None:
        """``share`` is the weight of ``encoder``, whose tags are ``tags``; the rest is that of ``field``."""
        self._field, self._encoder = field, encoder
        self._tags, self._share = tuple(tags), share
        self._follows = follows(self._tags)

    def roles(self, query: str) -> tuple[Roles, float]:
        """Return the roles of a spelling-corrected ``query`` and the probability of all its tags.

        Every value stands in the query, word for word. A query without words has no roles, surely.
        """
        typed = query.split()[:MOST_WORDS]
        if not typed:
            return Roles(), 1.0
        words = [word.lower() for word in typed]
        mixed = mix(self._encoder.chances(words), self._field.chances(words, self._tags), self._share)
        path, chance = best_path(mixed, self._follows)
        return roles_of_tags(typed, [self._tags[at] for at in path]), chance


def mix(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Return ``share`` of the log probabilities ``one`` and the rest of ``other``, normalised for each word."""
    mixed = share * one + (1 - share) * other
    top = mixed.max(axis=1, keepdims=True)
    normalised: np.ndarray = mixed - top - np.log(np.exp(mixed - top).sum(axis=1, keepdims=True))
    return normalised


def follows(tags: Sequence[str]) -> np.ndarray:
    """Return bool ``[tags + 1, tags]``: which tag may stand behind which; the last row is the start of the query."""
    before = [tag[2:] for tag in tags] + [""]
    return np.array([[not tag.startswith("I-") or tag[2:] == label for tag in tags] for label in before])


def best_path(chances: np.ndarray, allowed: np.ndarray) -> tuple[list[int], float]:
    """Return the likeliest tags that may follow each other (Viterbi), and the product of their probabilities."""
    score = np.where(allowed[-1], chances[0], -np.inf)
    back: list[np.ndarray] = []
    for word in chances[1:]:
        steps = np.where(allowed[:-1], score[:, None], -np.inf)
        back.append(steps.argmax(axis=0))
        score = steps.max(axis=0) + word
    path = [int(score.argmax())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return path[::-1], float(np.exp(score.max()))
