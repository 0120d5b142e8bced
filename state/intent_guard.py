"""The contract of intent guards: one file in ``guardrails/intent``, one check over the draft of one query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from state.catalog import Category
from state.guard import Embedder, PairScorer
from state.intent import IntentDraft, IntentPart, IntentVerdict


class IntentGuardConfig(BaseModel):
    """Base of a guard's settings (``[intent.guards.<name>]`` in shelfwise.toml)."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = True


@dataclass(frozen=True)
class IntentGuardContext:
    """What a guard may look at beside the draft. ``categories`` maps each path of the taxonomy to its category."""

    embedder: Embedder
    scorer: PairScorer
    categories: Mapping[str, Category] = field(default_factory=dict)


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


_registry: dict[str, type[IntentGuard]] = {}


def register_intent_guard(guard: type[IntentGuard]) -> type[IntentGuard]:
    """Class decorator: make the guard known to the intent graph."""
    _registry[guard.name] = guard
    return guard


def registered_intent_guards() -> list[type[IntentGuard]]:
    """Return the registered guards in declared order."""
    return sorted(_registry.values(), key=lambda guard: (guard.order, guard.name))
