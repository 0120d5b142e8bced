"""``shelfwise evaluate`` as people and CI use it, on the small shop and a scripted model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.evaluation_shop import SHOPPERS, THEMES, chat, design, says, seams
from support.fakes import DEFAULTS
from support.scripted_chat import ScriptedChat
from typer.testing import CliRunner

from cli.main import app
from evaluation.runs.report import Report
from state.answers_judge import PlacementAnswers
from state.errors import AnswerRejected, EngineUnavailable, SettingsError, ShelfwiseError, StoreError
from state.settings import load_settings

FLOOR = """
[survived]
min = 0.9
[distinct_titles]
min = 0.8
[policy_violations]
max = 0
"""


@pytest.fixture(autouse=True)
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedChat]:
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHELFWISE_GUARDS", json.dumps(DEFAULTS))
    monkeypatch.setenv("SHELFWISE_PAGE__THEMES", str(THEMES))
    monkeypatch.setenv("SHELFWISE_PAGE__DESIGN_PARTS", "1")
    monkeypatch.setenv("SHELFWISE_PAGE__SPARE_THEMES", "0")
    monkeypatch.setenv("SHELFWISE_PAGE__JUDGE_SHARE", "0")
    monkeypatch.chdir(tmp_path)
    load_settings.cache_clear()
    scripted = chat()
    answer_with(monkeypatch, scripted)
    (tmp_path / "shoppers.txt").write_text("\n".join(SHOPPERS))
    (tmp_path / "floor.toml").write_text(FLOOR)
    yield scripted
    load_settings.cache_clear()


def answer_with(monkeypatch: pytest.MonkeyPatch, scripted: ScriptedChat) -> None:
    monkeypatch.setattr("cli.evaluate.seams", lambda: seams(scripted))
    monkeypatch.setattr("cli.evaluate.known_shoppers", lambda settings: SHOPPERS)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["evaluate", "--shoppers", "shoppers.txt", "--out", "run", *arguments])


def report() -> Report:
    return Report.model_validate_json(Path("run/report.json").read_text())


def asked_of(scripted: ScriptedChat, role: str) -> int:
    return sum(call.role == role for call in scripted.asked)


def test_a_run_writes_both_reports_and_keeps_what_they_rest_on() -> None:
    result = run()
    assert result.exit_code == 0, result.output
    [arm] = report().arms
    assert arm.pages == len(SHOPPERS)
    assert arm.figures["survived"].value == 1.0
    assert arm.judge is not None
    assert arm.judge.pages == len(SHOPPERS)
    assert {path.name.partition("-")[0] for path in Path("run").glob("*.jsonl")} == {"pages", "judge"}
    assert Path("run/report.html").read_text().startswith("<!doctype html>")


def test_a_second_run_asks_no_model_again(answers: ScriptedChat) -> None:
    run()
    first, asked = report(), len(answers.asked)
    assert run().exit_code == 0
    assert len(answers.asked) == asked
    assert report().arms == first.arms


def test_an_interrupted_run_makes_only_what_is_missing(answers: ScriptedChat) -> None:
    run("--judge-share", "0")
    [pages] = Path("run").glob("pages-*.jsonl")
    lines = pages.read_text().splitlines(keepends=True)
    pages.write_text("".join(lines[:5]) + lines[5][:40])
    answers.asked.clear()
    assert run("--judge-share", "0").exit_code == 0
    assert asked_of(answers, "designer") == len(SHOPPERS) - 5
    assert report().arms[0].pages == len(SHOPPERS)


def test_a_file_that_holds_something_else_is_named_and_left_alone() -> None:
    run("--judge-share", "0")
    [pages] = Path("run").glob("pages-*.jsonl")
    content = '{"no": "page"}\n' + pages.read_text()
    pages.write_text(content)
    result = run("--judge-share", "0")
    assert isinstance(result.exception, StoreError)
    assert f"{pages}, line 1 is not a page" in str(result.exception)
    assert pages.read_text() == content


def test_a_configuration_against_itself_differs_by_exactly_nothing(answers: ScriptedChat) -> None:
    assert run("--config", "default", "--config", "default").exit_code == 0
    assert asked_of(answers, "designer") == len(SHOPPERS), "the same pages serve both"
    found = report()
    assert found.settings_differences == []
    assert {(row.difference.value, row.difference.low, row.difference.high) for row in found.differences} == {(0, 0, 0)}
    assert not any(row.detected for row in found.differences)


def test_again_makes_the_pages_of_the_second_anew(answers: ScriptedChat) -> None:
    assert run("--config", "default", "--config", "default", "--again", "--judge-share", "0").exit_code == 0
    assert asked_of(answers, "designer") == 2 * len(SHOPPERS)


def test_a_prompt_that_ignores_the_shopper_breaks_the_floor_and_the_shipped_one_holds_it(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ideas.user.jinja").write_text("Write {{ themes }} different themes.")
    ideas = "default,page.design_mode=ideas"
    assert run("--config", ideas, "--floor", "floor.toml").exit_code == 0
    result = run("--config", ideas, "--config", f"{ideas},prompts=broken", "--floor", "floor.toml")
    assert result.exit_code == 3, result.output
    assert "distinct_titles (titles that no other page has) is 0, the floor is at least 0.8" in result.output
    found = report()
    assert found.floor is not None
    assert [line.metric for line in found.floor.lines if not line.held] == ["distinct_titles"]
    changes = {row.metric: row for row in found.differences}
    assert changes["distinct_titles"].detected
    assert changes["distinct_titles"].difference.value == -1
    assert found.settings_differences == [("prompts", "shipped", str(broken))]


def test_a_design_that_breaks_the_schema_falls_back_and_breaks_the_default_floor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer_with(monkeypatch, chat(designer=AnswerRejected("no JSON in 2 tries")))
    result = run("--floor", "default")
    assert result.exit_code == 3
    assert "fell_back (pages made by rules) is 1" in result.output


def test_pages_of_a_model_that_does_not_answer_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, chat(designer=EngineUnavailable("no connection")))
    result = run()
    assert isinstance(result.exception, ShelfwiseError)
    assert "none of the first 4 shoppers got a page: EngineUnavailable: no connection" in str(result.exception)
    assert all(not path.read_text() for path in Path("run").glob("pages-*.jsonl"))


def test_shoppers_without_a_page_are_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def moody(messages: Any, schema: Any) -> Any:
        return EngineUnavailable("overloaded") if "out of 12" in messages[-1]["content"] else design(messages, schema)

    ideas = ("--config", "default,page.design_mode=ideas", "--judge-share", "0")
    answer_with(monkeypatch, chat(designer=moody))
    result = run(*ideas)
    assert result.exit_code == 1
    assert list(report().arms[0].failed) == ["8"]
    assert "no page of shopper 8: EngineUnavailable: overloaded" in result.output
    answer_with(monkeypatch, chat())
    assert run(*ideas).exit_code == 0
    assert report().arms[0].pages == len(SHOPPERS)


def test_a_judge_that_is_down_loses_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, chat(judge=EngineUnavailable("connection refused")))
    result = run()
    assert isinstance(result.exception, ShelfwiseError)
    assert "the judge (smollm2-135m-instruct+student) does not answer: connection refused" in str(result.exception)
    [pages] = Path("run").glob("pages-*.jsonl")
    assert len(pages.read_text().splitlines()) == len(SHOPPERS)
    answer_with(monkeypatch, chat())
    assert run().exit_code == 0


def test_unreadable_answers_of_the_judge_are_counted_and_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def mumbling(messages: Any, schema: Any) -> Any:
        return AnswerRejected("no JSON") if schema is PlacementAnswers else says("no")(messages, schema)

    answer_with(monkeypatch, chat(judge=mumbling))
    assert run().exit_code == 0
    judge = report().arms[0].judge
    assert judge is not None
    placements = len(SHOPPERS) * THEMES
    for row in judge.questions:
        expected = (0, len(SHOPPERS), 0) if row.level == "page" else (0, 0, placements)
        assert (row.yes, row.no, row.unreadable) == expected
        assert row.yes_share.value == (0 if row.level == "page" else None)


def test_the_judge_reads_a_share_and_the_same_shoppers_in_every_run(answers: ScriptedChat) -> None:
    run("--judge-share", "0.25")
    few = set(_judged())
    assert len(few) == 2
    run("--judge-share", "0.5")
    assert few < set(_judged())


def _judged() -> list[str]:
    [path] = Path("run").glob("judge-*.jsonl")
    return [json.loads(line)["shopper_id"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "nowhere.toml"], "no configuration 'nowhere.toml'"),
        (["--config", "default,page.themez=3"], "page.themez"),
        (["--config", "default,guards.relevance.treshold=0.3"], "treshold"),
        (["--config", "default,prompts=missing"], "is not a folder"),
        (["--config", "default", "--config", "untuned", "--config", "default"], "once or twice"),
        (["--floor", "none.toml"], "cannot be read"),
        (["--decide", "beauty"], "no metric of a page: beauty"),
        (["--decide", "exposure_gini"], "no metric of a page: exposure_gini"),
    ],
)
def test_wrong_input_is_named_before_any_model_is_asked(
    arguments: list[str], message: str, answers: ScriptedChat
) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, SettingsError)
    assert message in str(result.exception)
    assert answers.asked == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\n99\n2\nghost\n", "2 of 4 shoppers are not in the catalogue (line 2 '99', line 4 'ghost')"),
        ("\n", "no shop"),
    ],
)
def test_shoppers_that_cannot_be_evaluated_are_named(content: str, message: str) -> None:
    Path("shoppers.txt").write_text(content)
    result = run()
    assert isinstance(result.exception, SettingsError)
    assert message in str(result.exception)


def test_a_larger_sample_keeps_the_shoppers_of_a_smaller_one() -> None:
    from cli.evaluate import choose_shoppers

    few, _ = choose_shoppers(None, 3, "all", load_settings())
    more, drawn = choose_shoppers(None, 6, "all", load_settings())
    assert more[:3] == few
    assert drawn == "6 of the 8 shoppers of split all, drawn by their ids alone"
