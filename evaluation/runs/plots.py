"""The plots of the report as inline SVG: colours come from its style sheet, so that they follow light and dark."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from evaluation.runs.report import Arm, Estimate, QuestionFigures

_WIDTH, _HEIGHT, _LEFT, _BELOW, _ABOVE = 640, 240, 44, 34, 22
_GLYPH_WIDTH, _GLYPH_HEIGHT = 180, 22


def relevance_plot(arms: Sequence[Arm]) -> Markup:
    """Return the distribution of product probabilities: share of products by part of [0, 1], a bar each arm."""
    shares = [[count / max(arm.relevance.products, 1) for count in arm.relevance.histogram] for arm in arms]
    top = max([0.05, *(share for own in shares for share in own)])
    bins = len(shares[0])
    step = (_WIDTH - _LEFT) / bins
    bar = (step - 3) / len(arms)
    bars = [
        f'<rect class="bar-{"ab"[which]}" x="{_LEFT + at * step + 1 + which * bar:.1f}" y="{_y(share / top):.1f}" '
        f'width="{bar:.1f}" height="{_floor() - _y(share / top):.1f}"/>'
        for which, own in enumerate(shares)
        for at, share in enumerate(own)
    ]
    first = arms[0].relevance
    marks = _mark(first.severe_below, "severe below") + _mark(first.threshold, "threshold")
    drawn = _frame([(part / 5, f"{part / 5:.1f}") for part in range(6)], top) + "".join(bars) + marks
    return _svg(drawn, "Share of products by the probability that they fit their theme")


def latency_plot(arms: Sequence[Arm]) -> Markup:
    """Return the share of pages that were made within so many seconds, a line each arm."""
    longest = max([1.0, *(seconds for arm in arms for seconds in arm.latency)])
    lines = []
    for which, arm in enumerate(arms):
        points = [(0.0, 0.0)]
        for place, seconds in enumerate(arm.latency, start=1):
            points += [(seconds, points[-1][1]), (seconds, place / len(arm.latency))]
        drawn = " ".join(f"{_x(seconds / longest):.1f},{_y(share):.1f}" for seconds, share in points)
        lines.append(f'<polyline class="line-{"ab"[which]}" points="{drawn}"/>')
    ticks = [(part / 4, f"{longest * part / 4:.0f} s") for part in range(5)]
    return _svg(_frame(ticks, 1.0) + "".join(lines), "Share of pages made within so many seconds")


def difference_glyph(found: Estimate, tone: str) -> Markup:
    """Return a difference with its interval around a line at 0, scaled to its own interval."""
    if found.value is None or found.low is None or found.high is None:
        return Markup("")
    reach = max(abs(found.low), abs(found.high), abs(found.value)) * 1.1
    middle, half = _GLYPH_WIDTH / 2, _GLYPH_WIDTH / 2 - 8

    def at(value: float) -> float:
        return middle + (value / reach * half if reach else 0.0)

    mid = _GLYPH_HEIGHT / 2
    drawn = (
        f'<line class="zero" x1="{middle}" x2="{middle}" y1="1" y2="{_GLYPH_HEIGHT - 1}"/>'
        f'<line class="span" x1="{at(found.low):.1f}" x2="{at(found.high):.1f}" y1="{mid}" y2="{mid}"/>'
        f'<circle cx="{at(found.value):.1f}" cy="{mid}" r="4.5"/>'
    )
    return Markup(  # noqa: S704 - numbers, and a tone of our own
        f'<svg class="glyph {tone}" viewBox="0 0 {_GLYPH_WIDTH} {_GLYPH_HEIGHT}" width="{_GLYPH_WIDTH}" '
        f'height="{_GLYPH_HEIGHT}" aria-hidden="true">{drawn}</svg>'
    )


def answers_bar(row: QuestionFigures) -> Markup:
    """Return the judge's yes, no and unreadable answers as one bar."""
    counts = (("yes", row.yes), ("no", row.no), ("unread", row.unreadable))
    total = max(sum(count for _, count in counts), 1)
    parts, left = [], 0.0
    for name, count in counts:
        width = 200 * count / total
        parts.append(f'<rect class="{name}" x="{left:.1f}" y="0" width="{width:.1f}" height="14"/>')
        left += width
    label = f"{row.yes} yes, {row.no} no, {row.unreadable} unreadable"
    return Markup(  # noqa: S704 - numbers only
        f'<svg class="answers" viewBox="0 0 200 14" width="200" height="14" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT)


def _y(share: float) -> float:
    return _ABOVE + (1 - share) * (_HEIGHT - _ABOVE - _BELOW)


def _floor() -> float:
    return _HEIGHT - _BELOW


def _frame(ticks: Sequence[tuple[float, str]], top: float) -> str:
    """Return grid and axes: ``ticks`` along x, shares up to ``top`` in percent along y."""
    lines = []
    for part in (0.0, 0.5, 1.0):
        y = _y(part)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="tick end" x="{_LEFT - 6}" y="{y + 4:.1f}">{100 * top * part:.0f}%</text>')
    for place, (share, label) in enumerate(ticks):
        side = "" if place == 0 else " end" if place == len(ticks) - 1 else " mid"
        lines.append(f'<text class="tick{side}" x="{_x(share):.1f}" y="{_HEIGHT - 12}">{label}</text>')
    return "".join(lines)


def _mark(value: float, label: str) -> str:
    x = _x(value)
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_ABOVE - 6}" y2="{_floor()}"/>'
        f'<text class="tick mid" x="{x:.1f}" y="{_ABOVE - 10}">{label} {value:g}</text>'
    )


def _svg(drawn: str, label: str) -> Markup:
    return Markup(  # noqa: S704 - numbers, and labels of our own
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{drawn}</svg>'
    )
