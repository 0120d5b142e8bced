"""The judge against people, and the gate that an unaligned question does not pass."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from agents.judge_calibration import AlignmentReport
from evaluation.alignment import AlignmentGate, align, write_report

QUESTION = "products_match"
Labels = dict[tuple[str, str], bool]


def _people(n: int = 100) -> Labels:
    return {(str(item), QUESTION): item % 3 > 0 for item in range(n)}


def _judge(people: Labels, wrong: float, seed: int = 1) -> Labels:
    rng = random.Random(seed)
    return {key: value if rng.random() >= wrong else not value for key, value in people.items()}


def _of(judge: Labels, people: Labels, gate: AlignmentGate | None = None):  # type: ignore[no-untyped-def]
    return next(found for found in align(judge, people, gate) if found.question == QUESTION)


def test_a_judge_that_agrees_with_people_decides() -> None:
    people = _people()
    found = _of(_judge(people, 0.05), people)
    assert found.decides
    assert found.why_not == ""
    assert found.kappa.low is not None
    assert found.kappa.low > 0.6


def test_a_judge_that_always_says_yes_does_not_decide_whatever_its_accuracy() -> None:
    people = {key: int(key[0]) >= 15 for key in _people()}
    found = _of(dict.fromkeys(people, True), people)
    assert found.accuracy.estimate == 0.85
    assert found.kappa.estimate == 0
    assert not found.decides
    assert (found.leniency, found.caught) == (pytest.approx(0.15), 0)


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        (AlignmentGate(min_items=200), "100 items, 200 needed"),
        (AlignmentGate(min_no=50), "34 times, 50 needed"),
        (AlignmentGate(min_kappa=0.99), "under 0.99"),
    ],
)
def test_the_gate_says_what_is_missing(gate: AlignmentGate, says: str) -> None:
    people = _people()
    found = _of(_judge(people, 0.1), people, gate)
    assert not found.decides
    assert says in found.why_not


def test_an_interval_of_kappa_that_holds_zero_does_not_decide() -> None:
    people = _people(12)
    found = _of(_judge(people, 0.3, seed=4), people, AlignmentGate(min_kappa=0.0, min_items=5, min_no=1))
    assert not found.decides
    assert "holds 0" in found.why_not or "under" in found.why_not


def test_items_that_the_judge_could_not_answer_are_counted_and_not_taken_for_no() -> None:
    people = _people()
    judge = {key: value for key, value in people.items() if int(key[0]) < 60}
    found = _of(judge, people)
    assert (found.items, found.unread, found.accuracy.estimate) == (60, 40, 1.0)


def test_a_question_that_nobody_answered_does_not_decide() -> None:
    people = _people()
    found = [one for one in align(people, people) if one.question != QUESTION]
    assert len(found) == 6
    assert not any(one.decides for one in found)
    assert all(one.accuracy.estimate is None for one in found)


def test_a_report_is_written_whole_and_read_back(tmp_path: Path) -> None:
    people = _people()
    report = AlignmentReport(judge="m1", prompt="p1", people="ann", questions=align(people, people))
    write_report(tmp_path / "alignment.json", report)
    assert AlignmentReport.model_validate_json((tmp_path / "alignment.json").read_bytes()) == report
    assert [found.question for found in report.questions if found.decides] == [QUESTION]
    assert [path.name for path in tmp_path.iterdir()] == ["alignment.json"]
