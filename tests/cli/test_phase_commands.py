"""One phase on files: every line in gives a line out, in order, answered or with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.sample_pages import sample_page
from support.scripted_chat import ScriptedChat
from support.small_shop import WordEmbedder, small_services
from typer.testing import CliRunner

from cli.main import app, main
from state.answers_judge import PageAnswers
from state.errors import AnswerRejected, EngineError, ModelsMissing
from state.settings import load_settings

THEME = {
    "id": "a",
    "title": "Yogurt for busy mornings",
    "rationale": "In most orders.",
    "concepts": ["greek yogurt", "berry yogurt"],
    "candidates": ["red wine", "berry yogurt", "greek yogurt"],
    "categories": ["yogurt"],
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def options(schema: Any, field: str) -> list[str]:
    items = schema.model_json_schema()["properties"][field]["items"]
    return items["enum"] if "enum" in items else [items["const"]] if "const" in items else []


def first_keywords(messages: Any, schema: Any) -> dict[str, Any]:
    return {"keywords": options(schema, "keywords")[:2], "categories": options(schema, "categories"), "filters": []}


def grounded_theme(messages: Any, schema: Any) -> dict[str, Any]:
    concepts = options(schema, "concepts")[:3]
    return {"bought": options(schema, "bought")[:1], "concepts": concepts, "title": f"{concepts[0]} and more"}


def all_yes(messages: Any, schema: Any) -> dict[str, Any]:
    return {name: {"reason": "as shown", "answer": "yes"} for name in schema.model_fields}


Scripts = Callable[..., ScriptedChat]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripts:
    """Put a scripted chat on the small shop behind the three commands."""

    def use(**scripts: Any) -> ScriptedChat:
        given = {"keyword_writer": first_keywords, "designer": grounded_theme, "judge": all_yes, **scripts}
        chat = ScriptedChat(**given)
        services = small_services(chat)
        monkeypatch.setattr("cli.phases.keyword_tools", lambda: (chat, WordEmbedder()))
        monkeypatch.setenv("SHELFWISE_KEYWORD_SELECTOR", "nearest")
        monkeypatch.setattr("cli.phases.design_services", lambda: services)
        monkeypatch.setattr("cli.phases.judge_tools", lambda: (chat, services.shoppers, "small-1"))
        return chat

    return use


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def written(path: Path, *lines: Any) -> Path:
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_keywords_are_chosen_out_of_what_each_line_gives(tmp_path: Path, scripted: Scripts) -> None:
    chat = scripted()
    themes = written(tmp_path / "in.jsonl", THEME, {**THEME, "id": 7, "categories": []})
    result = run("keywords", "--in", themes, "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.output
    [first, second] = read(tmp_path / "out.jsonl")
    assert {name: first[name] for name in ("id", "title", "keywords", "categories", "filters", "model")} == {
        **{"id": "a", "title": THEME["title"], "keywords": ["greek yogurt", "berry yogurt"]},
        **{"categories": ["yogurt"], "filters": [], "model": "scripted"},
    }
    assert (second["id"], second["categories"]) == (7, [])
    assert "greek yogurt; berry yogurt; red wine" in chat.asked[0].messages[-1]["content"]


def test_the_writer_is_shown_so_many_candidates_as_the_settings_say(
    tmp_path: Path, scripted: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    themes = written(tmp_path / "in.jsonl", THEME)
    asked = []
    for shown in ("2", "400"):
        monkeypatch.setenv("SHELFWISE_PAGE__KEYWORDS_SHOWN", shown)
        load_settings.cache_clear()
        chat = scripted()
        assert run("keywords", "--in", themes, "--out", tmp_path / "out.jsonl").exit_code == 0
        asked += [options(call.schema, "keywords") for call in chat.asked]
    # The second run answers anew: what the first one answered rests on another setting.
    assert asked == [["greek yogurt", "berry yogurt"], ["greek yogurt", "berry yogurt", "red wine"]]


def test_lines_keep_their_order_and_those_without_an_answer_say_why(tmp_path: Path, scripted: Scripts) -> None:
    def answer(messages: Any, schema: Any) -> Any:
        if "Fails" in messages[-1]["content"]:
            return AnswerRejected("broke the schema")
        return EngineError("prompt too long") if "Long" in messages[-1]["content"] else first_keywords(messages, schema)

    scripted(keyword_writer=answer)
    themes = written(
        tmp_path / "in.jsonl",
        *({**THEME, "id": "b", "title": "Fails"}, "not json\n", {**THEME, "id": "a"}, "\n", "[1]\n"),
        *({**THEME, "id": "a"}, {**THEME, "id": "c", "concepts": []}, {**THEME, "id": "d", "title": "Long"}),
        *({name: value for name, value in THEME.items() if name != "id"}, '{"id": "cut", "title'),
    )
    result = run("keywords", "--in", themes, "--out", tmp_path / "out.jsonl", "--concurrency", "3")
    assert result.exit_code == 1
    lines = read(tmp_path / "out.jsonl")
    assert [(line.get("id"), line.get("line")) for line in lines] == [
        *(("b", None), (None, 2), ("a", None), (None, 5), ("a", 6), ("c", None), ("d", None), (None, 9), (None, 10))
    ]
    assert ["error" in line for line in lines] == [True, True, False, True, True, True, True, False, True]
    assert lines[0]["error"] == "AnswerRejected: broke the schema"
    assert "malformed" in lines[1]["error"]
    assert lines[4]["error"] == "line 3 has the same id"
    assert "concepts" in lines[5]["error"]
    assert "2 answered, 0 there before, 7 with an error" in result.stderr


def test_odd_ids_odd_text_and_an_unforeseen_fault_cost_their_line_alone(tmp_path: Path, scripted: Scripts) -> None:
    def answer(messages: Any, schema: Any) -> Any:
        return ValueError("unforeseen") if "Odd" in messages[-1]["content"] else first_keywords(messages, schema)

    scripted(keyword_writer=answer)
    half = json.dumps({**THEME, "id": "\ud800", "title": "Half \udc00 a sign"}) + "\n"
    themes = written(tmp_path / "in.jsonl", {**THEME, "id": [1]}, {**THEME, "title": "Odd"}, half, {**THEME, "id": "z"})
    assert run("keywords", "--in", themes, "--out", tmp_path / "out.jsonl").exit_code == 1
    odd, unforeseen, surrogate, good = read(tmp_path / "out.jsonl")
    assert (odd["line"], odd["error"]) == (1, "id is neither a text nor a whole number")
    assert unforeseen["error"] == "ValueError: unforeseen"
    assert surrogate["id"] == "\ud800"
    assert good["keywords"]


def test_what_is_answered_is_not_asked_again_but_what_failed_or_changed_is(tmp_path: Path, scripted: Scripts) -> None:
    out = tmp_path / "out.jsonl"
    scripted(keyword_writer=[AnswerRejected("no"), {"keywords": ["berry yogurt"], "categories": [], "filters": []}])
    themes = written(tmp_path / "in.jsonl", THEME, {**THEME, "id": "b"})
    assert run("keywords", "--in", themes, "--out", out, "--concurrency", "1").exit_code == 1
    with out.open("a") as file:
        file.write('{"id": "z", "tit')
    chat = scripted()
    assert run("keywords", "--in", themes, "--out", out).exit_code == 0
    assert len(chat.asked) == 1
    assert [(line["id"], len(line["keywords"])) for line in read(out)] == [("a", 2), ("b", 1)]
    changed = written(tmp_path / "in.jsonl", {**THEME, "id": "b", "title": "Berries"}, {**THEME, "id": "c"})
    assert run("keywords", "--in", changed, "--out", out).exit_code == 0
    assert len(chat.asked) == 3
    assert [line["id"] for line in read(out)] == ["b", "c", "a"]


def test_another_model_is_asked_again(tmp_path: Path, scripted: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    chat, themes = scripted(), written(tmp_path / "in.jsonl", THEME)
    run("keywords", "--in", themes, "--out", tmp_path / "out.jsonl")
    monkeypatch.setenv("SHELFWISE_ROLES__KEYWORD_WRITER__ADAPTER", "tuned")
    load_settings.cache_clear()
    run("keywords", "--in", themes, "--out", tmp_path / "out.jsonl")
    assert len(chat.asked) == 2


def test_designs_are_themes_of_each_shopper_known_or_not(
    tmp_path: Path, scripted: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The scripted designer answers theme by theme.
    monkeypatch.setenv("SHELFWISE_PAGE__DESIGN_MODE", "grounded")
    load_settings.cache_clear()
    scripted()
    ids = written(tmp_path / "ids.txt", "7\n", '{"shopper_id": "nobody"}\n', '{"shopper_id": "cut\n', "x" * 200 + "\n")
    result = run("design", "--shoppers", ids, "--out", tmp_path / "out.jsonl", "--themes", "2")
    assert result.exit_code == 1
    known, cold, malformed, long = read(tmp_path / "out.jsonl")
    assert (known["shopper_id"], known["cold"], known["model"], len(known["themes"])) == ("7", False, "scripted", 2)
    assert set(known["themes"][0]) == {"title", "need", "rationale", "concepts"}
    assert (cold["shopper_id"], cold["cold"]) == ("nobody", True)
    assert malformed["line"] == 3
    assert "128" in long["error"]


def test_the_judge_says_of_each_question_whether_it_decides(
    tmp_path: Path, scripted: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.phase_lines.deciding_questions", lambda calibration, model, named: {*named})
    monkeypatch.setenv("SHELFWISE_GUARDS", json.dumps({"judge": {"decides": ["fits_shopper"]}}))
    load_settings.cache_clear()
    chat = scripted()
    page = json.loads(sample_page("7").model_dump_json())
    small = {"shopper_id": 9, "placements": [{"title": "Tea", "need": "explore", "products": ["Green Tea", "Chai"]}]}
    pages = written(tmp_path / "pages.jsonl", page, small, {"shopper_id": "3", "error": "EngineTimeout: late"})
    result = run("judge", "--in", pages, "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 1
    first, second, third = read(tmp_path / "out.jsonl")
    assert first["page"]["diverse"] == {"reason": "as shown", "answer": "yes", "decides": False}
    assert [row["id"] for row in first["placements"]] == [placement["id"] for placement in page["placements"]]
    told = {name: answer["decides"] for name, answer in second["placements"][0].items() if isinstance(answer, dict)}
    assert told == {
        **{"title_on_brand": False, "fits_shopper": True, "enough_products": False, "products_match": False}
    }
    assert (second["shopper_id"], second["model"]) == (9, "scripted")
    assert "EngineTimeout: late" in third["error"]
    assert any("Green Tea; Chai (2 in all)" in asked.messages[0]["content"] for asked in chat.asked)


def test_a_part_that_cannot_be_read_is_an_error_that_leaves_the_other_parts(tmp_path: Path, scripted: Scripts) -> None:
    def answer(messages: Any, schema: Any) -> Any:
        return AnswerRejected("no JSON") if schema is PageAnswers else all_yes(messages, schema)

    scripted(judge=answer)
    page = {"shopper_id": "7", "placements": [{"title": "Tea", "need": "explore", "products": []}]}
    result = run("judge", "--in", written(tmp_path / "p.jsonl", page), "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 1
    [line] = read(tmp_path / "out.jsonl")
    assert line["error"] == "1 of 2 answers could not be read"
    assert line["page"] == {"error": "the answer could not be read"}
    assert line["placements"][0]["title_on_brand"]["answer"] == "yes"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"shopper_id": "7"}, "placements"),
        ({"shopper_id": "7", "placements": []}, "placements"),
        ({"shopper_id": "7", "placements": "tea"}, "placements"),
        ({"shopper_id": "7", "placements": [{"title": "Tea", "products": []}]}, "need"),
        ({"shopper_id": "7", "placements": [{"title": "T", "need": "value", "products": [{"id": "1"}]}]}, "name"),
        ({"placements": [{"title": "Tea", "need": "value"}]}, "shopper_id"),
        ({"shopper_id": "7", "placements": [{"id": "1", "title": "T", "need": "value"}] * 2}, "same id"),
    ],
)
def test_a_line_that_is_no_page_names_what_is_missing(
    tmp_path: Path, scripted: Scripts, line: dict[str, Any], said: str
) -> None:
    chat = scripted()
    assert run("judge", "--in", written(tmp_path / "p.jsonl", line), "--out", tmp_path / "out.jsonl").exit_code == 1
    assert said in read(tmp_path / "out.jsonl")[0]["error"]
    assert chat.asked == []


@pytest.mark.parametrize("command", [["keywords", "--in"], ["design", "--shoppers"], ["judge", "--in"]])
def test_wrong_files_end_with_exit_code_2_and_touch_nothing(
    command: list[str], tmp_path: Path, scripted: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted()
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "out").write_text("order_id,product_id\n")
    (tmp_path / "in").write_text("7\n")
    for given, out in (("no-such-file", "new"), ("empty", "new"), ("in", "out")):
        monkeypatch.setattr("sys.argv", ["shelfwise", *command, str(tmp_path / given), "--out", str(tmp_path / out)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "out").read_text() == "order_id,product_id\n"


def test_what_would_fail_every_line_ends_the_run_and_keeps_what_is_answered(tmp_path: Path, scripted: Scripts) -> None:
    good = {"keywords": ["berry yogurt"], "categories": [], "filters": []}
    scripted(keyword_writer=[good, ModelsMissing("no weights")])
    themes = written(tmp_path / "in.jsonl", THEME, {**THEME, "id": "b"}, {**THEME, "id": "c"})
    result = run("keywords", "--in", themes, "--out", tmp_path / "out.jsonl", "--concurrency", "1")
    assert isinstance(result.exception, ModelsMissing)
    assert [line["id"] for line in read(tmp_path / "out.jsonl")] == ["a"]


@pytest.mark.parametrize("command", ["keywords", "design", "judge"])
def test_help_shows_an_example_the_lines_and_the_exit_codes(command: str) -> None:
    text = run(command, "--help").stdout
    assert "Example: shelfwise" in text
    for said in ("A line out", "Exit codes", "error"):
        assert said in text
