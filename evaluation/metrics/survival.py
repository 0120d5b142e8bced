"""What the guards did to the designs: fall-back, drop, repair and prune rates, by guard."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from state.placement import Page
from state.verdict import Action, Outcome, Verdict


def fallback_rate(pages: Sequence[Page]) -> float:
    """Return the share of pages that were made by rules because too few placements survived; NaN without pages."""
    return sum(page.fallback for page in pages) / len(pages) if pages else math.nan


def designed(page: Page) -> int:
    """Return how many placements the page designer made: kept and dropped, the rules' own left out."""
    return len(page.dropped) + (0 if page.fallback else len(page.placements))


def drop_rates(pages: Sequence[Page]) -> dict[str, float]:
    """Return the share of designed placements that each guard (or stage) ended, most frequent first.

    ``fall_back`` counts those that passed and went down with a page that fell back. The rates add up to the share of
    designed placements that no shopper saw. Empty without designed placements.
    """
    total = sum(map(designed, pages))
    ended = Counter(dropped.guard for page in pages for dropped in page.dropped)
    return {guard: count / total for guard, count in ended.most_common()} if total else {}


@dataclass(frozen=True)
class GuardRates:
    """What one guard said. ``judged`` counts its verdicts, repeated attempts included; the rates are shares of them.

    ``pruned`` counts products taken out, not verdicts.
    """

    judged: int
    failed: float
    errors: float
    repaired: float
    dropped: float
    pruned: int
    seconds: float


def guard_rates(pages: Sequence[Page]) -> dict[str, GuardRates]:
    """Return what each guard said of the designed placements, by name in order of first verdict.

    ``seconds`` is the mean time of a verdict.
    """
    by_guard: dict[str, list[Verdict]] = {}
    for page in pages:
        for verdict in _verdicts(page):
            by_guard.setdefault(verdict.guard, []).append(verdict)
    return {guard: _rates(verdicts) for guard, verdicts in by_guard.items()}


def _verdicts(page: Page) -> Iterable[Verdict]:
    if not page.fallback:
        yield from (verdict for row in page.placements for verdict in row.verdicts)
    yield from (verdict for row in page.dropped for verdict in row.verdicts)


def _rates(verdicts: Sequence[Verdict]) -> GuardRates:
    n = len(verdicts)
    return GuardRates(
        judged=n,
        failed=sum(v.outcome is Outcome.FAIL for v in verdicts) / n,
        errors=sum(v.outcome is Outcome.ERROR for v in verdicts) / n,
        repaired=sum(v.action is Action.REPAIR for v in verdicts) / n,
        dropped=sum(v.action is Action.DROP for v in verdicts) / n,
        pruned=sum(len(v.pruned) for v in verdicts),
        seconds=sum(v.seconds for v in verdicts) / n,
    )
