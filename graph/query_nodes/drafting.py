"""Nodes behind the models: one draft out of what they proposed, the guards over it, the answer."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from langgraph.runtime import Runtime

from graph.intent_guards import build_intent_guards, run_intent_guard
from graph.query_nodes.reading import Node
from graph.query_roles import likelier
from graph.query_services import QueryProvider, QueryServices
from graph.query_session import open_query_session
from state.answers_intent import MAX_CATEGORIES
from state.intent import REWRITE_KINDS, IntentDraft, LabelledQuery, QueryIntent, RewriteKind, Rewrites, Roles
from state.intent_guard import IntentGuard
from state.intent_state import CategoryEvidence, IntentOptions, IntentState, QueryProposal

GIVEN: dict[RewriteKind, int] = {"synonym": 2, "broader": 2, "substitute": 3}
"""Rewrites that an answer has at most: as many as the labelled queries mostly have."""
_RETRIEVED: dict[RewriteKind, int] = {"synonym": 8, "broader": 4, "substitute": 4}
"""Rewrites found without the model. Many synonyms are looked at: the likeliest of them and of the model's are kept."""


def draft_node(provider: QueryProvider) -> Node:
    """Return the node that makes one draft of what the models proposed, and tells how sure it is.

    Where a model proposed nothing, what is known without one stands in.
    """

    async def draft(state: IntentState, runtime: Runtime[IntentOptions]) -> dict[str, Any]:
        session = await open_query_session(provider, runtime)
        return await asyncio.to_thread(_draft, session.services, state)

    return draft


def _draft(services: QueryServices, state: IntentState) -> dict[str, Any]:
    query = state["corrected"]
    proposals = [QueryProposal.model_validate(proposal) for proposal in state["proposals"]]
    found = [CategoryEvidence.model_validate(entry) for entry in state["found"]]
    parsed = next((proposal for proposal in proposals if proposal.roles is not None), None)
    roles, signs = likelier(services.roles.roles(query), parsed)
    ranked = next((proposal.categories for proposal in proposals if proposal.part == "categories"), [])
    categories = services.choose_categories(found, ranked)
    retrieved = {
        kind: services.rewrites.rewrites(query, roles, categories, kind, _RETRIEVED[kind]) for kind in state["kinds"]
    }
    written = {proposal.kind: proposal.rewrites for proposal in proposals if proposal.kind}
    rewrites = {kind: list(dict.fromkeys([*written.get(kind, []), *retrieved.get(kind, [])])) for kind in REWRITE_KINDS}
    rewrites["synonym"] = services.synonyms.best(query, roles, categories, rewrites["synonym"])
    if "synonym" in retrieved:
        retrieved["synonym"] = [text for text in rewrites["synonym"] if text in retrieved["synonym"]]
    sure = services.confidence.of(signs, likeness=state["likeness"], category=found[0].score if found else 0.0)
    draft = IntentDraft(
        query=state["query"],
        corrected=query,
        categories=categories,
        rewrites=Rewrites(**rewrites),
        **roles.model_dump(include=set(Roles.model_fields)),
    )
    return {"draft": draft, "retrieved": retrieved, "confidence": sure}


def degrade_node(provider: QueryProvider) -> Node:
    """Return the node for unsure answers: retrieved categories, no rewrite of the model's, the query waits for the
    teacher. The likelier roles stay: they are all there is."""

    async def degrade(state: IntentState, runtime: Runtime[IntentOptions]) -> dict[str, Any]:
        session = await open_query_session(provider, runtime)
        services, draft = session.services, IntentDraft.model_validate(state["draft"])
        found = [CategoryEvidence.model_validate(entry) for entry in state["found"]]

        def without_model() -> IntentDraft:
            if services.queue is not None:
                services.queue.add(draft.corrected, state["confidence"])
            kept = Rewrites(**(state["retrieved"] if session.rewrites == "always" else {}))
            return draft.model_copy(update={"categories": services.choose_categories(found, []), "rewrites": kept})

        return {"draft": await asyncio.to_thread(without_model)}

    return degrade


def intent_guard_node(guard: type[IntentGuard], provider: QueryProvider) -> Node:
    """Return the node of one intent guard."""

    async def check(state: IntentState, runtime: Runtime[IntentOptions]) -> dict[str, Any]:
        session = await open_query_session(provider, runtime)
        services, settings = session.services, session.services.settings.intent.guards
        [built] = build_intent_guards([guard], {name: some for name, some in settings.items() if name == guard.name})
        draft = IntentDraft.model_validate(state["draft"])
        left, verdicts = await asyncio.to_thread(run_intent_guard, built, draft, services.guard_context)
        return {"draft": left, "verdicts": verdicts}

    return check


def answer_node(provider: QueryProvider) -> Node:
    """Return the node that makes the answer of what the guards left, or of a known one."""

    async def answer(state: IntentState, runtime: Runtime[IntentOptions]) -> dict[str, Any]:
        if known := state.get("known"):
            return {"intent": _known(state, LabelledQuery.model_validate(known))}
        session = await open_query_session(provider, runtime)
        draft = IntentDraft.model_validate(state["draft"])
        large = session.services.settings.intent.prompts == "full"
        kept = {kind: given(draft, kind, state.get("retrieved", {}).get(kind, []), large) for kind in REWRITE_KINDS}
        degraded = state["confidence"] < session.services.settings.intent.min_confidence
        intent = QueryIntent(
            **draft.model_dump(exclude={"rewrites", "categories"}),
            categories=draft.categories[:MAX_CATEGORIES],
            rewrites=Rewrites(**kept),
            source="fallback" if degraded else "student",
            confidence=round(state["confidence"], 4),
            ms=_elapsed(state),
        )
        return {"intent": intent}

    return answer


def _known(state: IntentState, known: LabelledQuery) -> QueryIntent:
    return QueryIntent(
        **known.model_dump(exclude={"query", "kind"}),
        query=state["query"],
        source="cache",
        confidence=1.0,
        ms=_elapsed(state),
    )


def given(draft: IntentDraft, kind: RewriteKind, retrieved: list[str], large: bool) -> list[str]:
    """Return the rewrites of one kind to answer: the model's, or those found without it where none of its is left.

    Synonyms are the likeliest of both together. Substitutes found without the model come before those of a small one:
    they find more of what is relevant (docs/intents.md).
    """
    left: list[str] = getattr(draft.rewrites, kind)
    written = [text for text in left if text not in retrieved]
    if kind == "synonym":
        written = left
    elif kind == "substitute" and not large:
        written = [*(text for text in left if text in retrieved), *written]
    return (written or left)[: GIVEN[kind]]


def _elapsed(state: IntentState) -> float:
    return round((time.time() - state["started_at"]) * 1000, 2)
