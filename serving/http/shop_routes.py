"""Routes of the shop: search, availability, feedback, and the shoppers to pick from."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.requests import Request

from serving.http.auth import Admin, Reader, Writer, own_shopper, whole_shop
from serving.http.problems import Problem, unavailable
from serving.http.serving_pages import NEW_SHOPPER
from serving.http.shapes import (
    AvailabilityChanged,
    AvailabilityUpdate,
    FeedbackBatch,
    FeedbackStored,
    ForeignId,
    SearchResults,
    ShopperList,
    ShopperSummary,
    tile_of,
)
from serving.http.site import Site, site_of
from state.cached import ProductState
from state.catalog import ProductHit
from state.errors import ModelsMissing, StoreUnavailable
from state.intent import QueryIntent
from tools.engagement import Event, theme_key
from tools.query_results import PROBED
from tools.result_page import filling, is_thin, result_page
from tools.shopper_directory import list_shoppers

router = APIRouter(prefix="/v1")
Session = Annotated[
    Sequence[str],
    Query(
        max_length=20, description="What the same shopper typed just before, oldest first: a large model reads it too."
    ),
]
OtherQuery = Annotated[str, StringConstraints(min_length=1, max_length=120)]
_SPARE = 2
_LISTED_UNKNOWN = 100
_RECENT = 200


@router.get("/search", tags=["shop"], summary="Products for a query")
async def search(
    caller: Reader,
    request: Request,
    q: Annotated[str, Query(min_length=1, max_length=200, examples=["organic yogurt"])],
    shopper_id: Annotated[
        ForeignId | None, Query(description="Marks what this shopper bought before, and puts it forward.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=48)] = 24,
    understand: Annotated[
        bool,
        Query(description="Read the query first, and search its repaired spelling. Takes longer for rare queries."),
    ] = False,
    session: Session = (),
    also: Annotated[
        Sequence[OtherQuery],
        Query(max_length=6, description="Other queries: where few products say all that q says, theirs fill the page."),
    ] = (),
) -> SearchResults:
    """Return products by the words and the meaning of the query, those that can be had now.

    What says all words of the query comes first. With `understand`, its rewrites are such other queries too.
    """
    if shopper_id is not None:
        own_shopper(caller, shopper_id)
    site: Site = site_of(request)
    shop = await site.pages.shop()
    understood = await site.queries.read_if_possible(q, session) if understand else None
    searched = understood.corrected if understood else q
    rewrites = filling(understood.rewrites) if understood else []
    others = [text for text in dict.fromkeys([*also, *rewrites]) if text != searched]
    bought = await asyncio.to_thread(shop.bought, shopper_id) if shopper_id is not None else frozenset()
    try:
        search = await asyncio.to_thread(shop.search)
    except ModelsMissing:
        raise unavailable("Search is not ready: the embedder is missing.", 60, "search-closed") from None
    gone = (await site.pages.unavailable_now()).states

    def had(text: str) -> list[ProductHit]:
        hits = search.find([text], preferred=bought, limit=max(_SPARE * limit, PROBED))
        return [
            hit
            for hit in hits
            if hit.product.available and hit.product.id not in gone and not shop.restricted(hit.product)
        ]

    own = await asyncio.to_thread(had, searched)
    thin = is_thin(searched, own)
    found = await asyncio.to_thread(lambda: {text: had(text) for text in others}) if thin else {}
    page, found_by = result_page(searched, own, found, limit=limit)
    tiles = [
        tile_of(
            hit.product,
            bought_before=hit.product.id in bought,
            score=hit.score,
            found_by=found_by.get(hit.product.id),
        )
        for hit in page
    ]
    mixed = [text for text in others if text in found_by.values()]
    return SearchResults(query=q, searched=searched, products=tiles, thin=thin, also=mixed, understood=understood)


@router.get("/intent", tags=["shop"], summary="What a query asks for")
async def intent(
    caller: Reader,
    request: Request,
    q: Annotated[str, Query(min_length=1, max_length=1000, examples=["organic peanut buter no sugar"])],
    session: Session = (),
) -> QueryIntent:
    """Return the query's repaired spelling, product, brand, attributes, categories and rewrites.

    Frequent queries are answered from the head cache, others by the student (`source`). A part that the student is not
    sure of is left out.
    """
    return await site_of(request).queries.read(q, session)


@router.post("/feedback", tags=["shop"], summary="What a shopper did with a page", status_code=202)
async def feedback(batch: FeedbackBatch, caller: Writer, request: Request) -> FeedbackStored:
    """Store impressions, clicks and adds to the cart. They are counted by theme and product, and move placements."""
    own_shopper(caller, batch.shopper_id)
    site: Site = site_of(request)
    themes = await _themes(site, batch.shopper_id)
    now = datetime.now(UTC)
    events = [
        Event(event.kind, event.placement_id, themes.get(event.placement_id), event.product_id, event.at or now)
        for event in batch.events
    ]
    stored = await site.pages.feedback.add(batch.shopper_id, events, batch.batch_id)
    if stored:
        site.metrics.feedback_stored(Counter(event.kind for event in events))
    return FeedbackStored(stored=stored)


async def _themes(site: Site, shopper_id: str) -> dict[str, str]:
    """Return what each placement of the shopper's page is counted by."""
    try:
        cached = await site.cache.read(shopper_id)
    except StoreUnavailable:
        return {}
    return {placement.id: theme_key(placement) for placement in cached.page.placements} if cached.page else {}


@router.put("/catalog/availability", tags=["shop"], summary="Which products can be had now")
async def availability(update: AvailabilityUpdate, caller: Admin, request: Request) -> AvailabilityChanged:
    """Take products off every page, or bring them back: in this process at once, in others within a second."""
    whole_shop(caller)
    site: Site = site_of(request)
    shop = await site.pages.shop()
    known = await asyncio.to_thread(shop.warehouse.existing_ids, list(update.products))
    states: dict[ProductState, list[str]] = {}
    for product_id in known:
        word = update.products[product_id]
        state: ProductState = "delisted" if word == "delisted" else "available" if word else "out_of_stock"
        states.setdefault(state, []).append(product_id)
    for state, ids in states.items():
        await site.cache.invalidate_products(ids, state)
    unknown = [product_id for product_id in update.products if product_id not in known]
    return AvailabilityChanged(changed=len(known), unknown=unknown[:_LISTED_UNKNOWN])


@router.get("/shoppers", tags=["demo"], summary="Shoppers to pick from")
async def shoppers(caller: Reader, request: Request, limit: Annotated[int, Query(ge=1, le=100)] = 12) -> ShopperList:
    """List shoppers of the demo, those with a page first, and a new one. Off unless the settings say demo."""
    whole_shop(caller)
    site: Site = site_of(request)
    if not site.settings.http.shows_shoppers:
        raise Problem(404, "not-found", "Shoppers are not listed here: http.demo is off.")
    shop = await site.pages.shop()
    with_page = [run.shopper_id for run in await site.cache.recent(_RECENT) if run.error is None]
    listed = await asyncio.to_thread(list_shoppers, shop.warehouse, limit, with_page)
    new = ShopperSummary(id=NEW_SHOPPER, order_count=0, top_aisles=[], new=True)
    return ShopperList(
        shoppers=[
            *(ShopperSummary(id=s.id, order_count=s.order_count, top_aisles=list(s.top_aisles)) for s in listed),
            new,
        ]
    )
