"""The figures of calibrated judges as the documentation shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agents.judge_calibration import AlignmentReport, Bounds, JudgeCalibration, JudgeRecord, QuestionRecord

BEGIN: Final = "<!-- figures: python benchmarks/judge_questions.py --write -->"
END: Final = "<!-- end of figures -->"
_COLUMNS = ("question", "n", "unreadable", "accuracy", "kappa (95 % interval)", "leniency", "false no", "flips", "use")


def figures(calibration: JudgeCalibration) -> str:
    """Return a Markdown table for each judge, and one more for each that was held to people's answers."""
    tables = [_table(judge) for judge in calibration.judges if judge.questions]
    tables += [alignment_table(judge.people) for judge in calibration.judges if judge.people is not None]
    return "\n\n".join(tables) or "No judge has been measured."


def alignment_table(report: AlignmentReport) -> str:
    """Return the judge against people as a Markdown table."""
    columns = (
        "question",
        "n",
        "unread",
        "people's no",
        "accuracy",
        "kappa (95 % interval)",
        "leniency",
        "caught",
        "use",
    )
    rows = [
        f"`{report.judge}` against people (`{report.command}`; {report.people}; prompt {report.prompt})",
        "",
        f"| {' | '.join(columns)} |",
        f"|{'---|' * len(columns)}",
    ]
    for found in report.questions:
        cells = [
            *(found.question, str(found.items), str(found.unread), str(found.people_no)),
            *(_number(found.accuracy.estimate), _bounded(found.kappa), _number(found.leniency, "+.2f")),
            *(_number(found.caught), "decides" if found.decides else f"recorded: {found.why_not}"),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _number(value: float | None, form: str = ".2f") -> str:
    return "" if value is None else format(value, form)


def _bounded(bounds: Bounds) -> str:
    if bounds.estimate is None:
        return ""
    inside = "" if bounds.low is None else f" ({_number(bounds.low)} to {_number(bounds.high)})"
    return f"{_number(bounds.estimate)}{inside}"


def with_figures(page: str, calibration: JudgeCalibration) -> str:
    """Return ``page`` with the figures of ``calibration`` between its two marks.

    Raises:
        ValueError: the page lacks a mark.
    """
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return f"{page[:start]}\n{figures(calibration)}\n{page[end:]}"


def write_figures(path: Path, calibration: JudgeCalibration) -> None:
    """Put the figures of ``calibration`` into the page at ``path``."""
    path.write_text(with_figures(path.read_text(encoding="utf-8"), calibration), encoding="utf-8")


def _table(judge: JudgeRecord) -> str:
    rows = [
        f"`{judge.model}` (`{judge.command}`; {judge.measured_on})",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|{'---|' * len(_COLUMNS)}",
    ]
    for name, found in judge.questions.items():
        use = "decides" if name in judge.deciding else "may decide" if name in judge.better_than_chance else "recorded"
        rows.append(f"| {' | '.join([name, *_cells(found), use])} |")
    return "\n".join(rows)


def _cells(found: QuestionRecord) -> list[str]:
    return [
        str(found.examples),
        f"{found.unreadable:.2f}",
        f"{found.accuracy:.2f}",
        f"{found.kappa:.2f} ({found.kappa_low:.2f} to {found.kappa_high:.2f})",
        f"{found.leniency:+.2f}",
        f"{found.false_no:.2f}",
        "" if found.flips is None else f"{found.flips:.2f}",
    ]
