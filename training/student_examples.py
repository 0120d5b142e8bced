"""What the student learns: the app's own prompts, and the answers as the embedded engine's grammar writes them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from agents.judge import page_messages, placement_messages
from agents.keyword_writer import keyword_messages
from agents.page_designer import idea_messages
from engines.grammar import holds_text
from graph.services import ShopperLoader
from state.answers import MAX_CATEGORIES, MAX_FILTERS, MAX_KEYWORDS, idea_schema, keyword_schema
from state.guard import Embedder
from state.llm import Message
from state.vocabulary import Vocabulary
from tools.vocabulary import nearest_first
from training.datasets import load_examples
from training.examples import DesignExample, IntentExample, JudgeExample, KeywordExample, Task
from training.judge_corruptions import judge_examples
from training.judge_material import Products
from training.splits import Split
from training.student_intents import QueryEvidence, query_questions

STUDENT_TASKS = (Task.DESIGN, Task.KEYWORDS, Task.JUDGE, Task.INTENTS)


@dataclass(frozen=True)
class ChatExample:
    """One question of the app, and the answer to learn. ``schema`` is the one that the app holds the answer to."""

    task: Task
    key: str
    messages: list[Message]
    answer: str
    schema: type[BaseModel]


@dataclass
class ChatExamples:
    """The examples of one split, and how many rows were left out for which reason."""

    rows: dict[Task, list[ChatExample]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class StudentShop:
    """What prompts are filled from, as the page graph uses it."""

    shoppers: ShopperLoader
    catalog: Products
    embedder: Embedder
    queries: QueryEvidence | None = None
    """Needed for the intents alone."""


class Unwritable(ValueError):
    """The embedded engine could not write this answer: its schema or its grammar refuses it."""


def chat_examples(shop: StudentShop, tasks: Sequence[Task], split: Split, *, most: int | None = None) -> ChatExamples:
    """Return the examples of ``tasks`` in ``split``, at most ``most`` of each, in an order that is fixed by a hash.

    Rows with an answer that the app's schema or grammar cannot hold are left out and counted.
    """
    made = ChatExamples()
    for task in tasks:
        rows = sorted(_rows(shop, task, split), key=lambda row: _place(row.key))
        made.rows[task] = []
        for row in rows[:most]:
            try:
                made.rows[task] += _MAKERS[task](shop, row)
            except Unwritable as fault:
                made.left_out[f"{task.value}: {fault}"] += 1
    return made


def answer_text(schema: type[BaseModel], answer: Mapping[str, Any]) -> str:
    """Return ``answer`` as the grammar of ``schema`` writes it: property order, one space behind comma and colon.

    Raises:
        Unwritable: schema or grammar refuse it.
    """
    try:
        value = schema.model_validate(answer)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"] if not isinstance(part, int))
        raise Unwritable(f"{place} breaks the schema ({fault['type']})") from None
    plain = value.model_dump(mode="json")
    for place, text, bounds in _strings(plain, schema.model_json_schema()):
        if not holds_text(text, bounds):
            raise Unwritable(f"{place} has signs that the grammar does not write")
    return json.dumps(plain, ensure_ascii=False)


def _strings(value: Any, schema: dict[str, Any], place: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the free texts of an answer: where they stand, the text, and its part of the schema."""
    defs = schema.get("$defs", {})

    def walk(value: Any, part: dict[str, Any], place: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        if "$ref" in part:
            part = defs[part["$ref"].removeprefix("#/$defs/")]
        if isinstance(value, str) and "enum" not in part and "const" not in part:
            yield place, value, part
        elif isinstance(value, list):
            for item in value:
                yield from walk(item, part.get("items", {}), place)
        elif isinstance(value, dict):
            for name, member in value.items():
                yield from walk(member, part.get("properties", {}).get(name, {}), f"{place}.{name}".lstrip("."))

    return walk(value, schema, place)


def _rows(shop: StudentShop, task: Task, split: Split) -> Sequence[Any]:
    if task is Task.JUDGE:
        return judge_examples(split, shop.catalog, shop.shoppers)
    return load_examples(task, split)


def _place(key: str) -> bytes:
    return hashlib.sha256(f"shelfwise-student-sample-1:{key}".encode()).digest()


def _design(shop: StudentShop, row: DesignExample) -> list[ChatExample]:
    schema = idea_schema(len(row.themes))
    themes = [theme.model_dump(mode="json", include={"title", "need", "concepts"}) for theme in row.themes]
    answer = answer_text(schema, {"persona": row.persona, "themes": themes})
    messages = idea_messages(shop.shoppers.load(row.shopper_id), len(row.themes))
    return [ChatExample(Task.DESIGN, row.key, messages, answer, schema)]


def _keywords(shop: StudentShop, row: KeywordExample) -> list[ChatExample]:
    """Show the candidates as the keyword search gives them, and learn the best of the choice in that order.

    The grammar writes a choice in the order of what was shown, so the teacher's order (best first) decides only which
    of a longer choice are kept.
    """
    vocabulary = Vocabulary(
        keywords=nearest_first(shop.embedder, row.concepts, row.candidates),
        categories=list(dict.fromkeys(row.categories)),
        filters=list(dict.fromkeys(row.filters)),
    )
    schema = keyword_schema(vocabulary.keywords, vocabulary.categories, vocabulary.filters)
    answer = {
        "keywords": _best(row.chosen_keywords, vocabulary.keywords, MAX_KEYWORDS),
        "categories": _best(row.chosen_categories, vocabulary.categories, MAX_CATEGORIES),
        "filters": _best(row.chosen_filters, vocabulary.filters, MAX_FILTERS),
    }
    messages = keyword_messages(row.theme.as_placement(), vocabulary)
    return [ChatExample(Task.KEYWORDS, row.key, messages, answer_text(schema, answer), schema)]


def _best(chosen: Sequence[str], shown: Sequence[str], most: int) -> list[str]:
    best = set(list(dict.fromkeys(chosen))[:most])
    return [text for text in shown if text in best]


def _judge(shop: StudentShop, row: JudgeExample) -> list[ChatExample]:
    shopper = shop.shoppers.load(row.shopper_id)
    if row.placement_id is None:
        messages = page_messages(shopper, row.placements)
    else:
        messages = placement_messages(shopper, row.placements[0], row.min_products)
    schema = type(row.answers)
    return [ChatExample(Task.JUDGE, row.key, messages, answer_text(schema, row.answers.model_dump()), schema)]


def _intents(shop: StudentShop, row: IntentExample) -> list[ChatExample]:
    return [
        ChatExample(
            Task.INTENTS,
            f"{row.key}/{asked.part}",
            asked.messages,
            answer_text(asked.schema, asked.answer),
            asked.schema,
        )
        for asked in query_questions(_queries(shop), row.labelled)
    ]


def _queries(shop: StudentShop) -> QueryEvidence:
    assert shop.queries is not None, "the intents need labelled queries and categories"
    return shop.queries


_MAKERS: dict[Task, Callable[[StudentShop, Any], list[ChatExample]]] = {
    Task.DESIGN: _design,
    Task.KEYWORDS: _keywords,
    Task.JUDGE: _judge,
    Task.INTENTS: _intents,
}
