"""Drift of the student: windows, agreement, and an alarm only for what the latest window shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.labelled import TEA, YOGURT, tea

from evaluation.intent_drift import DriftBounds, TimedAnswer, drift_report, read_timed
from state.errors import AnnotationError

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
TEACHER = {"organic mint tea": tea()}


def answer(at: datetime = MONDAY, **more: Any) -> TimedAnswer:
    return TimedAnswer.model_validate({**tea().model_dump(), "at": at, **more})


def test_equal_answers_agree_and_raise_no_alarm() -> None:
    report = drift_report([answer()] * 30, TEACHER, WEEK)
    [window] = report.windows
    assert (window.roles.estimate, window.category.estimate, window.queries) == (1, 1, 30)
    assert window.start <= MONDAY < window.end
    assert not report.alarm


def test_agreement_is_the_f1_of_spans_and_the_share_of_equal_best_categories() -> None:
    wrong = {"product": None, "brand": "mint", "categories": [YOGURT, TEA]}
    [window] = drift_report([answer()] * 20 + [answer(**wrong)] * 20, TEACHER, WEEK).windows
    # 3 of 3 spans, and 2 of 3 with one that is wrong.
    assert window.roles.estimate == pytest.approx(2 * 5 / 12)
    assert window.category.estimate == 0.5
    assert window.category.low < 0.5 < window.category.high
    assert [alarm.split(" is under ")[0] for alarm in window.alarms] == ["category@1 0.500"]


def test_only_the_latest_window_raises_the_alarm() -> None:
    bad = {"product": None, "attributes": [], "categories": []}
    before, after = [answer(MONDAY)] * 30, [answer(MONDAY + 2 * WEEK, **bad)] * 30
    assert drift_report([*after, *before], TEACHER, WEEK).alarm
    healed = [answer(MONDAY, **bad)] * 30 + [answer(MONDAY + 2 * WEEK)] * 30
    report = drift_report(healed, TEACHER, WEEK)
    assert report.windows[0].alarms
    assert not report.alarm


def test_a_window_of_few_queries_tells_nothing() -> None:
    bad = answer(MONDAY + WEEK, categories=[])
    report = drift_report([answer()] * 30 + [bad] * 29, TEACHER, WEEK)
    assert len(report.windows) == 1
    assert not report.alarm
    assert drift_report([bad], TEACHER, WEEK, DriftBounds(least=1)).alarm


def test_queries_that_the_teacher_did_not_answer_are_counted_alone() -> None:
    report = drift_report([answer(query="moon tea")] * 3 + [answer(query="Organic  mint TEA")] * 30, TEACHER, WEEK)
    assert report.without_teacher == 3
    assert report.windows[0].queries == 30


def test_answers_are_read_with_their_times(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    line = {**tea().model_dump(), "at": "2026-01-05T10:00:00+01:00", "source": "student", "confidence": 0.9, "ms": 3}
    path.write_text(json.dumps(line) + '\n\n{"line": 2, "error": "no"}\n', encoding="utf-8")
    [found] = read_timed(path)
    assert found.at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    path.write_text(json.dumps({**line, "at": "2026-01-05T10:00:00"}), encoding="utf-8")
    with pytest.raises(AnnotationError, match="line 1"):
        read_timed(path)
    with pytest.raises(AnnotationError, match="cannot read"):
        read_timed(tmp_path / "missing.jsonl")
