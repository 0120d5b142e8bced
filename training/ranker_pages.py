"""Candidate pages made by rules, for training the ranker and measuring it: buy again, and a carousel per aisle.

They are what the fall-back page is, with more placements and more products in each, so that there is something to
rank; nothing but the statistics and the part of the history given goes into them.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from catalog.schema import NOT_SHELVES
from ranking.shopper import ShopperFeatures
from ranking.statistics import ShopStatistics
from state.placement import Need, Page, PlacedProduct, Placement, Status, Versions

OWN_AISLES = 8
OTHER_AISLES = 2
PER_PLACEMENT = 24
_RULES = Versions(catalog="", taxonomy="", corpus="", prompts="", models="", guards="", settings="rules")
_MADE_AT = datetime(2017, 1, 1, tzinfo=UTC)


def candidate_page(shopper: ShopperFeatures) -> Page:
    """Return a page of placements to rank: what the shopper bought, their largest aisles, and two popular other aisles.

    An aisle's placement holds its most ordered products (by other shoppers) and those that this shopper bought there,
    in this order; a product may stand in several placements, as on a generated page.
    """
    shop = shopper.shop
    popular = shop.orders.copy()
    popular[shopper.own_rows] -= shopper.own_counts
    rows: list[Placement] = []
    past = shopper.past
    if not shopper.cold:
        again = past.rows[np.lexsort((past.rows, past.orders_since, -past.count))]
        rows.append(_placement(shopper, len(rows), "Buy it again", Need.REPLENISH, again))
    for aisle in _aisles(shopper):
        members = shop.by_aisle[aisle]
        order = members[np.lexsort((members, -popular[members]))]
        sold = order[popular[order] > 0][:PER_PLACEMENT]
        own = past.rows[shop.aisle[past.rows] == aisle]
        chosen = np.concatenate([sold, np.setdiff1d(own, sold)])
        title = f"Popular in {shop.aisle_names[aisle]}"
        rows.append(_placement(shopper, len(rows), title, Need.EXPLORE, chosen))
    kept = [row for row in rows if row.products]
    return Page(
        shopper_id=shopper.shopper_id,
        persona="",
        cold=shopper.cold,
        fallback=True,
        placements=kept,
        versions=_RULES,
        created_at=_MADE_AT,
    )


def _aisles(shopper: ShopperFeatures) -> list[int]:
    """Return the shopper's largest aisles, then the most ordered of the others (all of them for a cold shopper)."""
    shop = shopper.shop
    shelves = np.array([name.lower() not in NOT_SHELVES for name in shop.aisle_names])
    codes = np.arange(len(shop.aisle_names))
    share = np.where(shelves, shopper.aisle_share, 0.0)
    others = np.where(shelves, shop.aisle_orders - shopper.own_aisle_orders, 0.0)
    own = [int(code) for code in np.lexsort((codes, -share)) if share[code] > 0][:OWN_AISLES]
    wanted = OTHER_AISLES + (OWN_AISLES - len(own))
    rest = [int(code) for code in np.lexsort((codes, -others)) if share[code] == 0 and others[code] > 0]
    return own + rest[:wanted]


def _placement(shopper: ShopperFeatures, position: int, title: str, need: Need, rows: np.ndarray) -> Placement:
    shop, past = shopper.shop, set(shopper.past.rows.tolist())
    limit = PER_PLACEMENT + PER_PLACEMENT // 2
    shown = rows[:limit].tolist()
    return Placement(
        id=f"{shopper.shopper_id}-{position}",
        position=position,
        title=title,
        need=need,
        rationale="",
        concepts=[],
        status=Status.KEPT,
        products=[_product(shop, row, 1 - place / len(shown), row in past) for place, row in enumerate(shown)],
    )


def _product(shop: ShopStatistics, row: int, score: float, bought: bool) -> PlacedProduct:
    known = shop.product(row)
    return PlacedProduct.model_construct(
        id=known.id,
        name=known.name,
        aisle=known.aisle,
        department=known.department,
        price=known.price,
        score=round(score, 4),
        matched=[],
        bought_before=bought,
    )
