"""The quality floor on the shipped models: the shipped prompts hold it, a prompt that ignores the shopper does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from evaluation.runs.report import Report
from state.settings import load_settings

pytestmark = pytest.mark.model


@pytest.fixture(autouse=True)
def few_themes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SHELFWISE_PAGE__THEMES", "3")
    # Equal prompts give equal designs only where an answer does not depend on what is beside it in the batch.
    monkeypatch.setenv("SHELFWISE_EXACT", "true")
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_the_shipped_prompts_hold_the_floor_and_one_that_ignores_the_shopper_breaks_it(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ideas.user.jinja").write_text("Write {{ themes }} different themes.")
    run = ["evaluate", "--sample", "3", "--judge-share", "0", "--floor", "default", "--out", str(tmp_path / "run")]
    shipped = CliRunner().invoke(app, run)
    assert shipped.exit_code == 0, shipped.output
    result = CliRunner().invoke(app, [*run, "--config", "default", "--config", f"default,prompts={broken}"])
    assert result.exit_code == 3, result.output
    report = Report.model_validate_json((tmp_path / "run" / "report.json").read_text())
    assert report.floor is not None
    assert "distinct_titles" in [line.metric for line in report.floor.lines if not line.held]
    titles = next(row for row in report.differences if row.metric == "distinct_titles")
    assert titles.difference.value is not None
    assert titles.difference.value < 0
