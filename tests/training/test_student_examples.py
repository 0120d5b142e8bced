from __future__ import annotations

import json
import random
from typing import Any

import pytest
from support import teacher_rows
from support.ebnf import Ebnf
from support.small_shop import SmallCatalog, SmallShoppers, WordEmbedder

from engines.grammar import holds_text, json_grammar
from state.answers import IdeasAnswer, idea_schema
from state.answers_judge import PlacementAnswers
from training import student_examples
from training.examples import DesignExample, KeywordExample, Task
from training.student_examples import (
    ChatExample,
    ChatExamples,
    StudentShop,
    Unwritable,
    answer_text,
    chat_examples,
)

CANDIDATES = ["kettle chips", "greek yogurt drink", "berry yogurt", "plain yogurt", "greek yogurt", "yogurt cups"]


@pytest.fixture
def shop() -> StudentShop:
    catalog = SmallCatalog()
    return StudentShop(SmallShoppers(catalog), catalog, WordEmbedder())


@pytest.fixture
def made(shop: StudentShop, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes examples of rows given as records."""

    def make(task: Task, *records: dict[str, Any], most: int | None = None) -> ChatExamples:
        kinds = {Task.DESIGN: DesignExample, Task.KEYWORDS: KeywordExample}
        rows = [kinds[task].model_validate(record) for record in records]
        monkeypatch.setattr(student_examples, "load_examples", lambda task, split: rows)
        return chat_examples(shop, [task], "train", most=most)

    return make


def accepted(example: ChatExample) -> bool:
    return Ebnf(json_grammar(example.schema.model_json_schema())).accepts(example.answer)


def test_a_design_is_asked_as_the_app_asks_and_answered_as_its_grammar_writes(made: Any) -> None:
    found = made(Task.DESIGN, teacher_rows.design("7"))
    (example,) = found.rows[Task.DESIGN]
    assert "Write 5 different themes." in example.messages[-1]["content"]
    assert example.answer.startswith(
        '{"persona": "Home cook 7", "themes": [{"title": "Yogurt for busy mornings", "need"'
    )
    assert accepted(example)
    value = IdeasAnswer.model_validate_json(example.answer)
    assert [theme.title for theme in value.themes] == [title for title, _ in teacher_rows.THEMES]


def test_keywords_are_learned_in_the_order_in_which_they_are_shown(made: Any) -> None:
    record = teacher_rows.keywords(
        concepts=["greek yogurt"],
        candidates=CANDIDATES,
        chosen_keywords=["yogurt cups", "plain yogurt", "greek yogurt"],
        chosen_categories=["yogurt"],
    )
    (example,) = made(Task.KEYWORDS, record).rows[Task.KEYWORDS]
    shown = example.messages[-1]["content"].partition("Keywords: ")[2].partition("\n")[0].split("; ")
    chosen = json.loads(example.answer)["keywords"]
    assert shown[0] == "greek yogurt"
    assert sorted(shown) == sorted(CANDIDATES)
    assert chosen == [text for text in shown if text in {"yogurt cups", "plain yogurt", "greek yogurt"}]
    assert accepted(example)


def test_of_a_longer_choice_the_eight_best_are_learned(made: Any) -> None:
    candidates = [f"yogurt {letter}" for letter in "abcdefghijkl"]
    record = teacher_rows.keywords(candidates=candidates, chosen_keywords=candidates[::-1])
    (example,) = made(Task.KEYWORDS, record).rows[Task.KEYWORDS]
    assert sorted(json.loads(example.answer)["keywords"]) == candidates[4:]


def test_choosing_nothing_is_learned_too(made: Any) -> None:
    record = teacher_rows.keywords(chosen_keywords=[], chosen_categories=[])
    (example,) = made(Task.KEYWORDS, record).rows[Task.KEYWORDS]
    assert example.answer == '{"keywords": [], "categories": [], "filters": []}'
    assert accepted(example)


def test_rows_that_the_engine_could_not_write_are_left_out_and_counted(made: Any) -> None:
    long = teacher_rows.design("8", [teacher_rows.theme(title="A" * 61), *map(teacher_rows.theme, range(1, 5))])
    quoted = teacher_rows.design("9", persona='The "cook"')
    found = made(Task.DESIGN, teacher_rows.design("7"), long, quoted)
    assert [example.key for example in found.rows[Task.DESIGN]] == ["7"]
    assert found.left_out == {
        "design: themes.title breaks the schema (string_too_long)": 1,
        "design: persona has signs that the grammar does not write": 1,
    }


def test_fewer_examples_are_a_part_of_more_whatever_the_order_of_the_rows(made: Any) -> None:
    records = [teacher_rows.design(str(number)) for number in range(20)]
    few = [row.key for row in made(Task.DESIGN, *records, most=5).rows[Task.DESIGN]]
    more = [row.key for row in made(Task.DESIGN, *records[::-1], most=12).rows[Task.DESIGN]]
    assert more[:5] == few


def test_an_answer_of_the_judge_is_written_as_its_grammar_writes_it() -> None:
    answer = {question: {"reason": "5 of 6 fit", "answer": "yes"} for question in PlacementAnswers.model_fields}
    text = answer_text(PlacementAnswers, answer)
    assert Ebnf(json_grammar(PlacementAnswers.model_json_schema())).accepts(text)
    with pytest.raises(Unwritable, match="breaks the schema"):
        answer_text(PlacementAnswers, {**answer, "fits_shopper": {"reason": "", "answer": "yes"}})


def test_holds_text_agrees_with_the_grammar() -> None:
    chance = random.Random(5)
    letters = "aaaaaaaeéñ'' -,%&\"\\\u200b;1Z"
    seen = set()
    for least, most in ((0, 6), (2, 12), (2, 40), (3, 60), (1, 30)):
        schema = {"type": "string", "minLength": least, "maxLength": most}
        grammar = Ebnf(json_grammar(schema))
        for _ in range(250):
            text = "".join(chance.choice(letters) for _ in range(chance.randrange(0, most + 3)))
            if chance.random() < 0.6:
                text = text.replace('"', "b").replace("\\", "b").replace("\u200b", "b")
            written = grammar.accepts(f'"{text}"') and least <= len(text) <= most
            assert holds_text(text, schema) == written, (text, schema)
            seen.add(written)
    assert seen == {True, False}


def test_the_schema_asks_for_as_many_themes_as_the_label_has(made: Any) -> None:
    four = teacher_rows.design("7", [teacher_rows.theme(position) for position in range(4)])
    (example,) = made(Task.DESIGN, four).rows[Task.DESIGN]
    assert example.schema.model_json_schema() == idea_schema(4).model_json_schema()
