"""Cases of the diet set, and what the diet guard does with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from state.intent import IntentDraft, RewriteKind, Rewrites
from state.intent_guard import IntentGuard, IntentGuardContext

SET_FILE = Path(__file__).with_name("cases.yaml")
_KINDS: dict[str, RewriteKind] = {"s": "synonym", "b": "broader", "u": "substitute"}


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: str
    breaks: dict[str, list[str]] = Field(default_factory=dict)
    keeps: dict[str, list[str]] = Field(default_factory=dict)


@dataclass(frozen=True)
class DietCase:
    """One rewrite of one query; ``breaks`` tells whether it lets go of the query's diet."""

    query: str
    kind: RewriteKind
    rewrite: str
    breaks: bool


@dataclass(frozen=True)
class DietScore:
    """Cases by what happened: rewrites that break a diet and were let through, clean ones that were taken out."""

    cases: Sequence[DietCase]
    missed: Sequence[DietCase]
    wronged: Sequence[DietCase]

    @property
    def breaking(self) -> int:
        return sum(case.breaks for case in self.cases)

    @property
    def recall(self) -> float:
        return 1 - len(self.missed) / max(self.breaking, 1)

    @property
    def over_refusal(self) -> float:
        return len(self.wronged) / max(len(self.cases) - self.breaking, 1)


def read_cases(path: Path = SET_FILE) -> list[DietCase]:
    """Return the cases of ``path`` in its order."""
    queries = [_Query.model_validate(entry) for entry in yaml.safe_load(path.read_text("utf-8"))]
    return [
        DietCase(entry.query, _KINDS[kind], rewrite, breaks)
        for entry in queries
        for given, breaks in ((entry.breaks, True), (entry.keeps, False))
        for kind, rewrites in given.items()
        for rewrite in rewrites
    ]


def score_cases(guard: IntentGuard, cases: Sequence[DietCase], context: IntentGuardContext) -> DietScore:
    """Return what ``guard`` does with each case, one rewrite at a time."""
    taken = [bool(guard.check(_draft(case), context)) for case in cases]
    missed = [case for case, out in zip(cases, taken, strict=True) if case.breaks and not out]
    wronged = [case for case, out in zip(cases, taken, strict=True) if not case.breaks and out]
    return DietScore(cases, missed, wronged)


def _draft(case: DietCase) -> IntentDraft:
    rewrites = Rewrites(**{case.kind: [case.rewrite]})
    return IntentDraft(query=case.query, corrected=case.query, rewrites=rewrites)
