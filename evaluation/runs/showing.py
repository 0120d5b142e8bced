"""Figures of a run as people read them: shares in percent, intervals in brackets."""

from __future__ import annotations

from evaluation.runs.metrics import METRICS, Shown
from evaluation.runs.report import Difference, Estimate


def number(value: float | None, shown: Shown, *, signed: bool = False) -> str:
    """Return one value in its unit, a dash where it is undefined; ``signed`` for differences: of shares, in points."""
    if value is None:
        return "–"
    sign = "+" if signed else ""
    if shown == "share":
        return f"{100 * value:{sign}.1f} {_share_unit(signed)}"
    if shown == "seconds":
        return f"{value:{sign}.1f} s"
    if not value:
        return "0"
    if shown == "usd":
        return f"{value:{sign}.4f}"
    if abs(value) >= 100:
        return f"{value:{sign},.0f}"
    return f"{value:{sign}.3f}" if abs(value) < 1 else f"{value:{sign}.1f}"


def _share_unit(signed: bool) -> str:
    return "points" if signed else "%"


def estimate(found: Estimate, shown: Shown, *, signed: bool = False) -> str:
    """Return the value with its interval, if it has one."""
    value = number(found.value, shown, signed=signed)
    if found.low is None or found.high is None:
        return value
    unit = {"share": f" {_share_unit(signed)}", "seconds": " s"}.get(shown, "")
    low, high = (number(end, shown, signed=signed).removesuffix(unit) for end in (found.low, found.high))
    return f"{value.removesuffix(unit)} ({low} to {high}){unit}"


def change(row: Difference) -> str:
    """Return in words what a difference says."""
    if row.difference.value is None:
        return "undefined"
    if not row.detected:
        return "none" if row.difference.low == row.difference.high == 0 else "no difference detected"
    up = row.difference.value > 0
    better = METRICS[row.metric].better
    if not better:
        return "higher" if up else "lower"
    return "better" if (better == "up") == up else "worse"
