"""State of the intent graph, and what a caller may turn for one query."""

from __future__ import annotations

from operator import add
from typing import Annotated, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from state.catalog import Category
from state.intent import IntentDraft, IntentVerdict, LabelledQuery, QueryIntent, RewriteKind, Roles
from state.llm import CallRecord
from state.query_context import QueryContext

RewritePolicy = Literal["needed", "always", "never"]


class IntentOptions(BaseModel):
    """Knobs of one run of the intent graph (its context schema); ``shelfwise.toml`` sets the defaults."""

    model_config = ConfigDict(extra="forbid")

    rewrites: RewritePolicy | None = Field(
        default=None,
        description="needed: only kinds that can help the query's results. always: all three. never: none.",
    )
    use_cache: bool = Field(default=True, description="Look the query up in the head cache first.")


class IntentInput(TypedDict):
    """What the intent graph is asked with. ``session`` are the queries typed before this one, oldest first."""

    query: str
    session: NotRequired[list[str]]


class IntentOutput(TypedDict):
    """What a run returns: the answer, and what the guards took out of it."""

    intent: QueryIntent
    verdicts: list[IntentVerdict]


class QueryProposal(BaseModel):
    """What one model call proposed: roles, categories, or rewrites of a kind. ``logprob`` is that of its text."""

    model_config = ConfigDict(frozen=True)

    part: Literal["roles", "categories", "rewrites"]
    kind: RewriteKind | None = None
    roles: Roles | None = None
    categories: list[str] = Field(default_factory=list)
    rewrites: list[str] = Field(default_factory=list)
    logprob: float | None = None
    problem: str | None = None


class CategoryEvidence(BaseModel):
    """A category that the query converts to, and how sure that is, in [0, 1]."""

    model_config = ConfigDict(frozen=True)

    category: Category
    score: float


class IntentState(TypedDict, total=False):
    """State of the intent graph.

    ``found`` are the categories that the query converts to, best first; ``examples`` labelled queries like it and
    ``likeness`` the cosine of the first; ``context`` is what full prompts show; ``kinds`` the rewrites to ask for;
    ``retrieved`` rewrites found without a model, which stand in where none of the model's is left.
    """

    query: str
    session: list[str]
    normalised: str
    corrected: str
    started_at: float
    known: LabelledQuery | None
    examples: list[LabelledQuery]
    likeness: float
    found: list[CategoryEvidence]
    context: QueryContext | None
    kinds: list[RewriteKind]
    proposals: Annotated[list[QueryProposal], add]
    calls: Annotated[list[CallRecord], add]
    draft: IntentDraft
    retrieved: dict[RewriteKind, list[str]]
    verdicts: Annotated[list[IntentVerdict], add]
    confidence: float
    intent: QueryIntent
