"""The page commands as programs and people use them, on the small shop and a scripted model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fakes import DEFAULTS
from support.scripted_chat import ScriptedChat
from support.small_shop import small_services
from typer.testing import CliRunner

from cli.main import app, main
from state.errors import EngineUnavailable
from state.options import PageOptions
from state.settings import Settings, load_settings

DOCUMENTED = {
    *("shopper_id", "persona", "cold", "fallback", "fallback_reason", "placements", "dropped", "usage", "versions"),
}
PLACEMENT = {"title", "need", "rationale", "concepts", "keywords", "categories", "filters", "products", "verdicts"}


def options(schema: Any, field: str) -> list[str]:
    items = schema.model_json_schema()["properties"][field]["items"]
    return items["enum"] if "enum" in items else [items["const"]]


def theme(messages: Any, schema: Any) -> dict[str, Any]:
    concepts = options(schema, "concepts")[:3]
    return {"bought": options(schema, "bought")[:1], "concepts": concepts, "title": f"{concepts[0]} and more"}


def keywords(messages: Any, schema: Any) -> dict[str, Any]:
    return {"keywords": options(schema, "keywords")[:5], "categories": [], "filters": []}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path))
    monkeypatch.setenv("SHELFWISE_GUARDS", json.dumps(DEFAULTS))
    load_settings.cache_clear()
    yield tmp_path
    load_settings.cache_clear()


@pytest.fixture(autouse=True)
def chat(monkeypatch: pytest.MonkeyPatch) -> ScriptedChat:
    scripted = ScriptedChat(designer=theme, keyword_writer=keywords)

    def services(settings: Settings) -> Any:
        settings = settings.model_copy(update={"page": PageOptions(themes=3, judge_share=0)})
        return small_services(scripted, settings)

    monkeypatch.setattr("serving.pages.open_services", services)
    return scripted


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_page_json_is_one_document_with_the_documented_keys() -> None:
    result = run("page", "7", "--json")
    assert result.exit_code == 0, result.output
    page = json.loads(result.stdout)
    assert set(page) >= DOCUMENTED
    assert page["placements"]
    assert set(page["placements"][0]) >= PLACEMENT
    assert {"id", "name", "aisle", "score"} <= set(page["placements"][0]["products"][0])


def test_page_for_people_shows_rows_and_where_to_ask_why() -> None:
    result = run("page", "7")
    assert "Shopper 7" in result.stdout
    assert "shelfwise trace 7" in result.stdout


def test_cached_takes_the_stored_page_of_the_same_versions_and_asks_no_model(chat: ScriptedChat) -> None:
    first = json.loads(run("page", "7", "--json").stdout)
    asked = len(chat.asked)
    assert json.loads(run("page", "7", "--json", "--cached").stdout) == first
    assert len(chat.asked) == asked
    run("page", "7", "--json", "--cached", "--themes", "2")
    assert len(chat.asked) > asked


def test_pages_writes_one_line_each_and_goes_on_where_it_stopped(tmp_path: Path, chat: ScriptedChat) -> None:
    ids, out = tmp_path / "ids.txt", tmp_path / "pages.jsonl"
    ids.write_text("7\nnobody\n\n7\n")
    assert run("pages", "--shoppers", ids, "--out", out).exit_code == 0
    assert sorted(json.loads(line)["shopper_id"] for line in out.read_text().splitlines()) == ["7", "nobody"]
    asked = len(chat.asked)
    again = run("pages", "--shoppers", ids, "--out", out, "--html", tmp_path / "p.html")
    assert again.exit_code == 0
    assert len(chat.asked) == asked
    assert "Shopper nobody" in (tmp_path / "p.html").read_text()


def test_a_shopper_that_fails_gets_an_error_line_and_stops_no_other(tmp_path: Path) -> None:
    ids, out = tmp_path / "ids.txt", tmp_path / "pages.jsonl"
    ids.write_text(f"7\n{'x' * 200}\n")
    result = run("pages", "--shoppers", ids, "--out", out)
    assert result.exit_code == 1
    lines = {record["shopper_id"]: record for record in map(json.loads, out.read_text().splitlines())}
    assert "placements" in lines["7"]
    assert "128" in lines["x" * 200]["error"]


def test_trace_tells_verdicts_cost_and_versions() -> None:
    run("page", "7")
    result = run("trace", "7")
    assert result.exit_code == 0, result.output
    for shown in ("relevance", "policy", "on the page", "design_page", "versions:", "recorded chat calls"):
        assert shown in result.stdout


def test_replay_makes_the_same_page_without_a_model(chat: ScriptedChat) -> None:
    run("page", "7")
    asked = len(chat.asked)
    result = run("trace", "7", "--replay")
    assert result.exit_code == 0, result.output
    assert "the same page" in result.stderr
    assert len(chat.asked) == asked


def test_trace_of_a_shopper_without_a_page_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["shelfwise", "trace", "99"])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert "shelfwise page 99" in capsys.readouterr().err


def test_a_page_that_fell_back_says_so_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    down = ScriptedChat(designer=EngineUnavailable("connection refused"))
    monkeypatch.setattr("serving.pages.open_services", lambda settings: small_services(down, settings))
    result = run("page", "7")
    assert result.exit_code == 0
    assert "fall-back" in result.stdout
    assert "connection refused" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pages"], "either --sample"),
        (["pages", "--sample", "2", "--shoppers", "x"], "either --sample"),
        (["pages", "--shoppers", "no-such-file"], "cannot read"),
        (["page", "7", "--themes", "0"], "--themes"),
        (["page", "7", "--options", "no-such-file"], "cannot read"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_the_fault(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize("content", ["[]", "not json", '{"no_such_option": 1}', '{"themes": 99}'])
def test_an_options_file_that_is_wrong_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "o.json").write_text(content)
    assert run("page", "7", "--options", tmp_path / "o.json").exit_code == 2


def test_known_errors_are_one_line_with_cause_and_fix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHELFWISE_THREADS", "none")
    load_settings.cache_clear()
    monkeypatch.setattr("sys.argv", ["shelfwise", "page", "7"])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert "threads" in capsys.readouterr().err


def test_an_output_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    ids, out = tmp_path / "ids.txt", tmp_path / "orders.csv"
    ids.write_text("7\n")
    out.write_text("order_id,product_id\n")
    result = run("pages", "--shoppers", ids, "--out", out)
    assert result.exit_code != 0
    assert out.read_text() == "order_id,product_id\n"
