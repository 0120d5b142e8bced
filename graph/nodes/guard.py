"""Guard nodes: one node per discovered guard, at placement or at page level."""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.runtime import Runtime

from agents.recording import RecordingChat
from agents.retrying import RetryingChat
from graph.guards import build_guard, run_guard
from graph.nodes.design import Node
from graph.services import ServiceProvider
from graph.session import Session, open_session
from graph.verdicts import apply_verdict
from state.guard import Guard
from state.intent_guard import IntentGuard
from state.options import PageOptions
from state.page import PageState, PlacementState
from state.placement import Placement, Status
from state.shopper import ShopperContext
from state.verdict import Verdict


def node_name(guard: type[Guard] | type[IntentGuard]) -> str:
    """Return the name under which a guard appears in the graph."""
    return f"guard_{guard.name}"


async def check(
    guard_class: type[Guard],
    session: Session,
    shopper: ShopperContext,
    placements: list[Placement],
    candidates: dict[str, list[str]],
) -> tuple[list[Placement], RecordingChat]:
    """Run one guard over ``placements`` and apply its verdicts. Returns them and the chat calls that it made."""
    chat = RecordingChat(RetryingChat(session.services.chat))
    if not placements:
        return [], chat
    guard = await asyncio.to_thread(
        build_guard,
        guard_class,
        session.services.settings.guards.get(guard_class.name, {}),
        session.guard_overrides.get(guard_class.name),
    )
    context = session.guard_context(shopper, placements, candidates, chat)
    verdicts = await run_guard(guard, placements, context)
    for verdict in verdicts:
        session.emit(_event(verdict))
    return [apply_verdict(p, v) for p, v in zip(placements, verdicts, strict=True)], chat


def _event(verdict: Verdict) -> dict[str, Any]:
    return {
        "event": "verdict",
        "guard": verdict.guard,
        "placement": verdict.placement_id,
        "outcome": verdict.outcome.value,
        "action": verdict.action.value,
        "reasons": list(verdict.reasons),
    }


def placement_guard_node(guard: type[Guard], provider: ServiceProvider) -> Node:
    """Return the node of a placement-level guard. A placement that an earlier guard ended is not looked at."""

    async def check_placement(state: PlacementState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        placement = Placement.model_validate(state["placement"])
        if placement.status is not Status.DRAFT:
            return {}
        session = await open_session(provider, runtime)
        shopper = ShopperContext.model_validate(state["shopper"])
        [checked], chat = await check(guard, session, shopper, [placement], state.get("candidates", {}))
        return {"placement": checked, "calls": chat.records}

    return check_placement


def page_guard_node(guard: type[Guard], provider: ServiceProvider) -> Node:
    """Return the node of a page-level guard: it sees every placement that is kept so far."""

    async def check_page(state: PageState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        session = await open_session(provider, runtime)
        placements = [Placement.model_validate(placement) for placement in state["placements"]]
        alive = [placement for placement in placements if placement.status is Status.KEPT]
        shopper = ShopperContext.model_validate(state["shopper"])
        checked, chat = await check(guard, session, shopper, alive, state.get("candidates", {}))
        return {"placements": checked, "calls": chat.records}

    return check_page
