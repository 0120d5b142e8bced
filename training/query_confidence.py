"""Fits how sure an answer on a query is: a logistic model on the dev split, which no tagger has learned from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agents.query_parser import MAX_EXAMPLES, parse_query
from graph.query_roles import likelier
from graph.query_services import QueryServices
from state.intent import LabelledQuery, Roles
from state.intent_state import QueryProposal
from tools.query_categories import OFFERED
from tools.query_confidence import FLOOR, ConfidenceModel, RoleSigns

AT_A_TIME = 8
_BINS = 5
_FOLDS = 10


@dataclass(frozen=True)
class Observed:
    """One answered query: the signs of its roles, and the share of them that are right (F1 against the label)."""

    signs: RoleSigns
    likeness: float
    category: float
    right: float

    @property
    def features(self) -> list[float]:
        return [max(self.signs.logprob, FLOOR), float(self.signs.agree), self.likeness, self.category]


async def observe(
    services: QueryServices, rows: Sequence[LabelledQuery], on_done: Callable[[], object] = lambda: None
) -> list[Observed]:
    """Answer the roles of ``rows`` as the intent graph does, from their corrected form, and compare with the labels."""
    gate = asyncio.Semaphore(AT_A_TIME)

    async def one(row: LabelledQuery) -> Observed:
        async with gate:
            query = row.corrected
            near = await asyncio.to_thread(services.labelled.nearest, query, MAX_EXAMPLES)
            found = await asyncio.to_thread(services.categories.candidates, query, OFFERED)
            roles, answer = await parse_query(
                services.chat, query, examples=[entry.example for entry in near], aisle=found[0].category.aisle
            )
            without = await asyncio.to_thread(services.roles.roles, query)
            chosen, signs = likelier(without, QueryProposal(part="roles", roles=roles, logprob=answer.logprob))
            on_done()
            return Observed(signs, near[0].similarity, found[0].score, share_right(row, chosen))

    return list(await asyncio.gather(*(one(row) for row in rows)))


def share_right(label: Roles, roles: Roles) -> float:
    """Return F1 of the roles against the label, 1 where neither has any."""
    wanted, given = set(label.spans()), set(roles.spans())
    return 2 * len(wanted & given) / (len(wanted) + len(given)) if wanted or given else 1.0


def fit(rows: Sequence[Observed], split: str) -> ConfidenceModel:
    """Return the logistic model of ``right``, each query standing for both outcomes with their shares as weights."""
    weights, intercept = _fitted(rows)
    return ConfidenceModel(
        intercept=round(intercept, 4),
        **{name: round(float(value), 4) for name, value in zip(_NAMES, weights, strict=True)},
        examples=len(rows),
        split=split,
    )


def cross_validated(rows: Sequence[Observed]) -> tuple[float, float]:
    """Return the calibration error (five bins of equal size) and the rank correlation of predictions with ``right``,
    every query predicted by a model that was fitted without it."""
    predicted, right = np.zeros(len(rows)), np.array([row.right for row in rows])
    for fold in range(_FOLDS):
        held = [place for place in range(len(rows)) if place % _FOLDS == fold]
        weights, intercept = _fitted([row for place, row in enumerate(rows) if place % _FOLDS != fold])
        for place in held:
            predicted[place] = 1 / (1 + np.exp(-(intercept + np.dot(weights, rows[place].features))))
    order = np.argsort(predicted)
    bins = np.array_split(order, _BINS)
    error = sum(len(some) * abs(predicted[some].mean() - right[some].mean()) for some in bins) / len(rows)
    ranks = np.corrcoef(np.argsort(order), np.argsort(np.argsort(right, kind="stable")))[0, 1]
    return float(error), float(ranks)


_NAMES = ("logprob", "agree", "likeness", "category")


def _fitted(rows: Sequence[Observed]) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    features = np.array([row.features for row in rows] * 2)
    right = np.array([row.right for row in rows])
    outcomes = np.repeat([1, 0], len(rows))
    model = LogisticRegression(C=1.0).fit(features, outcomes, sample_weight=np.concatenate([right, 1 - right]))
    return model.coef_[0], float(model.intercept_[0])
