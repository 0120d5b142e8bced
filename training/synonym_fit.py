"""Fits how likely a rewrite is a synonym, on pairs that a large model read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from state.intent import LabelledQuery, Text
from tools.labelled_queries import own_keys
from tools.synonyms import SIGNS, SynonymModel, Synonyms
from training.datasets import DATA_DIR, read_models, verified
from training.logistic import fit_logistic, folds

SYNONYM_PAIRS = "synonym_pairs.jsonl.gz"
STRENGTH = 0.3


class SynonymPair(BaseModel):
    """A training query, a rewrite of it that was found without a model, and whether they ask for the same thing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: Text
    rewrite: Text
    same: bool


@dataclass(frozen=True)
class Observed:
    """The signs of each pair ``[pairs, SIGNS]``, and whether it is a synonym."""

    pairs: Sequence[SynonymPair]
    signs: np.ndarray

    @property
    def same(self) -> np.ndarray:
        return np.array([pair.same for pair in self.pairs])


def load_synonym_pairs() -> list[SynonymPair]:
    """Return the shipped pairs.

    Raises:
        DatasetError: the file is not the one that was shipped.
    """
    return read_models(verified(DATA_DIR / SYNONYM_PAIRS), SynonymPair)


def observe(synonyms: Synonyms, rows: Sequence[LabelledQuery], pairs: Sequence[SynonymPair]) -> Observed:
    """Return the signs of ``pairs``, each query as if it had not been labelled; unknown queries are left out."""
    by_query = {row.corrected: row for row in rows}
    known = [pair for pair in pairs if pair.query in by_query]
    signs = []
    for pair in known:
        row = by_query[pair.query]
        own = own_keys(row)
        signs += synonyms.signs(pair.query, row, row.categories, [pair.rewrite], without=own)
    return Observed(known, np.array(signs))


def fit(observed: Observed, embedder: str, threshold: float) -> SynonymModel:
    """Return the model fitted on all pairs."""
    weights, offset = fit_logistic(observed.signs, observed.same, strength=STRENGTH)
    return SynonymModel(signs=SIGNS, weights=weights, offset=offset, threshold=threshold, embedder=embedder)


def cross_validated(observed: Observed) -> np.ndarray:
    """Return the chance of each pair, told by a model that saw no pair of its query."""
    chances = np.zeros(len(observed.pairs))
    for inside, outside in folds([pair.query for pair in observed.pairs]):
        weights, offset = fit_logistic(observed.signs[inside], observed.same[inside], strength=STRENGTH)
        chances[outside] = 1 / (1 + np.exp(-(observed.signs[outside] @ np.array(weights) + offset)))
    return chances
