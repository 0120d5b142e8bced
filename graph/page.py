"""The page graph: a shopper's history in, a page of guarded placements out. Wiring only.

``graph`` is the graph as the LangGraph server and Studio load it (no store and no checkpointer of its own);
:func:`build_page_graph` builds one with other services, guards or stores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from graph.guards import discover_guards
from graph.nodes.design import Node, design_page_node, load_shopper_node, on_design_failure
from graph.nodes.failures import TRANSPORT_RETRY
from graph.nodes.guard import node_name, page_guard_node, placement_guard_node
from graph.nodes.placement import (
    drop_placement,
    find_products_node,
    keep_placement_node,
    on_writer_failure,
    write_keywords_node,
)
from graph.nodes.publish import fall_back_node, publish_node
from graph.nodes.settle import gather, settle_node
from graph.routes import AfterGuards, after_guards, after_settle
from graph.services import ServiceProvider, shared_services
from graph.session import open_session
from state.guard import Guard
from state.options import PageOptions
from state.page import PageInput, PageOutput, PageState, PlacementInput, PlacementOutput, PlacementState
from state.placement import Placement, Status
from state.settings import load_settings

PageGraph = CompiledStateGraph[PageState, PageOptions, PageInput, PageOutput]
PlacementGraph = CompiledStateGraph[PlacementState, PageOptions, PlacementInput, PlacementOutput]


def build_placement_graph(guards: Sequence[type[Guard]], provider: ServiceProvider) -> PlacementGraph:
    """Return the subgraph that makes one placement: keywords, products, placement guards, bounded retry."""
    builder = StateGraph(
        PlacementState, context_schema=PageOptions, input_schema=PlacementInput, output_schema=PlacementOutput
    )
    builder.add_node(
        "write_keywords",
        write_keywords_node(provider),
        retry_policy=TRANSPORT_RETRY,
        error_handler=on_writer_failure,
    )
    _draw_error_handler(builder, "write_keywords", "drop_placement")
    builder.add_node("find_products", find_products_node(provider))
    builder.add_node("keep_placement", keep_placement_node(provider))
    builder.add_node("drop_placement", drop_placement)
    builder.add_edge(START, "write_keywords")
    builder.add_edge("write_keywords", "find_products")
    last = _chain_guards(builder, "find_products", guards, partial(placement_guard_node, provider=provider))

    async def route_after_guards(state: PlacementState, runtime: Runtime[PageOptions]) -> AfterGuards:
        session = await open_session(provider, runtime)
        return after_guards(Placement.model_validate(state["placement"]), session.options.max_attempts)

    builder.add_conditional_edges(
        last, route_after_guards, {"retry": "write_keywords", "keep": "keep_placement", "drop": "drop_placement"}
    )
    builder.add_edge("keep_placement", END)
    builder.add_edge("drop_placement", END)
    return builder.compile(name="build_placement")


def _chain_guards(
    builder: StateGraph[Any, Any, Any, Any],
    after: str,
    guards: Sequence[type[Guard]],
    make_node: Callable[[type[Guard]], Node],
) -> str:
    """Add a node per guard, one behind the other, behind the node ``after``. Returns the name of the last one."""
    for guard in guards:
        builder.add_node(node_name(guard), make_node(guard))
        builder.add_edge(after, node_name(guard))
        after = node_name(guard)
    return after


def _draw_error_handler(builder: StateGraph[Any, Any, Any, Any], node: str, target: str) -> None:
    """Give the drawing the edges of a node's error handler, which LangGraph leaves out. Nothing else reads them."""
    handler = f"__error_handler__{node}"
    builder.nodes[node].ends = (handler,)
    builder.nodes[handler].ends = (target,)


def _send_to_work(state: PageState, status: Status) -> list[Send] | Literal["settle"]:
    """Return one task per placement of that status."""
    placements = [Placement.model_validate(placement) for placement in state["placements"]]
    return [
        Send("build_placement", PlacementInput(shopper=state["shopper"], placement=placement))
        for placement in placements
        if placement.status is status
    ] or "settle"


def build_page_graph(
    services: ServiceProvider | None = None,
    guards_dir: Path | None = None,
    **compile_options: Any,
) -> PageGraph:
    """Return the page graph with every guard of ``guards_dir`` as a node; both default to what the settings say.

    ``compile_options`` go to ``StateGraph.compile`` (store, checkpointer). Nothing is opened before the first run.

    Raises:
        GuardLoadError: a file of the guards folder cannot be used.
    """
    provider = services or shared_services
    guards = discover_guards(guards_dir or load_settings().guards_dir)
    placement_guards = [guard for guard in guards if guard.level == "placement"]
    page_guards = [guard for guard in guards if guard.level == "page"]

    builder = StateGraph(PageState, context_schema=PageOptions, input_schema=PageInput, output_schema=PageOutput)
    builder.add_node("load_shopper", load_shopper_node(guards, provider))
    builder.add_node(
        "design_page", design_page_node(provider), retry_policy=TRANSPORT_RETRY, error_handler=on_design_failure
    )
    _draw_error_handler(builder, "design_page", "fall_back")
    builder.add_node("build_placement", build_placement_graph(placement_guards, provider))
    builder.add_node("gather", gather)
    builder.add_node("settle", settle_node(provider))
    builder.add_node("publish", publish_node(guards, provider))
    builder.add_node("fall_back", fall_back_node(guards, provider))

    builder.add_edge(START, "load_shopper")
    builder.add_edge("load_shopper", "design_page")
    builder.add_conditional_edges(
        "design_page", partial(_send_to_work, status=Status.DRAFT), ["build_placement", "settle"]
    )
    builder.add_edge("build_placement", "gather")
    last = _chain_guards(builder, "gather", page_guards, partial(page_guard_node, provider=provider))
    builder.add_edge(last, "settle")

    async def route_after_settle(state: PageState, runtime: Runtime[PageOptions]) -> Any:
        session = await open_session(provider, runtime)
        placements = [Placement.model_validate(placement) for placement in state.get("placements", [])]
        route = after_settle(placements, session.options.min_placements)
        return _send_to_work(state, Status.REPAIR) if route == "repair" else route

    builder.add_conditional_edges("settle", route_after_settle, ["build_placement", "publish", "fall_back"])
    builder.add_edge("publish", END)
    builder.add_edge("fall_back", END)
    return builder.compile(name="page", **compile_options)


graph = build_page_graph()
