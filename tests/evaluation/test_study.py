"""A study: names that cannot leave its folder, answers that outlive a crash, undo, and files that are not its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.annotation_study import small_study

from agents.judge import page_messages, placement_messages
from evaluation.annotations import append_annotation
from evaluation.study import Study
from state.annotation import QUESTIONS, WORDING, Annotation
from state.errors import AnnotationError


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return small_study(tmp_path / "study")


def answers(study: Study, name: str = "ann") -> dict[str, str]:
    return {question: given.answer for (_, question), given in study.standing(name).items()}


def test_people_are_asked_in_the_words_of_the_judges_prompt(study: Study) -> None:
    source = study.sources[study.items[0].id]
    prompt = placement_messages(source.shopper, source.placements[0], 4)[0]["content"]
    prompt += page_messages(source.shopper, source.placements)[0]["content"]
    for question in (name for level in QUESTIONS.values() for name in level):
        assert f"- {question}: {WORDING[question].format(min_products=4)}" in prompt


def test_people_and_judge_are_shown_the_same(study: Study) -> None:
    for item in study.items:
        prompt = placement_messages(study.sources[item.id].shopper, study.sources[item.id].placements[0], 3)[0][
            "content"
        ]
        shown = item.placements[0]
        for text in (*item.shopper.bought, *item.shopper.aisles, shown.title, shown.rationale, *shown.products):
            assert text in prompt


@pytest.mark.parametrize("name", ["../eve", "..", ".hidden", "a/b", "a\\b", "", "a\nb", "x" * 41, "ann,bob"])
def test_a_name_that_is_no_plain_file_name_cannot_annotate(tmp_path: Path, name: str) -> None:
    with pytest.raises(AnnotationError, match="annotators"):
        small_study(tmp_path / "study", annotators=["ann", name])
    assert list(tmp_path.iterdir()) == []


def test_two_annotators_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="same name"):
        small_study(tmp_path / "study", annotators=["ann", "Ann"])


def test_a_study_with_another_name_put_into_its_card_is_not_opened(study: Study) -> None:
    card = study.folder / "study.json"
    card.write_text(card.read_text().replace('"bob"', '"../bob"'))
    with pytest.raises(AnnotationError, match="holds no study"):
        Study.open(study.folder)


def test_a_sample_that_was_changed_is_not_opened_and_one_that_is_there_not_replaced(study: Study) -> None:
    items = study.folder / "items.jsonl"
    before = items.read_text()
    with pytest.raises(AnnotationError, match="is there already"):
        small_study(study.folder)
    items.write_text(before.replace("Fruit bowl", "Wine bowl"))
    with pytest.raises(AnnotationError, match="not the sample that was drawn"):
        Study.open(study.folder)
    items.write_text(before)
    assert Study.open(study.folder).items == study.items


def test_undo_goes_back_step_by_step_also_after_opening_again(study: Study) -> None:
    item = study.items[0].id
    study.answer("ann", item, "title_on_brand", "no", comment="hype")
    study.answer("ann", item, "title_on_brand", "yes")
    study.answer("ann", item, "fits_shopper", "unsure")
    again = Study.open(study.folder)
    assert again.undo("ann").question == "fits_shopper"  # type: ignore[union-attr]
    assert answers(again) == {"title_on_brand": "yes"}
    assert again.undo("ann").answer == "yes"  # type: ignore[union-attr]
    assert again.standing("ann")[item, "title_on_brand"].comment == "hype"
    again.undo("ann")
    assert (answers(again), again.undo("ann")) == ({}, None)
    study.answer("ann", item, "fits_shopper", "no")
    assert answers(study) == {"fits_shopper": "no"}
    assert len(study.log("ann")) == 7


def test_an_answer_cut_off_by_a_crash_is_lost_alone_and_damages_no_other(study: Study) -> None:
    item = study.items[0].id
    study.answer("ann", item, "title_on_brand", "no")
    file = study.folder / "answers" / "ann.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:25])
    assert answers(Study.open(study.folder)) == {"title_on_brand": "no"}
    study.answer("ann", item, "fits_shopper", "yes")
    assert answers(study) == {"title_on_brand": "no", "fits_shopper": "yes"}
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    study.answer("ann", item, "enough_products", "yes")
    assert len(answers(study)) == 3


def test_the_latest_answer_counts_also_after_the_clock_was_put_back(study: Study) -> None:
    item = study.items[0].id
    late = datetime.now(UTC) + timedelta(days=1)
    given = Annotation(annotator="ann", item=item, question="title_on_brand", answer="no", at=late)
    append_annotation(study.folder / "answers" / "ann.jsonl", given)
    study.answer("ann", item, "title_on_brand", "yes")
    assert answers(study) == {"title_on_brand": "yes"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"annotator": "bob"}, "it is of 'bob'"),
        ({"item": "elsewhere"}, "there is no item"),
        ({"question": "diverse"}, "not asked of a placement"),
        ({"question": "products_match", "misfits": [9]}, "product 10 of 4 is marked"),
        ({"misfits": [0]}, "is no annotation"),
        ({"question": "pretty"}, "is no annotation"),
    ],
)
def test_a_file_with_an_answer_that_is_not_of_this_study_is_named_with_the_answer(
    study: Study, changes: dict[str, object], says: str
) -> None:
    line = {"annotator": "ann", "item": study.items[0].id, "question": "title_on_brand", "answer": "yes"}
    file = study.folder / "answers" / "ann.jsonl"
    file.parent.mkdir()
    file.write_text(json.dumps({**line, "at": "2026-03-01T09:00:00Z", **changes}) + "\n")
    with pytest.raises(AnnotationError, match=says):
        study.annotations()
