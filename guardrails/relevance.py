"""Relevance guard: takes out products that do not fit the theme, by a calibrated threshold on a pair score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from state.errors import ModelsError
from state.guard import Guard, GuardConfig, GuardContext, PairScorer, register_guard
from state.placement import Placement
from state.relevance import product_text, theme_text
from state.verdict import Action, Outcome, Verdict

from ._placement_text import finite

_NAMED = 5
"""Pruned products named in the feedback: enough to show what went wrong."""


class RelevanceConfig(GuardConfig):
    on_error: Action = Action.DROP
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="Set to override the calibrated one (for any scorer)."
    )


@register_guard
class RelevanceGuard(Guard):
    """Scores each product against its theme (title and concepts) with ``context.scorer``, one pair a product.

    Products under the threshold that was calibrated for the scorer are pruned; with fewer than
    ``context.min_products`` left the placement is written again. The verdict's score is the mean of the products kept
    (of all, when none is); its model the scorer's name. A scorer without a threshold is an error.
    """

    name = "relevance"
    level = "placement"
    order = 30
    version = "2"
    Config = RelevanceConfig
    config: RelevanceConfig

    def check(self, placements: Sequence[Placement], context: GuardContext) -> list[Verdict]:
        threshold = self._threshold(context.scorer)
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

    def _threshold(self, scorer: PairScorer) -> float:
        if self.config.threshold is not None:
            return self.config.threshold
        if scorer.threshold is None:
            raise ModelsError(
                f"no threshold was calibrated for the scorer '{scorer.name}'. Calibrate it (docs/relevance.md), use "
                "another one, or set guards.relevance.threshold."
            )
        return scorer.threshold


def _product_scores(placements: Sequence[Placement], scorer: PairScorer) -> list[np.ndarray]:
    """Return for each placement an array ``[products]`` of scores, from one call of the scorer."""
    pairs = [
        (theme_text(placement.title, placement.concepts), product_text(product.name, product.aisle))
        for placement in placements
        for product in placement.products
    ]
    flat = finite(scorer.score(pairs), (len(pairs),), scorer.name) if pairs else np.zeros(0)
    ends = np.cumsum([len(placement.products) for placement in placements])
    return np.split(flat, ends[:-1]) if placements else []
