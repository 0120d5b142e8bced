"""The model of synonyms is fitted on read pairs, each query as if it had not been labelled."""

from __future__ import annotations

import numpy as np
from support.small_shop import WordEmbedder

from state.intent import LabelledQuery, Rewrites
from tools.labelled_queries import LabelledQueries
from tools.synonyms import SIGNS, SynonymModel, Synonyms
from training.synonym_fit import SynonymPair, cross_validated, fit, load_synonym_pairs, observe

DRINKS = "beverages > soft drinks"


def row(flavour: str) -> LabelledQuery:
    query = f"{flavour} soda"
    return LabelledQuery(
        query=query,
        corrected=query,
        product="soda",
        categories=[DRINKS],
        rewrites=Rewrites(synonym=[f"{flavour} pop"]),
    )


ROWS = [row(flavour) for flavour in ("cherry", "grape", "lime", "orange", "lemon", "peach", "cream", "berry")]
PAIRS = [
    pair
    for known in ROWS
    for pair in (
        SynonymPair(query=known.corrected, rewrite=known.corrected.replace("soda", "pop"), same=True),
        SynonymPair(query=known.corrected, rewrite=known.corrected.replace("soda", "cola"), same=False),
    )
]


def synonyms() -> Synonyms:
    nothing = SynonymModel(
        signs=SIGNS, weights=(0.0,) * len(SIGNS), offset=0.0, threshold=0.0, embedder=WordEmbedder().name
    )
    return Synonyms(nothing, LabelledQueries(ROWS, WordEmbedder()))


def test_the_querys_own_label_teaches_nothing_and_unknown_queries_are_left_out() -> None:
    stranger = SynonymPair(query="tea", rewrite="chai", same=True)
    found = observe(synonyms(), ROWS, [*PAIRS, stranger])
    assert len(found.pairs) == len(PAIRS)
    here = np.expm1(found.signs[:, SIGNS.index("taught_here")])
    assert np.allclose(here[found.same], len(ROWS) - 1)
    assert np.allclose(here[~found.same], 0)


def test_what_is_taught_is_told_from_what_is_not_without_having_seen_the_query() -> None:
    found = observe(synonyms(), ROWS, PAIRS)
    chances = cross_validated(found)
    assert chances[found.same].min() > chances[~found.same].max()
    model = fit(found, "words", 0.5)
    assert (model.signs, len(model.weights), model.threshold, model.embedder) == (SIGNS, len(SIGNS), 0.5, "words")


def test_the_shipped_pairs_are_read_and_hold_both_kinds() -> None:
    pairs = load_synonym_pairs()
    assert {pair.same for pair in pairs} == {True, False}
    assert len({(pair.query, pair.rewrite) for pair in pairs}) == len(pairs)
