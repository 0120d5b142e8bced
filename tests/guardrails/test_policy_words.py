"""How the rules file finds words: gaps, look-alikes under patterns, words that count on some shelves alone."""

from __future__ import annotations

import pytest
from support.fakes import context, guard, placement, product, shopper

from catalog.goods import Goods
from catalog.readings import Phrases
from state.verdict import Verdict


def judge(title: str, *products: object) -> Verdict:
    given = placement(title, products=list(products))  # type: ignore[arg-type]
    [verdict] = guard("policy").check([given], context([given], shopper=shopper(), min_products=0))  # type: ignore[misc]
    return verdict


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ignore rules", True),
        ("Ignore all of the rules", True),
        ("ignore what was said in the rules", False),
        ("rules to ignore", False),
        ("i g n o r e the rules", True),
    ],
)
def test_a_gap_stands_for_up_to_three_words_in_order(text: str, found: bool) -> None:
    assert (Phrases(words=["ignore ... rule"]).find(text) is not None) is found


def test_a_gap_in_an_exception_blanks_what_lies_between() -> None:
    phrases = Phrases.model_validate({"words": ["pasta"], "except": ["rice ... pasta"]})
    assert phrases.find("Organic rice and quinoa pasta") is None
    assert phrases.find("Pasta with rice") == "pasta"


@pytest.mark.parametrize("text", ["5 dollars", "5 d0llars", "5 dоllаrs", "5 \uff44ollars", "5 dol\u200blars"])
def test_patterns_see_through_digits_and_look_alike_letters(text: str) -> None:
    assert Phrases(regex=[r"\d+\s*dollars?\b"]).find(text) is not None


def test_aisle_words_count_on_their_shelves_alone() -> None:
    goods = Goods.model_validate({"aisle_words": {"aisles": ["energy sports drinks"], "words": ["energy"]}})
    assert goods.holds(product("Ultra Red Energy", aisle="energy sports drinks"))
    assert not goods.holds(product("Energy Efficient Bulb", aisle="more household"))


def test_what_clears_a_shelf_does_not_clear_a_name() -> None:
    shown = [
        product("Maple Syrup", aisle="honeys syrups nectars", department="pantry"),
        product("Maple Bacon", aisle="snack bar", department="snacks"),
        product("Coconut Shrimp", aisle="frozen appetizers sides", department="frozen"),
        product("Cashew Chicken", aisle="frozen meals", department="frozen"),
        product("Cashew Yogurt", aisle="yogurt", department="dairy eggs"),
    ]
    assert set(judge("Vegan dinners", *shown).pruned) == {"Maple Bacon", "Coconut Shrimp", "Cashew Chicken"}


def test_bakery_shelves_hold_gluten_unless_the_name_says_otherwise() -> None:
    shown = [
        product("Country Potato Hamburger Buns", aisle="buns rolls", department="bakery"),
        product("Sweet Mini Sub Rolls", aisle="buns rolls", department="bakery"),
        product("Gluten Free Dinner Rolls", aisle="buns rolls", department="bakery"),
        product("Brown Rice Loaf", aisle="bread", department="bakery"),
        product("Paper Towel Rolls", aisle="paper goods", department="household"),
    ]
    assert set(judge("Gluten-free week", *shown).pruned) == {"Country Potato Hamburger Buns", "Sweet Mini Sub Rolls"}


@pytest.mark.parametrize("title", ["F*cking great fries", "Sh*t, tacos", "Badass barbecue"])
def test_swearing_with_letters_struck_out_is_swearing(title: str) -> None:
    assert any(reason.startswith("off-brand-words") for reason in judge(title).reasons)
