"""What becomes a term of the corpus."""

from __future__ import annotations

import random

import pytest

from catalog.corpus import Term, corpus_digest, mine_corpus
from catalog.widening import widening_names
from state.catalog import Category, Product
from state.errors import CatalogError

NAMES = [
    "Organic String Cheese",
    "String Cheese 12 ct",
    "Light String Cheese",
    "Low Fat Cream Cheese",
    "Cream Cheese, Low Fat",
    "Cream Cheese",
    "New York Style Bagels",
    "New York Style Bagels 5 Count",
    "Everything Bagels",
    "Plain Bagels",
    "Lemon Tea",
    "Tea Lemon",
    "Iced Lemon Tea",
    "Black Tea",
    "Chocolate Milk",
    "Milk Chocolate",
    "Soy Milk",
    "Soymilk",
    "Peanut Butter, Creamy",
    "Peanut Butter Creamy",
    "Crunchy Peanut Butter",
    "Non GMO Tortilla Chips",
    "Tortilla Chips",
]


def shop(names: list[str] = NAMES) -> list[Product]:
    return [
        Product(id=str(number), name=name, aisle="aisle one", department="food")
        for number, name in enumerate(names, start=1)
    ]


CATEGORIES = [Category(aisle="aisle one", department="food")]


@pytest.fixture(scope="module")
def terms() -> dict[tuple[str, str], Term]:
    return {(term.kind, term.text): term for term in mine_corpus(shop(), CATEGORIES)}


def texts(terms: dict[tuple[str, str], Term]) -> set[str]:
    return {text for kind, text in terms if kind == "query"}


def test_phrases_carry_frequency_and_examples(terms: dict[tuple[str, str], Term]) -> None:
    cheese = terms["query", "string cheese"]
    assert cheese.frequency == 3
    assert cheese.examples == ("2", "3", "1")  # the plainest names first


def test_a_claim_goes_in_front_wherever_the_name_has_it(terms: dict[tuple[str, str], Term]) -> None:
    assert terms["query", "low fat cream cheese"].frequency == 2


def test_claims_are_never_cut(terms: dict[tuple[str, str], Term]) -> None:
    assert not {"fat cream cheese", "gmo tortilla chips"} & texts(terms)


def test_a_claim_nobody_types_is_a_filter_and_no_part_of_a_query(terms: dict[tuple[str, str], Term]) -> None:
    assert ("filter", "non gmo") in terms
    assert not any("gmo" in text for text in texts(terms))


def test_cuttings_of_a_longer_phrase_are_no_terms(terms: dict[tuple[str, str], Term]) -> None:
    assert "new york style bagels" in texts(terms)
    assert not {"york style bagels", "style bagels"} & texts(terms)


def test_a_phrase_said_backwards_joins_the_usual_order() -> None:
    mined = {term.text: term.frequency for term in mine_corpus(shop(["Lemon Tea"] * 3 + ["Tea Lemon"]), CATEGORIES)}
    assert mined["lemon tea"] == 4
    assert "tea lemon" not in mined


def test_two_goods_of_the_same_words_stay_two(terms: dict[tuple[str, str], Term]) -> None:
    assert {"chocolate milk", "milk chocolate"} <= texts(terms)


def test_spellings_with_and_without_a_space_are_one(terms: dict[tuple[str, str], Term]) -> None:
    assert len({"soy milk", "soymilk"} & texts(terms)) == 1


def test_describing_words_after_the_head_move_in_front(terms: dict[tuple[str, str], Term]) -> None:
    assert terms["query", "creamy peanut butter"].frequency == 2
    assert "creamy" not in texts(terms)


def test_sizes_and_dangling_words_are_in_no_term(terms: dict[tuple[str, str], Term]) -> None:
    assert not any(word in {"ct", "12", "count", "and", "with"} for text in texts(terms) for word in text.split()[-1:])


def test_aisles_are_categories(terms: dict[tuple[str, str], Term]) -> None:
    assert terms["category", "aisle one"].frequency == len(NAMES)


def test_the_order_of_the_catalogue_changes_nothing() -> None:
    products = shop()
    shuffled = random.Random(3).sample(products, len(products))
    assert mine_corpus(products, CATEGORIES) == mine_corpus(shuffled, CATEGORIES)


def test_widening_adds_terms_but_no_frequency() -> None:
    wide = {t.text: t for t in mine_corpus(shop(), CATEGORIES, widening=["DRAGON FRUIT CANDY", "CREAM CHEESE"])}
    assert wide["dragon fruit candy"].frequency == 0
    assert wide["dragon fruit candy"].examples == ()
    assert wide["cream cheese"].frequency == 3


def test_a_size_is_a_ceiling_and_the_best_attested_come_first() -> None:
    mined = mine_corpus(shop(), CATEGORIES, max_terms=8)
    assert len(mined) == 8
    frequencies = [term.frequency for term in mined if term.kind == "query"]
    assert frequencies == sorted(frequencies, reverse=True)


def test_the_digest_follows_every_field() -> None:
    term = Term("tea", "query", 3, ("1",))
    digests = {corpus_digest([t]) for t in (term, Term("tea", "query", 4, ("1",)), Term("tea", "query", 3, ("2",)))}
    assert len(digests) == 3


def test_an_unknown_source_of_names_is_named() -> None:
    with pytest.raises(CatalogError, match="Known: usda"):
        widening_names("moon")
