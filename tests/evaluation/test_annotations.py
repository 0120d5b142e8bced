"""People's answers: files, merging, agreement by question, and what two scripted annotators must give."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evaluation.annotations import (
    agreement_by_question,
    append_annotation,
    consensus,
    export_csv,
    merge,
    read_annotations,
    unanswered,
)
from state.annotation import Annotation, Item, ItemKey, ShownPlacement
from state.errors import AnnotationError

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def answer(
    annotator: str, item: object, given: str, question: str = "products_match", minute: int = 0, **more: Any
) -> Annotation:
    at = START + timedelta(minutes=minute)
    return Annotation.model_validate(
        {"annotator": annotator, "item": str(item), "question": question, "answer": given, "at": at, **more}
    )


def test_two_scripted_annotators_files_give_the_expected_kappa(tmp_path: Path) -> None:
    # 50 items: both yes 20, ann alone 5, ben alone 10, both no 15: p_o = 0.7, p_e = 0.5, kappa = 0.4.
    ann, ben = ["yes"] * 25 + ["no"] * 25, ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    for name, answers in (("ann", ann), ("ben", ben)):
        for item, given in enumerate(answers):
            append_annotation(tmp_path / f"{name}.jsonl", answer(name, item, given))
    merged = merge(read_annotations(tmp_path / "ann.jsonl"), read_annotations(tmp_path / "ben.jsonl"))
    [found] = agreement_by_question(merged)
    pair = found.pairs["ann", "ben"]
    assert pair.kappa.estimate == pytest.approx(0.4)
    assert pair.accuracy.estimate == pytest.approx(0.7)
    assert pair.kappa.low < 0.4 < pair.kappa.high
    # Alpha corrects kappa's expectation for the small sample: 1 - 99 * 30 / (2 * 55 * 45)
    assert found.alpha.estimate == pytest.approx(1 - 99 * 30 / (2 * 55 * 45))
    assert (found.question, found.annotators, found.items, found.yes_rate) == ("products_match", 2, 50, 0.55)


def test_the_latest_answer_of_a_person_counts_in_whatever_order_files_come() -> None:
    first, second = answer("ann", 1, "no"), answer("ann", 1, "yes", minute=5)
    assert merge([second], [first]) == merge([first, second]) == [second]
    assert len(merge([first, answer("ben", 1, "no"), answer("ann", 1, "no", "title_on_brand")])) == 3


def test_unsure_counts_in_no_agreement_and_decides_nothing() -> None:
    given = [answer("ann", 1, "yes"), answer("ben", 1, "unsure"), answer("ann", 2, "no"), answer("ben", 2, "no")]
    [found] = agreement_by_question(given)
    assert (found.items, found.unsure_rate) == (1, 0.25)
    assert consensus(given) == {("1", "products_match"): True, ("2", "products_match"): False}


def test_a_tie_is_no_consensus_and_a_majority_is() -> None:
    tie = [answer("ann", 1, "yes"), answer("ben", 1, "no")]
    assert consensus(tie) == {}
    assert consensus([*tie, answer("cat", 1, "no")]) == {("1", "products_match"): False}


def test_questions_come_in_the_order_of_the_rubric() -> None:
    given = [answer("ann", 1, "yes", question) for question in ("products_match", "cohesive", "fits_shopper")]
    assert [found.question for found in agreement_by_question(given)] == ["cohesive", "fits_shopper", "products_match"]


def test_a_line_cut_off_in_writing_is_left_out_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ann.jsonl"
    append_annotation(path, answer("ann", 1, "yes"))
    whole = path.read_text("utf-8")
    path.write_text(whole + whole[:20], encoding="utf-8")
    assert len(read_annotations(path)) == 1
    path.write_text(whole[:20] + "\n" + whole, encoding="utf-8")
    with pytest.raises(AnnotationError, match="line 1"):
        read_annotations(path)
    with pytest.raises(AnnotationError, match="cannot read"):
        read_annotations(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    "wrong", [{"answer": "maybe"}, {"question": "pretty"}, {"at": datetime(2026, 1, 1)}, {"annotator": "a\nb"}]
)
def test_answers_outside_the_format_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Annotation.model_validate({**answer("ann", 1, "yes").model_dump(), **wrong})


def _item(level: str, key: str = "i") -> Item:
    shown = ShownPlacement(title="t", need="explore", rationale="r", products=["p"])
    return Item.model_validate({"id": key, "level": level, "shopper": {}, "placements": [shown]})


def test_an_annotator_resumes_where_they_stopped() -> None:
    items = [_item("placement", "a"), _item("page", "b")]
    done = [answer("ann", "a", "yes", "title_on_brand"), answer("ben", "a", "yes", "fits_shopper")]
    left = [(item.id, question) for item, question in unanswered(items, done, "ann")]
    assert left == [
        ("a", "fits_shopper"),
        ("a", "enough_products"),
        ("a", "products_match"),
        ("b", "cohesive"),
        ("b", "diverse"),
        ("b", "covers_needs"),
    ]


def test_the_export_says_where_items_come_from_and_holds_no_formula() -> None:
    key = ItemKey(id="1", shopper_id="7", placement_id="7-0", source="base", stratum="base: value, clear", weight=2.5)
    given = [answer("ann", 1, "no", comment="=HYPERLINK(1)"), answer("ann", 2, "yes")]
    rows = list(csv.DictReader(io.StringIO(export_csv(given, {"1": key}))))
    assert (rows[0]["source"], rows[0]["weight"], rows[0]["comment"]) == ("base", "2.5", "'=HYPERLINK(1)")
    assert (rows[1]["answer"], rows[1]["source"]) == ("yes", "")
