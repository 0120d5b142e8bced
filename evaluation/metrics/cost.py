"""What pages cost: money, tokens, calls and wall time a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from state.placement import Page
from state.usage import PhaseUsage


@dataclass(frozen=True)
class PageCost:
    """Over pages: means of money, tokens and calls (they add up to a bill), quantiles of wall time.

    ``seconds_p50`` and the others are linear-interpolated quantiles of ``Page.seconds``.
    """

    pages: int
    cost_usd: float
    tokens_in: float
    tokens_out: float
    calls: float
    seconds_p50: float
    seconds_p95: float
    seconds_max: float


def page_usage(page: Page) -> PhaseUsage:
    """Return the usage of all phases of a page together. ``seconds`` adds up over calls that ran side by side."""
    return _sum(page.usage.values())


def page_cost(pages: Sequence[Page]) -> PageCost:
    """Return the cost of ``pages``.

    Raises:
        ValueError: there are no pages.
    """
    if not pages:
        raise ValueError("the cost of no pages is nothing to report: make pages first")
    used = [page_usage(page) for page in pages]
    p50, p95, most = np.quantile([page.seconds for page in pages], [0.5, 0.95, 1.0])
    return PageCost(
        pages=len(pages),
        cost_usd=sum(u.cost_usd for u in used) / len(used),
        tokens_in=sum(u.tokens_in for u in used) / len(used),
        tokens_out=sum(u.tokens_out for u in used) / len(used),
        calls=sum(u.calls for u in used) / len(used),
        seconds_p50=float(p50),
        seconds_p95=float(p95),
        seconds_max=float(most),
    )


def phase_cost(pages: Sequence[Page]) -> dict[str, PhaseUsage]:
    """Return the usage of each phase summed over ``pages``, phases in order of first appearance."""
    phases = dict.fromkeys(phase for page in pages for phase in page.usage)
    return {phase: _sum(page.usage[phase] for page in pages if phase in page.usage) for phase in phases}


def _sum(usages: Iterable[PhaseUsage]) -> PhaseUsage:
    rows = list(usages)
    return PhaseUsage(**{field: sum(getattr(row, field) for row in rows) for field in PhaseUsage.model_fields})
