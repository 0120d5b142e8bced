"""The guard contract: what a file in ``guardrails/`` has to offer, and what it is given.

A guard is one file in the drop-in folder ``guardrails/`` holding one class marked with :func:`register_guard`.
``graph.guards`` discovers it, makes it a node of the page graph and runs it: batching, time limits, tracing and
turning exceptions into ERROR verdicts are the runner's work, never the guard's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from state.catalog import Category, Product
from state.llm import Answer, Message
from state.placement import Placement
from state.shopper import ShopperContext
from state.verdict import Action, Outcome, Verdict

Level = Literal["placement", "page"]
SchemaT = TypeVar("SchemaT", bound=BaseModel)


class GuardConfig(BaseModel):
    """What every guard can be told. ``on_error`` has no default: each guard says how it fails."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = True
    on_error: Action
    timeout_s: float = Field(default=30.0, gt=0)


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 ``[len(texts), dimension]``, rows of length 1."""
        ...


class PairScorer(Protocol):
    """Scores how well a product fits a theme, by their texts (``state.relevance``)."""

    @property
    def name(self) -> str: ...

    @property
    def threshold(self) -> float | None:
        """The calibrated score from which on a product fits; None for a scorer that was not calibrated."""
        ...

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Return float32 ``[len(pairs)]`` in [0, 1], higher fits better."""
        ...


class Chat(Protocol):
    """Asks the model configured for a role."""

    async def ask(
        self, role: str, messages: Sequence[Message], schema: type[SchemaT], *, phase: str
    ) -> Answer[SchemaT]: ...


class CatalogLookup(Protocol):
    """What guards may look up in the catalogue."""

    def existing_ids(self, product_ids: Sequence[str]) -> set[str]:
        """Return those of ``product_ids`` that the catalogue sells."""
        ...

    def products(self, ids: Sequence[str]) -> dict[str, Product]:
        """Return those of ``ids`` that the catalogue sells, by id."""
        ...

    def categories(self) -> Sequence[Category]:
        """Return every leaf of the taxonomy."""
        ...


@dataclass(frozen=True)
class GuardContext:
    """What a guard may use to judge.

    ``page`` holds every placement still alive (page guards: the same as ``placements``); ``candidates`` maps a
    placement id to the keyword, category and filter texts it was allowed to choose from.
    """

    shopper: ShopperContext
    embedder: Embedder
    scorer: PairScorer
    chat: Chat
    catalog: CatalogLookup
    page: Sequence[Placement] = ()
    candidates: dict[str, frozenset[str]] = field(default_factory=dict)
    min_products: int = 3
    judge_share: float = 0.0


class Guard(ABC):
    """One check of placements. Subclass it in a file of ``guardrails/`` and mark it with :func:`register_guard`."""

    name: ClassVar[str]
    level: ClassVar[Level]
    order: ClassVar[int]
    """Guards of a level run in ascending order: give cheap ones the low numbers."""
    version: ClassVar[str]
    rules_only: ClassVar[bool] = False
    """True for a guard that judges without a model: such guards also check the rule-made fall-back page."""
    judges_stored: ClassVar[bool] = False
    """True for a guard that judges a stored page again, in milliseconds and without a model, when guards or catalogue
    changed after the page was made: at every change of a rule, before the page is shown."""
    Config: ClassVar[type[GuardConfig]]

    def __init__(self, config: GuardConfig) -> None:
        self.config = config

    @abstractmethod
    def check(
        self, placements: Sequence[Placement], context: GuardContext
    ) -> Sequence[Verdict] | Awaitable[Sequence[Verdict]]:
        """Return one verdict per placement, in their order. Sync checks run in a thread, async ones in the loop.

        Any exception that escapes becomes an ERROR verdict with the configured ``on_error`` action.
        """

    def verdict(
        self,
        placement: Placement,
        outcome: Outcome,
        action: Action,
        *reasons: str,
        score: float | None = None,
        threshold: float | None = None,
        pruned: Sequence[str] = (),
        model: str | None = None,
    ) -> Verdict:
        """Return a verdict on ``placement`` signed by this guard."""
        return Verdict(
            guard=self.name,
            guard_version=self.version,
            placement_id=placement.id,
            outcome=outcome,
            action=action,
            reasons=reasons,
            score=score,
            threshold=threshold,
            pruned=tuple(pruned),
            model=model,
            attempt=max(placement.attempts, 1),
        )

    def passed(
        self,
        placement: Placement,
        *,
        score: float | None = None,
        threshold: float | None = None,
        model: str | None = None,
    ) -> Verdict:
        """Return a PASS on ``placement``."""
        return self.verdict(placement, Outcome.PASS, Action.KEEP, score=score, threshold=threshold, model=model)


GuardT = TypeVar("GuardT", bound=type[Guard])
_MARK = "__shelfwise_guard__"


def register_guard(guard: GuardT) -> GuardT:
    """Mark a class as the guard that its file offers.

    Raises:
        TypeError: the class lacks a part of the contract; the message names it.
    """
    for attribute in ("name", "level", "order", "version", "Config"):
        if not hasattr(guard, attribute):
            raise TypeError(f"guard {guard.__name__} does not declare '{attribute}' (see state/guard.py)")
    if guard.level not in ("placement", "page"):
        raise TypeError(f"guard {guard.__name__}: level is 'placement' or 'page', not {guard.level!r}")
    if not guard.name.isidentifier():
        raise TypeError(f"guard {guard.__name__}: name {guard.name!r} must be an identifier: it names a graph node")
    setattr(guard, _MARK, True)
    return guard


def is_registered(candidate: object) -> bool:
    """Tell whether ``candidate`` is a class that was itself (not its base) marked with :func:`register_guard`."""
    return isinstance(candidate, type) and _MARK in vars(candidate)
