"""The contract of intent guards: one file in ``guardrails/intent``, one check over the draft of one query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

from state.catalog import Category, ProductHit
from state.guard import Embedder, PairScorer
from state.intent import IntentDraft, IntentPart, IntentVerdict


class IntentGuardConfig(BaseModel):
    """Base of a guard's settings (``[intent.guards.<name>]`` in shelfwise.toml)."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = True
    timeout_s: float = Field(default=5.0, gt=0, description="A guard that takes longer has failed.")


class ProductFinder(Protocol):
    """Finds the products that queries stand for."""

    def find(
        self, keywords: Sequence[str], *, categories: Sequence[str] = (), filters: Sequence[str] = (), limit: int = 24
    ) -> list[ProductHit]: ...


class QueryWords(Protocol):
    """Tells what the shop knows of the words of queries."""

    def brand(self, text: str) -> bool:
        """Tell whether ``text`` can be a brand."""
        ...

    def product(self, text: str) -> bool:
        """Tell whether ``text`` can be a kind of product."""
        ...


@dataclass(frozen=True)
class IntentGuardContext:
    """What a guard may look at beside the draft. ``categories`` maps each path of the taxonomy to its category.

    A guard that needs ``products`` or ``words`` and finds None there takes out what it cannot check.
    """

    embedder: Embedder
    scorer: PairScorer
    categories: Mapping[str, Category] = field(default_factory=dict)
    products: ProductFinder | None = None
    words: QueryWords | None = None


class IntentGuard(ABC):
    """Takes out of a draft what must not be answered.

    Guards run in declared order, each on what those before it left. One that raises takes out every part in ``parts``:
    what was not checked is not answered.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    version: ClassVar[str]
    parts: ClassVar[tuple[IntentPart, ...]]
    Config: ClassVar[type[IntentGuardConfig]] = IntentGuardConfig

    def __init__(self, config: IntentGuardConfig | None = None) -> None:
        self.config: Any = config or self.Config()

    @abstractmethod
    def check(self, draft: IntentDraft, context: IntentGuardContext) -> Sequence[IntentVerdict]:
        """Return one verdict for each part to take out. Called on a thread: it may block."""

    def verdict(
        self, part: IntentPart, text: str, reason: str, *, score: float | None = None, threshold: float | None = None
    ) -> IntentVerdict:
        """Return this guard's verdict against ``text``."""
        return IntentVerdict(
            guard=self.name,
            version=self.version,
            part=part,
            text=text,
            reason=reason,
            score=score,
            threshold=threshold,
        )


GuardT = TypeVar("GuardT", bound=type[IntentGuard])
_MARK = "__shelfwise_intent_guard__"


def register_intent_guard(guard: GuardT) -> GuardT:
    """Mark a class as the guard that its file offers.

    Raises:
        TypeError: the class lacks a part of the contract; the message names it.
    """
    for attribute in ("name", "order", "version", "parts"):
        if not hasattr(guard, attribute):
            raise TypeError(f"guard {guard.__name__} does not declare '{attribute}' (see state/intent_guard.py)")
    if not guard.name.isidentifier():
        raise TypeError(f"guard {guard.__name__}: name {guard.name!r} must be an identifier: it names a graph node")
    if unknown := {*guard.parts} - {*get_args(IntentPart)} or not guard.parts:
        raise TypeError(f"guard {guard.__name__}: parts are some of {get_args(IntentPart)}, not {unknown}")
    setattr(guard, _MARK, True)
    return guard


def is_intent_guard(candidate: object) -> bool:
    """Tell whether ``candidate`` is a class that was itself marked with :func:`register_intent_guard`."""
    return isinstance(candidate, type) and _MARK in vars(candidate)
