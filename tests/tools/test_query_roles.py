"""Roles without a language model: words of the query, checked weights, features without the row's own label."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.labelled import tagged_goods
from support.small_shop import SmallCatalog, WordEmbedder

from evaluation.intent_scores import role_scores
from state.errors import ModelsError
from state.intent import Attribute, LabelledQuery, Roles
from tools.query_roles import CrfRoles, card_path
from tools.role_features import role_features
from tools.role_words import RoleWords, own_words, tagged
from training.query_crf import train_crf


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("roles") / "roles.crfsuite"
    train_crf(tagged_goods(), path, SmallCatalog(), WordEmbedder())
    return path


@pytest.fixture(scope="module")
def tagger(weights: Path) -> CrfRoles:
    return CrfRoles.open(weights, SmallCatalog(), tagged_goods(), WordEmbedder())


def test_what_was_labelled_is_learnt(tagger: CrfRoles) -> None:
    pairs = [(row, tagger.roles(row.corrected)[0]) for row in tagged_goods()]
    assert role_scores(pairs).f1.estimate > 0.9


def test_words_stand_in_the_query_as_typed_and_the_probability_is_of_the_sequence(tagger: CrfRoles) -> None:
    roles, chance = tagger.roles("Acme  Berry yogurt")
    assert all(f" {text} " in " Acme Berry yogurt " for _, text in roles.spans())
    assert roles.brand == "Acme"
    assert 0 < chance <= 1


@pytest.mark.parametrize(
    "query", ["", "   ", "🍎 чай \x00", "' OR 1=1; --", "x" * 10_000, "berry yogurt " * 3_000],
    ids=["empty", "spaces", "other scripts", "quotes", "one long word", "many words"],
)  # fmt: skip
def test_any_input_has_at_most_one_product_and_brand_among_its_first_words(tagger: CrfRoles, query: str) -> None:
    roles, chance = tagger.roles(query)
    assert 0 <= chance <= 1
    assert sum(len(text.split()) for _, text in roles.spans()) <= 24


def test_a_query_without_words_has_no_roles(tagger: CrfRoles) -> None:
    assert tagger.roles(" ") == (Roles(), 1.0)


def test_the_same_rows_give_the_same_weights(weights: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.crfsuite"
    train_crf(tagged_goods(), again, SmallCatalog(), WordEmbedder())
    assert again.read_bytes() == weights.read_bytes()


def test_tags_follow_the_spans_of_the_label() -> None:
    row = LabelledQuery(
        query="acme mint green tea bags",
        corrected="Acme mint green tea bags",
        brand="Acme",
        product="green tea",
        attributes=[Attribute(type="form", value="bags")],
    )
    assert [tag for _, tag in tagged(row)] == ["B-brand", "O", "B-product", "I-product", "B-form"]


def test_a_row_does_not_see_its_own_label_when_it_is_learnt() -> None:
    row = LabelledQuery(query="siggis skyr", corrected="siggis skyr", brand="siggis", product="skyr")
    known = RoleWords(SmallCatalog(), [row, *tagged_goods()], WordEmbedder())
    assert known.shares("siggis", own_words(None)) == {"brand": 1.0}
    assert known.shares("siggis", own_words(row)) == {}
    assert "said=brand" in role_features(["siggis", "skyr"], known)[0]
    assert "unsaid" in role_features(["siggis", "skyr"], known, row)[0]


def test_words_that_names_always_hold_together_are_bound() -> None:
    known = RoleWords(SmallCatalog(), [], WordEmbedder())
    assert known.bond("yogurt", "chips") == 0.0
    assert known.bond("red", "wine") == 0.0, "one name is chance"


def test_weights_that_are_not_those_of_their_card_are_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match=r"none\.json|No such file"):
        CrfRoles.open(tmp_path / "none.crfsuite", SmallCatalog(), [], WordEmbedder())
    copy = tmp_path / "roles.crfsuite"
    copy.write_bytes(weights.read_bytes()[:-1])
    card_path(copy).write_bytes(card_path(weights).read_bytes())
    with pytest.raises(ModelsError, match="not the file of its card"):
        CrfRoles.open(copy, SmallCatalog(), [], WordEmbedder())


def test_weights_of_another_embedder_are_refused(weights: Path) -> None:
    class Other(WordEmbedder):
        name = "other"

    with pytest.raises(ModelsError, match="the embedder is 'other'"):
        CrfRoles.open(weights, SmallCatalog(), [], Other())
