"""Relevance guard: takes out products that do not fit the theme, by a calibrated threshold on a pair score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from state.guard import Guard, GuardConfig, GuardContext, PairScorer, register_guard
from state.placement import Placement
from state.verdict import Action, Outcome, Verdict

from ._calibration import calibrated_threshold
from ._placement_text import finite

CALIBRATION_FILE = Path(__file__).parent / "relevance_threshold.json"
_NAMED = 5
"""Pruned products named in the feedback: enough to show what went wrong."""


class RelevanceConfig(GuardConfig):
    on_error: Action = Action.DROP
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="Set to override the calibrated one (for any scorer)."
    )


@register_guard
class RelevanceGuard(Guard):
    """Scores a product's name against the theme's title and each of its concepts with ``context.scorer``.

    The best of them is the product's score: a theme is a list of things, and a product has to be one of them
    (relevance_threshold.json holds the measured gain over scoring the theme as one text). Products under the threshold
    are pruned; with fewer than ``context.min_products`` left the placement is written again. The verdict's score is
    the mean of the products kept (of all, when none is); its model the scorer's name.
    """

    name = "relevance"
    level = "placement"
    order = 30
    version = "1"
    Config = RelevanceConfig
    config: RelevanceConfig

    def check(self, placements: Sequence[Placement], context: GuardContext) -> list[Verdict]:
        threshold = self._threshold(context.scorer.name)
        scores = _product_scores(placements, context.scorer)
        return [
            self._judge(placement, scored, threshold, context)
            for placement, scored in zip(placements, scores, strict=True)
        ]

    def _judge(self, placement: Placement, scores: np.ndarray, threshold: float, context: GuardContext) -> Verdict:
        out = [product for product, score in zip(placement.products, scores, strict=True) if score < threshold]
        kept = scores[scores >= threshold]
        measured = kept if len(kept) else scores
        score = round(float(measured.mean()), 4) if len(measured) else None
        facts: dict[str, Any] = {"score": score, "threshold": threshold, "model": context.scorer.name}
        if not out and len(kept) >= context.min_products:
            return self.passed(placement, **facts)
        reasons = []
        if out:
            names = ", ".join(product.name for product in out[:_NAMED])
            rest = f" and {len(out) - _NAMED} more" if len(out) > _NAMED else ""
            reasons.append(f"do not fit '{placement.title}': {names}{rest}")
        action = Action.PRUNE
        if len(kept) < context.min_products:
            action = Action.REPAIR
            reasons.append(
                f"only {len(kept)} of at least {context.min_products} fitting products: choose other keywords"
            )
        return self.verdict(placement, Outcome.FAIL, action, *reasons, pruned=[product.id for product in out], **facts)

    def _threshold(self, scorer: str) -> float:
        if self.config.threshold is not None:
            return self.config.threshold
        return calibrated_threshold(CALIBRATION_FILE, scorer, "guards.relevance.threshold")


def _product_scores(placements: Sequence[Placement], scorer: PairScorer) -> list[np.ndarray]:
    """Return for each placement an array ``[products]`` of scores, from one call of the scorer."""
    themes = [list(dict.fromkeys([placement.title, *placement.concepts])) for placement in placements]
    pairs = [
        (text, product.name)
        for placement, texts in zip(placements, themes, strict=True)
        for product in placement.products
        for text in texts
    ]
    flat = finite(scorer.score(pairs), (len(pairs),), scorer.name) if pairs else np.zeros(0)
    scores, start = [], 0
    for placement, texts in zip(placements, themes, strict=True):
        end = start + len(placement.products) * len(texts)
        scores.append(flat[start:end].reshape(-1, len(texts)).max(axis=1))
        start = end
    return scores
