"""``shelfwise heads`` and the teacher's loop for queries from end to end, on a small shop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.labelled import TEA, plain, tea
from support.small_shop import SHELVES, WordEmbedder
from support.teacher_rows import batch_line, write_lines
from typer.testing import CliRunner, Result

from catalog.importer import import_files
from cli.main import app
from state.errors import SettingsError
from state.settings import load_settings
from training.datasets import read_dataset
from training.examples import Task


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    labelled = write_lines(tmp_path / "labelled.jsonl", json.loads(tea().model_dump_json()))
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHELFWISE_INTENT__LABELLED", str(labelled))
    monkeypatch.setattr("engines.embedder.load_embedder", lambda settings: WordEmbedder())
    load_settings.cache_clear()
    rows = [(name, aisle, department) for (department, aisle), shelf in SHELVES.items() for name in shelf]
    lines = [f"{number},{name},{aisle},{department}" for number, (name, aisle, department) in enumerate(rows, 1)]
    products, orders = tmp_path / "products.csv", tmp_path / "orders.csv"
    products.write_text("\n".join(["product_id,name,aisle,department", *lines]), encoding="utf-8")
    orders.write_text("order_id,shopper_id,product_id,order_number\no1,7,18,1\n", encoding="utf-8")
    import_files(load_settings(), products, orders)
    yield
    load_settings.cache_clear()


def run(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def status() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("heads", "status", "--json").stdout)
    return found


def test_the_cache_is_warmed_counted_refreshed_and_emptied(tmp_path: Path) -> None:
    run("heads", "warm")
    assert status()["by_source"] == {"labelled": 1}
    assert status()["by_kind"] == {"head": 1}
    bad = write_lines(tmp_path / "bad.jsonl", json.loads(plain("moon", categories=["moon > moon"]).model_dump_json()))
    assert "does not exist" in run("heads", "warm", "--in", bad, code=1).stderr
    assert json.loads(run("heads", "refresh", "--json").stdout) == {"valid": 1, "dropped": {}}
    told = json.loads(run("heads", "report", "--json", "--length", "2000", "--seeds", "3").stdout)
    assert told["cached"] == {"head": 1}
    assert [share["placing"] for share in told["shares"]] == ["most frequent", "somewhere in their band"]
    assert 0 < told["shares"][0]["hits"]["mean"] < 0.2
    assert "Cached: 1 (1 head)" in run("heads", "report", "--length", "2000", "--seeds", "3").stdout
    run("heads", "forget", "organic mint tea")
    assert status()["answers"] == 0


def test_a_report_on_bands_that_make_no_sense_is_refused() -> None:
    with pytest.raises(SettingsError, match="rise"):
        run("heads", "report", "--head", "10", "--torso", "10")


def test_queries_go_from_the_queue_to_the_teacher_to_the_cache_and_the_data_set(tmp_path: Path) -> None:
    from tools.intent_store import IntentStore

    store = IntentStore.open(load_settings())
    try:
        for _ in range(2):
            store._run(store._queue.add("green tea", 0.2)).result()
    finally:
        store.close()
    waiting = [json.loads(line) for line in run("heads", "queue").stdout.splitlines()]
    assert waiting == [{"query": "green tea", "kind": "tail", "count": 2, "confidence": 0.2}]

    requests, answers, dataset = (tmp_path / f"{name}.jsonl" for name in ("requests", "answers", "intents"))
    run("teach", "export", "--task", "intents", "--queue", "--out", requests)
    asked = [json.loads(line) for line in requests.read_text(encoding="utf-8").splitlines()]
    assert len(asked) == 4
    parse = {"reasoning": "r", "corrected": "green tea", "roles": ["product: green tea"], "best": TEA, "also": []}
    said = [parse, *({"reasoning": "r", "rewrites": [word]} for word in ("sencha", "tea", "black tea"))]
    lines = [batch_line(one["custom_id"], json.dumps(text)) for one, text in zip(asked, said, strict=True)]

    given = ("--task", "intents", "--in", answers, "--requests", requests, "--out", dataset, "--publish")
    write_lines(answers, *lines[:3])
    first = run("teach", "import", *given, code=1)
    assert "wait for another part" in first.stderr
    assert status()["answers"] == 0
    write_lines(answers, lines[3])
    run("teach", "import", *given)
    assert not (tmp_path / "intents.parts.jsonl").exists()
    [(_, row)] = read_dataset(Task.INTENTS, dataset)[0]
    assert row.key == "green tea"
    assert status()["by_source"] == {"teacher": 1}
    assert run("heads", "queue").stdout == "", "what is answered waits no more"
    before = dataset.read_bytes()
    write_lines(answers, *lines)
    run("teach", "import", *given)
    assert dataset.read_bytes() == before


def test_queries_of_a_file_are_taken_off_the_queue(tmp_path: Path) -> None:
    (tmp_path / "gone.txt").write_text("green tea\n", encoding="utf-8")
    run("heads", "queue", "--remove", tmp_path / "gone.txt", "--out", tmp_path / "queue.jsonl")
    assert (tmp_path / "queue.jsonl").read_text() == ""


@pytest.mark.parametrize(
    "arguments",
    [("--task", "intents"), ("--task", "intents", "--queue", "--queries", "q.txt"), ("--task", "design", "--queue")],
)
def test_exports_without_one_source_of_queries_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError):
        run("teach", "export", *arguments, "--out", tmp_path / "r.jsonl")


def test_drift_says_by_its_exit_code_what_the_latest_window_shows(tmp_path: Path) -> None:
    good = {**json.loads(tea().model_dump_json()), "at": "2026-01-05T10:00:00Z"}
    bad = {**good, "categories": [], "product": None, "at": "2026-02-05T10:00:00Z"}
    teacher = load_settings().intent.labelled
    common = ("heads", "drift", "--teacher", teacher, "--answers")
    assert "1.000" in run(*common, write_lines(tmp_path / "good.jsonl", *[good] * 30)).stdout
    run(*common, write_lines(tmp_path / "few.jsonl", *[good] * 29), code=1)
    both = write_lines(tmp_path / "both.jsonl", *[good] * 30, *[bad] * 30)
    told = json.loads(run(*common, both, "--json", code=3).stdout)
    assert told["alarm"]
    assert len(told["windows"]) == 2
