"""The selector shows the terms likeliest to be chosen, in their order, and is loaded whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.small_shop import WordEmbedder

from engines.versions import models_version
from state.errors import ModelsError, ModelsMissing
from state.options import PageOptions
from state.placement import Need, Theme
from state.settings import PROJECT_ROOT, Settings
from state.vocabulary import Vocabulary
from tools.keyword_features import FEATURES, keyword_features
from tools.keyword_selector import (
    CARD_FILE,
    LEAST,
    MODEL_FILE,
    LearnedKeywords,
    NearestKeywords,
    load_selector,
)
from training.examples import KeywordExample
from training.keyword_selector import embedded, selector_examples, texts_of, train_selector, write_selector

KINDS = ["yogurt", "bread", "tea", "soap", "pasta", "cheese", "salad", "juice"]
ADJECTIVES = ["greek", "vanilla", "plain", "rye", "green", "dish", "dry", "soft"]


def labels(split: str, count: int = 40) -> list[KeywordExample]:
    """Themes about two kinds: terms of these kinds are chosen, others are not."""
    chance = np.random.default_rng(len(split))
    rows = []
    for number in range(count):
        about = [KINDS[at] for at in chance.permutation(len(KINDS))[:2]]
        candidates = [f"{ADJECTIVES[chance.integers(8)]} {kind}" for kind in KINDS for _ in range(3)]
        rows.append(
            KeywordExample(
                theme_id=f"{number}-0",
                title=f"{about[0]} and {about[1]} week",
                need=Need.EXPLORE,
                rationale="In most orders.",
                concepts=about,
                candidates=list(dict.fromkeys(candidates)),
                categories=[],
                chosen_keywords=[text for text in dict.fromkeys(candidates) if text.split()[1] in about],
                chosen_categories=[],
            )
        )
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = [selector_examples(WordEmbedder(), labels(split)) for split in ("train", "dev")]
    model, card = train_selector(*made, embedder=WordEmbedder.name, command="a test")
    found = tmp_path_factory.mktemp("selector")
    write_selector(found, model, card)
    return found


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    for name in (MODEL_FILE, CARD_FILE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    return tmp_path


def theme(*concepts: str) -> Theme:
    return Theme(id="1", position=0, title="Tea week", need=Need.EXPLORE, rationale="", concepts=list(concepts))


def vocabulary(*keywords: str) -> Vocabulary:
    return Vocabulary(keywords=list(keywords), categories=["tea", "soap"], filters=["organic"])


OFFERED = vocabulary("dish soap", "green tea", "dry pasta", "soft tea", "rye bread", "plain tea", "soft cheese")


def test_the_likeliest_terms_are_shown_in_the_order_given_and_aisles_and_filters_stay(folder: Path) -> None:
    shown = LearnedKeywords(folder, WordEmbedder()).cut(theme("tea"), OFFERED, 3)
    assert shown.keywords == ["green tea", "soft tea", "plain tea"]
    assert (shown.categories, shown.filters) == (OFFERED.categories, OFFERED.filters)


def test_terms_under_the_floor_are_left_out_even_where_there_is_room_but_some_are_always_shown(folder: Path) -> None:
    selector = LearnedKeywords(folder, WordEmbedder())
    assert selector.cut(theme("tea"), OFFERED, 7).keywords == ["green tea", "soft tea", "plain tea"]
    assert len(selector.cut(theme("tea"), vocabulary("dish soap", "dry pasta", "rye bread", "x"), 4).keywords) == LEAST
    assert len(selector.cut(theme("tea"), vocabulary("dish soap", "dry pasta"), 4).keywords) == 2
    assert selector.cut(theme("tea"), vocabulary(), 4).keywords == []


def test_without_a_readable_concept_the_nearest_are_shown(folder: Path) -> None:
    shown = LearnedKeywords(folder, WordEmbedder()).cut(theme("\x00"), OFFERED, 3)
    assert shown.keywords == OFFERED.keywords[:3]


def test_without_a_model_the_nearest_are_shown(folder: Path) -> None:
    assert NearestKeywords().cut(theme("tea"), OFFERED, 2).keywords == ["dish soap", "green tea"]
    assert isinstance(load_selector(Settings(keyword_selector="nearest"), WordEmbedder()), NearestKeywords)
    assert isinstance(load_selector(Settings(keyword_selector=folder), WordEmbedder()), LearnedKeywords)


def test_features_are_finite_numbers_of_each_candidate_whatever_the_texts() -> None:
    found = keyword_features(WordEmbedder(), "", "", ["tea"], ["green tea", "---", "Tea", "x" * 500])
    assert found.shape == (4, len(FEATURES))
    assert np.isfinite(found).all()
    named = dict(zip(FEATURES, found.T, strict=True))
    assert named["place"].tolist() == [0, 1, 2, 3]
    assert named["same_words"].tolist() == [0, 0, 1, 0]
    assert named["last_word"].tolist() == [1, 0, 1, 0]
    assert named["words_known"].tolist() == [0.5, 0, 1, 0]
    assert named["like_nearer"][0] == 0
    assert named["like_nearer"][2] == pytest.approx(np.sqrt(0.5), abs=1e-6)


def test_one_candidate_has_features() -> None:
    assert np.isfinite(keyword_features(WordEmbedder(), "t", "r", ["tea"], ["tea"])).all()


def test_the_same_labels_and_seed_give_the_same_bytes_and_known_vectors_the_same_features(folder: Path) -> None:
    rows = labels("train")
    counts: list[int] = []
    known = embedded(WordEmbedder(), texts_of(rows), counts.append)
    assert sum(counts) == len(texts_of(rows))
    train, dev = selector_examples(known, rows), selector_examples(WordEmbedder(), labels("dev"))
    model, card = train_selector(train, dev, embedder=WordEmbedder.name, command="a test")
    assert model.encode() == (folder / MODEL_FILE).read_bytes()
    assert json.loads(json.dumps(card)) == json.loads((folder / CARD_FILE).read_text("utf-8"))
    assert card["dev"]["auc"] > 0.9


def test_labels_without_a_choice_are_told() -> None:
    rows = [row.model_copy(update={"chosen_keywords": []}) for row in labels("train", 3)]
    none = selector_examples(WordEmbedder(), rows)
    with pytest.raises(ModelsError, match="nothing to learn from"):
        train_selector(none, none, embedder="e", command="c")


def test_a_missing_model_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelsMissing, match="shelfwise train keywords"):
        LearnedKeywords(tmp_path, WordEmbedder()).cut(theme("tea"), OFFERED, 3)


def test_a_model_that_is_not_the_one_of_its_card_is_refused(copy: Path) -> None:
    with (copy / MODEL_FILE).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelsError, match="is not the file that"):
        LearnedKeywords(copy, WordEmbedder()).cut(theme("tea"), OFFERED, 3)


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"features": ["place"]}, "other features"), ({"embedder": "another"}, "trained with embedder 'another'")],
)
def test_a_model_of_other_features_or_another_embedder_is_refused(copy: Path, changed: dict, told: str) -> None:
    card = json.loads((copy / CARD_FILE).read_text("utf-8"))
    (copy / CARD_FILE).write_text(json.dumps({**card, **changed}), encoding="utf-8")
    with pytest.raises(ModelsError, match=told):
        LearnedKeywords(copy, WordEmbedder()).cut(theme("tea"), OFFERED, 3)


def test_a_broken_card_is_told(copy: Path) -> None:
    (copy / CARD_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(ModelsError, match="cannot be read"):
        LearnedKeywords(copy, WordEmbedder()).cut(theme("tea"), OFFERED, 3)


def test_the_shipped_model_is_that_of_its_card_and_of_the_default_embedder() -> None:
    class Named(WordEmbedder):
        name = Settings().embedder.model

    selector = LearnedKeywords(PROJECT_ROOT / "models" / "keywords", Named())
    assert selector.chances("Tea week", "", ["tea"], ["green tea", "dish soap"]).shape == (2,)


def test_another_model_is_another_version_of_the_models_where_it_is_used(copy: Path, tmp_path: Path) -> None:
    def version(shown: int | None) -> str:
        settings = Settings(home=tmp_path / "home", keyword_selector=copy, page=PageOptions(keywords_shown=shown))
        return models_version(settings, "a scorer")

    used, unused = version(8), version(None)
    assert used != unused
    (copy / CARD_FILE).write_text((copy / CARD_FILE).read_text("utf-8") + " ", encoding="utf-8")
    assert version(8) != used
    assert version(None) == unused
    (copy / CARD_FILE).unlink()
    assert version(8) != used
