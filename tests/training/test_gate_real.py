"""The gate with the real embedder and the demo shop: what is shipped is what the commands give."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.teach import app
from training.datasets import DATA_DIR, FILES, gate_report_name, load_examples, write_dataset
from training.examples import Task
from training.gate_report import read_report

pytestmark = pytest.mark.model


def test_themes_that_the_shipped_report_drops_are_dropped_again_and_others_stay(tmp_path: Path) -> None:
    shipped = read_report(DATA_DIR / gate_report_name(Task.DESIGN))
    dropped = {drop.key for drop in shipped.dropped if drop.part == "theme"}
    rows = load_examples(Task.DESIGN, gated=False)
    refused = [row for row in rows if dropped & {theme.id for theme in row.themes}]
    chosen = {row.key: row for row in [*refused, *rows[:10]]}
    write_dataset(tmp_path / "in.jsonl", chosen.values())
    arguments = ["gate", "--task", "design", "--in", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out.jsonl")]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    found = read_report(tmp_path / "out.report.json")
    expected = [drop for drop in shipped.dropped if drop.key.rpartition("-")[0] in chosen]
    assert {(drop.part, drop.key, drop.rule, drop.text) for drop in found.dropped} == {
        (drop.part, drop.key, drop.rule, drop.text) for drop in expected
    }


def test_keywords_pass_as_the_shipped_report_says(tmp_path: Path) -> None:
    source = DATA_DIR / FILES[Task.KEYWORDS]
    arguments = ["gate", "--task", "keywords", "--in", str(source), "--out", str(tmp_path / "out.jsonl")]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    shipped = read_report(DATA_DIR / gate_report_name(Task.KEYWORDS))
    assert read_report(tmp_path / "out.report.json").dropped == shipped.dropped
