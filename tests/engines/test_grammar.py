"""The grammar of an answer schema: what it writes is valid, what is not valid cannot be written."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from support.ebnf import Ebnf

from engines.fit import fit_lengths
from engines.grammar import json_grammar
from state.answers import design_schema, keyword_schema
from state.answers_judge import PageAnswers, PlacementAnswers
from state.errors import EngineError

PHRASES = ["organic banana", 'the "best" milk', "back\\slash tea", "jalapeño", "2% milk"]


class Sizes(BaseModel):
    stars: int = Field(ge=1, le=5)
    count: int
    share: float
    sure: bool
    note: Annotated[str, Field(max_length=8)] | None
    code: str = Field(min_length=2, max_length=4)
    empty: Annotated[list[str], Field(max_length=0)]


class Distinct(BaseModel):
    picks: list[Literal["a", "b", "c", "d"]] = Field(
        min_length=2, max_length=3, json_schema_extra={"uniqueItems": True}
    )


SCHEMAS = [design_schema(2), keyword_schema(PHRASES, ["tea"], []), PageAnswers, PlacementAnswers, Sizes, Distinct]


def grammar_of(schema: type[BaseModel], **options: Any) -> Ebnf:
    return Ebnf(json_grammar(schema.model_json_schema(), **options))


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.__name__)
@pytest.mark.parametrize("spaced", [True, False])
def test_everything_the_grammar_can_write_is_valid(schema: type[BaseModel], spaced: bool) -> None:
    grammar = grammar_of(schema, spaced=spaced)
    for seed in range(60):
        document = grammar.draw(seed)
        fitted = fit_lengths(document, schema.model_json_schema())
        schema.model_validate_json(fitted)
        assert grammar.accepts(document)


def test_a_document_is_written_on_one_line_with_fixed_separators() -> None:
    answer = {"keywords": ["jalapeño", "2% milk"], "categories": [], "filters": []}
    schema = keyword_schema(PHRASES, ["tea"], ["organic"])
    spaced, compact = grammar_of(schema), grammar_of(schema, spaced=False)
    assert spaced.accepts(json.dumps(answer, ensure_ascii=False))
    assert compact.accepts(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))
    assert not spaced.accepts(json.dumps(answer, ensure_ascii=False, indent=1))
    assert not compact.accepts(json.dumps(answer, ensure_ascii=False))


@pytest.mark.parametrize("phrase", PHRASES)
def test_each_phrase_of_the_vocabulary_can_be_written(phrase: str) -> None:
    answer = {"keywords": [phrase], "categories": ["tea"], "filters": []}
    assert grammar_of(keyword_schema(PHRASES, ["tea"], [])).accepts(json.dumps(answer, ensure_ascii=False))


@pytest.mark.parametrize("phrase", ["organic bananas", "organic", "vodka", "", "ORGANIC BANANA", "tea"])
def test_no_phrase_outside_the_vocabulary_can_be_written(phrase: str) -> None:
    answer = {"keywords": [phrase], "categories": [], "filters": []}
    assert not grammar_of(keyword_schema(PHRASES, ["tea"], [])).accepts(json.dumps(answer))


def test_none_fits_can_always_be_written() -> None:
    for vocabulary in (PHRASES, []):
        grammar = grammar_of(keyword_schema(vocabulary, [], []))
        assert grammar.accepts('{"keywords": [], "categories": [], "filters": []}')


def test_lists_hold_no_more_and_no_fewer_items_than_the_schema_says() -> None:
    def themes(concepts: int, count: int) -> str:
        theme = {"title": "Tea time", "need": "explore", "rationale": "", "concepts": ["tea"] * concepts}
        return json.dumps({"persona": "Tea lover", "themes": [theme] * count})

    grammar = grammar_of(design_schema(2))
    assert [grammar.accepts(themes(concepts, 2)) for concepts in (2, 3, 8, 9)] == [False, True, True, False]
    assert [grammar.accepts(themes(3, count)) for count in (1, 2, 3)] == [False, True, False]


def test_items_of_a_unique_list_are_distinct_and_in_the_order_of_the_vocabulary() -> None:
    grammar = grammar_of(Distinct)
    accepted = [
        picks
        for picks in (
            ["a"],
            ["a", "b"],
            ["b", "a"],
            ["a", "a"],
            ["c", "d"],
            ["a", "c", "d"],
            ["a", "b", "c", "d"],
            ["d"],
        )
        if grammar.accepts(json.dumps({"picks": picks}))
    ]
    assert accepted == [["a", "b"], ["c", "d"], ["a", "c", "d"]]


@pytest.mark.parametrize(
    "text", ['quo"te', "back\\slash", "new\nline", "zero\u200bwidth", "turned\u202earound", " led"]
)
def test_strings_hold_no_character_that_needs_escaping_or_hides(text: str) -> None:
    answer = {"stars": 1, "count": 0, "share": 0.5, "sure": True, "note": text, "code": "ab", "empty": []}
    grammar = grammar_of(Sizes)
    assert grammar.accepts(json.dumps({**answer, "note": "plain"}))
    assert not grammar.accepts(json.dumps(answer, ensure_ascii=False))


def test_a_string_ends_near_its_length_even_when_the_model_would_go_on() -> None:
    grammar = grammar_of(PageAnswers)

    def judged(reason: str) -> str:
        one = {"reason": reason, "answer": "yes"}
        return json.dumps({"cohesive": one, "diverse": one, "covers_needs": one})

    assert grammar.accepts(judged("The themes belong together, and each row answers a need of this shopper."))
    assert not grammar.accepts(judged("word " * 40))
    assert not grammar.accepts(judged(""))


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "string", "pattern": "^a"}, "pattern"),
        ({"type": "number", "minimum": 0}, "minimum"),
        ({"type": "integer", "minimum": 3}, "both bounds"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "free keys"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 2}, "minItems"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength"),
        ({"type": "object", "properties": {"a": {}}}, "root.a"),
        ({"$ref": "#/$defs/Gone"}, "Gone"),
    ],
)
def test_a_schema_that_cannot_be_held_is_refused_by_name(schema: dict[str, Any], named: str) -> None:
    with pytest.raises(EngineError, match=named):
        json_grammar(schema)


def test_fitting_cuts_at_the_end_of_a_word_and_leaves_the_rest() -> None:
    schema = PageAnswers.model_json_schema()
    long = {"reason": "fits well, " * 20, "answer": "yes"}
    short = {"reason": "short ", "answer": "no"}
    fitted = json.loads(fit_lengths(json.dumps({"cohesive": long, "diverse": short, "covers_needs": short}), schema))
    assert fitted["cohesive"]["reason"].endswith("fits well, fits")
    assert 140 < len(fitted["cohesive"]["reason"]) <= 160
    assert fitted["diverse"] == {"reason": "short", "answer": "no"}


def test_fitting_leaves_what_is_no_json_to_the_validation() -> None:
    assert fit_lengths('{"reason": "cut off', {"type": "object"}) == '{"reason": "cut off'
