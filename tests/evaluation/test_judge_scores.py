"""Figures of a judge: agreement beyond chance, leniency, order, and answers that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.fakes import YesNoChat, placement
from support.small_shop import SmallCatalog, SmallShoppers

from agents.judge_calibration import JudgeCalibration, JudgeRecord, read_calibration
from evaluation.judge_figures import figures, with_figures
from evaluation.judge_scores import Judged, judge_all, score_questions
from state.answers_judge import PageAnswers, PlacementAnswers, YesNo
from state.placement import Placement

ROOT = Path(__file__).resolve().parents[2]
PAGE = [placement(), placement("Bread basket", id="7-1", position=1)]


def answers(kind: Any, said: str) -> Any:
    return kind(**{name: YesNo(reason="as shown", answer=said) for name in kind.model_fields})


def judged(pairs: Sequence[tuple[str, str | None]]) -> list[Judged]:
    return [
        Judged(answers(PlacementAnswers, truth), answers(PlacementAnswers, said) if said else None)
        for truth, said in pairs
    ]


def test_a_judge_that_always_says_yes_is_no_better_than_chance_and_lenient() -> None:
    record = score_questions(judged([("yes", "yes"), ("no", "yes")] * 20))["fits_shopper"]
    assert (record.kappa, record.kappa_low, record.leniency, record.false_no) == (0.0, 0.0, 0.5, 0.0)


def test_a_judge_that_is_right_nine_times_in_ten_is_better_than_chance() -> None:
    rows = [("yes", "yes"), ("no", "no")] * 27 + [("yes", "no"), ("no", "yes")] * 3
    record = score_questions(judged(rows))["products_match"]
    assert (record.examples, record.accuracy, record.kappa, record.false_no) == (60, 0.9, 0.8, 0.1)
    assert 0.5 < record.kappa_low < 0.8 < record.kappa_high <= 1


def test_an_unreadable_answer_counts_as_wrong() -> None:
    record = score_questions(judged([("yes", "yes"), ("no", "no"), ("yes", None), ("no", None)] * 10))["title_on_brand"]
    assert (record.unreadable, record.accuracy) == (0.5, 0.5)
    assert record.kappa < 0.5


def test_one_answer_to_everything_shows_no_skill_even_where_it_is_right() -> None:
    record = score_questions(judged([("yes", "yes")] * 10))["title_on_brand"]
    assert (record.accuracy, record.kappa, record.kappa_low) == (1.0, 0.0, 0.0)


def test_flips_count_pages_answered_otherwise_in_reverse_and_only_readable_ones() -> None:
    yes, no = answers(PageAnswers, "yes"), answers(PageAnswers, "no")
    records = score_questions(
        [Judged(yes, yes, yes), Judged(yes, yes, no), Judged(yes, yes, None), Judged(yes, None, no)]
    )
    assert set(records) == set(PageAnswers.model_fields)
    assert (records["diverse"].flips, records["diverse"].unreadable) == (0.5, 0.25)


@dataclass
class Example:
    placement_id: str | None
    placements: list[Placement]
    answers: Any
    shopper_id: str = "7"
    min_products: int = 3


async def test_pages_are_asked_about_in_both_orders_and_placements_once() -> None:
    chat, done = YesNoChat(rejects=["Yogurt for the week"]), []
    rows = [Example(None, PAGE, answers(PageAnswers, "yes")), Example("7-0", PAGE[:1], answers(PlacementAnswers, "no"))]
    found = await judge_all(chat, SmallShoppers(SmallCatalog()), rows, on_done=lambda: done.append(1))
    assert [item.truth for item in found] == [row.answers for row in rows]
    assert (found[0].reversed is not None, found[1].answers, found[1].reversed) == (True, None, None)
    pages = [prompt for prompt in chat.sent if "in page order" in prompt]
    assert len(chat.sent) == 3
    assert sorted("1. Bread basket" in prompt for prompt in pages) == [False, True]
    assert len(done) == 2


def test_the_documented_figures_are_those_of_the_calibration() -> None:
    page = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")
    assert with_figures(page, read_calibration(ROOT / "guardrails")) == page


def test_figures_show_every_question_and_what_comes_of_it() -> None:
    shown = figures(JudgeCalibration(judges=[JudgeRecord(
        model="small", prompt="p", questions=score_questions(judged([("yes", "yes"), ("no", "no")] * 20)),
        measured_on="test", command="as run",
    )]))  # fmt: skip
    assert "| products_match | 40 | 0.00 | 1.00 | 1.00 (1.00 to 1.00) | +0.00 | 0.00 |  | decides |" in shown
