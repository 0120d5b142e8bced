"""Grounded design: evidence and concepts come out of the lists given, facts are stated, not invented."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from support.scripted_chat import ScriptedChat
from support.small_shop import SmallCatalog, SmallShoppers, WordSearch

from agents.grounded_designer import design_grounded_page
from agents.prompting import render
from state.answers import grounded_theme_schema
from state.errors import AnswerRejected, EngineUnavailable
from state.placement import Need
from state.shopper import AisleAffinity, Preference, ProductHistory, ShopperContext
from state.vocabulary import ThemeSeed
from tools.theme_seeds import theme_seeds

SEED = ThemeSeed(
    aisle="tea",
    need=Need.EXPLORE,
    bought={"Green Tea": 4, "Mint Tea": 2},
    concepts=["green tea", "mint tea", "tea"],
)
ANSWER = {"bought": ["Mint Tea"], "concepts": ["mint tea", "tea", "green tea"], "title": "tea time"}


def shopper(**changes: Any) -> ShopperContext:
    base = ShopperContext(
        shopper_id="7",
        order_count=9,
        aisles=[AisleAffinity(aisle="tea", department="beverages", share=0.4, lift=3.0)],
        preferences=[Preference(name="organic", share=0.5, lift=2.0)],
    )
    return base.model_copy(update=changes)


async def test_themes_keep_the_order_of_the_seeds_and_state_facts() -> None:
    chat = ScriptedChat(designer=[ANSWER, {**ANSWER, "title": "More tea"}])
    design = await design_grounded_page(chat, shopper(), [SEED, SEED])
    assert [(t.id, t.title) for t in design.themes] == [("7-0", "Tea time"), ("7-1", "More tea")]
    assert design.themes[0].rationale == "Mint Tea in 2 of your 9 orders."
    assert design.persona == "Buys most from tea; leans to organic"


@pytest.mark.parametrize(
    "wrong",
    [{"bought": ["Black Tea"]}, {"bought": []}, {"concepts": ["coffee", "tea", "mint tea"]}, {"concepts": ["tea"]}],
)
def test_nothing_outside_the_lists_can_be_answered(wrong: dict[str, Any]) -> None:
    schema = grounded_theme_schema(list(SEED.bought), SEED.concepts)
    schema.model_validate(ANSWER)
    with pytest.raises(ValidationError):
        schema.model_validate({**ANSWER, **wrong})


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("coffee for slow mornings,", "Coffee for slow mornings"),
        ("Pike Place Roast Medium Keurig Brewed K-Cups xx", "Pike Place Roast Medium Keurig Brewed K-Cups xx"),
        ("Pike Place Roast Medium Keurig Brewed K-Cups Pod", "Pike Place Roast Medium Keurig Brewed K-Cups"),
        (" ,;- ", "Mint tea"),
        ("Tea 101", "Tea"),
        ("Tea 2018 is the best", "Tea is the best"),
        ("Lavender 50% Tea", "Lavender Tea"),
    ],
)
async def test_titles_lose_what_the_length_limit_cut_off(written: str, shown: str) -> None:
    chat = ScriptedChat(designer=[{**ANSWER, "title": written}])
    design = await design_grounded_page(chat, shopper(), [SEED])
    assert design.themes[0].title == shown


async def test_several_products_of_evidence_are_each_counted() -> None:
    answer = {**ANSWER, "bought": ["Green Tea", "Mint Tea"]}
    design = await design_grounded_page(ScriptedChat(designer=[answer]), shopper(), [SEED])
    assert design.themes[0].rationale == "Green Tea in 4 of your 9 orders, Mint Tea in 2."


async def test_a_theme_whose_answer_is_unusable_is_left_out_and_none_left_is_a_failure() -> None:
    chat = ScriptedChat(designer=[AnswerRejected("broken"), ANSWER])
    assert len((await design_grounded_page(chat, shopper(), [SEED, SEED])).themes) == 1
    with pytest.raises(AnswerRejected):
        await design_grounded_page(ScriptedChat(designer=AnswerRejected("broken")), shopper(), [SEED])


async def test_a_designer_that_is_down_is_not_hidden() -> None:
    with pytest.raises(EngineUnavailable):
        await design_grounded_page(ScriptedChat(designer=EngineUnavailable("down")), shopper(), [SEED])


async def test_a_cold_shopper_is_told_what_is_popular_not_what_was_bought() -> None:
    design = await design_grounded_page(ScriptedChat(designer=[ANSWER]), shopper(cold=True), [SEED])
    assert design.themes[0].rationale == "Popular in the shop: Mint Tea."
    assert design.persona.startswith("New shopper")


def test_examples_are_shown_as_earlier_turns_in_the_form_that_is_asked() -> None:
    messages = render("theme", bought=["Green Tea"])
    assert [m["role"] for m in messages] == ["system", *["user", "assistant"] * 4, "user"]
    assert messages[-1]["content"] == 'Bought: "Green Tea"'
    assert messages[1]["content"].startswith('Bought: "')
    for answer in messages[2::2]:
        grounded_theme_schema(["x"], ["a"])  # the form is the same; the lists differ for each example
        assert answer["content"].startswith('{"bought":[')


def test_seeds_are_shelves_most_bought_first_and_split_no_shelf() -> None:
    catalog = SmallCatalog()
    seeds = theme_seeds(WordSearch(catalog), SmallShoppers(catalog).load("7"), 2)
    assert [seed.aisle for seed in seeds] == ["fresh fruits", "yogurt"]
    assert seeds[0].bought == {"Banana": 5, "Gala Apple": 5}
    assert "banana" in seeds[0].concepts


async def test_a_number_that_the_evidence_holds_stays_in_the_title() -> None:
    seed = SEED.model_copy(update={"bought": {"2% Milk": 1}})
    answer = {**ANSWER, "bought": ["2% Milk"], "title": "2% milk for the week"}
    design = await design_grounded_page(ScriptedChat(designer=[answer]), shopper(), [seed])
    assert design.themes[0].title == "2% milk for the week"


@pytest.mark.parametrize(
    ("department", "orders", "need"),
    [("Pets", 1, Need.HOUSEHOLD), ("beverages", 3, Need.REPLENISH), ("beverages", 2, Need.EXPLORE)],
)
def test_the_need_follows_from_the_shelf_and_how_often_it_is_bought(department: str, orders: int, need: Need) -> None:
    item = ProductHistory(
        product_id="1", name="Green Tea", aisle="a", department=department, order_count=orders, orders_since_last=0
    )
    assert theme_seeds(WordSearch(SmallCatalog()), shopper(products=[item]), 1)[0].need is need


def test_a_shelf_without_terms_in_the_corpus_gives_no_seed() -> None:
    catalog = SmallCatalog()
    assert theme_seeds(WordSearch(catalog, terms=[]), SmallShoppers(catalog).load("7"), 2) == []


def test_a_shopper_without_history_gives_no_seed() -> None:
    assert theme_seeds(WordSearch(SmallCatalog()), ShopperContext(shopper_id="9"), 3) == []


def test_names_that_repeat_in_a_history_stand_once_in_a_seed() -> None:
    item = ProductHistory(
        product_id="1", name="Green Tea", aisle="tea", department="beverages", order_count=2, orders_since_last=0
    )
    twice = shopper(products=[item, item.model_copy(update={"product_id": "2"})])
    assert theme_seeds(WordSearch(SmallCatalog()), twice, 3)[0].bought == {"Green Tea": 2}
