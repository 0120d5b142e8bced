"""What a theme's concepts retrieve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.small_shop import WordEmbedder

from catalog.corpus import Term
from state.settings import Settings
from tools.keyword_index import build_keyword_index
from tools.keyword_merge import round_robin
from tools.keywords import MAX_CONCEPTS, KeywordSearch, readable_concepts

WORDS = ["green", "black", "mint", "iced", "chai", "white", "herbal", "rose"]
TERMS = [
    Term("tea", "category", 40),
    Term("bread", "category", 30),
    Term("organic", "filter", 20),
    Term("gluten free", "filter", 10),
    *(Term(f"{word} tea", "query", 5) for word in WORDS),
    *(Term(f"{word} bread", "query", 5) for word in ("rye", "white", "raisin", "pita")),
    Term("gluten free bread", "query", 5),
]


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> KeywordSearch:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    build_keyword_index(settings.corpus_dir, TERMS, WordEmbedder(), settings.index, catalog="c1")
    return KeywordSearch.open(settings, WordEmbedder())


def test_concepts_take_turns(search: KeywordSearch) -> None:
    found = [c for c in search.candidates(["green tea", "rye bread"], 8) if c.kind == "query"]
    assert [c.text for c in found[:2]] == ["green tea", "rye bread"]
    assert {c.concept for c in found[:4:2]} == {"green tea"}
    assert {c.concept for c in found[1:4:2]} == {"rye bread"}


def test_every_candidate_is_a_term_of_the_corpus_and_comes_once(search: KeywordSearch) -> None:
    found = search.candidates(["green tea", "mint tea", "rye bread"], 100)
    pairs = [(c.kind, c.text) for c in found]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) <= {(term.kind, term.text) for term in TERMS}


def test_queries_come_first_then_categories_then_filters(search: KeywordSearch) -> None:
    kinds = [c.kind for c in search.candidates(["green tea", "rye bread"], 100)]
    assert kinds == sorted(kinds, key=["query", "category", "filter"].index)
    assert {"query", "category", "filter"} <= set(kinds)


def test_a_filter_that_a_concept_names_is_the_first_filter(search: KeywordSearch) -> None:
    filters = [c.text for c in search.candidates(["glutenfree toast"], 100) if c.kind == "filter"]
    assert filters[0] == "gluten free"


@pytest.mark.parametrize("limit", [1, 5, 12])
def test_the_limit_holds(search: KeywordSearch, limit: int) -> None:
    assert len(search.candidates(["tea", "bread"], limit)) <= limit


@pytest.mark.parametrize("concepts", [[], [""], ["   ", "\x00\x1b", "!!!"]])
def test_concepts_without_words_have_no_candidates(search: KeywordSearch, concepts: list[str]) -> None:
    assert search.candidates(concepts) == []


def test_no_room_means_no_candidates(search: KeywordSearch) -> None:
    assert search.candidates(["tea"], 0) == []


def test_a_long_concept_is_cut_and_still_answered(search: KeywordSearch) -> None:
    assert search.candidates(["green tea " * 1000], 5)


def test_control_characters_change_nothing(search: KeywordSearch) -> None:
    assert search.candidates(["green\x00 \x1b[31mtea\n"], 5) != []
    assert search.candidates(["GREEN\ttea"], 5) == search.candidates(["green tea"], 5)


def test_too_many_concepts_are_cut() -> None:
    assert len(readable_concepts([f"tea {number}" for number in range(1000)])) == MAX_CONCEPTS


@given(st.lists(st.text(max_size=50), max_size=5))
@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_concepts_are_answered_in_range(search: KeywordSearch, concepts: list[str]) -> None:
    for candidate in search.candidates(concepts, 10):
        assert candidate.concept in readable_concepts(concepts)
        assert -1.001 <= candidate.similarity <= 1.001


def test_the_same_question_has_the_same_answer(search: KeywordSearch) -> None:
    assert search.candidates(["tea", "rye"], 20) == search.candidates(["tea", "rye"], 20)


def unit(*rows: list[float]) -> np.ndarray:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_words_in_another_order_are_one_choice() -> None:
    terms = [Term("cucumber mint water", "query", 1), Term("mint cucumber water", "query", 1)]
    chosen = round_robin([[(0, 0.9), (1, 0.8)]], terms, unit([1, 0], [0, 1]), 10)
    assert [row for row, *_ in chosen] == [0]


def test_terms_of_almost_one_meaning_are_one_choice() -> None:
    terms = [Term("chamomile tea", "query", 1), Term("camomile tea", "query", 1)]
    chosen = round_robin([[(0, 0.9), (1, 0.8)]], terms, unit([1, 0], [1, 0.01]), 10)
    assert [row for row, *_ in chosen] == [0]


def test_a_claim_tells_choices_apart_however_near_they_are() -> None:
    terms = [Term("organic milk", "query", 1), Term("milk", "query", 1)]
    chosen = round_robin([[(0, 0.9), (1, 0.8)]], terms, unit([1, 0], [1, 0.01]), 10)
    assert [row for row, *_ in chosen] == [0, 1]


def test_a_term_near_two_concepts_goes_to_the_nearer_one() -> None:
    terms = [Term("milk tea", "query", 1)]
    assert round_robin([[(0, 0.5)], [(0, 0.7)]], terms, unit([1, 0]), 10) == [(0, 0.7, 1)]


def test_a_concept_without_neighbours_leaves_its_turns_to_others() -> None:
    terms = [Term(f"tea {number}", "query", 1) for number in range(4)]
    ranked = [[(0, 0.9), (1, 0.8), (2, 0.7)], []]
    assert len(round_robin(ranked, terms, unit(*np.eye(4).tolist()), 3)) == 3
