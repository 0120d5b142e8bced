"""``shelfwise annotate``: from pages to a study, from answers to agreement, alignment, thresholds, training rows."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.annotation_study import small_study, titled
from support.fakes import GUARDS_DIR, YesNoChat, context, placement
from support.http_app import small_page
from support.small_shop import SmallCatalog, SmallShoppers, WordScorer
from typer.testing import CliRunner

from cli.annotate_recalibrate import write_threshold
from cli.main import app
from evaluation.recalibration import recalibrate
from evaluation.study import Study
from graph.guards import build_guard, discover_guards, run_guard
from state.errors import ShelfwiseError
from state.guard import Guard
from state.placement import Page
from state.settings import PROJECT_ROOT, Settings, load_settings
from state.verdict import Action
from tools.page_backends import open_backend
from tools.page_store import PageStore
from tools.pair_scorer import scorer_name
from training.datasets import read_dataset
from training.examples import Task

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    guards = tmp_path / "guards"
    shutil.copytree(GUARDS_DIR, guards, ignore=shutil.ignore_patterns("__pycache__", "judge_calibration.json"))
    monkeypatch.setenv("SHELFWISE_GUARDS_DIR", str(guards))
    load_settings.cache_clear()
    yield guards
    load_settings.cache_clear()


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in ("annotate", *arguments)])


def fails(match: str, *arguments: str | Path) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, ShelfwiseError), result.output
    assert match in str(result.exception)


def line(annotator: str, item: int, answer: str) -> str:
    at = (START + timedelta(seconds=item)).isoformat()
    row = {"annotator": annotator, "item": str(item), "question": "products_match", "answer": answer, "at": at}
    return json.dumps(row) + "\n"


def test_two_scripted_annotators_files_give_the_kappa_worked_out_by_hand(tmp_path: Path) -> None:
    # 50 items: both yes 20, ann alone 5, bob alone 10, both no 15. p_o = 35/50 = 0.7;
    # p_e = (25 * 30 + 25 * 20) / 2500 = 0.5; kappa = (0.7 - 0.5) / (1 - 0.5) = 0.4.
    ann = ["yes"] * 25 + ["no"] * 25
    bob = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    for name, given in (("ann", ann), ("bob", bob)):
        (tmp_path / name).write_text("".join(line(name, item, answer) for item, answer in enumerate(given)))
    told = json.loads(run("agreement", tmp_path / "ann", tmp_path / "bob", "--json").stdout)
    [question] = told["questions"]
    [pair] = question["pairs"]
    assert (question["question"], question["items"], pair["annotators"]) == ("products_match", 50, ["ann", "bob"])
    assert pair["kappa"]["estimate"] == pytest.approx(0.4)
    assert pair["equal"]["estimate"] == pytest.approx(0.7)
    assert pair["kappa"]["low"] < 0.4 < pair["kappa"]["high"]
    assert question["alpha"]["estimate"] == pytest.approx(1 - 99 * 30 / (2 * 55 * 45))
    table = run("agreement", tmp_path / "ann", tmp_path / "bob").stdout
    for word in ("products_match", "ann / bob", "0.40", "0.70"):
        assert word in table


def test_a_damaged_line_is_named_and_a_study_or_files_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "ann").write_text(line("ann", 1, "yes") + "{half\n" + line("ann", 2, "yes"))
    fails("line 2 is no annotation", "agreement", tmp_path / "ann")
    assert run("agreement").exit_code == 2
    fails("holds no study", "agreement", "--study", tmp_path)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.warehouse.Warehouse.open", lambda settings: SmallCatalog())
    monkeypatch.setattr("tools.shopper.ShopperContextTool", lambda warehouse: SmallShoppers(warehouse))


@pytest.mark.usefixtures("shop")
def test_a_sample_is_drawn_from_files_by_name_and_is_blind(tmp_path: Path) -> None:
    for name in ("one", "two"):
        pages = [small_page(str(shopper)) for shopper in (7, 8)]
        error = json.dumps({"shopper_id": "9", "error": "late"})
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{page.model_dump_json()}\n" for page in pages) + error + "\n")
    result = run(
        *("sample", "--pages", tmp_path / "one.jsonl", "--pages", f"other={tmp_path / 'two.jsonl'}", "--size", "6"),
        *("--annotators", "ann, bob", "--out", tmp_path / "study"),
    )
    assert result.exit_code == 0, result.output
    study = Study.open(tmp_path / "study")
    assert study.card.annotators == ["ann", "bob"]
    assert len(study.items) == 6
    assert {key.source for key in study.keys.values()} == {"one", "other"}
    assert "other" not in (tmp_path / "study" / "items.jsonl").read_text()
    fails(
        "annotators cannot be named so",
        *("sample", "--pages", tmp_path / "one.jsonl", "--annotators", "../eve", "--out", tmp_path / "more"),
    )
    assert not (tmp_path / "more").exists()


@pytest.mark.usefixtures("shop")
def test_a_sample_is_drawn_from_the_page_store(tmp_path: Path) -> None:
    async def put(*pages: Page) -> None:
        async with open_backend(load_settings()) as backend:
            for page in pages:
                await PageStore(backend.store).put(page, [])

    asked = "sample", "--pages", "store", "--annotators", "ann", "--level", "page", "--out", tmp_path / "study"
    fails("holds no page", *asked)
    asyncio.run(put(small_page("7"), small_page("8")))
    assert run(*asked).exit_code == 0
    keys = Study.open(tmp_path / "study").keys.values()
    assert {(key.shopper_id, key.source, key.placement_id) for key in keys} == {
        ("7", "store", None),
        ("8", "store", None),
    }


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of 60 placements under one title each; ann and bob find that the last 20 do not match."""
    pages = [titled(f"Fruit {n}", str(n)) for n in range(60)]
    study = small_study(tmp_path / "study", pages=pages)
    for item in study.items:
        bad = int(item.placements[0].title.split()[1]) >= 40
        for name in ("ann", "bob"):
            study.answer(name, item.id, "products_match", "no" if bad else "yes", misfits=[3] if bad else [])
            study.answer(name, item.id, "title_on_brand", "no" if bad else "yes")
    return study


