"""The figures of an evaluation as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from evaluation.runs.report import JudgeFigures, Report


def arms_table(report: Report) -> Table:
    """Return every metric, one column a configuration, with 95 % intervals."""
    from evaluation.runs.metrics import METRICS
    from evaluation.runs.showing import estimate

    table = Table(title=f"{len(report.shoppers)} shoppers, latest order held out")
    table.add_column("metric")
    for arm in report.arms:
        table.add_column(escape(arm.name), justify="right")
    for name, metric in METRICS.items():
        table.add_row(metric.label, *(estimate(arm.figures[name], metric.shown) for arm in report.arms))
    return table


def differences_table(report: Report) -> Table:
    """Return the second configuration less the first; deciding metrics first and marked."""
    from evaluation.runs.metrics import METRICS
    from evaluation.runs.showing import change, estimate

    first, second = report.arms
    table = Table(title=f"{escape(second.name)} less {escape(first.name)}, paired by shopper; * decides")
    for name in ("metric", "difference (95 %)", "shoppers", ""):
        table.add_column(name)
    for row in report.differences:
        metric = METRICS[row.metric]
        mark = "* " if row.decides else "  "
        shown = estimate(row.difference, metric.shown, signed=True)
        table.add_row(mark + metric.label, shown, str(row.difference.n), change(row))
    return table


def judge_table(name: str, judge: JudgeFigures) -> Table:
    """Return what the judge said, question by question, and what its word is worth."""
    from evaluation.runs.showing import estimate

    table = Table(title=escape(f"judge {judge.model} on {judge.pages} pages of {name}"))
    for column in ("question", "level", "yes", "no", "unreadable", "share of yes (95 %)", "the judge here"):
        table.add_column(column)
    for row in judge.questions:
        counts = (str(row.yes), str(row.no), str(row.unreadable))
        table.add_row(row.question, row.level, *counts, estimate(row.yes_share, "share"), row.trust)
    used = judge.usage
    table.caption = f"{used.calls} calls, {used.tokens_in + used.tokens_out:,} tokens, US$ {used.cost_usd:.4f}"
    return table
