"""First nodes of a query: clean it, look it up, repair its spelling, gather what is known of queries like it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from langgraph.runtime import Runtime

from agents.query_parser import MAX_EXAMPLES
from graph.query_services import QueryProvider
from graph.query_session import QuerySession, open_query_session
from state.intent_state import CategoryEvidence, IntentOptions, IntentState
from tools.query_categories import OFFERED
from tools.query_text import clean_query, clean_session

Node = Callable[..., Awaitable[dict[str, Any]]]


def normalise_node(provider: QueryProvider) -> Node:
    """Return the node that cleans the query.

    Raises (from the node):
        QueryError: the query is empty, too long, or has no word in it.
    """

    async def normalise(state: IntentState, runtime: Runtime[IntentOptions]) -> dict[str, Any]:
        clean = clean_query(state.get("query", ""))
        await open_query_session(provider, runtime)  # the first query of a process must not be timed with the opening
        return {
            "normalised": clean,
            "session": clean_session(state.get("session")),
            "started_at": time.time(),
            "proposals": [],
            "verdicts": [],
        }

    return normalise


def lookup_node(provider: QueryProvider) -> Node:
    """Return the node that asks the head cache; a cache that fails counts as a miss."""

    async def lookup(state: IntentState, runtime: Runtime[IntentOptions]) -> dict[str, Any]:
        session = await open_query_session(provider, runtime)
        cache = session.services.cache
        if cache is None or not session.options.use_cache:
            return {"known": None}
        return {"known": await asyncio.to_thread(cache.get, state["normalised"])}

    return lookup


def retrieve_node(provider: QueryProvider) -> Node:
    """Return the node that repairs the spelling and gathers labelled queries and categories for the prompts.

    A query that is in the head cache under its repaired spelling is answered from there.
    """

    async def retrieve(state: IntentState, runtime: Runtime[IntentOptions]) -> dict[str, Any]:
        session = await open_query_session(provider, runtime)
        return await asyncio.to_thread(_retrieve, session, state["normalised"], state["session"])

    return retrieve


def _retrieve(session: QuerySession, query: str, before: list[str]) -> dict[str, Any]:
    services = session.services
    corrected = services.spelling.correct(query)
    known = None
    if corrected != query and services.cache is not None and session.options.use_cache:
        known = services.cache.get(corrected)
    if known is not None:
        return {"corrected": corrected, "known": known}
    near = services.labelled.nearest(corrected, MAX_EXAMPLES)
    found = services.categories.candidates(corrected, OFFERED)
    context = services.contexts.of(corrected) if services.contexts else None
    return {
        "corrected": corrected,
        "examples": [neighbour.example for neighbour in near],
        "likeness": max((neighbour.similarity for neighbour in near), default=0.0),
        "found": [CategoryEvidence(category=entry.category, score=entry.score) for entry in found],
        "context": context and context.model_copy(update={"session": before}),
        "kinds": session.wanted_kinds(corrected),
    }
