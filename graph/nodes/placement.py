"""Phase 2 nodes, inside the placement subgraph: write keywords, find products, keep or drop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Literal

from langgraph.errors import NodeError
from langgraph.runtime import Runtime
from langgraph.types import Command

from agents.keyword_writer import write_keywords as ask_writer
from agents.recording import RecordingChat
from graph.nodes.design import Node
from graph.nodes.failures import ended_by, is_model_failure
from graph.services import ServiceProvider
from graph.session import open_session
from ranking.spread import first_keyword, spread
from state.catalog import ProductHit
from state.options import PageOptions
from state.page import PlacementState
from state.placement import PlacedProduct, Placement, Status
from state.shopper import ShopperContext
from tools.vocabulary import retrieve_vocabulary

WRITER = "write_keywords"
SPARE = 2
"""Products fetched per product shown: guards prune, and a pruned placement should still be full."""


def write_keywords_node(provider: ServiceProvider) -> Node:
    """Return the node that retrieves a theme's vocabulary and has the keyword writer choose from it."""

    async def write_keywords(state: PlacementState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        session = await open_session(provider, runtime)
        services, options = session.services, session.options
        placement = Placement.model_validate(state["placement"])
        placement = placement.model_copy(
            update={"attempts": placement.attempts + 1, "status": Status.DRAFT, "products": []}
        )
        vocabulary = await asyncio.to_thread(
            retrieve_vocabulary, services.keywords, services.products, services.catalog, placement, options.candidates
        )
        if not vocabulary.keywords and not vocabulary.categories:
            reason = "the keyword corpus has no term near the theme's concepts"
            dropped = ended_by(WRITER, placement, reason)
            return {"placement": dropped.model_copy(update={"status": Status.DROPPED})}
        retrieved = len(vocabulary.keywords)
        if options.keywords_shown:
            most = options.keywords_shown * placement.attempts  # what was refused came from fewer
            vocabulary = await asyncio.to_thread(services.selector.cut, placement, vocabulary, most)
        chat = RecordingChat(services.chat)
        chosen = await ask_writer(chat, placement, vocabulary)
        placement = placement.model_copy(
            update={
                "keywords": chosen.keywords,
                "categories": chosen.categories,
                "filters": chosen.filters,
                "candidate_count": retrieved,
            }
        )
        session.emit({"event": "keywords_written", "placement": placement.id, "keywords": placement.keywords})
        return {"placement": placement, "candidates": {placement.id: vocabulary.texts}, "calls": chat.records}

    return write_keywords


def on_writer_failure(state: PlacementState, error: NodeError) -> Command[Literal["drop_placement"]]:
    """Drop the placement when the keyword writer's model failed; anything else surfaces."""
    if not is_model_failure(error.error):
        raise error.error
    placement = Placement.model_validate(state["placement"])
    ended = ended_by(WRITER, placement, f"keyword writer: {type(error.error).__name__}: {error.error}")
    return Command(goto="drop_placement", update={"placement": ended})


def find_products_node(provider: ServiceProvider) -> Node:
    """Return the node that finds what the keywords stand for in the catalogue."""

    async def find_products(state: PlacementState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        session = await open_session(provider, runtime)
        placement = Placement.model_validate(state["placement"])
        if placement.status is not Status.DRAFT or not (placement.keywords or placement.categories):
            return {}
        shopper = ShopperContext.model_validate(state["shopper"])
        bought = set() if shopper.cold else shopper.product_ids
        hits = await asyncio.to_thread(
            session.services.products.find,
            placement.keywords,
            categories=placement.categories,
            filters=placement.filters,
            preferred=bought,
            limit=SPARE * session.options.products_per_placement,
        )
        products = [placed_product(hit, bought) for hit in hits]
        return {"placement": placement.model_copy(update={"products": products})}

    return find_products


def placed_product(hit: ProductHit, bought: Collection[str]) -> PlacedProduct:
    """Return what was found as it stands in a placement; ``bought`` are the ids that the shopper bought before."""
    product = hit.product
    return PlacedProduct(
        id=product.id,
        name=product.name,
        aisle=product.aisle,
        department=product.department,
        price=product.price,
        score=round(hit.score, 4),
        matched=list(hit.matched),
        bought_before=product.id in bought,
    )


def keep_placement_node(provider: ServiceProvider) -> Node:
    """Return the node that keeps a placement, cut to the number of products shown, its keywords well mixed."""

    async def keep_placement(state: PlacementState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        session = await open_session(provider, runtime)
        placement = Placement.model_validate(state["placement"])
        varied = spread(placement.products, lambda product: product.score, first_keyword)
        shown = varied[: session.options.products_per_placement]
        kept = placement.model_copy(update={"status": Status.KEPT, "products": shown})
        session.emit({"event": "placement_kept", "placement": kept.id, "title": kept.title, "products": len(shown)})
        return {"placement": kept, "placements": [kept]}

    return keep_placement


async def drop_placement(state: PlacementState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
    """Drop a placement; its verdicts say why."""
    placement = Placement.model_validate(state["placement"])
    dropped = placement.model_copy(update={"status": Status.DROPPED})
    runtime.stream_writer(
        {
            "event": "placement_dropped",
            "placement": dropped.id,
            "title": dropped.title,
            "reasons": list(dropped.verdicts[-1].reasons) if dropped.verdicts else [],
        }
    )
    return {"placement": dropped, "placements": [dropped]}
