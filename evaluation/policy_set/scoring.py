"""What a policy guard does with the set: recall by rule, and how much that is clean it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.policy_set.cases import PolicyCase
from graph.guards import build_guard, discover_guards
from state.guard import Guard, GuardContext
from state.verdict import Action, Outcome, Verdict


@dataclass(frozen=True)
class Tally:
    """``hits`` of ``cases``; ``rate`` is None without cases."""

    hits: int = 0
    cases: int = 0

    @property
    def rate(self) -> float | None:
        return self.hits / self.cases if self.cases else None

    def plus(self, hit: bool) -> Tally:
        return Tally(self.hits + hit, self.cases + 1)


@dataclass
class PolicyScore:
    """``recall`` by rule id; ``refused`` clean cases by the rule they come near; ``innocent`` products taken out of
    placements that had to lose others. ``missed`` and ``wronged`` hold the cases with the verdict on each."""

    recall: dict[str, Tally] = field(default_factory=dict)
    refused: dict[str, Tally] = field(default_factory=dict)
    innocent: Tally = field(default_factory=Tally)
    missed: list[tuple[PolicyCase, Verdict]] = field(default_factory=list)
    wronged: list[tuple[PolicyCase, Verdict]] = field(default_factory=list)

    @property
    def total_recall(self) -> Tally:
        return _sum(self.recall)

    @property
    def over_refusal(self) -> Tally:
        return _sum(self.refused)


def policy_guard(guards_dir: Path) -> Guard:
    """Return the policy guard of the folder, as it ships."""
    [found] = [guard for guard in discover_guards(guards_dir) if guard.name == "policy"]
    return build_guard(found, {}, {})


def score_cases(guard: Guard, cases: Sequence[PolicyCase]) -> PolicyScore:
    """Return what ``guard``, a guard that judges by rules alone, makes of ``cases``.

    A violation counts as caught only when the verdict names the rule that is broken, and every bad product is pruned
    (or, for a text, the placement dropped). A clean case counts as refused when the verdict is anything but a pass.
    """
    score = PolicyScore()
    for case in cases:
        [verdict] = guard.check([case.placement], _context(case))  # type: ignore[misc]
        if case.rule is None:
            refused = verdict.outcome is not Outcome.PASS
            score.refused[case.near or ""] = score.refused.get(case.near or "", Tally()).plus(refused)
            if refused:
                score.wronged.append((case, verdict))
            continue
        caught = is_caught(case, verdict)
        score.recall[case.rule] = score.recall.get(case.rule, Tally()).plus(caught)
        if not caught:
            score.missed.append((case, verdict))
        if case.bad:
            for product in case.placement.products:
                if product.id not in case.bad:
                    score.innocent = score.innocent.plus(product.id in verdict.pruned)
    return score


def is_caught(case: PolicyCase, verdict: Verdict) -> bool:
    """Tell whether the verdict names the rule that ``case`` breaks and takes out what breaks it."""
    named = any(reason.startswith(f"{case.rule}:") for reason in verdict.reasons)
    gone = set(case.bad) <= set(verdict.pruned) if case.bad else verdict.action is Action.DROP
    return verdict.outcome is Outcome.FAIL and named and gone


def _sum(tallies: dict[str, Tally]) -> Tally:
    return Tally(sum(t.hits for t in tallies.values()), sum(t.cases for t in tallies.values()))


class _NoModel:
    """Stands where rules have no business: any use of it is an error."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a guard that judges by rules alone asked for '{name}' of a model or the catalogue")


def _context(case: PolicyCase) -> GuardContext:
    nothing: Any = _NoModel()
    # No minimum: with one, a placement that loses products would be sent back, and the verdict says less.
    return GuardContext(
        shopper=case.shopper, embedder=nothing, scorer=nothing, chat=nothing, catalog=nothing, min_products=0
    )
