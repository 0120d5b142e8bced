"""Which questions of a judge may decide, by what was measured of that very judge."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import GUARDS_DIR

from agents import judge_calibration
from agents.judge import prompt_version
from agents.judge_calibration import (
    FILE,
    AlignmentReport,
    Bounds,
    JudgeCalibration,
    JudgeRecord,
    QuestionAlignment,
    QuestionRecord,
    deciding_questions,
    read_calibration,
)
from state.answers_judge import PageAnswers, PlacementAnswers
from state.errors import SettingsError


def measured(model: str, sha: str | None = None, prompt: str | None = None, **lows: float) -> JudgeRecord:
    questions = {
        name: QuestionRecord(
            examples=60,
            unreadable=0.0,
            accuracy=0.8,
            kappa=low + 0.1,
            kappa_low=low,
            kappa_high=low + 0.2,
            leniency=0.0,
            false_no=0.1,
        )
        for name, low in lows.items()
    }
    return JudgeRecord(
        model=model,
        adapter_sha256=sha,
        prompt=prompt or prompt_version(),
        questions=questions,
        measured_on="test",
        command="as run",
    )


def aligned(model: str, prompt: str | None = None, **decides: bool) -> JudgeRecord:
    """Return the record of a judge that was held to people's answers alone."""
    bounds = Bounds(estimate=0.7, low=0.5, high=0.9)
    questions = [
        QuestionAlignment(
            question=name,
            items=80,
            unread=0,
            people_no=20,
            accuracy=bounds,
            kappa=bounds,
            leniency=0.0,
            caught=0.8,
            decides=passed,
            why_not="" if passed else "kappa 0.20 is under 0.60",
        )
        for name, passed in decides.items()
    ]
    prompt = prompt or prompt_version()
    report = AlignmentReport(judge=model, prompt=prompt, people="ann, ben", questions=questions)
    return JudgeRecord(model=model, prompt=prompt, people=report)


SMALL = measured("small", title_on_brand=0.6, fits_shopper=0.2, products_match=-0.1, diverse=0.9)
CALIBRATION = JudgeCalibration(judges=[SMALL])


@pytest.mark.parametrize(
    ("model", "named", "decide"),
    [
        ("small", None, {"title_on_brand"}),
        ("small", ["fits_shopper", "products_match"], {"fits_shopper"}),
        ("small", [], set()),
        ("large", None, set()),
        ("large", ["products_match"], set()),
        (None, None, set()),
        (None, ["products_match"], set()),
    ],
)
def test_what_decides_follows_from_the_record_and_the_settings(
    model: str | None, named: list[str] | None, decide: set[str]
) -> None:
    assert deciding_questions(CALIBRATION, model, named) == decide  # type: ignore[arg-type]


def test_where_people_answered_their_answers_alone_count_named_or_not() -> None:
    """fits_shopper was good on made-up faults; title_on_brand bad on them, and good by people's word."""
    before = measured("small", fits_shopper=0.7, title_on_brand=-0.2, enough_products=0.9)
    calibration = JudgeCalibration(judges=[before]).with_record(
        aligned("small", title_on_brand=True, fits_shopper=False, diverse=True)
    )
    assert calibration.judges[0].questions == before.questions
    assert deciding_questions(calibration, "small", None) == {"title_on_brand"}
    assert deciding_questions(calibration, "small", ["fits_shopper", "enough_products"]) == set()
    assert deciding_questions(calibration, "small", ["fits_shopper", "title_on_brand"]) == {"title_on_brand"}


def test_what_was_measured_under_another_prompt_lets_nothing_decide() -> None:
    for record in (
        measured("small", prompt="another", title_on_brand=0.9),
        aligned("small", prompt="another", title_on_brand=True),
    ):
        calibration = JudgeCalibration(judges=[record])
        assert deciding_questions(calibration, "small", None) == set()
        assert deciding_questions(calibration, "small", ["title_on_brand"]) == set()


def test_measuring_again_keeps_peoples_answers_of_the_very_same_judge_and_of_no_other() -> None:
    calibration = JudgeCalibration(judges=[aligned("small", title_on_brand=True)])
    again = calibration.with_record(measured("small", title_on_brand=0.1))
    assert deciding_questions(again, "small", None) == {"title_on_brand"}
    other = calibration.with_record(measured("small", prompt="another", title_on_brand=0.1))
    assert [(judge.prompt, judge.people) for judge in other.judges] == [("another", None)]


def test_a_judge_with_another_adapter_of_the_same_name_was_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = tmp_path / "tuned.safetensors"
    adapter.write_bytes(b"first")
    model = f"small+{adapter}"
    sha = judge_calibration.adapter_digest(model)
    calibration = JudgeCalibration(judges=[SMALL, measured(model, sha, title_on_brand=0.6)])
    assert deciding_questions(calibration, model, None) == {"title_on_brand"}
    adapter.write_bytes(b"trained again")
    assert deciding_questions(calibration, model, None) == set()
    adapter.unlink()
    assert deciding_questions(calibration, model, None) == set()


def test_a_new_record_takes_the_place_of_the_old_one() -> None:
    again = CALIBRATION.with_record(measured("small", title_on_brand=0.1)).with_record(measured("a", diverse=0.1))
    assert [judge.model for judge in again.judges] == ["a", "small"]
    assert deciding_questions(again, "small", None) == set()


def test_without_a_file_nothing_was_measured_and_a_broken_one_is_an_error(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) == JudgeCalibration()
    (tmp_path / FILE).write_text('{"judges": [{"model": "small"}]}')
    with pytest.raises(SettingsError, match=FILE):
        read_calibration(tmp_path)


def test_the_shipped_records_are_of_all_seven_questions_and_name_their_command() -> None:
    shipped = read_calibration(GUARDS_DIR)
    assert shipped.judges
    for judge in shipped.judges:
        assert set(judge.questions) == {*PlacementAnswers.model_fields, *PageAnswers.model_fields}
        assert "benchmarks/judge_questions.py" in judge.command
        for question in judge.questions.values():
            assert question.kappa_low <= question.kappa <= question.kappa_high
