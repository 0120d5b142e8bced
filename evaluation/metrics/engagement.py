"""Predicted engagement: what a ranker expects the shopper to do with the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from state.placement import Page, Placement

Predict = Callable[[Placement], Sequence[float]]
"""Returns the chance, in [0, 1], that each product of the placement is bought next, in the placement's order."""


def predicted_engagement(page: Page, predict: Predict, *, first: int = 6) -> float:
    """Return the mean predicted chance of the ``first`` products of a placement, averaged over the placements.

    The first products are those seen without scrolling sideways. Placements without products are left out; NaN if
    none is left. The ranker is a model: compare pages by it only as far as its own held-out figures carry.

    Raises:
        ValueError: ``predict`` returned another number of chances than products, or one outside [0, 1].
    """
    means = []
    for row in page.placements:
        if not row.products:
            continue
        chances = [float(chance) for chance in predict(row)]
        if len(chances) != len(row.products):
            raise ValueError(f"{len(chances)} predictions for the {len(row.products)} products of placement {row.id}")
        if not all(0 <= chance <= 1 for chance in chances):
            raise ValueError(f"a prediction for placement {row.id} is no chance in [0, 1]")
        means.append(sum(chances[:first]) / len(chances[:first]))
    return sum(means) / len(means) if means else math.nan
