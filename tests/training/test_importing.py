"""Import of answers: what is usable is kept, every line left out is accounted for."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.teacher_rows import batch_line, design, keywords, relevance, theme, write_lines

from state.vocabulary import Vocabulary
from training.datasets import DatasetError, read_dataset, write_dataset
from training.examples import DesignExample, KeywordExample, Task, ThemeLabel
from training.importing import Imported, Known, import_answers
from training.relevance_answer import ShownProduct
from training.subjects import DesignSubject, KeywordsSubject, RelevanceSubject, Subject

THEME = ThemeLabel(id="7-0", **theme())
ANSWER = {key: design()[key] for key in ("persona", "themes")}


def subjects(*about: Subject) -> dict[str, Subject]:
    return {subject.custom_id: subject for subject in about}


DESIGNS = subjects(*(DesignSubject(shopper_id=shopper, themes=5) for shopper in ("7", "8", "9")))


def reasons(found: Imported) -> dict[str, int]:
    return dict(Counter(problem.reason for problem in found.problems))


def one(found: Imported) -> Any:
    [row] = found.rows.values()
    return row


def test_plain_rows_and_batch_output_give_the_same_row(tmp_path: Path) -> None:
    plain = import_answers(Task.DESIGN, write_lines(tmp_path / "a.jsonl", design()))
    line = batch_line("design-7", json.dumps(ANSWER))
    asked = import_answers(Task.DESIGN, write_lines(tmp_path / "b.jsonl", line), subjects=DESIGNS)
    assert [theme.id for theme in one(plain).themes] == [f"7-{position}" for position in range(5)]
    assert one(asked).themes == one(plain).themes
    assert asked.unanswered == ["design-8", "design-9"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (batch_line("design-7", None, refusal="I cannot"), "refusal"),
        (batch_line("design-7", "", finish_reason="content_filter"), "refusal"),
        (batch_line("design-7", json.dumps(ANSWER)[:50], finish_reason="length"), "cut answer"),
        (batch_line("design-7", "I'm sorry"), "malformed answer"),
        (batch_line("design-7", ""), "empty answer"),
        (batch_line("design-7", json.dumps({**ANSWER, "themes": ANSWER["themes"][:4]})), "breaks the schema"),
        (batch_line("design-7", json.dumps({**ANSWER, "persona": "\ud800"})), "breaks the schema"),
        (batch_line("design-404", json.dumps(ANSWER)), "unknown request"),
        ({"custom_id": "design-7", "response": None, "error": {"message": "expired"}}, "request failed"),
        ({"custom_id": "design-7", "response": {"status_code": 400, "body": {}}}, "request failed"),
        ({"custom_id": "design-7", "response": {"status_code": 200, "body": {"choices": []}}}, "no chat completion"),
        ({"custom_id": "design-7", "response": {"status_code": 200, "body": "x"}}, "no chat completion"),
        ({"custom_id": "design-7", "response": "x"}, "no chat completion"),
        ({"custom_id": "design-7"}, "no chat completion"),
        ("not json", "malformed line"),
        ("[1]", "malformed line"),
        ('{"user_id": 1}', "breaks the schema"),
        ("[" * 100_000, "malformed line"),
    ],
)
def test_a_bad_line_is_left_out_with_its_reason_and_nothing_else_is_lost(
    tmp_path: Path, line: Any, reason: str
) -> None:
    good = batch_line("design-8", json.dumps(ANSWER))
    path = write_lines(tmp_path / "answers.jsonl", batch_line("design-9", json.dumps(ANSWER)), line, good)
    found = import_answers(Task.DESIGN, path, subjects=DESIGNS)
    assert [(problem.file, problem.line, problem.reason) for problem in found.problems] == [
        ("answers.jsonl", 2, reason)
    ]
    assert sorted(found.rows) == ["8", "9"]
    assert found.unanswered == ["design-7"]


def test_a_last_line_cut_off_is_named_as_such(tmp_path: Path) -> None:
    whole = json.dumps(design("8"))
    found = import_answers(Task.DESIGN, write_lines(tmp_path / "a.jsonl", design(), whole[:80], end=""))
    assert reasons(found) == {"truncated last line": 1}
    assert list(found.rows) == ["7"]


def test_a_last_line_without_its_newline_but_whole_is_read(tmp_path: Path) -> None:
    found = import_answers(Task.DESIGN, write_lines(tmp_path / "a.jsonl", design(), end=""))
    assert not found.problems
    assert list(found.rows) == ["7"]


def test_bytes_that_are_no_text_cost_their_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xff\xfe\n" + json.dumps(design()).encode() + b"\n")
    found = import_answers(Task.DESIGN, path)
    assert reasons(found) == {"malformed line": 1}
    assert list(found.rows) == ["7"]


def test_a_second_answer_to_a_request_is_reported_and_the_first_stays(tmp_path: Path) -> None:
    other = {**ANSWER, "persona": "Another"}
    lines = [batch_line("design-7", json.dumps(answer)) for answer in (ANSWER, other)]
    found = import_answers(Task.DESIGN, write_lines(tmp_path / "a.jsonl", *lines), subjects=DESIGNS)
    assert reasons(found) == {"duplicate answer": 1}
    assert one(found).persona == "Home cook 7"


def test_an_answer_after_a_failed_one_is_used(tmp_path: Path) -> None:
    lines = [batch_line("design-7", "oops"), batch_line("design-7", json.dumps(ANSWER))]
    found = import_answers(Task.DESIGN, write_lines(tmp_path / "a.jsonl", *lines), subjects=DESIGNS)
    assert list(found.rows) == ["7"]


def test_unknown_shoppers_products_and_themes_are_left_out(tmp_path: Path) -> None:
    known = Known(shopper_ids=frozenset({"7"}), product_ids=frozenset({"6"}))
    lines = [relevance(), relevance("404"), relevance(theme_id="8-0"), relevance(theme_id="seven")]
    found = import_answers(Task.RELEVANCE, write_lines(tmp_path / "a.jsonl", *lines), known=known)
    assert list(found.rows) == ["7-0/6"]
    assert reasons(found) == {"unknown product": 1, "unknown shopper": 1, "breaks the schema": 1}


def test_batch_output_without_its_requests_says_what_is_missing(tmp_path: Path) -> None:
    found = import_answers(Task.DESIGN, write_lines(tmp_path / "a.jsonl", batch_line("design-7", "{}")))
    assert reasons(found) == {"no requests given": 1}
    assert "--requests" in found.problems[0].detail


def test_a_choice_outside_the_candidates_is_left_out(tmp_path: Path) -> None:
    vocabulary = Vocabulary(keywords=["greek yogurt"], categories=["yogurt"], filters=[])
    asked = subjects(KeywordsSubject(theme=THEME, vocabulary=vocabulary))
    fine = {"keywords": ["greek yogurt"], "categories": [], "filters": []}
    found = import_answers(
        Task.KEYWORDS,
        write_lines(
            tmp_path / "a.jsonl",
            batch_line("keywords-7-0", json.dumps({**fine, "keywords": ["caviar"]})),
            batch_line("keywords-7-0", json.dumps(fine)),
        ),
        subjects=asked,
    )
    assert reasons(found) == {"breaks the schema": 1}
    row = one(found)
    assert isinstance(row, KeywordExample)
    assert (row.chosen_keywords, row.candidates, row.title) == (["greek yogurt"], ["greek yogurt"], THEME.title)


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        ([("6", 2), ("7", 0)], 2),
        ([("6", 2), ("6", 0)], 0),
        ([("6", 2), ("404", 0)], 0),
        ([("6", 2), ("7", 3)], 0),
        ([("6", 2)], 0),
    ],
)
def test_relevance_needs_one_label_for_each_product_shown(
    tmp_path: Path, labels: list[tuple[str, int]], kept: int
) -> None:
    shown = [ShownProduct(id=product, name=f"Yogurt {product}", aisle="yogurt") for product in ("6", "7")]
    answer = {"labels": [{"product_id": product, "label": label} for product, label in labels]}
    path = write_lines(tmp_path / "a.jsonl", batch_line("relevance-7-0", json.dumps(answer)))
    asked = subjects(RelevanceSubject(theme=THEME, products=shown))
    found = import_answers(Task.RELEVANCE, path, subjects=asked)
    assert len(found.rows) == kept
    assert bool(found.problems) is (kept == 0)


def test_importing_again_and_in_parts_gives_the_same_bytes_as_at_once(tmp_path: Path) -> None:
    lines = [design(str(shopper)) for shopper in (10, 9, 7)]
    at_once = import_answers(Task.DESIGN, write_lines(tmp_path / "all.jsonl", *lines))
    first = import_answers(Task.DESIGN, write_lines(tmp_path / "first.jsonl", lines[2]))
    rest = import_answers(Task.DESIGN, tmp_path / "all.jsonl", existing=[*first.rows.values()])
    assert (rest.added, rest.already_there, rest.problems) == (2, 1, [])
    digests = {write_dataset(tmp_path / "x.jsonl", found.rows.values()) for found in (at_once, rest)}
    assert len(digests) == 1
    again = [row for _, row in read_dataset(Task.DESIGN, tmp_path / "x.jsonl")[0]]
    assert [row.key for row in again] == ["7", "9", "10"]
    assert write_dataset(tmp_path / "y.jsonl", again) in digests


def test_a_row_with_other_content_does_not_replace_the_one_there(tmp_path: Path) -> None:
    there = DesignExample.model_validate(design())
    path = write_lines(tmp_path / "a.jsonl", design(persona="Another"))
    found = import_answers(Task.DESIGN, path, existing=[there])
    assert reasons(found) == {"another answer is there": 1}
    assert one(found).persona == "Home cook 7"


def test_compressed_answers_are_read_and_a_torn_archive_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    packed = gzip.compress(f"{json.dumps(keywords())}\n".encode())
    path.write_bytes(packed)
    assert list(import_answers(Task.KEYWORDS, path).rows) == ["7-0"]
    path.write_bytes(packed[:-20])
    with pytest.raises(DatasetError, match="cannot read"):
        import_answers(Task.KEYWORDS, path)
