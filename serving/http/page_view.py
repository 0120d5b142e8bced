"""A finished page and its ranking as the hub and the operator see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime

from serving.http.operator_shapes import Trace, TracePlacement, TraceProduct
from serving.http.shapes import HubPage, PageState, PlacementView, ProductTile, VerdictView, price_range
from state.catalog import Product
from state.placement import DroppedPlacement, Page, Placement
from state.ranking import RankedPage, RankedPlacement, RankedProduct
from state.verdict import Verdict


def hub_page(
    page: Page,
    ranked: RankedPage,
    state: PageState,
    *,
    age_s: float | None = None,
    regenerating: bool = False,
) -> HubPage:
    """Return ``page`` in the order of ``ranked``."""
    made = {placement.id: placement for placement in page.placements}
    provisional = state in ("provisional", "negative")
    return HubPage.model_construct(
        shopper_id=page.shopper_id,
        persona=page.persona,
        cold=page.cold,
        state=state,
        made_at=page.created_at,
        age_s=round(age_s if age_s is not None else (datetime.now(UTC) - page.created_at).total_seconds(), 1),
        fallback=page.fallback,
        fallback_reason=page.fallback_reason,
        provisional=provisional,
        regenerating=regenerating,
        versions=None if provisional else page.versions,
        ranker=ranked.ranker,
        placements=[_placement(row, made[row.id]) for row in ranked.placements],
        dropped_count=len(page.dropped),
    )


def _placement(row: RankedPlacement, made: Placement) -> PlacementView:
    return PlacementView.model_construct(
        id=row.id,
        title=row.title,
        need=row.need.value,
        why=row.rationale,
        concepts=made.concepts,
        keywords=made.keywords,
        score=round(row.value, 4),
        verdicts=_verdicts(made.verdicts),
        products=[_tile(product) for product in row.products],
    )


def _tile(product: RankedProduct) -> ProductTile:
    # Built without validation: the values were validated when the page was read, and this runs for each tile served.
    return ProductTile.model_construct(
        id=product.id,
        name=product.name,
        aisle=product.aisle,
        department=product.department,
        price_range=price_range(product.price),
        bought_before=product.bought_before,
        score=round(product.predicted, 4),
        relevance=product.score,
    )


def _verdicts(verdicts: Iterable[Verdict]) -> list[VerdictView]:
    return [
        VerdictView.model_construct(
            guard=verdict.guard,
            outcome=verdict.outcome.value,
            action=verdict.action.value,
            score=verdict.score,
            threshold=verdict.threshold,
            reasons=list(verdict.reasons),
        )
        for verdict in verdicts
    ]


def trace_products(page: Page) -> list[str]:
    """Return the ids of products that a trace names and the page does not: taken out by guards, or dropped."""
    passed = [each.verdicts for each in page.placements] + [each.verdicts for each in page.dropped]
    pruned = [key for verdicts in passed for verdict in verdicts for key in verdict.pruned]
    return [*pruned, *(key for dropped in page.dropped for key in dropped.product_ids)]


def trace_of(page: Page, known: Mapping[str, Product]) -> Trace:
    """Return how ``page`` came to be, dropped placements too; ``known`` names the products that are not on it."""
    placements = [_kept(placement, known) for placement in page.placements]
    placements += [_dropped(placement, known) for placement in page.dropped]
    found = [product for placement in placements for product in placement.products]
    return Trace(
        shopper_id=page.shopper_id,
        persona=page.persona,
        cold=page.cold,
        fallback=page.fallback,
        fallback_reason=page.fallback_reason,
        made_at=page.created_at,
        seconds=page.seconds,
        versions=page.versions,
        usage=page.usage,
        funnel={
            "themes": len(placements),
            "candidates": sum(placement.candidate_count for placement in placements),
            "keywords": sum(len(placement.keywords) for placement in placements),
            "products_found": len(found),
            "products_shown": sum(product.shown for product in found),
            "placements_kept": len(page.placements),
        },
        placements=placements,
    )


def _kept(placement: Placement, known: Mapping[str, Product]) -> TracePlacement:
    shown = [
        TraceProduct(
            id=product.id, name=product.name, aisle=product.aisle, score=product.score, matched=product.matched
        )
        for product in placement.products
    ]
    return _traced(placement, shown + _pruned(placement, {product.id for product in shown}, known), kept=True)


def _dropped(placement: DroppedPlacement, known: Mapping[str, Product]) -> TracePlacement:
    left = [_gone(key, placement.guard, known) for key in placement.product_ids]
    traced = _traced(placement, left + _pruned(placement, set(placement.product_ids), known), kept=False)
    return traced.model_copy(update={"dropped_by": placement.guard, "reasons": placement.reasons})


def _traced(placement: Placement | DroppedPlacement, products: list[TraceProduct], *, kept: bool) -> TracePlacement:
    return TracePlacement(
        id=placement.id,
        title=placement.title,
        need=placement.need.value,
        rationale=placement.rationale,
        kept=kept,
        concepts=placement.concepts,
        candidate_count=placement.candidate_count,
        keywords=placement.keywords,
        categories=placement.categories,
        filters=placement.filters,
        products=products,
        verdicts=_verdicts(placement.verdicts),
        attempts=placement.attempts,
    )


def _pruned(
    placement: Placement | DroppedPlacement, left: Set[str], known: Mapping[str, Product]
) -> list[TraceProduct]:
    taken_by = {key: verdict.guard for verdict in placement.verdicts for key in verdict.pruned if key not in left}
    return [_gone(key, guard, known) for key, guard in taken_by.items()]


def _gone(product_id: str, guard: str, known: Mapping[str, Product]) -> TraceProduct:
    """Return a product that is not shown. Guards name what they take out by id alone."""
    product = known.get(product_id)
    name, aisle = (product.name, product.aisle) if product else (product_id, "")
    return TraceProduct(id=product_id, name=name, aisle=aisle, shown=False, pruned_by=guard)
