"""Phase 1 nodes: load the shopper, design the page."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from langgraph.errors import NodeError
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.types import Command

from agents.recording import RecordingChat
from graph.designing import design_themes
from graph.guards import guards_version
from graph.nodes.failures import is_model_failure
from graph.services import Catalog, ServiceProvider
from graph.session import open_session
from state.guard import Guard
from state.options import PageOptions
from state.page import PageState
from state.placement import Placement
from state.shopper import ShopperContext
from tools.engagement import read_engagement

Node = Callable[..., Awaitable[dict[str, Any]]]
LONGEST_SHOPPER_ID = 128
PICKED = 20
"""Products picked on earlier pages that the context names."""
log = logging.getLogger(__name__)


def load_shopper_node(guards: Sequence[type[Guard]], provider: ServiceProvider) -> Node:
    """Return the node that loads what is known of the shopper; an unknown one is marked cold.

    It also refuses guard settings that are wrong, before any model is asked, and notes the guards' version: a page on
    which rules changed while it was made must not pass for one that was checked by them.
    """

    async def load_shopper(state: PageState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        shopper_id = str(state.get("shopper_id", "")).strip()
        if not shopper_id or len(shopper_id) > LONGEST_SHOPPER_ID:
            raise ValueError(f"shopper_id must have 1 to {LONGEST_SHOPPER_ID} characters, not {len(shopper_id)}")
        session = await open_session(provider, runtime)
        version = await asyncio.to_thread(
            guards_version, guards, session.services.settings.guards, session.guard_overrides
        )
        shopper = await asyncio.to_thread(
            session.services.shoppers.load, shopper_id, hold_out_last=session.options.hold_out_last
        )
        if runtime.store is not None and not session.options.hold_out_last:
            shopper = await _with_picks(shopper, runtime.store, session.services.catalog)
        session.emit({"event": "shopper_loaded", "shopper_id": shopper_id, "cold": shopper.cold})
        return {
            "shopper_id": shopper_id,
            "shopper": shopper,
            "repairs": 0,
            "started_at": time.time(),
            "guards": version,
        }

    return load_shopper


async def _with_picks(shopper: ShopperContext, store: BaseStore, catalog: Catalog) -> ShopperContext:
    """Return the context with what the shopper picked on earlier pages."""
    try:
        engagement = await read_engagement(store, shopper.shopper_id, datetime.now(UTC))
    except Exception as error:  # each store fails in its own way, and a page can do without this signal
        log.warning("no feedback for the context: %s", type(error).__name__)
        return shopper
    ids = engagement.picked(PICKED)
    products = await asyncio.to_thread(catalog.products, ids) if ids else {}
    return shopper.model_copy(update={"picked": [products[key].name for key in ids if key in products]})


def design_page_node(provider: ServiceProvider) -> Node:
    """Return the node that asks the page designer for persona and themes."""

    async def design_page(state: PageState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        session = await open_session(provider, runtime)
        chat = RecordingChat(session.services.chat)
        shopper = ShopperContext.model_validate(state["shopper"])
        design = await design_themes(chat, session.services, shopper, session.options)
        session.emit({"event": "page_designed", "persona": design.persona, "titles": [t.title for t in design.themes]})
        return {
            "design": design,
            "placements": [Placement.of_theme(theme) for theme in design.themes],
            "calls": chat.records,
        }

    return design_page


def on_design_failure(state: PageState, error: NodeError) -> Command[Literal["fall_back"]]:
    """Send the run to the fall-back page when the designer's model failed; anything else surfaces."""
    if not is_model_failure(error.error):
        raise error.error
    reason = f"page designer: {type(error.error).__name__}: {error.error}"
    return Command(goto="fall_back", update={"design_error": reason})
