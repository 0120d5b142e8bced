"""Last nodes: publish the page, or publish a rule-made one in its place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from graph.fallback_page import fallback_placements
from graph.guards import guards_version
from graph.nodes.design import Node
from graph.nodes.guard import check
from graph.services import ServiceProvider
from graph.session import Session, open_session
from state.guard import Guard
from state.llm import CallRecord
from state.options import PageOptions
from state.page import PageState
from state.placement import DroppedPlacement, Page, PageDesign, Placement, Status, Versions
from state.shopper import ShopperContext
from state.usage import usage_by_phase
from state.verdict import Action
from tools.page_store import PageStore


def publish_node(guards: Sequence[type[Guard]], provider: ServiceProvider) -> Node:
    """Return the node that stores the page in the run's store, if it has one, and returns it."""

    async def publish(state: PageState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        session = await open_session(provider, runtime)
        placements = [Placement.model_validate(placement) for placement in state["placements"]]
        kept = [placement for placement in placements if placement.status is Status.KEPT]
        return await _finish(state, runtime, session, guards, kept, fallback_reason=None)

    return publish


def fall_back_node(guards: Sequence[type[Guard]], provider: ServiceProvider) -> Node:
    """Return the node that publishes a page made by rules, checked by the guards that judge by rules alone."""

    async def fall_back(state: PageState, runtime: Runtime[PageOptions]) -> dict[str, Any]:
        session = await open_session(provider, runtime)
        shopper = ShopperContext.model_validate(state["shopper"])
        made = await asyncio.to_thread(
            fallback_placements, session.services.catalog, shopper, session.options.products_per_placement
        )
        for guard in guards:
            if guard.level == "placement" and guard.rules_only:
                checked, _ = await check(guard, session, shopper, made, {placement.id: [] for placement in made})
                made = [p for p in checked if p.status is Status.DRAFT and p.products]
        kept = [placement.model_copy(update={"status": Status.KEPT}) for placement in made]
        reason = state.get("design_error") or "too few placements passed the guards"
        return await _finish(state, runtime, session, guards, kept, fallback_reason=reason)

    return fall_back


async def _finish(
    state: PageState,
    runtime: Runtime[PageOptions],
    session: Session,
    guards: Sequence[type[Guard]],
    kept: Sequence[Placement],
    fallback_reason: str | None,
) -> dict[str, Any]:
    shopper = ShopperContext.model_validate(state["shopper"])
    calls = [CallRecord.model_validate(call) for call in state.get("calls", [])]
    designed = [Placement.model_validate(placement) for placement in state.get("placements", [])]
    on_page = {placement.id for placement in kept}
    page = Page(
        shopper_id=shopper.shopper_id,
        persona=_persona(state, shopper),
        cold=shopper.cold,
        fallback=fallback_reason is not None,
        fallback_reason=fallback_reason,
        placements=list(kept),
        dropped=[_dropped(placement) for placement in designed if placement.id not in on_page],
        usage=usage_by_phase(call.usage for call in calls),
        seconds=round(max(time.time() - state["started_at"], 0.0), 3),
        versions=(await asyncio.to_thread(versions_of, session, guards)).model_copy(update={"guards": state["guards"]}),
    )
    if runtime.store is not None:
        kept_for = session.services.settings.store
        await PageStore(runtime.store, kept_for.ttl_hours, runs_kept=kept_for.runs_kept).put(page, calls)
    session.emit({"event": "published", "placements": len(page.placements), "fallback": page.fallback})
    return {"page": page}


def versions_of(session: Session, guards: Sequence[type[Guard]]) -> Versions:
    """Return the versions that a page made in this session carries."""
    options = session.options
    return Versions(
        **session.services.versions(),
        guards=guards_version(guards, session.services.settings.guards, session.guard_overrides),
        settings=options.version,
    )


def _persona(state: PageState, shopper: ShopperContext) -> str:
    if "design" in state:
        return PageDesign.model_validate(state["design"]).persona
    if shopper.cold:
        return "New shopper"
    return "Shops " + ", ".join(item.aisle for item in shopper.aisles[:3])


def _dropped(placement: Placement) -> DroppedPlacement:
    ending = [v for v in placement.verdicts if v.action in (Action.REPAIR, Action.DROP)]
    last = ending[-1] if ending else None
    if last is None:
        return DroppedPlacement.of(placement, "fall_back", ["passed its guards, but the page fell back to rules"])
    return DroppedPlacement.of(placement, last.guard, last.reasons)
