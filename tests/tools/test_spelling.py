"""Spelling: repaired with the shop's words, everything that is right or unknown left alone."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from support.small_shop import SmallCatalog

from catalog.warehouse import Warehouse
from state.catalog import Product
from state.errors import ModelsError
from state.intent import LabelledQuery
from state.settings import Settings, load_settings
from tools.labelled_queries import read_labelled
from tools.linear_scorer import LinearScorer
from tools.spelling import WEIGHTS_FILE, Speller
from tools.spelling_features import FEATURES
from training.datasets import load_examples
from training.examples import Task
from training.speller_fit import speller_figures


class SpellingShop(SmallCatalog):
    """The small shop with enough names for words to be common."""

    def all_products(self) -> list[Product]:
        names = [f"Chobani Peanut Butter {n}" for n in range(3)]
        names += [f"Peanut Chocolate Chips {n}" for n in range(25)]
        names += [f"Vanilla Ice Cream {n}" for n in range(25)]
        goods = [
            Product(id=f"x{n}", name=name, aisle="chips pretzels", department="snacks") for n, name in enumerate(names)
        ]
        return [*super().all_products(), *goods]


LABELLED = [
    LabelledQuery(query="siggis yogurt", corrected="siggis yogurt", brand="siggis", product="yogurt"),
    LabelledQuery(query="chokolat chips", corrected="chocolate chips", product="chips"),
    LabelledQuery(query="chokolat bar", corrected="chocolate bar", product="bar"),
]


@pytest.fixture(scope="module")
def speller() -> Speller:
    return Speller.open(Settings(), SpellingShop(), LABELLED)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("choclate chips", "chocolate chips"),
        ("vanila ice cream", "vanilla ice cream"),
        ("icecream", "ice cream"),
        ("pea nut butter", "peanut butter"),
        ("chokolat", "chocolate"),
    ],
    ids=["letter left out", "doubled letter", "two words written as one", "one word written as two", "told by labels"],
)
def test_a_misspelling_becomes_the_word_of_the_shop(speller: Speller, typed: str, meant: str) -> None:
    assert speller.correct(typed) == meant


@pytest.mark.parametrize(
    "query",
    ["siggis yogurt", "chip", "12 oz 2% yogurt", "ünïcode чай 🍎", "B2B-x99", "women's tea", "", "peanut butter"],
    ids=[
        "labelled brand",
        "singular",
        "numbers",
        "other script",
        "digits",
        "apostrophe",
        "empty",
        "words side by side",
    ],
)
def test_what_is_no_misspelling_stays_as_typed(speller: Speller, query: str) -> None:
    assert speller.correct(query) == query


def test_a_repair_is_not_repaired_again(speller: Speller) -> None:
    for query in ("choclate chips", "pea nut butter", "icecream"):
        once = speller.correct(query)
        assert speller.correct(once) == once


@pytest.mark.parametrize(
    "query",
    ["a" * 10_000, "chocolatte " * 2_000, "abcdefghijklmnopqrstuvwx " * 400, "' OR 1=1; -- " * 500],
    ids=["one long word", "many misspellings", "many unknown words", "quotes"],
)
def test_hostile_input_takes_bounded_work(speller: Speller, query: str) -> None:
    looked_at = 0

    class Counting:
        def lookup(self, *arguments: object, **named: object) -> list[object]:
            nonlocal looked_at
            looked_at += 1
            return []

    counted = Speller(speller.vocabulary, LinearScorer.open(WEIGHTS_FILE, FEATURES))
    counted._index = Counting()  # type: ignore[assignment]
    start = time.process_time()
    assert len(counted.correct(query).split()) <= len(query.split())
    assert looked_at <= 16
    assert time.process_time() - start < 5


def test_a_label_does_not_vouch_for_itself_when_it_is_measured(speller: Speller) -> None:
    alone = speller.vocabulary.without(LABELLED[1])
    assert speller.vocabulary.repairs["chokolat", "chocolate"] == 2
    assert alone.repairs["chokolat", "chocolate"] == 1
    assert ("chokolat", "chocolate") not in alone.without(LABELLED[2]).repairs
    assert [speller.vocabulary.labelled[word] - alone.labelled[word] for word in ("chocolate", "yogurt")] == [1, 0]


def test_weights_for_other_features_are_refused(tmp_path: Path) -> None:
    record = json.loads(WEIGHTS_FILE.read_text("utf-8"))
    record["features"][0] = "another"
    path = tmp_path / "spelling.json"
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(ModelsError, match="other features"):
        Speller.open(Settings(), SpellingShop(), weights=path)
    path.write_text("{", "utf-8")
    with pytest.raises(ModelsError, match=r"spelling\.json cannot be used"):
        Speller.open(Settings(), SpellingShop(), weights=path)


@pytest.mark.model
def test_on_the_dev_split_most_misspellings_are_repaired_and_hardly_any_query_is_harmed() -> None:
    settings = load_settings()
    speller = Speller.open(settings, Warehouse.open(settings), read_labelled(settings.intent.labelled))
    found = speller_figures(speller, [example.labelled for example in load_examples(Task.INTENTS, "dev")])
    assert found.fixed >= 0.7 * found.misspelled
    assert found.harmed <= 0.01 * found.well_spelled
