"""Scores of rewrites against a teacher's: is there one where one is wanted, and does it say what the teacher says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.bootstrap import Interval, mean_interval, ratio_interval
from evaluation.intent_scores import SomeAnswer, SomeLabel
from state.guard import Embedder
from state.intent import REWRITE_KINDS, RewriteKind
from tools.labelled_queries import query_key

ALIKE = 0.8
"""Cosine from which on two queries are taken to say the same."""


@dataclass(frozen=True)
class RewriteScores:
    """Scores of one kind of rewrite.

    ``coverage`` is the share given of the queries for which the label has one, ``unwanted`` of those for which it has
    none. ``exact`` is the share of all rewrites given, where one is wanted, that the label holds to the word, ``alike``
    of those that come near to one of the label's: the teacher lists some good ones, never all, so both are low bounds.
    """

    coverage: Interval
    unwanted: Interval
    exact: Interval
    alike: Interval


def rewrite_scores(
    pairs: Sequence[tuple[SomeLabel, SomeAnswer]], embedder: Embedder, *, alike: float = ALIKE
) -> dict[RewriteKind, RewriteScores]:
    """Score each kind of rewrite; ``alike`` is the least cosine of two rewrites that say the same."""
    return {kind: _scores(pairs, kind, embedder, alike) for kind in REWRITE_KINDS}


def _scores(
    pairs: Sequence[tuple[SomeLabel, SomeAnswer]], kind: RewriteKind, embedder: Embedder, alike: float
) -> RewriteScores:
    asked = [(_texts(gold, kind), _texts(answer, kind)) for gold, answer in pairs]
    wanted = [(told, given) for told, given in asked if told]
    counts = [len(given) for _, given in wanted]
    return RewriteScores(
        coverage=mean_interval([float(bool(given)) for _, given in wanted]),
        unwanted=mean_interval([float(bool(given)) for told, given in asked if not told]),
        exact=ratio_interval([sum(text in told for text in given) for told, given in wanted], counts),
        alike=ratio_interval([_near(told, given, embedder, alike) for told, given in wanted], counts),
    )


def _texts(answer: SomeAnswer, kind: RewriteKind) -> list[str]:
    return list(dict.fromkeys(query_key(text) for text in getattr(answer.rewrites, kind)))


def _near(told: Sequence[str], given: Sequence[str], embedder: Embedder, alike: float) -> int:
    if not given:
        return 0
    vectors = np.asarray(embedder.embed([*told, *given]), dtype=np.float64)
    cosines = vectors[len(told) :] @ vectors[: len(told)].T
    return int((cosines.max(axis=1) >= alike).sum())
