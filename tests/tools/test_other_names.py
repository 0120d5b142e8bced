"""Parts of queries under other names, as labelled queries taught them."""

from __future__ import annotations

import pytest

from state.intent import Attribute, LabelledQuery, Rewrites, Roles
from tools.other_names import OtherNames, Taught, what_differs

DRINKS = "beverages > soft drinks"
HERE = [DRINKS]
SODA = Roles(product="soda")


def row(query: str, *synonyms: str, product: str = "soda") -> LabelledQuery:
    rewrites = Rewrites(synonym=list(synonyms))
    return LabelledQuery(query=query, corrected=query, product=product, categories=[DRINKS], rewrites=rewrites)


@pytest.mark.parametrize(
    ("one", "other", "parts"),
    [
        ("diet soda", "diet pop", ("soda", "pop")),
        ("paper towels roll", "kitchen roll", ("paper towels", "kitchen")),
        ("soda", "soft drink", ("soda", "soft drink")),
        ("green tea", "organic green tea", None),
        ("yogurt greek", "greek yogurt", None),
        ("a b c d", "e f g h", None),
        ("tea", "tea", None),
    ],
)
def test_what_differs_is_what_is_called_otherwise(one: str, other: str, parts: tuple[str, str] | None) -> None:
    assert what_differs(one, other) == parts


def test_a_part_is_renamed_both_ways_wherever_it_stands() -> None:
    names = OtherNames([row("diet soda", "diet pop"), row("soda can", "pop can", "soft drink can")])
    assert list(names.of("cherry soda", Roles(product="soda"), HERE)) == ["cherry pop", "cherry soft drink"]
    assert list(names.of("pop rocks", Roles(product="pop rocks"), HERE)) == ["soda rocks"]
    assert list(names.of("soft drink syrup", Roles(product="soft drink syrup"), HERE)) == ["soda syrup"]
    assert list(names.of("tea", Roles(product="tea"), HERE)) == []


def test_a_query_that_is_left_out_teaches_nothing() -> None:
    names = OtherNames([row("diet soda", "diet pop"), row("soda can", "pop can")])
    assert list(names.of("diet soda", Roles(product="soda"), HERE, without=frozenset(["diet soda"]))) == ["diet pop"]
    assert list(names.of("diet soda", Roles(product="soda"), HERE, without=frozenset(["diet soda", "soda can"]))) == []


def test_only_the_product_is_renamed_and_only_products_teach() -> None:
    names = OtherNames(
        [row("aluminum foil", "tin foil", product="aluminum foil"), row("aluminum free gel", "tin free gel")]
    )
    assert list(names.of("aluminum foil roll", Roles(product="aluminum foil"), HERE)) == ["tin foil roll"]
    assert list(names.of("aluminum free deodorant", Roles(product="deodorant"), HERE)) == []
    assert (
        list(
            OtherNames([row("cheap gel", "low cost gel", product="gel")]).of(
                "cheap soap", Roles(product="cheap soap"), HERE
            )
        )
        == []
    )


def test_a_name_counts_only_in_the_categories_where_it_was_taught() -> None:
    names = OtherNames([row("diet soda", "diet pop"), row("soda can", "pop can"), row("cream soda", "float")])
    assert list(names.of("baking soda", Roles(product="soda"), ["pantry > baking ingredients"])) == []
    assert names.taught("soda", "pop", SODA, HERE) == Taught(here=2, anywhere=2, share=2 / 3)
    assert names.taught("soda", "pop", SODA, []) == Taught(here=0, anywhere=2, share=0.0)
    assert names.taught("soda", "pop", SODA, HERE, without=["diet soda"]) == Taught(here=1, anywhere=1, share=0.5)
    assert names.taught("soda", "tea", SODA, HERE) == Taught()
    assert names.taught("pop", "soda", Roles(product="pop"), HERE) == Taught(here=2, anywhere=2, share=1.0)


def test_attributes_rename_attributes_and_nothing_else() -> None:
    def asked(value: str, product: str) -> Roles:
        return Roles(product=product, attributes=[Attribute(type="quality", value=value)])

    taught = LabelledQuery(
        query="fragrance free soap",
        corrected="fragrance free soap",
        categories=HERE,
        rewrites=Rewrites(synonym=["unscented soap"]),
        **asked("fragrance free", "soap").model_dump(exclude={"brand"}),
    )
    names = OtherNames([taught])
    wipes = asked("fragrance free", "wipes")
    assert list(names.of("fragrance free wipes", wipes, HERE)) == ["unscented wipes"]
    assert list(names.of("fragrance free wipes", Roles(product="fragrance free wipes"), HERE)) == []
    assert list(names.of("fragrance free wipes", Roles(brand="fragrance free", product="wipes"), HERE)) == []
