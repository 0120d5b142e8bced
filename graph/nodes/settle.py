"""Nodes after the fan-out: gather the placements, settle them, hand failed ones to repair."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from graph.nodes.design import Node
from graph.routes import settle as settled
from graph.services import ServiceProvider
from graph.session import open_session
from state.options import PageOptions
from state.page import PageState
from state.placement import Placement, Status


async def gather(state: PageState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
    """Join the fan-out: from here on the placements are one page."""
    placements = [Placement.model_validate(placement) for placement in state["placements"]]
    kept = sum(placement.status is Status.KEPT for placement in placements)
    runtime.stream_writer({"event": "gathered", "kept": kept, "of": len(placements)})
    return {"placements": placements}


def settle_node(provider: ServiceProvider) -> Node:
    """Return the node that ends a round of page guards: what may not be repaired any more is dropped."""

    async def settle(state: PageState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        session = await open_session(provider, runtime)
        placements = [Placement.model_validate(placement) for placement in state["placements"]]
        repairs = state.get("repairs", 0)
        after = settled(placements, repairs, session.options.max_repairs)
        again = any(placement.status is Status.REPAIR for placement in after)
        return {"placements": after, "repairs": repairs + again}

    return settle
