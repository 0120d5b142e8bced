"""Writes the report: ``report.json`` for programs, ``report.html`` for people, a file that asks for nothing outside."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from evaluation.runs.metrics import METRICS
from evaluation.runs.plots import answers_bar, difference_glyph, latency_plot, relevance_plot
from evaluation.runs.report import Report, as_json, write_whole
from evaluation.runs.showing import change, estimate, number

TEMPLATES = Path(__file__).parent / "templates"
_TONES = {"better": "good", "worse": "bad"}


def write_reports(report: Report, folder: Path) -> None:
    """Write ``report.json`` and ``report.html`` into ``folder``, each whole or not at all.

    Raises:
        StoreError: one cannot be written.
    """
    write_whole(folder / "report.json", as_json(report))
    write_whole(folder / "report.html", render_report(report))


def render_report(report: Report) -> str:
    """Return the HTML document of ``report``; every text in it is escaped."""
    return _environment().get_template("report.html.jinja").render(report=report, METRICS=METRICS)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "estimate": estimate,
        "number": number,
        "change": change,
        "tone": lambda row: _TONES.get(change(row), "even"),
        "glyph": difference_glyph,
        "answers_bar": answers_bar,
    }
    environment.globals |= {"relevance_plot": relevance_plot, "latency_plot": latency_plot}
    return environment
