"""The small shop with what the intent graph needs: labelled queries, spelling, a cache and a queue in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.small_shop import SmallCatalog, WordEmbedder, WordScorer, WordSearch

from graph.query_services import QueryServices
from state.guard import Chat
from state.intent import REWRITE_KINDS, LabelledQuery, RewriteKind, Rewrites, Roles
from state.intent_guard import IntentGuardContext
from state.intent_settings import IntentSettings
from state.query_context import QueryContext
from state.settings import Settings
from tools.labelled_queries import LabelledQueries
from tools.query_categories import QueryCategories
from tools.query_confidence import ConfidenceModel

LABELLED = [
    LabelledQuery(
        query="berry yogurt",
        corrected="berry yogurt",
        kind="head",
        product="yogurt",
        attributes=[{"type": "flavor", "value": "berry"}],  # type: ignore[list-item]
        categories=["dairy eggs > yogurt"],
        rewrites=Rewrites(synonym=["yoghurt with berries"], broader=["yogurt"], substitute=["vanilla yogurt"]),
    ),
    LabelledQuery(query="green tea", corrected="green tea", product="green tea", categories=["beverages > tea"]),
    LabelledQuery(query="rye bread", corrected="rye bread", product="rye bread", categories=["bakery > bread"]),
]


@dataclass
class Words:
    """Stands in for spelling, roles and rewrites without a model, gate, cache and queue; remembers what it was told."""

    spelling: dict[str, str] = field(default_factory=dict)
    known: dict[str, LabelledQuery] = field(default_factory=dict)
    kinds: Sequence[RewriteKind] = REWRITE_KINDS
    queued: list[tuple[str, float]] = field(default_factory=list)

    def correct(self, query: str) -> str:
        return self.spelling.get(query, query)

    def get(self, query: str) -> LabelledQuery | None:
        return self.known.get(query)

    def add(self, query: str, confidence: float) -> None:
        self.queued.append((query, confidence))

    def wanted(self, query: str) -> list[RewriteKind]:
        return list(self.kinds)

    def of(self, query: str) -> QueryContext:
        return QueryContext(paths=[], brands=["Chobani"], products=[], clicked=[], similar=[])

    def roles(self, query: str) -> tuple[Roles, float]:
        return Roles(product=query.split()[-1]), 0.5

    def rewrites(self, query: str, roles: Roles, categories: Sequence[str], kind: RewriteKind, limit: int) -> list[str]:
        return ["berry yogurt tubes"] if kind == "substitute" else []

    def best(self, query: str, roles: Roles, categories: Collection[str], rewrites: Sequence[str]) -> list[str]:
        return list(rewrites)


def query_services(chat: Chat, words: Words | None = None, *, sure: bool = True, **settings: Any) -> QueryServices:
    """Return services over the small shop; ``sure`` decides whether the model's answer counts."""
    catalog, embedder, words = SmallCatalog(), WordEmbedder(), words or Words()
    labelled = LabelledQueries(LABELLED, embedder)
    categories = QueryCategories(catalog.categories(), {}, WordSearch(catalog), labelled, embedder)
    paths = {category.path: category for category in catalog.categories()}
    weights = dict.fromkeys(("logprob", "agree", "likeness", "category"), 0.0)
    return QueryServices(
        settings=Settings(intent=IntentSettings(rank_categories=True, **settings)),
        chat=chat,
        labelled=labelled,
        categories=categories,
        paths=paths,
        spelling=words,
        roles=words,
        rewrites=words,
        synonyms=words,
        gate=words,
        contexts=words if settings.get("prompts") == "full" else None,
        confidence=ConfidenceModel(intercept=5.0 if sure else -5.0, examples=0, split="dev", **weights),
        guard_context=IntentGuardContext(embedder=embedder, scorer=WordScorer(), categories=paths),
        cache=words,
        queue=words,
    )
