"""What the nodes of the intent graph work with; opened once per process, over the services of the page graph."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from state.catalog import Category
from state.guard import Chat
from state.intent import LabelledQuery, RewriteKind, Roles
from state.intent_guard import IntentGuardContext
from state.intent_state import CategoryEvidence
from state.query_context import QueryContext
from state.settings import Settings
from tools.labelled_queries import LabelledQueries
from tools.query_categories import QueryCategories
from tools.query_confidence import ConfidenceModel


class Spelling(Protocol):
    """Repairs the spelling of a query with the catalogue's vocabulary."""

    def correct(self, query: str) -> str: ...


class HeadCache(Protocol):
    """Known answers of head queries."""

    def get(self, query: str) -> LabelledQuery | None: ...


class TeacherQueue(Protocol):
    """Queries that wait for the teacher."""

    def add(self, query: str, confidence: float) -> None: ...


class RolesWithoutModel(Protocol):
    """Finds the roles of a query without a language model; also tells how sure it is, in [0, 1]."""

    def roles(self, query: str) -> tuple[Roles, float]: ...


class RewritesWithoutModel(Protocol):
    """Finds rewrites of a query without a language model."""

    def rewrites(
        self, query: str, roles: Roles, categories: Sequence[str], kind: RewriteKind, limit: int
    ) -> list[str]: ...


class SynonymJudge(Protocol):
    """Tells which rewrites are synonyms, likeliest first."""

    def best(self, query: str, roles: Roles, categories: Collection[str], rewrites: Sequence[str]) -> list[str]: ...


class Contexts(Protocol):
    """Gathers what full prompts show of a query."""

    def of(self, query: str) -> QueryContext: ...


class RewriteGate(Protocol):
    """Tells which kinds of rewrites can help a query."""

    def wanted(self, query: str) -> list[RewriteKind]: ...


@dataclass(frozen=True)
class QueryServices:
    """Everything that the intent graph looks things up with."""

    settings: Settings
    chat: Chat
    labelled: LabelledQueries
    categories: QueryCategories
    paths: Mapping[str, Category]
    spelling: Spelling
    roles: RolesWithoutModel
    rewrites: RewritesWithoutModel
    synonyms: SynonymJudge
    gate: RewriteGate
    contexts: Contexts | None
    confidence: ConfidenceModel
    guard_context: IntentGuardContext
    cache: HeadCache | None = None
    queue: TeacherQueue | None = None

    def choose_categories(self, found: Sequence[CategoryEvidence], ranked: Sequence[str]) -> list[str]:
        """Return the paths to answer, best first: those that a model ranked, then the others that are sure enough."""
        sure = [entry.category.path for entry in found[1:] if entry.score >= self.categories.scorer.threshold]
        best = [entry.category.path for entry in found[:1]]
        return list(dict.fromkeys([*ranked, *best, *sure]))


QueryProvider = Callable[[], QueryServices]
