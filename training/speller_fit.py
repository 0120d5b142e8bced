"""Fits what decides on spelling repairs, on labelled queries, and measures it by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from state.intent import LabelledQuery
from tools.linear_scorer import LinearScorer
from tools.spelling import Speller, SpellingOption
from tools.spelling_features import FEATURES
from tools.spelling_vocabulary import Shop, Vocabulary
from training.logistic import fit_logistic, folds

THRESHOLDS = np.round(np.arange(0.2, 0.96, 0.05), 2)
MOST_HARM = 0.01
STRENGTH = 3.0
"""Inverse of the regularisation; 1 to 10 give the same figures within a query or two."""


@dataclass(frozen=True)
class SpellingFigures:
    """How many queries were misspelled, made right, well spelled, and changed though well spelled."""

    misspelled: int
    fixed: int
    well_spelled: int
    harmed: int


def fit_speller(shop: Shop, rows: Sequence[LabelledQuery], *, command: str) -> LinearScorer:
    """Return the scorer fitted on ``rows``, with the threshold that fixes most while harming under 1 %.

    Each row is seen as if it had not been labelled; the figures that choose are of five-fold cross-validation.
    """
    vocabulary = Vocabulary.of(shop, rows)
    blank = LinearScorer(
        features=FEATURES, weights=(0.0,) * len(FEATURES), offset=0.0, threshold=1.0, fitted_on="", command=command
    )
    speller = Speller(vocabulary, blank)
    seen = [speller.options(row.query.split(), vocabulary.without(row)) for row in rows]
    wanted = [[_is_meant(row, option) for option in options] for row, options in zip(rows, seen, strict=True)]
    chances: list[np.ndarray] = [np.zeros(0)] * len(rows)
    for inside, outside in folds([row.query for row in rows]):
        scorer = _fit(blank, [seen[at] for at in inside], [wanted[at] for at in inside])
        for at in outside:
            chances[at] = scorer.probabilities([option.features for option in seen[at]])
    measured = {float(threshold): _figures(rows, seen, chances, float(threshold)) for threshold in THRESHOLDS}
    allowed = {t: found for t, found in measured.items() if found.harmed < MOST_HARM * found.well_spelled}
    threshold = max(allowed, key=lambda t: (allowed[t].fixed, t), default=float(THRESHOLDS[-1]))
    return _fit(blank, seen, wanted).model_copy(
        update={
            "threshold": threshold,
            "fitted_on": f"intents, train split, {len(rows)} queries",
            "measured": {"cross_validation": vars(measured[threshold])},
        }
    )


def speller_figures(speller: Speller, rows: Sequence[LabelledQuery]) -> SpellingFigures:
    """Return what ``speller`` does to ``rows``, none of which it knows."""
    return _counted(rows, [speller.correct(row.query) for row in rows])


def _fit(
    blank: LinearScorer, seen: Sequence[Sequence[SpellingOption]], wanted: Sequence[Sequence[bool]]
) -> LinearScorer:
    features = np.array([option.features for options in seen for option in options])
    weights, offset = fit_logistic(features, np.array([yes for row in wanted for yes in row]), strength=STRENGTH)
    return blank.model_copy(update={"weights": weights, "offset": offset})


def _is_meant(row: LabelledQuery, option: SpellingOption) -> bool:
    typed, meant = row.query.split(), row.corrected.split()
    return len(typed) == len(meant) and meant[option.place] == option.text


def _figures(
    rows: Sequence[LabelledQuery],
    seen: Sequence[Sequence[SpellingOption]],
    chances: Sequence[np.ndarray],
    threshold: float,
) -> SpellingFigures:
    repaired = []
    for row, options, found in zip(rows, seen, chances, strict=True):
        words, best = row.query.split(), dict[int, tuple[float, str]]()
        for option, chance in zip(options, found, strict=True):
            if chance >= threshold:
                best[option.place] = max(best.get(option.place, (0.0, "")), (float(chance), option.text))
        repaired.append(" ".join(best[place][1] if place in best else word for place, word in enumerate(words)))
    return _counted(rows, repaired)


def _counted(rows: Sequence[LabelledQuery], repaired: Sequence[str]) -> SpellingFigures:
    pairs = list(zip(rows, repaired, strict=True))
    misspelled = [(row, text) for row, text in pairs if row.query != row.corrected]
    well = [(row, text) for row, text in pairs if row.query == row.corrected]
    return SpellingFigures(
        misspelled=len(misspelled),
        fixed=sum(text == row.corrected for row, text in misspelled),
        well_spelled=len(well),
        harmed=sum(text != row.query for row, text in well),
    )