def judge(monkeypatch: pytest.MonkeyPatch, wrong: str) -> list[str]:
    """Have a judge answer that is right, but always says yes to the question ``wrong``; returns what it is asked."""
    asked: list[str] = []

    class Judge:
        async def ask(self, role: str, messages: Any, schema: Any, *, phase: str) -> Any:
            prompt = messages[-1]["content"]
            asked.append(prompt)
            bad = any(f"Title: Fruit {n}\n" in prompt for n in range(40, 60))
            no = [name for name in schema.model_fields if bad and name != wrong]
            return await YesNoChat(no=no).ask(role, messages, schema, phase=phase)

    monkeypatch.setattr("cli.annotate_align.judge_chat", lambda settings: (Judge(), "scripted"))
    return asked


def acts(guards: Path, question: str) -> Action:
    """Return what the guard does when the judge, its questions named, says no to this one."""
    [found] = [one for one in discover_guards(guards) if one.name == "judge"]
    made: Guard = build_guard(found, {"decides": ["title_on_brand", "products_match"]}, {})
    shown = [placement()]
    asked = context(shown, chat=YesNoChat(no=[question]), judge_share=1.0)
    [verdict] = asyncio.run(run_guard(made, shown, asked))
    return verdict.action


def test_the_judge_held_to_people_decides_what_it_answers_as_they_do_and_nothing_else(
    tmp_path: Path, study: Study, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = judge(monkeypatch, wrong="products_match")
    assert run("align", "--study", study.folder).exit_code == 0
    assert acts(home, "title_on_brand") is Action.KEEP  # nothing is in force without --write
    result = run("align", "--study", study.folder, "--write")
    assert result.exit_code == 0, result.output
    assert len(asked) == 60  # the second run asked nothing again
    assert acts(home, "title_on_brand") is Action.DROP
    assert acts(home, "products_match") is Action.KEEP
    report = json.loads((study.folder / "alignment.json").read_text())
    found = {row["question"]: row for row in report["questions"]}
    assert (found["title_on_brand"]["decides"], found["products_match"]["decides"]) == (True, False)
    assert found["title_on_brand"]["kappa"]["estimate"] == 1.0
    assert found["products_match"]["kappa"]["estimate"] == pytest.approx(0)
    assert found["products_match"]["people_no"] == 20
    assert found["products_match"]["leniency"] == pytest.approx(1 / 3)
    assert "title_on_brand | 60" in result.stdout


def test_answers_of_a_file_are_taken_and_those_of_two_judges_refused(
    study: Study, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(monkeypatch, wrong="title_on_brand")
    assert run("align", "--study", study.folder).exit_code == 0
    answers = study.folder / "judge-answers.jsonl"
    kept = answers.rename(study.folder / "kept.jsonl")
    judge(monkeypatch, wrong="").clear()
    assert run("align", "--study", study.folder, "--judge-answers", kept).exit_code == 0
    assert not answers.exists()
    kept.write_text(kept.read_text().replace('"judge":"scripted"', '"judge":"another"', 1))
    fails("several judges", "align", "--study", study.folder, "--judge-answers", kept)


def test_a_study_nobody_answered_aligns_nothing(tmp_path: Path) -> None:
    fails("nothing is answered yet", "align", "--study", small_study(tmp_path / "new").folder)


def test_recalibration_says_what_moves_and_writes_only_when_told(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Scorer(WordScorer):
        """Scores the fourth product, which people marked on 20 placements, lower there than the others."""

        def score(self, pairs: Any) -> Any:
            return np.array([0.55 if self._low(*pair) else 0.8 for pair in pairs], dtype=np.float32)

        @staticmethod
        def _low(theme: str, product: str) -> bool:
            return "Strawberries" in product and int(theme.split(":")[0].split()[1]) >= 40

    written: list[float] = []
    monkeypatch.setattr("cli.annotate_recalibrate.open_scorer", lambda settings: Scorer())
    monkeypatch.setattr(
        "cli.annotate_recalibrate.write_threshold",
        lambda settings, found, chosen_on: written.append(found.after.threshold) or tmp_path,
    )
    result = run("recalibrate", "--study", study.folder)
    assert result.exit_code == 0, result.output
    for word in ("240 products of 60 placements, 20 misfits", "before", "0.500", "0.92", "after", "0.555", "1.00"):
        assert word in result.stdout
    assert written == []
    assert run("recalibrate", "--study", study.folder, "--write").exit_code == 0
    assert written == [pytest.approx(0.555)]


@pytest.mark.parametrize("kind", ["mix", "cross-encoder"])
def test_a_threshold_goes_into_the_record_of_the_scorer_with_where_it_comes_from(tmp_path: Path, kind: str) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for name in ("relevance.json", "mix.json"):
        shutil.copyfile(PROJECT_ROOT / "models" / "relevance" / name, models / name)
    settings = Settings(scorer={"path": models, "kind": kind})
    before = scorer_name(settings)
    scores, fits = np.tile(np.linspace(0.5, 0.9, 5), 30), np.tile([False, True, True, True, True], 30)
    found = recalibrate(scores, fits, [str(n // 5) for n in range(150)], 0.4, lambda part, of: 0.55)
    path = write_threshold(settings, found, "150 products annotated")
    stored = json.loads(path.read_text())
    assert (stored["threshold"], stored["chosen_on"]) == (0.55, "150 products annotated")
    assert scorer_name(settings) != before  # pages made under the old threshold are not of these versions
    # The mix beside it can still be used: it was fitted with the same network.
    assert scorer_name(Settings(scorer={"path": models, "kind": "mix"})).startswith("mix/")


def test_too_few_labels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.annotate_recalibrate.open_scorer", lambda settings: WordScorer())
    study = small_study(tmp_path / "new")
    study.answer("ann", study.items[0].id, "products_match", "yes")
    fails("annotate more placements", "recalibrate", "--study", study.folder, "--write")
    pages = small_study(tmp_path / "pages", level="page")
    fails("--level placement", "recalibrate", "--study", pages.folder)


def test_answers_are_exported_for_spreadsheets_for_programs_and_for_training(study: Study, tmp_path: Path) -> None:
    assert run("export", "--study", study.folder, "--out", tmp_path / "a.csv").exit_code == 0
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert len(rows) == 240
    assert {row["source"] for row in rows} == {"base"}
    assert {row["misfits"] for row in rows} == {"", "4"}
    assert run("export", "--study", study.folder, "--out", tmp_path / "a.jsonl", "--format", "jsonl").exit_code == 0
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 240
    assert run("export", "--study", study.folder, "--out", tmp_path / "p.jsonl.gz", "--format", "pairs").exit_code == 0
    pairs, problems = read_dataset(Task.RELEVANCE, tmp_path / "p.jsonl.gz")
    assert problems == []
    labels = [row.label for _, row in pairs]  # type: ignore[attr-defined]
    assert (labels.count(2), labels.count(0)) == (220, 20)
    assert len({row.key for _, row in pairs}) == 240
    new = small_study(tmp_path / "new")
    fails("people labelled no product", "export", "--study", new.folder, "--out", tmp_path / "x", "--format", "pairs")


def test_serving_beyond_this_machine_needs_keys(tmp_path: Path) -> None:
    folder = small_study(tmp_path / "study").folder
    fails("Make a key", "serve", "--study", folder, "--host", "0.0.0.0")
