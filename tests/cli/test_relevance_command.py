"""``shelfwise relevance``: every line gets an answer or an error, nothing is lost, and the exit code tells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.small_shop import SmallCatalog, WordEmbedder
from typer.testing import CliRunner

from cli.main import app
from cli.relevance import CHUNK, AskedPair, score_pairs

YOGURT, BANANA = "2", "1"


class Aisles:
    """1.0 for a product whose name is in the theme, 0.25 otherwise."""

    name, threshold = "names", 0.5

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        self.asked += pairs
        return np.array([1.0 if b.split(",")[0].lower() in a.lower() else 0.25 for a, b in pairs], dtype=np.float32)


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> Aisles:
    found = Aisles()
    monkeypatch.setattr("engines.embedder.load_embedder", lambda settings: WordEmbedder())
    monkeypatch.setattr("tools.pair_scorer.load_scorer", lambda settings, embedder: found)
    monkeypatch.setattr("catalog.warehouse.Warehouse.open", lambda settings: SmallCatalog())
    return found


def names() -> dict[str, str]:
    return {product.id: product.name for product in SmallCatalog().all_products()}


def pair(product_id: object, **more: Any) -> dict[str, Any]:
    concepts = [names()[YOGURT].lower(), "anything"]
    return {"title": "For the week", "rationale": "", "concepts": concepts, "product_id": product_id, **more}


def run(tmp_path: Path, text: str, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    (tmp_path / "in.jsonl").write_text(text, encoding="utf-8")
    given = ["relevance", "--in", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out.jsonl"), *options]
    result = CliRunner().invoke(app, given)
    out = tmp_path / "out.jsonl"
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out.is_file() else []
    return result.exit_code, lines, result.stderr


def test_answers_keep_ids_and_order_and_say_whether_a_product_fits(tmp_path: Path, scorer: Aisles) -> None:
    rows = [pair(BANANA, theme_id="7-1"), pair(int(YOGURT), theme_id="7-0", mine={"a": 1})]
    code, lines, told = run(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))
    assert code == 0
    assert lines == [
        {"product_id": BANANA, "theme_id": "7-1", "probability": 0.25, "threshold": 0.5, "fits": False},
        {"product_id": YOGURT, "theme_id": "7-0", "mine": {"a": 1}, "probability": 1.0, "threshold": 0.5, "fits": True},
    ]
    assert "2 pairs scored, 1 fit" in told


def test_lines_that_cannot_be_scored_keep_their_place_and_are_counted(tmp_path: Path, scorer: Aisles) -> None:
    rows = [json.dumps(pair("no-such")), "{broken", json.dumps(pair(YOGURT)), json.dumps({"title": "x"}), "[]"]
    code, lines, told = run(tmp_path, "\n".join(rows))
    assert code == 1
    assert [line.get("error", "scored").split(":")[0] for line in lines] == [
        "unknown product",
        "malformed line",
        "scored",
        "product_id",
        "truncated last line" if "truncated" in lines[4]["error"] else "malformed line",
    ]
    assert [line.get("line") for line in lines] == [None, 2, None, 4, 5]
    assert "1 pairs scored" in told
    assert "1 with an error: unknown product" in told


def test_nothing_scored_is_a_failure(tmp_path: Path, scorer: Aisles) -> None:
    assert run(tmp_path, json.dumps(pair("no-such")) + "\n")[0] == 2
    assert run(tmp_path, "")[0] == 2


def test_a_threshold_can_be_given_and_must_be_when_none_is_calibrated(tmp_path: Path, scorer: Aisles) -> None:
    _, [line], _ = run(tmp_path, json.dumps(pair(BANANA)) + "\n", "--threshold", "0.2")
    assert (line["threshold"], line["fits"]) == (0.2, True)
    scorer.threshold = None  # type: ignore[assignment]
    code, _, told = run(tmp_path, json.dumps(pair(BANANA)) + "\n")
    assert code == 2
    assert "no threshold was calibrated" in " ".join(told.split())


def test_the_model_reads_title_concepts_name_and_aisle_but_no_rationale(tmp_path: Path, scorer: Aisles) -> None:
    run(tmp_path, json.dumps(pair(YOGURT, rationale="Because.")) + "\n")
    found = next(product for product in SmallCatalog().all_products() if product.id == YOGURT)
    theme = f"For the week: {found.name.lower()}, anything"
    assert scorer.asked == [(theme, f"{found.name}, {found.aisle}")]


def test_more_pairs_than_a_chunk_are_all_answered() -> None:
    asked = {number: AskedPair(**pair(YOGURT)) for number in range(CHUNK * 2 + 3)}
    counts: list[int] = []
    answers = score_pairs(asked, SmallCatalog(), Aisles(), 0.5, counts.append)
    assert list(answers) == list(asked)
    assert counts == [CHUNK, CHUNK, 3]
