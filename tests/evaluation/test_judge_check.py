"""Checks of the judge on the frozen set: standing by answers, order, leniency, drift; resumed, and never mistaken."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.fakes import YesNoChat, placement, shopper
from typer.testing import CliRunner

from agents.judge import prompt_version
from agents.judge_calibration import adapter_digest
from cli.main import app
from evaluation.frozen_set import (
    FOLDER,
    ITEMS,
    Baseline,
    Baselines,
    FrozenItem,
    baselines_text,
    load_frozen,
    pack,
    read_baselines,
)
from evaluation.judge_check import VARIANTS, ask_all, check_questions, drift
from state.answers_judge import PageAnswers, PlacementAnswers
from state.errors import EngineUnavailable, SettingsError
from state.settings import load_settings

PLACEMENT, PAGE = list(PlacementAnswers.model_fields), list(PageAnswers.model_fields)


def item(name: str, *, page: bool = False, truth: bool = True) -> FrozenItem:
    rows = [placement(f"{name} {n}", id=f"7-{n}", position=n) for n in range(3 if page else 1)]
    asked = PAGE if page else PLACEMENT
    return FrozenItem(
        id=name, page=page, shopper=shopper(), placements=rows, min_products=3, truth=dict.fromkeys(asked, truth)
    )


ITEMS_ = [item("a"), item("b", truth=False), item("c", page=True), item("d", page=True, truth=False)]


class Judge(YesNoChat):
    """Says no where ``refuses`` finds something in the prompt."""

    def __init__(self, refuses: Any = lambda prompt: False, rejects: Sequence[str] = ()) -> None:
        super().__init__(rejects=rejects)
        self._refuses = refuses

    async def ask(self, role: str, messages: Any, schema: Any, *, phase: str) -> Any:
        self._no = list(schema.model_fields) if self._refuses(messages[-1]["content"]) else []
        return await super().ask(role, messages, schema, phase=phase)


async def checked(tmp_path: Path, plain: Judge, again: Judge | None = None, baseline: Baseline | None = None) -> Any:
    chats = {"plain": plain, "again": again or plain, "reversed": plain}
    said, _ = await ask_all(chats, ITEMS_, "basis", tmp_path / "answers.jsonl")  # type: ignore[arg-type]
    return {one.question: one for one in check_questions(ITEMS_, said, baseline)}, said


async def test_a_judge_that_always_says_yes_stands_by_it_and_is_lenient(tmp_path: Path) -> None:
    found, _ = await checked(tmp_path, Judge())
    assert list(found) == [*PAGE, *PLACEMENT]
    for one in found.values():
        assert (one.items, one.accuracy.estimate, one.leniency, one.unread) == (2, 0.5, 0.5, 0.0)
        assert (one.stands.estimate, one.unswayed.estimate, one.sway, one.kept) == (1.0, 1.0, 0.0, None)


async def test_another_answer_when_asked_again_or_in_reverse_order_is_told_apart(tmp_path: Path) -> None:
    # In reverse order the first theme of a page is its third; the second asking refuses every placement.
    swayed = Judge(lambda prompt: "1. c 2" in prompt or "1. d 2" in prompt)
    found, _ = await checked(tmp_path, swayed, Judge(lambda prompt: "Title:" in prompt))
    assert (found["diverse"].stands.estimate, found["diverse"].unswayed.estimate, found["diverse"].sway) == (1, 0, -1)
    assert (found["fits_shopper"].stands.estimate, found["fits_shopper"].unswayed.estimate) == (0, 1)


async def test_products_of_a_placement_are_turned_round(tmp_path: Path) -> None:
    judge = Judge()
    await checked(tmp_path, judge)
    lines = [text for prompt in judge.sent if "Title: a 0" in prompt for text in prompt.splitlines()]
    products = [text for text in lines if text.startswith("Products:")]
    assert [text.split(": ")[1].split(";")[0] for text in products] == ["Greek Yogurt", "Greek Yogurt", "Berry Yogurt"]


async def test_what_could_not_be_read_is_counted_and_compared_with_nothing(tmp_path: Path) -> None:
    found, said = await checked(tmp_path, Judge(rejects=["a 0"]))
    assert said["plain", "a"] is None
    assert (found["fits_shopper"].unread, found["fits_shopper"].stands.n) == (0.5, 1)


async def test_drift_is_the_share_of_answers_that_moved(tmp_path: Path) -> None:
    _, said = await checked(tmp_path, Judge())
    kept = {one.id: said["plain", one.id] for one in ITEMS_}
    baseline = Baseline(prompt="p", frozen="f", answers=kept)
    assert drift(ITEMS_, said, baseline).estimate == 1.0
    moved = Baseline(prompt="p", frozen="f", answers={**kept, "a": dict.fromkeys(PLACEMENT, False), "c": None})
    assert drift(ITEMS_, said, moved).estimate == 0.5
    [one] = [one for one in check_questions(ITEMS_, said, moved) if one.question == "fits_shopper"]
    assert one.kept is not None
    assert one.kept.estimate == 0.5


async def test_an_interrupted_check_asks_only_what_is_missing_and_another_basis_asks_all(tmp_path: Path) -> None:
    class Dying(Judge):
        async def ask(self, *given: Any, **more: Any) -> Any:
            if len(self.sent) == 5:
                raise EngineUnavailable("gone")
            return await super().ask(*given, **more)

    with pytest.raises(EngineUnavailable, match="gone"):
        await checked(tmp_path, Dying())
    kept = (tmp_path / "answers.jsonl").read_text().splitlines()
    assert 0 < len(kept) <= 5
    rest = Judge()
    await checked(tmp_path, rest)
    assert len(rest.sent) == len(ITEMS_) * len(VARIANTS) - len(kept)
    all_ = Judge()
    chats = dict.fromkeys(VARIANTS, all_)
    await ask_all(chats, ITEMS_, "another", tmp_path / "answers.jsonl")  # type: ignore[arg-type]
    assert len(all_.sent) == len(ITEMS_) * len(VARIANTS)


async def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text('{"shopper_id": "7"}\n')
    with pytest.raises(SettingsError, match="not an answer of 'judge-check'"):
        await checked(tmp_path, Judge())
    assert "shopper_id" in (tmp_path / "answers.jsonl").read_text()


def test_the_stored_set_is_whole_and_each_question_is_true_in_a_half() -> None:
    items, _ = load_frozen()
    assert [one.page for one in items].count(True) >= 8
    for questions, page in ((PAGE, True), (PLACEMENT, False)):
        asked = [one.truth for one in items if one.page is page]
        assert all(set(truth) == set(questions) for truth in asked)
        for question in questions:
            assert 0.3 <= sum(truth[question] for truth in asked) / len(asked) <= 0.7


def test_baselines_that_ship_are_of_the_set_that_ships_and_of_whole_answers() -> None:
    items, digest = load_frozen()
    for baseline in read_baselines().judges.values():
        assert baseline.frozen == digest
        assert set(baseline.answers) == {one.id for one in items}


def test_a_set_that_is_not_the_stored_one_is_refused(tmp_path: Path) -> None:
    for name in (ITEMS, "judge_items.sha256"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    assert load_frozen(tmp_path)[0]
    (tmp_path / ITEMS).write_bytes(gzip.compress(b"{}\n"))
    with pytest.raises(SettingsError, match="not the frozen set"):
        load_frozen(tmp_path)
    (tmp_path / ITEMS).unlink()
    with pytest.raises(SettingsError, match=r"judge_frozen_set\.py --write"):
        load_frozen(tmp_path)


def test_the_same_items_give_the_same_bytes_and_baselines_are_read_back(tmp_path: Path) -> None:
    assert pack(ITEMS_) == pack(ITEMS_)
    assert gzip.decompress(pack(ITEMS_)).count(b"\n") == 4
    baseline = Baseline(adapter_sha256="0a", prompt="p", frozen="f", answers={"b": None, "a": {"diverse": True}})
    both = Baselines(judges={"m+x": baseline, "n": baseline})
    (tmp_path / "judge_baselines.json").write_text(baselines_text(both))
    assert read_baselines(tmp_path) == both
    (tmp_path / "judge_baselines.json").write_text("{")
    with pytest.raises(SettingsError, match="--record"):
        read_baselines(tmp_path)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SHELFWISE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHELFWISE_ROLES", json.dumps({"judge": {"model": "scripted"}}))
    frozen = tmp_path / "frozen"
    frozen.mkdir()
    (frozen / ITEMS).write_bytes(pack(ITEMS_))
    monkeypatch.setattr("evaluation.frozen_set.FOLDER", frozen)
    monkeypatch.setattr("evaluation.frozen_set.load_frozen", lambda: (ITEMS_, "f"))
    monkeypatch.setattr("evaluation.frozen_set.read_baselines", lambda: read_baselines(frozen))
    load_settings.cache_clear()
    yield frozen
    load_settings.cache_clear()


def test_the_command_records_a_baseline_and_raises_the_alarm_when_the_judge_drifts(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = (tmp_path / f"{number}.jsonl" for number in range(10))

    def check(judge: Judge, *arguments: str) -> Any:
        monkeypatch.setattr("cli.judge_check.judge_chats", lambda settings, at: dict.fromkeys(VARIANTS, judge))
        return CliRunner().invoke(app, ["judge-check", "--answers", str(next(files)), *arguments])

    first = check(Judge())
    assert first.exit_code == 2
    assert "record one with --record" in first.output
    assert check(Judge(), "--record").exit_code == 0
    [(model, stored)] = read_baselines(home).judges.items()
    assert model.startswith("scripted")
    assert (stored.prompt, stored.adapter_sha256) == (prompt_version(), adapter_digest(model))
    same = check(Judge())
    assert same.exit_code == 0, same.output
    assert "as before" in same.output
    drifted = check(Judge(lambda prompt: "Title: a" in prompt))
    assert drifted.exit_code == 3
    assert "drift: 0.75" in drifted.output
    assert check(Judge(lambda prompt: "Title: a" in prompt), "--bound", "0.7").exit_code == 0
    assert check(Judge(), "--record", "--limit", "2").exit_code == 2
