"""The intent graph: a typed query in, what it asks for out. Wiring only.

``graph`` is the graph as the LangGraph server and Studio load it; :func:`build_intent_graph` builds one with other
services or guards.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from graph.intent_guards import discover_intent_guards
from graph.nodes.guard import node_name
from graph.query_nodes.asking import classify_category_node, parse_query_node, rewrite_query_node
from graph.query_nodes.drafting import answer_node, degrade_node, draft_node, intent_guard_node
from graph.query_nodes.reading import lookup_node, normalise_node, retrieve_node
from graph.query_opening import shared_query_services
from graph.query_services import QueryProvider
from graph.query_session import open_query_session
from state.intent import REWRITE_KINDS, QueryIntent
from state.intent_guard import IntentGuard
from state.intent_state import IntentInput, IntentOptions, IntentOutput, IntentState
from state.settings import load_settings

IntentGraph = CompiledStateGraph[IntentState, IntentOptions, IntentInput, IntentOutput]


def build_intent_graph(
    services: QueryProvider | None = None, guards_dir: Path | None = None, **compile_options: Any
) -> IntentGraph:
    """Return the intent graph with every guard of the folder ``intent`` in ``guards_dir`` as a node.

    Nothing is opened before the first query.

    Raises:
        GuardLoadError: a file of the guards folder cannot be used.
    """
    provider = services or shared_query_services
    guards = discover_intent_guards(guards_dir or load_settings().guards_dir)
    builder = StateGraph(
        IntentState, context_schema=IntentOptions, input_schema=IntentInput, output_schema=IntentOutput
    )
    builder.add_node("normalise", normalise_node(provider))
    builder.add_node("lookup", lookup_node(provider))
    builder.add_node("retrieve", retrieve_node(provider))
    builder.add_node("parse_query", parse_query_node(provider))
    builder.add_node("classify_category", classify_category_node(provider))
    for kind in REWRITE_KINDS:
        builder.add_node(f"rewrite_{kind}", rewrite_query_node(provider, kind))
    builder.add_node("draft", draft_node(provider))
    builder.add_node("degrade", degrade_node(provider))
    builder.add_node("answer", answer_node(provider))

    builder.add_edge(START, "normalise")
    builder.add_edge("normalise", "lookup")
    builder.add_conditional_edges("lookup", _after_lookup, {"hit": "answer", "miss": "retrieve"})
    asked = ["parse_query", "classify_category", *(f"rewrite_{kind}" for kind in REWRITE_KINDS)]
    builder.add_conditional_edges("retrieve", _after_retrieval(provider), [*asked, "answer", "draft"])
    for name in asked:
        builder.add_edge(name, "draft")
    first, last = _chain(builder, guards, provider)

    async def by_confidence(state: IntentState, runtime: Runtime[IntentOptions]) -> Literal["sure", "unsure"]:
        session = await open_query_session(provider, runtime)
        return "sure" if state["confidence"] >= session.services.settings.intent.min_confidence else "unsure"

    builder.add_conditional_edges("draft", by_confidence, {"sure": first, "unsure": "degrade"})
    builder.add_edge("degrade", first)
    if last:
        builder.add_edge(last, "answer")
    builder.add_edge("answer", END)
    return builder.compile(name="intent", **compile_options)


def _after_lookup(state: IntentState) -> Literal["hit", "miss"]:
    return "hit" if state.get("known") else "miss"


def _after_retrieval(provider: QueryProvider) -> Any:
    """Return the route behind ``retrieve``: the models to ask side by side, or the answer where it is known."""

    async def route(state: IntentState, runtime: Runtime[IntentOptions]) -> list[str]:
        if state.get("known"):
            return ["answer"]
        session = await open_query_session(provider, runtime)
        rank = ["classify_category"] if session.services.settings.intent.rank_categories and state["found"] else []
        return ["parse_query", *rank, *(f"rewrite_{kind}" for kind in state["kinds"])]

    return route


def _chain(
    builder: StateGraph[Any, Any, Any, Any], guards: Sequence[type[IntentGuard]], provider: QueryProvider
) -> tuple[str, str | None]:
    """Add a node per guard, one behind the other. Returns the first and the last; without guards, ``answer``."""
    names = [node_name(guard) for guard in guards]
    for guard, name in zip(guards, names, strict=True):
        builder.add_node(name, intent_guard_node(guard, provider))
    for before, after in pairwise(names):
        builder.add_edge(before, after)
    return (names[0], names[-1]) if names else ("answer", None)


graph = build_intent_graph()


async def understand(query: str, options: IntentOptions | None = None, *, session: Sequence[str] = ()) -> QueryIntent:
    """Return what ``query`` asks for, typed after the queries of ``session``.

    Raises:
        QueryError: the query is empty, too long, or has no word in it.
    """
    result = await graph.ainvoke(IntentInput(query=query, session=list(session)), context=options or IntentOptions())
    return QueryIntent.model_validate(result["intent"])
