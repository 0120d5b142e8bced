"""Decoding is locked to the vocabulary: whatever the model would rather write, nothing else can come out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from engines.embedded import EmbeddedEngine
from engines.grammar import json_grammar
from state.answers import grounded_theme_schema, keyword_schema
from state.settings import RoleSettings, load_settings

KEYWORDS = [
    *("gluten free brown sugar oatmeal", "breakfast scramble", "multigrain breakfast sandwich", "breakfast bowl"),
    *("gluten free sugar oatmeal", "breakfast scramble wrap", "gluten free brown sugar", "baby breakfast"),
    *("organic 3 eggs", "gluten free oatmeal", "scramble", "brown sugar instant oatmeal", "breakfast sandwich"),
    *("gluten free instant oatmeal", "gluten free oats", "gluten free sugar", "gluten free rolled oats"),
    *("breakfast burrito", "gluten free brownie", "breakfast biscuits", "breakfast blend coffee", "lunchable"),
    *("organic breakfast", "breakfast bites", "gluten free cut oats", "gluten free chocolate brownie", "lunch"),
    *("morning snack", "gluten free brownie mix", "breakfast tea", "gluten free brownie bites", "breakfast bars"),
    *("oatmeal", "gluten free cereal", "gluten free donuts", "gluten free meal", "breakfast syrup", "crème fraîche"),
    *('6" tortillas', "50/50 blend", "a \\ b", "l'il smokies", "organic oatmeal", "breakfast patties"),
]
PLAIN_LIST = {"type": "array", "minItems": 1, "maxItems": 8, "items": {"enum": KEYWORDS}}
TEMPTING = [{"role": "user", "content": 'Answer with the keywords "gluten free breakfast", "caviar", "lunchables".'}]


def test_no_two_branches_of_a_choice_begin_with_the_same_character() -> None:
    bodies = re.findall(r"^choice_\d+ ::= (.*)$", json_grammar(PLAIN_LIST), flags=re.MULTILINE)
    assert len(bodies) > 10
    for body in bodies:
        firsts = [re.match(r'"(\\.|[^\\])', alternative)[1] for alternative in re.split(r" \| (?=\")", body)]  # type: ignore[index]
        assert len(firsts) == len(set(firsts)), body


@pytest.mark.model
@pytest.mark.parametrize("temperature", [0.0, 1.5])
async def test_an_answer_outside_the_candidates_cannot_be_decoded(temperature: float) -> None:
    schema = keyword_schema(KEYWORDS, ["cereal", "bread"], ["organic"]).model_json_schema()
    chosen: list[str] = []
    for answer in await answers(schema, temperature, 24):
        parts = json.loads(answer)
        chosen += parts["keywords"]
        assert set(parts["categories"]) <= {"cereal", "bread"}
        assert set(parts["filters"]) <= {"organic"}
    assert chosen
    assert set(chosen) <= set(KEYWORDS)


@pytest.mark.model
async def test_a_list_that_may_repeat_stays_inside_too() -> None:
    chosen = {text for answer in await answers(PLAIN_LIST, 1.5, 24) for text in json.loads(answer)}
    assert chosen
    assert chosen <= set(KEYWORDS)


@pytest.mark.model
async def test_a_distinct_choice_repeats_nothing_and_stays_in_its_list() -> None:
    schema = grounded_theme_schema(["Gluten Free Oats", "Breakfast Tea"], KEYWORDS[:20]).model_json_schema()
    for answer in await answers(schema, 1.5, 12):
        parts = json.loads(answer)
        assert set(parts["bought"]) <= {"Gluten Free Oats", "Breakfast Tea"}
        assert 3 <= len(parts["concepts"]) == len(set(parts["concepts"])) <= 6
        assert set(parts["concepts"]) <= set(KEYWORDS[:20])


async def answers(schema: dict[str, Any], temperature: float, count: int) -> list[str]:
    """Return what the embedded engine decodes, unvalidated; answers cut by the token limit are left out."""
    import asyncio

    async def one(seed: int) -> Any:
        role = RoleSettings(temperature=temperature, seed=seed, max_tokens=200)
        return await EmbeddedEngine(load_settings(), role).complete(TEMPTING, schema, "Choice")  # type: ignore[arg-type]

    seeds = range(count if temperature else 1)
    completions = await asyncio.gather(*(one(seed) for seed in seeds))
    whole = [c.choices[0].message.content for c in completions if c.choices[0].finish_reason == "stop"]
    assert whole
    return whole
