"""Pairs keep to their split, and unlabelled ones are drawn beside the labels, never out of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from support.small_shop import SmallCatalog, WordEmbedder

from state.catalog import Product
from state.placement import Need
from state.relevance import product_name, product_text, theme_parts, theme_text
from training.examples import ThemeLabel
from training.relevance_pairs import (
    LabelledPair,
    Shelves,
    labelled_pairs,
    soft_targets,
    training_themes,
    unlabelled_pairs,
)
from training.relevance_similarity import similarity_features, similarity_logits
from training.splits import shopper_of, shopper_split


class EveryProduct:
    """Sells whatever is asked for but product 1."""

    def products(self, ids: Sequence[str]) -> dict[str, Product]:
        return {id: Product(id=id, name=f"product {id}", aisle="a", department="d") for id in ids if id != "1"}


def theme(id: str, title: str, *concepts: str) -> ThemeLabel:
    return ThemeLabel(id=id, title=title, need=Need.EXPLORE, rationale="Why.", concepts=list(concepts))


def shelves() -> Shelves:
    products = SmallCatalog().all_products()
    return Shelves(products, WordEmbedder().embed([product.name for product in products]), WordEmbedder())


def test_texts_of_a_pair_hold_title_concepts_name_and_aisle() -> None:
    pair = LabelledPair(
        theme("1-0", "Snacks: now", "oat bars", "nuts"), Product(id="1", name="Oat, Bars", aisle="x", department="y")
    )
    assert pair.texts == ("Snacks: now: oat bars, nuts", "Oat, Bars, x")
    assert theme_parts(pair.texts[0]) == ["Snacks: now", "oat bars", "nuts"]
    assert product_name(pair.texts[1]) == "Oat, Bars"


def test_texts_without_a_part_have_no_stray_marks() -> None:
    assert (theme_text("Snacks"), theme_parts("Snacks")) == ("Snacks", ["Snacks"])
    assert (product_text("Oats", ""), product_name("Oats")) == ("Oats", "Oats")
    assert theme_text("Snacks", ["nuts"], "Why not") == "Snacks: Why not: nuts"


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_labelled_pairs_are_of_their_split_and_of_products_that_are_sold(split: str) -> None:
    pairs = labelled_pairs(split, EveryProduct())  # type: ignore[arg-type]
    assert len(pairs) > 1000
    assert {shopper_split(shopper_of(pair.theme.id)) for pair in pairs} == {split}
    assert "1" not in {pair.product.id for pair in pairs}
    assert {pair.label for pair in pairs} == {0, 1, 2}


def test_targets_say_how_well_a_pair_fits() -> None:
    sold = Product(id="2", name="b", aisle="a", department="d")
    pairs = [LabelledPair(theme("1-0", "A", "b"), sold, label) for label in (0, 1, 2)]
    assert soft_targets(pairs, 0.3) == [0.0, 0.3, 1.0]


def test_themes_to_draw_for_are_of_training_shoppers() -> None:
    themes = training_themes(200, 7)
    assert len(themes) == 200
    assert {shopper_split(shopper_of(theme.id)) for theme in themes} == {"train"}
    assert [t.id for t in themes] == [t.id for t in training_themes(200, 7)]


def test_unlabelled_pairs_are_new_distinct_and_the_same_every_time() -> None:
    products = {product.name.lower(): product for product in SmallCatalog().all_products()}
    yogurt = theme("7-0", "Yogurt", "greek yogurt", "berry yogurt")
    labelled = [LabelledPair(yogurt, products["greek yogurt"], 2)]
    drawn = unlabelled_pairs(labelled, [yogurt], shelves(), WordEmbedder(), seed=3)
    ids = [pair.product.id for pair in drawn]
    assert len(set(ids)) == len(ids) > 3
    assert products["greek yogurt"].id not in ids
    assert {pair.label for pair in drawn} == {None}
    assert ids == [p.product.id for p in unlabelled_pairs(labelled, [yogurt], shelves(), WordEmbedder(), seed=3)]


def test_products_of_a_like_theme_are_lent_by_other_shoppers_only() -> None:
    lent = Product(id="lent", name="zzz", aisle="nowhere", department="nowhere")
    labelled = [LabelledPair(theme("8-0", "Yogurt week", "yogurt"), lent, 2)]
    other = theme("7-0", "Yogurt week", "greek yogurt")
    own = theme("8-1", "Yogurt week", "greek yogurt")

    def drawn(themes: list[ThemeLabel]) -> set[str]:
        return {pair.product.id for pair in unlabelled_pairs(labelled, themes, shelves(), WordEmbedder())}

    assert "lent" in drawn([other])
    more = [*labelled, LabelledPair(theme("9-0", "Bread", "bread"), SmallCatalog().all_products()[0], 2)]
    own_lenders = {pair.product.id for pair in unlabelled_pairs(more[1:], [own], shelves(), WordEmbedder())}
    assert "lent" not in own_lenders


def test_shelves_find_the_nearest_names_first() -> None:
    [found] = shelves().nearest(["greek yogurt"], 3)
    assert found[0].name.lower() == "greek yogurt"
    assert len(found) == 3


def test_similarity_tells_fitting_pairs_from_misfits() -> None:
    products = SmallCatalog().all_products()
    yogurt = theme("7-0", "Yogurt", "greek yogurt", "berry yogurt")
    pairs = [LabelledPair(yogurt, p, 2 if "yogurt" in p.name.lower() else 0) for p in products]
    features = similarity_features(pairs, WordEmbedder())
    assert features.shape == (len(products), 5)
    labels = np.array([pair.label for pair in pairs])
    fitted, none = similarity_logits(features, labels, np.empty((0, 5)))
    assert fitted[labels == 2].min() > fitted[labels == 0].max()
    assert none.shape == (0,)
