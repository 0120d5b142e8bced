"""The figures of a run for the docs: ``python benchmarks/run_figures.py runs/pair/report.json --write``.

Prints the Markdown table of a report that ``shelfwise evaluate`` wrote; ``--write`` puts it between the marks of
docs/evaluation.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from evaluation.runs.metrics import METRICS
from evaluation.runs.report import Report
from evaluation.runs.showing import change, estimate

DOCS = Path("docs/evaluation.md")
BEGIN, END = "<!-- figures: python benchmarks/run_figures.py -->", "<!-- end of figures -->"


def table(report: Report) -> list[str]:
    """Return every metric of a page, a column for each configuration and one for the difference; deciding ones bold."""
    names = [arm.name for arm in report.arms] + (["difference, paired", ""] if report.differences else [])
    lines = [f"| {len(report.shoppers)} shoppers | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    rows = {row.metric: row for row in report.differences}
    for name, metric in METRICS.items():
        cells = [estimate(arm.figures[name], metric.shown) for arm in report.arms]
        row = rows.get(name)
        if report.differences:
            cells += [estimate(row.difference, metric.shown, signed=True), change(row)] if row else ["", ""]
        label = f"**{metric.label}**" if row and row.decides else metric.label
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="report.json of the run")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCS}")
    arguments = parser.parse_args()
    try:
        report = Report.model_validate_json(arguments.report.read_bytes())
    except (OSError, ValidationError) as error:
        sys.exit(f"{arguments.report} is no report of a run: {error}")
    shown = "\n".join(table(report))
    print(shown)
    if arguments.write:
        before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        if not end:
            sys.exit(f"{DOCS} lacks the marks {BEGIN} and {END}")
        DOCS.write_text(f"{before}{BEGIN}\n{shown}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
