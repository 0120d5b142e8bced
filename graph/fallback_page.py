"""The rule-made page: what a shopper gets when no good page could be generated. No model takes part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graph.services import Catalog
from state.catalog import Product
from state.placement import Need, PlacedProduct, Placement
from state.shopper import ProductHistory, ShopperContext

POPULAR_AISLES = 4


def fallback_placements(catalog: Catalog, shopper: ShopperContext, limit: int) -> list[Placement]:
    """Return placements of at most ``limit`` products each: buy again, then popular in the shopper's aisles.

    A cold shopper gets what is popular in the shop and in its most popular aisles. A product stands once on the page.
    """
    seen: set[str] = set()
    rows: list[Placement] = []
    if not shopper.cold:
        again = sorted(shopper.products, key=_buy_again_order)
        known = catalog.products([item.product_id for item in again])
        products = [known[item.product_id] for item in again if item.product_id in known]
        rows += _row(shopper, 0, "Buy it again", "What you buy most, due first.", Need.REPLENISH, products, limit, seen)
        aisles = [item.aisle for item in shopper.aisles[:POPULAR_AISLES]]
    else:
        popular = [product for product, _ in catalog.popular(5 * limit, hold_out_last=shopper.held_out)]
        aisles = list(dict.fromkeys(product.aisle for product in popular))[:POPULAR_AISLES]
        rows += _row(shopper, 0, "Popular in the shop", "What most shoppers buy.", Need.EXPLORE, popular, limit, seen)
    for aisle in aisles:
        found = catalog.popular(3 * limit, [aisle], hold_out_last=shopper.held_out)
        popular = [product for product, _ in found]
        title, why = f"Popular in {aisle}"[:60], f"What most shoppers buy in {aisle}."
        rows += _row(shopper, len(rows), title, why, Need.EXPLORE, popular, limit, seen)
    return rows


def _buy_again_order(item: ProductHistory) -> tuple[bool, int, float, str]:
    due = item.due if item.due is not None else 0.0
    return due < 1.0, -item.order_count, -due, item.product_id


def _row(
    shopper: ShopperContext,
    position: int,
    title: str,
    why: str,
    need: Need,
    products: Iterable[Product],
    limit: int,
    seen: set[str],
) -> Sequence[Placement]:
    shown = [product for product in products if product.available and product.id not in seen][:limit]
    if not shown:
        return []
    seen.update(product.id for product in shown)
    return [
        Placement(
            id=f"{shopper.shopper_id}-rule-{position}",
            position=position,
            title=title,
            need=need,
            rationale=why,
            concepts=list(dict.fromkeys(product.aisle for product in shown))[:5],
            categories=list(dict.fromkeys(product.aisle for product in shown)),
            products=[
                PlacedProduct(
                    id=product.id,
                    name=product.name,
                    aisle=product.aisle,
                    department=product.department,
                    price=product.price,
                    score=round(1 - rank / len(shown), 4),
                    bought_before=not shopper.cold and product.id in shopper.product_ids,
                )
                for rank, product in enumerate(shown)
            ],
        )
    ]
