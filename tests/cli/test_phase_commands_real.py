"""One phase on files with the real weights: what comes out is what the command promises, and is there to continue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.small_shop import small_services
from typer.testing import CliRunner

from cli.main import app
from engines.chat import ChatClient
from state.answers_judge import PageAnswers, PlacementAnswers
from state.settings import Settings, load_settings

pytestmark = pytest.mark.model


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    # Weights from the home in use; everything else is in a home of its own.
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(Settings().models_dir)
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    yield load_settings()
    load_settings.cache_clear()


def answered(*arguments: str | Path, out: Path) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--out", str(out)])
    assert result.exit_code == 0, result.output
    again = CliRunner().invoke(app, [*map(str, arguments), "--out", str(out)])
    assert "0 answered, 1 there before" in again.stderr
    [line] = out.read_text(encoding="utf-8").splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_keywords_are_candidates_of_the_line(tmp_path: Path) -> None:
    theme = {
        "id": "t",
        "title": "Yogurt for busy mornings",
        "concepts": ["greek yogurt"],
        "candidates": ["dog food", "vanilla greek yogurt", "plain yogurt"],
        "categories": ["yogurt"],
    }
    (tmp_path / "in.jsonl").write_text(json.dumps(theme))
    found = answered("keywords", "--in", tmp_path / "in.jsonl", out=tmp_path / "out.jsonl")
    assert set(found["keywords"]) <= set(theme["candidates"])
    assert set(found["categories"]) <= {"yogurt"}
    assert found["model"].startswith("smollm2")


def test_a_design_has_the_themes_asked_for(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.phases.design_services", lambda: small_services(ChatClient(settings), settings))
    (tmp_path / "ids").write_text("7\n")
    found = answered("design", "--shoppers", tmp_path / "ids", "--themes", "1", out=tmp_path / "out.jsonl")
    [theme] = found["themes"]
    assert found["shopper_id"] == "7"
    assert theme["title"]
    assert len(theme["concepts"]) >= 3


def test_the_judge_answers_all_seven_questions(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ChatClient(settings)
    shoppers = small_services(chat, settings).shoppers
    monkeypatch.setattr("cli.phases.judge_tools", lambda: (chat, shoppers, "small-1"))
    placement = {"title": "Yogurt", "need": "replenish", "products": ["Greek Yogurt", "Berry Yogurt", "Kefir"]}
    (tmp_path / "in.jsonl").write_text(json.dumps({"shopper_id": "7", "placements": [placement]}))
    found = answered("judge", "--in", tmp_path / "in.jsonl", out=tmp_path / "out.jsonl")
    assert set(found["page"]) == set(PageAnswers.model_fields)
    assert set(PlacementAnswers.model_fields) <= set(found["placements"][0])
    assert {answer["answer"] for answer in found["page"].values()} <= {"yes", "no"}
