"""Ranking a finished page for one shopper, now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from ranking.admission import Admission, Restricted
from ranking.diversity import Placed, Row, lay_out
from ranking.protocol import Candidates, ProductRanker, ProductScores
from ranking.shopper import ShopperFeatures
from ranking.spread import first_keyword, spread
from ranking.statistics import ShopStatistics
from state.placement import Page, PlacedProduct, Placement
from state.ranking import (
    Engagement,
    LeftOut,
    LeftOutReason,
    RankedPage,
    RankedPlacement,
    RankedProduct,
    RankOptions,
)

PRIOR_IMPRESSIONS = 20.0
"""Impressions that the mean of the page counts for when a placement's own rate is estimated."""
PRIOR_RATE = 0.05
"""Clicks and adds an impression where a page has no feedback."""
FEEDBACK_RANGE = (0.5, 2.0)


def rank_page(
    page: Page,
    shopper: ShopperFeatures,
    ranker: ProductRanker,
    *,
    availability: Mapping[str, bool],
    restricted: Restricted,
    age_verified: bool = False,
    engagement: Mapping[str, Engagement] | None = None,
    now: datetime | None = None,
    options: RankOptions | None = None,
) -> RankedPage:
    """Return ``page`` as ``shopper`` is to see it now: products ranked, placements ordered, nothing that may not show.

    ``availability`` says of each product id whether it can be sold (an id that it lacks is out); ``restricted`` tells
    age-restricted products, which only an ``age_verified`` shopper sees; ``engagement`` maps placement ids to feedback.
    Both rules are applied before scoring, so that no row is valued by what it cannot show, and again to the finished
    page, whatever was done to it in between. Takes milliseconds with a local ranker, its time-out more with a remote.
    """
    started = time.perf_counter()
    options = options or RankOptions()
    admission = Admission(shopper.shop, availability, restricted, age_verified)
    admitted, left_out = _admit(page.placements, admission)
    candidates = candidates_of(admitted, shopper.shop)
    scores = ranker.score(candidates, shopper, now)
    factors = feedback_factors(engagement or {}, [placement.id for placement in page.placements])
    layout = lay_out(_rows(admitted, scores, factors, options.fading), options)
    shown, refused = _let_through(layout.placed, admission, options)
    return RankedPage(
        shopper_id=page.shopper_id,
        persona=page.persona,
        cold=page.cold,
        fallback=page.fallback,
        placements=shown,
        left_out=[*left_out, *layout.left_out, *refused],
        ranker=scores.ranker,
        ranker_version=scores.version,
        ranker_fault=scores.fault,
        page_created_at=page.created_at,
        ranked_at=now or datetime.now(UTC),
        seconds=time.perf_counter() - started,
    )


def candidates_of(placements: Sequence[Placement], shop: ShopStatistics) -> Candidates:
    """Return the products of ``placements`` that the shop's statistics know, as a ranker takes them."""
    found = [
        (product.id, placement.id, shop.row[product.id], product.score)
        for placement in placements
        for product in placement.products
        if product.id in shop.row
    ]
    ids, placement_ids, rows, relevance = zip(*found, strict=True) if found else ((),) * 4
    return Candidates(
        product_ids=tuple(ids),
        placement_ids=tuple(placement_ids),
        rows=np.array(rows, dtype=np.int64),
        relevance=np.array(relevance, dtype=np.float64),
    )


def feedback_factors(engagement: Mapping[str, Engagement], placement_ids: Sequence[str]) -> dict[str, float]:
    """Return a factor around 1 for each placement: its rate of clicks and adds over the page's.

    Rates are means of a Beta distribution whose prior is the page's rate, worth ``PRIOR_IMPRESSIONS`` impressions: a
    placement with little feedback stays near 1.
    """
    known = [engagement[placement_id] for placement_id in placement_ids if placement_id in engagement]
    acts = sum(item.clicks + item.adds for item in known)
    usual = (acts + PRIOR_IMPRESSIONS * PRIOR_RATE) / (sum(item.impressions for item in known) + PRIOR_IMPRESSIONS)
    factors = dict.fromkeys(placement_ids, 1.0)
    for placement_id in factors.keys() & engagement.keys():
        item = engagement[placement_id]
        rate = (item.clicks + item.adds + PRIOR_IMPRESSIONS * usual) / (item.impressions + PRIOR_IMPRESSIONS)
        factors[placement_id] = float(np.clip(rate / usual, *FEEDBACK_RANGE))
    return factors


def _admit(placements: Sequence[Placement], admission: Admission) -> tuple[list[Placement], list[LeftOut]]:
    """Take out what may not be shown, and products that a placement holds twice."""
    admitted, left_out = [], []
    for placement in placements:
        kept: dict[str, PlacedProduct] = {}
        for product in placement.products:
            if reason := admission.refuses(product):
                left_out.append(LeftOut(placement_id=placement.id, product_id=product.id, reason=reason))
            else:
                kept.setdefault(product.id, product)
        admitted.append(placement.model_copy(update={"products": list(kept.values())}))
    return admitted, left_out


def _rows(
    placements: Sequence[Placement], scores: ProductScores, factors: Mapping[str, float], fading: float
) -> list[Row]:
    values = np.clip(np.nan_to_num(scores.values, nan=0.0), 0.0, 1.0).tolist()
    rows, at = [], 0
    for placement in placements:
        end = at + len(placement.products)
        products = [
            RankedProduct.model_construct(**product.__dict__, predicted=value)
            for product, value in zip(placement.products, values[at:end], strict=True)
        ]
        at = end
        products.sort(key=lambda product: (-product.predicted, -product.score, product.id))
        varied = spread(products, lambda product: product.predicted, first_keyword, fading)
        rows.append(Row(placement, varied, factors[placement.id]))
    return rows


def _let_through(
    placed: Sequence[Placed], admission: Admission, options: RankOptions
) -> tuple[list[RankedPlacement], list[LeftOut]]:
    """Apply the rules to what is about to be shown: the last word, whoever put the page together."""
    shown, refused = [], []
    for item in placed:
        placement = item.row.placement
        reasons = [(product, admission.refuses(product)) for product in item.products]
        products = [product for product, reason in reasons if reason is None]
        refused += [
            LeftOut(placement_id=placement.id, product_id=product.id, reason=reason)
            for product, reason in reasons
            if reason is not None
        ]
        if len(products) < options.min_products:
            refused.append(LeftOut(placement_id=placement.id, reason=LeftOutReason.THIN))
            continue
        shown.append(
            RankedPlacement(
                id=placement.id,
                title=placement.title,
                need=placement.need,
                rationale=placement.rationale,
                made_position=placement.position,
                value=item.value,
                feedback=item.row.feedback,
                products=products,
            )
        )
    return shown, refused
