"""A finished page and its ranking as the hub and the operator see them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from serving.http.shapes import (
    HubPage,
    PageState,
    PlacementView,
    ProductTile,
    Trace,
    TracePlacement,
    TraceProduct,
    VerdictView,
    price_range,
)
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


def trace_of(page: Page) -> Trace:
    """Return how ``page`` came to be, dropped placements too."""
    placements = [_kept(placement) for placement in page.placements] + [_dropped(each) for each in page.dropped]
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


def _kept(placement: Placement) -> TracePlacement:
    shown = [
        TraceProduct(
            id=product.id, name=product.name, aisle=product.aisle, score=product.score, matched=product.matched
        )
        for product in placement.products
    ]
    pruned = {product_id: verdict.guard for verdict in placement.verdicts for product_id in verdict.pruned}
    there = {product.id for product in shown}
    # A guard names what it took out by id alone.
    gone = [
        TraceProduct(id=product_id, name=product_id, aisle="", shown=False, pruned_by=guard)
        for product_id, guard in pruned.items()
        if product_id not in there
    ]
    return TracePlacement(
        id=placement.id,
        title=placement.title,
        need=placement.need.value,
        rationale=placement.rationale,
        kept=True,
        concepts=placement.concepts,
        candidate_count=placement.candidate_count,
        keywords=placement.keywords,
        categories=placement.categories,
        filters=placement.filters,
        products=shown + gone,
        verdicts=_verdicts(placement.verdicts),
        attempts=placement.attempts,
    )


def _dropped(placement: DroppedPlacement) -> TracePlacement:
    return TracePlacement(
        id=placement.id,
        title=placement.title,
        need=placement.need.value,
        kept=False,
        dropped_by=placement.guard,
        reasons=placement.reasons,
        verdicts=_verdicts(placement.verdicts),
        attempts=placement.attempts,
    )
