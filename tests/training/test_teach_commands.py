"""``shelfwise teach`` from end to end: exit codes, what is written, what stays untouched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.chat_server import chat_server
from support.small_shop import SHELVES, WordEmbedder
from support.teacher_rows import batch_line, design, keywords, relevance, write_lines
from typer.testing import CliRunner, Result

from catalog.importer import import_files
from cli.teach import app
from state.errors import CatalogMissing, SettingsError
from state.settings import load_settings
from training.datasets import DatasetError
from training.splits import shopper_split

ANSWER = {key: design()[key] for key in ("persona", "themes")}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHELFWISE_PAGE__THEMES", "5")
    monkeypatch.setenv("SHELFWISE_GUARDS", json.dumps({"duplicates": {"theme_similarity": 0.9}}))
    monkeypatch.setattr("engines.embedder.load_embedder", lambda settings: WordEmbedder())
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture
def shop(tmp_path: Path) -> None:
    rows = [(name, aisle, department) for (department, aisle), shelf in SHELVES.items() for name in shelf]
    lines = [f"{number},{name},{aisle},{department}" for number, (name, aisle, department) in enumerate(rows, 1)]
    products = tmp_path / "products.csv"
    products.write_text("\n".join(["product_id,name,aisle,department", *lines]), encoding="utf-8")
    orders = tmp_path / "orders.csv"
    bought = [f"o{shopper},{shopper},{product},1" for shopper in ("7", "8") for product in (1, 6, 14)]
    orders.write_text("\n".join(["order_id,shopper_id,product_id,order_number", *bought]), encoding="utf-8")
    import_files(load_settings(), products, orders)


def teach(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("shop")
@pytest.mark.service
def test_exported_requests_are_answered_imported_and_gated(tmp_path: Path) -> None:
    requests, answers, dataset = (tmp_path / f"{name}.jsonl" for name in ("requests", "answers", "designs"))
    teach("export", "--task", "design", "--out", requests, "--model", "big")
    assert [record["custom_id"] for record in records(requests)] == ["design-7", "design-8"]
    address = ("--task", "design", "--in", requests, "--out", answers, "--model", "served")
    with chat_server(json.dumps(ANSWER), "I will not") as server:
        ran = teach("run", *address, "--base-url", server.base_url, "--concurrency", "1", "--usd-in", "1000")
        assert "2 answered" in ran.stderr
        assert "0.2000 USD" in ran.stderr
        assert "2 there before" in teach("run", *address, "--base-url", server.base_url).stderr
    assert len(server.requests) == 2
    given = ("--task", "design", "--in", answers, "--requests", requests, "--out", dataset)
    first = teach("import", *given, "--report", tmp_path / "left.json", code=1)
    assert "malformed answer" in first.stderr
    [left] = json.loads((tmp_path / "left.json").read_text())["left_out"]
    assert (left["file"], left["line"], left["reason"]) == ("answers.jsonl", 2, "malformed answer")
    before = dataset.read_bytes()
    teach("import", *given, code=1)
    assert dataset.read_bytes() == before
    gated = tmp_path / "gated.jsonl"
    sifted = teach("gate", "--task", "design", "--in", dataset, "--out", gated, "--review", tmp_path / "sample.csv")
    assert "kept 1 of 1 rows" in sifted.stdout
    report = json.loads((tmp_path / "gated.report.json").read_text())
    [row] = records(gated)
    assert row["gate"] == report["gate"]
    assert len((tmp_path / "sample.csv").read_text().splitlines()) == 6


@pytest.mark.usefixtures("shop")
def test_export_takes_the_shoppers_and_the_split_that_are_named(tmp_path: Path) -> None:
    ids, out = tmp_path / "ids.txt", tmp_path / "r.jsonl"
    ids.write_text("8\n3\n\n17\n")
    teach("export", "--task", "design", "--out", out, "--shoppers", ids, "--split", "test")
    assert [record["custom_id"] for record in records(out)] == ["design-3", "design-17"]
    assert {shopper_split(shopper) for shopper in ("3", "17")} == {"test"}
    ids.write_text("\n")
    with pytest.raises(DatasetError, match="names no shopper"):
        teach("export", "--task", "design", "--out", out, "--shoppers", ids)


@pytest.mark.usefixtures("shop")
def test_relevance_is_exported_for_the_themes_of_designs(tmp_path: Path) -> None:
    made, out = write_lines(tmp_path / "d.jsonl", design()), tmp_path / "r.jsonl"
    teach("export", "--task", "relevance", "--designs", made, "--out", out)
    assert [record["custom_id"] for record in records(out)] == [f"relevance-7-{position}" for position in range(5)]


@pytest.mark.parametrize(
    "arguments", [("--task", "intents"), ("--task", "judge"), ("--task", "design", "--pages", "pages.jsonl")]
)
def test_exports_that_make_no_sense_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError):
        teach("export", *arguments, "--out", tmp_path / "r.jsonl")
    assert not (tmp_path / "r.jsonl").exists()


@pytest.mark.usefixtures("shop")
def test_import_leaves_out_what_the_catalogue_does_not_know(tmp_path: Path) -> None:
    given = write_lines(tmp_path / "a.jsonl", relevance(), relevance("404"), relevance(theme_id="404-0"))
    arguments = ("--task", "relevance", "--in", given, "--out", tmp_path / "d.jsonl")
    result = teach("import", *arguments, code=1)
    assert "unknown product" in result.stderr
    assert "unknown shopper" in result.stderr
    assert "a.jsonl, line 2" in result.stderr.replace("\n", "")
    assert len(records(tmp_path / "d.jsonl")) == 1
    teach("import", *arguments, "--no-catalog")
    assert len(records(tmp_path / "d.jsonl")) == 3


def test_import_without_a_catalogue_names_the_import_of_one(tmp_path: Path) -> None:
    given = write_lines(tmp_path / "a.jsonl", relevance())
    with pytest.raises(CatalogMissing, match="catalog"):
        teach("import", "--task", "relevance", "--in", given, "--out", tmp_path / "d.jsonl")


def test_an_import_that_finds_nothing_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    dataset = write_lines(tmp_path / "d.jsonl", keywords())
    before = dataset.read_bytes()
    given = write_lines(tmp_path / "a.jsonl", batch_line("keywords-7-0", "{}"), "{")
    with pytest.raises(DatasetError, match="was not touched"):
        teach("import", "--task", "keywords", "--in", given, "--out", dataset, "--no-catalog")
    assert dataset.read_bytes() == before


def test_import_does_not_write_over_what_is_no_data_set_of_its_kind(tmp_path: Path) -> None:
    notes = write_lines(tmp_path / "notes.jsonl", {"note": "mine"})
    given = write_lines(tmp_path / "a.jsonl", keywords())
    with pytest.raises(DatasetError, match="name another file"):
        teach("import", "--task", "keywords", "--in", given, "--out", notes, "--no-catalog")
    assert records(notes) == [{"note": "mine"}]


def requests_file(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "r.jsonl", {"custom_id": "design-1", "body": {"model": "m", "messages": []}})


def test_run_without_an_endpoint_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--base-url"):
        teach("run", "--task", "design", "--in", requests_file(tmp_path), "--out", tmp_path / "a.jsonl")
    with pytest.raises(SettingsError, match="no chat role"):
        teach("run", "--task", "design", "--in", requests_file(tmp_path), "--out", tmp_path / "a", "--role", "poet")
    with pytest.raises(DatasetError, match="no requests for 'judge'"):
        teach("run", "--task", "judge", "--in", requests_file(tmp_path), "--out", tmp_path / "a.jsonl")


@pytest.mark.service
def test_a_key_goes_to_the_endpoint_it_was_set_for_and_to_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat_server("{}") as own, chat_server("{}") as other:
        role = {"engine": "openai", "base_url": own.base_url, "api_key": "sk-1", "model": "served"}
        monkeypatch.setenv("SHELFWISE_ROLES", json.dumps({"judge": role}))
        load_settings.cache_clear()
        arguments = ("run", "--task", "design", "--in", requests_file(tmp_path))
        teach(*arguments, "--out", tmp_path / "a.jsonl")
        teach(*arguments, "--out", tmp_path / "b.jsonl", "--base-url", other.base_url)
    assert own.keys == ["Bearer sk-1"]
    assert own.requests[0]["model"] == "served"
    assert other.keys == [None]


@pytest.mark.service
def test_a_run_with_failures_exits_with_1_and_says_why_it_stopped(tmp_path: Path) -> None:
    arguments = ("run", "--task", "design", "--in", requests_file(tmp_path), "--out", tmp_path / "a.jsonl")
    with chat_server(401) as server:
        result = teach(*arguments, "--base-url", server.base_url, code=1)
    assert "stopped" in result.stderr
    assert "401" in result.stderr


@pytest.mark.usefixtures("shop")
def test_the_gate_refuses_to_write_over_its_input_and_a_judge_that_is_no_endpoint(tmp_path: Path) -> None:
    made = write_lines(tmp_path / "d.jsonl", keywords())
    with pytest.raises(DatasetError, match="different files"):
        teach("gate", "--task", "keywords", "--in", made, "--out", made)
    with pytest.raises(SettingsError, match="needs an endpoint"):
        teach("gate", "--task", "design", "--in", made, "--out", tmp_path / "o.jsonl", "--judge")
    with pytest.raises(SettingsError, match="prunes designs"):
        teach("gate", "--task", "keywords", "--in", made, "--out", tmp_path / "o.jsonl", "--judge")
    assert not (tmp_path / "o.jsonl").exists()


@pytest.mark.usefixtures("shop")
@pytest.mark.service
def test_a_judge_at_an_endpoint_prunes_designs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, out = write_lines(tmp_path / "d.jsonl", design()), tmp_path / "o.jsonl"
    yes = {"reason": "fits", "answer": "yes"}
    questions = ("cohesive", "diverse", "covers_needs")
    with chat_server(json.dumps(dict.fromkeys(questions, yes))) as server:
        role = {"engine": "openai", "base_url": server.base_url, "model": "served", "max_reasks": 0}
        monkeypatch.setenv("SHELFWISE_ROLES", json.dumps({"judge": role}))
        load_settings.cache_clear()
        with pytest.raises(DatasetError, match="left nothing"):
            teach("gate", "--task", "design", "--in", made, "--out", out, "--judge")
    assert len(server.requests) == 6
    assert not out.exists()
