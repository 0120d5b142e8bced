"""Nodes that ask a model about a query, side by side. One that fails proposes nothing and says why."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from langgraph.runtime import Runtime

from agents.query_classifier import classify_query
from agents.query_parser import parse_query
from agents.query_rewriter import rewrite_query
from agents.recording import RecordingChat
from graph.query_nodes.reading import Node
from graph.query_services import QueryProvider
from graph.query_session import QuerySession, open_query_session
from state.errors import ShelfwiseError
from state.intent import LabelledQuery, RewriteKind
from state.intent_state import CategoryEvidence, IntentOptions, IntentState, QueryProposal
from state.query_context import QueryContext

log = logging.getLogger(__name__)
Ask = Callable[[RecordingChat, IntentState, QuerySession], Awaitable[QueryProposal]]


def parse_query_node(provider: QueryProvider) -> Node:
    """Return the node that asks for the roles of the query's words."""

    async def ask(chat: RecordingChat, state: IntentState, session: QuerySession) -> QueryProposal:
        roles, answer = await parse_query(
            chat,
            state["corrected"],
            examples=_examples(state),
            aisle=_aisle(state),
            context=_context(state),
        )
        return QueryProposal(part="roles", roles=roles, logprob=answer.logprob)

    return _asking(provider, QueryProposal(part="roles"), ask)


def classify_category_node(provider: QueryProvider) -> Node:
    """Return the node that lets the model rank the categories that the query converts to."""

    async def ask(chat: RecordingChat, state: IntentState, session: QuerySession) -> QueryProposal:
        offered = [CategoryEvidence.model_validate(entry).category for entry in state["found"]]
        ranked, answer = await classify_query(chat, state["corrected"], offered, context=_context(state))
        paths = [category.path for category in ranked]
        return QueryProposal(part="categories", categories=paths, logprob=answer.logprob)

    return _asking(provider, QueryProposal(part="categories"), ask)


def rewrite_query_node(provider: QueryProvider, kind: RewriteKind) -> Node:
    """Return the node that asks for rewrites of one kind."""

    async def ask(chat: RecordingChat, state: IntentState, session: QuerySession) -> QueryProposal:
        rewrites, answer = await rewrite_query(
            chat,
            state["corrected"],
            kind,
            examples=_examples(state),
            aisle=_aisle(state),
            context=_context(state),
        )
        return QueryProposal(part="rewrites", kind=kind, rewrites=rewrites, logprob=answer.logprob)

    return _asking(provider, QueryProposal(part="rewrites", kind=kind), ask)


def _asking(provider: QueryProvider, nothing: QueryProposal, ask: Ask) -> Node:
    async def node(state: IntentState, runtime: Runtime[IntentOptions]) -> dict[str, Any]:
        session = await open_query_session(provider, runtime)
        chat = RecordingChat(session.services.chat)
        try:
            proposal = await ask(chat, state, session)
        except ShelfwiseError as error:
            # A shopper waits: what a model cannot answer now is answered without it.
            log.warning("%s of a query failed: %s", nothing.kind or nothing.part, error)
            proposal = nothing.model_copy(update={"problem": f"{type(error).__name__}: {error}"[:300]})
        return {"proposals": [proposal], "calls": chat.records}

    return node


def _examples(state: IntentState) -> list[LabelledQuery]:
    return [LabelledQuery.model_validate(example) for example in state.get("examples", [])]


def _context(state: IntentState) -> QueryContext | None:
    context = state.get("context")
    return None if context is None else QueryContext.model_validate(context)


def _aisle(state: IntentState) -> str | None:
    found = state.get("found", [])
    return CategoryEvidence.model_validate(found[0]).category.aisle if found else None
