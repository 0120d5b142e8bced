"""``shelfwise intent`` and ``intents``: one answer, or a line for every line, whatever the lines hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.small_shop import small_services
from typer.testing import CliRunner

from cli.intent import app
from engines.chat import ChatClient
from state.errors import EngineUnavailable, QueryError
from state.intent import Attribute, QueryIntent, Rewrites
from state.intent_state import IntentOptions
from state.settings import Settings
from tools.query_text import clean_query

FIELDS = {
    "query",
    "corrected",
    "product",
    "brand",
    "attributes",
    "categories",
    "rewrites",
    "source",
    "confidence",
    "ms",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, IntentOptions]]:
    """Put a parser in the graph's place that calls the last word the product; return what it is asked."""
    import graph.intent
    import graph.services

    seen: list[tuple[str, IntentOptions]] = []

    async def understand(query: str, options: IntentOptions, *, session: Sequence[str] = ()) -> QueryIntent:
        clean = clean_query(query)
        seen.append((" / ".join([*session, clean]), options))
        if clean == "down":
            raise EngineUnavailable("no server")
        *first, last = clean.split()
        return QueryIntent(
            query=query,
            corrected=clean,
            product=last,
            attributes=[Attribute(type="diet", value=word) for word in first],
            categories=["pantry > spreads"],
            rewrites=Rewrites(broader=[last]),
            source="student",
            confidence=0.8,
            ms=1.5,
        )

    monkeypatch.setattr(graph.intent, "understand", understand)
    monkeypatch.setattr(graph.services, "shared_services", lambda: small_services(ChatClient(Settings())))
    return seen


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_query_gives_one_json_object(asked: list[Any]) -> None:
    result = run("intent", "Organic Butter", "--json", "--no-cache")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert set(told) == FIELDS
    assert told["attributes"] == [{"type": "diet", "value": "organic"}]
    assert asked == [("organic butter", IntentOptions(rewrites="needed", use_cache=False))]


def test_queries_typed_before_are_handed_on(tmp_path: Path, asked: list[Any]) -> None:
    run("intent", "butter", "--before", "toast", "--before", "jam", "--json")
    (tmp_path / "in.jsonl").write_text('{"query": "milk", "session": ["tea", 5]}\n{"query": "oats", "session": "no"}\n')
    assert run("intents", "--in", tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl").exit_code == 0
    assert [query for query, _ in asked] == ["toast / jam / butter", "tea / milk", "oats"]


def test_a_query_is_shown_as_a_table(asked: list[Any]) -> None:
    result = run("intent", "organic butter")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "pantry > spreads" in result.stderr


def test_what_cannot_be_read_is_an_error_that_names_the_cause(asked: list[Any]) -> None:
    result = run("intent", "🍕")
    assert isinstance(result.exception, QueryError)
    assert run("intent", "milk", "--rewrites", "all").exit_code == 2


def test_every_line_gives_a_line_in_order_answered_or_with_a_reason(tmp_path: Path, asked: list[Any]) -> None:
    lines = [
        '{"query": "organic butter", "id": 7, "at": "2026-03-01T09:00:00Z"}',
        '{"query": "   "}',
        "no json",
        '{"query": 5}',
        '{"text": "butter"}',
        '{"query": "' + "a" * 10_000 + '"}',
        '{"query": "down"}',
        '{"query": "butter"}',
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    result = run("intents", "--in", tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 1
    told = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line.get("id") or line["line"] for line in told] == [7, 2, 3, 4, 5, 6, 7, 8]
    assert [bool(line.get("error")) for line in told] == [False, True, True, True, True, True, True, False]
    assert set(told[0]) == FIELDS | {"id", "at", "request"}
    assert "no word" in told[1]["error"]
    assert "10,000 characters" in told[5]["error"]
    assert all(options.rewrites == "always" for _, options in asked)


def test_a_second_run_asks_only_what_has_no_answer(tmp_path: Path, asked: list[Any]) -> None:
    (tmp_path / "in.jsonl").write_text('{"query": "butter"}\n{"query": "down"}\n')
    again = ["intents", "--in", tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl"]
    assert run(*again).exit_code == 1
    del asked[:]
    assert run(*again).exit_code == 1
    assert [query for query, _ in asked] == ["down"]
    del asked[:]
    run(*again, "--rewrites", "never")
    assert sorted(query for query, _ in asked) == ["butter", "down"]
