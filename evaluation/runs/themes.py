"""Relevance by theme and by need, and the worst placements of a run in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.runs.judge_figures import Trusts
from evaluation.runs.judging import JudgedPage
from evaluation.runs.relevance import SEVERE, Scores
from evaluation.runs.report import (
    JudgeWord,
    NeedFigures,
    ShownProduct,
    ShownVerdict,
    ThemeFigures,
    WorstPlacement,
)
from state.answers_judge import PlacementAnswers
from state.placement import Page, Placement
from state.verdict import Verdict

WORST = 20
_TRUSTED = ("decides", "better than chance")


def theme_table(pages: Sequence[Page], scores: Scores) -> list[ThemeFigures]:
    """Return every placement of the run with its products' probabilities, least relevant first."""
    rows = [_theme(page, row, scores) for page in pages for row in page.placements]
    return sorted(rows, key=lambda row: (row.mean is not None, row.mean or 0.0, row.placement_id))


def need_table(pages: Sequence[Page], scores: Scores) -> list[NeedFigures]:
    """Return the placements by need, most placements first."""
    by_need: dict[str, list[np.ndarray]] = {}
    for page in pages:
        for row in page.placements:
            by_need.setdefault(row.need.value, []).append(scores[page.shopper_id, row.id])
    rows = []
    for need, parts in by_need.items():
        every = np.concatenate(parts)
        rows.append(
            NeedFigures(
                need=need,
                placements=len(parts),
                products=len(every),
                mean=float(every.mean()) if len(every) else None,
                severe=int((every < SEVERE).sum()),
            )
        )
    return sorted(rows, key=lambda row: (-row.placements, row.need))


def worst_placements(
    pages: Sequence[Page],
    scores: Scores,
    violations: Mapping[str, Sequence[Verdict]],
    judged: Mapping[str, JudgedPage],
    trusts: Trusts,
) -> list[WorstPlacement]:
    """Return the :data:`WORST` placements, worst first.

    Order: against the policy, larger share of severe violations, more "no" to questions that the judge answers better
    than chance, lower mean probability.
    """
    rows = [
        _in_full(page, row, scores, violations.get(page.shopper_id, ()), judged.get(page.shopper_id), trusts)
        for page in pages
        for row in page.placements
    ]
    return sorted(rows, key=_badness)[:WORST]


def _badness(row: WorstPlacement) -> tuple[bool, float, int, float, str]:
    noes = sum(word.answer == "no" and word.trust in _TRUSTED for word in row.judge)
    severe = row.severe / len(row.products) if row.products else 1.0
    return not row.policy, -severe, -noes, row.mean or 0.0, row.placement_id


def _theme(page: Page, row: Placement, scores: Scores) -> ThemeFigures:
    own = scores[page.shopper_id, row.id]
    return ThemeFigures(
        shopper_id=page.shopper_id,
        placement_id=row.id,
        title=row.title,
        need=row.need.value,
        fallback=page.fallback,
        products=len(own),
        mean=float(own.mean()) if len(own) else None,
        least=float(own.min()) if len(own) else None,
        severe=int((own < SEVERE).sum()),
    )


def _in_full(
    page: Page,
    row: Placement,
    scores: Scores,
    violations: Sequence[Verdict],
    judged: JudgedPage | None,
    trusts: Trusts,
) -> WorstPlacement:
    theme = _theme(page, row, scores)
    own = scores[page.shopper_id, row.id]
    against = [reason for verdict in violations if verdict.placement_id == row.id for reason in verdict.reasons]
    return WorstPlacement(
        **theme.model_dump(include={"shopper_id", "placement_id", "title", "need", "fallback", "mean", "severe"}),
        rationale=row.rationale,
        products=[
            ShownProduct(name=product.name, aisle=product.aisle, probability=float(probability))
            for product, probability in zip(row.products, own, strict=True)
        ],
        verdicts=[_verdict(verdict) for verdict in row.verdicts],
        policy=against,
        judge=_words(judged.placements.get(row.id), trusts) if judged and row.id in judged.placements else [],
    )


def _verdict(verdict: Verdict) -> ShownVerdict:
    return ShownVerdict(
        guard=verdict.guard,
        outcome=verdict.outcome.value,
        action=verdict.action.value,
        score=verdict.score,
        threshold=verdict.threshold,
        reasons=list(verdict.reasons),
    )


def _words(answers: PlacementAnswers | None, trusts: Trusts) -> list[JudgeWord]:
    questions = PlacementAnswers.model_fields
    if answers is None:
        return [JudgeWord(question=name, answer=None, reason="", trust=trusts[name].trust) for name in questions]
    return [
        JudgeWord(question=name, answer=said.answer, reason=said.reason, trust=trusts[name].trust)
        for name, said in answers
    ]
