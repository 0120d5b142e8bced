"""Rewrites without a model say only what is known, keep what was asked for, and are asked for where they can help."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.intent_drafts import Found
from support.small_shop import SmallCatalog, WordEmbedder, WordSearch

from state.intent import REWRITE_KINDS, Attribute, LabelledQuery, RewriteKind, Rewrites, Roles
from tools.labelled_queries import LabelledQueries
from tools.query_results import RICH, ResultForecast, RewriteGate, wants_rewrites
from tools.query_rewrites import RetrievedRewrites
from tools.query_words import CatalogueWords

TERMS = ["yogurt", "berry yogurt", "greek yogurt", "kefir drink", "green tea", "black tea", "tea", "sourdough bread"]
LABELLED = [
    LabelledQuery(
        query="candied ginger",
        corrected="candied ginger",
        product="candied ginger",
        categories=["snacks > sweets"],
        rewrites=Rewrites(synonym=["crystallized ginger"]),
    ),
    LabelledQuery(query="mint tea", corrected="mint tea", product="tea", categories=["beverages > tea"]),
]
TEA = ["beverages > tea"]


def retrieved() -> RetrievedRewrites:
    search = WordSearch(SmallCatalog(), terms=TERMS)
    return RetrievedRewrites(search, search, LabelledQueries(LABELLED, WordEmbedder()))


def roles(product: str | None, *attributes: tuple[str, str], brand: str | None = None) -> Roles:
    return Roles(product=product, brand=brand, attributes=[Attribute(type=t, value=v) for t, v in attributes])


def test_broader_drops_brand_and_attributes_then_the_words_before_the_head_then_names_the_aisle() -> None:
    asked = roles("berry yogurt", ("form", "tubes"), ("size", "8 ct"), brand="yoplait")
    found = retrieved().rewrites("yoplait berry yogurt tubes 8 ct", asked, ["dairy eggs > yogurt cups"], "broader", 9)
    assert found == ["8 ct berry yogurt", "tubes berry yogurt", "berry yogurt", "yogurt", "yogurt cups"]


def test_long_names_of_aisles_are_no_queries() -> None:
    asked = retrieved().rewrites("seltzer", roles("seltzer"), ["drinks > water seltzer sparkling water"], "broader", 9)
    assert asked == []


@pytest.mark.parametrize("kind", REWRITE_KINDS)
def test_what_the_query_asks_to_be_stands_in_every_rewrite(kind: RewriteKind) -> None:
    asked = roles("yogurt", ("diet", "gluten free"), ("quality", "organic"))
    found = retrieved().rewrites("organic gluten free greek yogurt", asked, ["dairy eggs > yogurt"], kind, 9)
    assert all("organic" in text and "gluten free" in text for text in found)
    assert found or kind == "synonym"


def test_a_product_is_called_what_labelled_queries_call_it() -> None:
    asked = roles("candied ginger", ("form", "chunks"))
    assert retrieved().rewrites("candied ginger chunks", asked, [], "synonym", 9)[0] == "crystallized ginger chunks"


def test_a_labelled_query_that_may_not_speak_says_nothing() -> None:
    found = retrieved().rewrites(
        "candied ginger", roles("candied ginger"), [], "synonym", 9, without=frozenset({"candied ginger"})
    )
    assert "crystallized ginger" not in found


def test_substitutes_stand_on_the_same_shelf_and_are_neither_wider_nor_narrower() -> None:
    found = retrieved().rewrites("green tea", roles("tea", ("flavor", "green")), TEA, "substitute", 9)
    assert {"black tea", "mint tea"} <= {*found}
    assert not {"tea", "green tea", "sourdough bread"} & {*found}


@pytest.mark.parametrize("kind", REWRITE_KINDS)
def test_no_rewrite_is_the_query_itself_and_none_is_made_of_other_words(kind: RewriteKind) -> None:
    query = "berry yogurt"
    found = retrieved().rewrites(query, roles("yogurt", ("flavor", "berry")), ["dairy eggs > yogurt"], kind, 9)
    known = {
        word for text in [query, *TERMS, "crystallized", *(row.corrected for row in LABELLED)] for word in text.split()
    }
    assert query not in found
    assert {word for text in found for word in text.split()} <= known


def test_the_limit_holds() -> None:
    asked = roles("berry yogurt", ("form", "tubes"), ("size", "8 ct"))
    assert len(retrieved().rewrites("berry yogurt tubes 8 ct", asked, ["a > yogurt"], "broader", 2)) == 2


@pytest.mark.parametrize(
    ("covering", "words", "kinds"),
    [
        (0, 5, REWRITE_KINDS),
        (RICH - 1, 1, REWRITE_KINDS),
        (RICH, 1, ["substitute"]),
        (RICH, 2, ["substitute"]),
        (RICH, 3, []),
    ],
)
def test_a_query_that_says_which_one_and_finds_it_is_left_alone(
    covering: int, words: int, kinds: Sequence[RewriteKind]
) -> None:
    assert wants_rewrites(ResultForecast(found=24, covering=covering, words=words)) == list(kinds)


def test_products_count_that_say_every_word_of_the_query_by_name_or_aisle() -> None:
    found = Found({"green teas for guests": ["Green Tea, Sencha", "Green Guests Mug", "Green Apple"]}, "tea guests")
    assert RewriteGate(found).forecast("green teas for guests") == ResultForecast(found=3, covering=3 - 0, words=3)


def test_a_query_of_fillers_finds_nothing_that_it_could_be_sure_of() -> None:
    assert RewriteGate(Found({"for the": ["Tea"]})).wanted("for the") == list(REWRITE_KINDS)


def test_a_brand_may_be_unheard_of_but_not_known_as_something_else() -> None:
    words = CatalogueWords(
        ["Berry Yogurt"], ["berry yogurt"], [LabelledQuery(query="dry soda", corrected="dry soda", brand="dry")]
    )
    assert [words.brand(text) for text in ("dry", "chobani", "berry yogurts", "gluten free", "")] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_a_product_has_a_word_that_the_shop_knows() -> None:
    words = CatalogueWords(["Berry Yogurt"], [], [])
    assert [words.product(text) for text in ("yogurts", "xqzt yogurt", "xqzt", "")] == [True, True, False, False]
