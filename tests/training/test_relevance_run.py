"""A whole run: networks, files that the scorer loads, a run card that names them; and again from where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.small_shop import SmallCatalog, WordEmbedder
from support.tiny_relevance import save_base, tiny_bert, tiny_deberta

from engines.cross_encoder import FILES, load_cross_encoder
from state.catalog import Product
from state.errors import ModelsError
from state.placement import Need
from tools.mixed_scorer import load_mixed_scorer
from training import relevance_recipe
from training.examples import ThemeLabel
from training.relevance_fit import FitOptions
from training.relevance_mix import refit_mix
from training.relevance_pairs import LabelledPair, Shelves
from training.relevance_recipe import RecipeOptions, Shop
from training.relevance_run import CARD, Job, train_relevance

FIT = FitOptions(epochs=8, batch_size=8, learning_rate=5e-3, max_tokens=24)
OPTIONS = RecipeOptions(layers=(0, 2), first=FIT, second=replace(FIT, epochs=4), themes=2, precision=0.6)


def toy(split: str, catalog: object) -> list[LabelledPair]:
    """Yogurt themes take dairy, bread themes bakery."""
    names = {"greek yogurt": "dairy", "vanilla yogurt": "dairy", "rye bread": "bakery", "wheat bread": "bakery"}
    found = []
    for number in range(8):
        wanted, aisle = (("yogurt", "dairy"), ("bread", "bakery"))[number % 2]
        about = ThemeLabel(id=f"{number}-0", title=f"{wanted} week", need=Need.EXPLORE, rationale="", concepts=[wanted])
        for at, (name, of) in enumerate(names.items()):
            product = Product(id=str(at), name=name, aisle=of, department="d")
            found.append(LabelledPair(about, product, 2 if of == aisle else 0))
    return found


class Told:
    """Notes the steps that a run tells of."""

    def __init__(self) -> None:
        self.steps: dict[str, list[int]] = {}

    def __call__(self, stage: str, done: int, total: int, loss: float | None) -> None:
        self.steps.setdefault(stage, []).append(done)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(relevance_recipe, "labelled_pairs", toy)
    monkeypatch.setattr(relevance_recipe, "training_themes", lambda count, seed: [toy("train", None)[0].theme])
    products, embedder = SmallCatalog().all_products(), WordEmbedder()
    vectors = embedder.embed([product.name for product in products])
    return Shop(SmallCatalog(), Shelves(products, vectors, embedder), embedder)


def job(tmp_path: Path, model: Any, **changed: Any) -> Job:
    source = save_base(tmp_path / "source", model)
    given = {"source": source, "base": "tiny", "out": tmp_path / "out", "command": "c", "options": OPTIONS}
    return Job(**{**given, **changed})


def test_a_run_leaves_files_that_the_scorer_loads_and_a_card_that_names_them(tmp_path: Path, shop: Shop) -> None:
    card = train_relevance(tmp_path / "home", shop, job(tmp_path, tiny_bert()), Told())
    scorer = load_cross_encoder(tmp_path / "out")
    assert json.loads((tmp_path / "out" / CARD).read_text("utf-8")) == json.loads(json.dumps(card))
    assert card["model"] == scorer.name
    assert card["calibration"]["threshold"] == scorer.threshold
    assert card["files"] == {name: hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() for name in FILES}
    assert card["data"]["pairs"]["train"] == 32
    assert card["data"]["pairs"]["unlabelled"] > 0
    assert list(card["training"]) == ["first", "deberta"]
    theme = "yogurt week: yogurt"
    fits, misfit = scorer.score([(theme, "greek yogurt, dairy"), (theme, "rye bread, bakery")])
    assert fits > misfit
    mixed = load_mixed_scorer(tmp_path / "out", WordEmbedder())
    assert (card["mix"]["model"], card["mix"]["threshold"]) == (mixed.name, mixed.threshold)
    good, bad = mixed.score([(theme, "greek yogurt, dairy"), (theme, "rye bread, bakery")])
    assert good >= mixed.threshold > bad


def test_the_mix_alone_can_be_fitted_anew_for_another_embedder(tmp_path: Path, shop: Shop) -> None:
    class Another(WordEmbedder):
        name = "another"

    before = train_relevance(tmp_path / "home", shop, job(tmp_path, tiny_bert()), Told())
    card = refit_mix(tmp_path / "out", toy("dev", None), Another(), precision=0.6, chosen_on="toys", command="again")
    assert json.loads((tmp_path / "out" / CARD).read_text("utf-8")) == json.loads(json.dumps(card))
    assert {**card, "mix": None} == {**json.loads(json.dumps(before)), "mix": None}
    assert load_mixed_scorer(tmp_path / "out", Another()).name == card["mix"]["model"] != before["mix"]["model"]
    with pytest.raises(ModelsError, match="fitted with embedder 'another'"):
        load_mixed_scorer(tmp_path / "out", WordEmbedder())


def test_a_mix_that_reaches_no_threshold_leaves_the_one_before(tmp_path: Path, shop: Shop) -> None:
    train_relevance(tmp_path / "home", shop, job(tmp_path, tiny_bert()), Told())
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    no_use = [replace(pair, label=label) for pair in toy("dev", None) for label in (0, 2)]
    with pytest.raises(ModelsError, match="lower --precision"):
        refit_mix(tmp_path / "out", no_use, WordEmbedder(), precision=0.99, chosen_on="toys", command="again")
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_a_second_run_trains_nothing_again_and_writes_the_same_weights(tmp_path: Path, shop: Shop) -> None:
    first, told = train_relevance(tmp_path / "home", shop, job(tmp_path, tiny_bert()), Told()), Told()
    again = train_relevance(tmp_path / "home", shop, job(tmp_path, tiny_bert(), out=tmp_path / "again"), told)
    assert not [stage for stage in told.steps if stage.startswith("training")]
    # The network's description numbers its nodes on through a process: weights and calibration are what must agree.
    assert again["files"]["openvino_model.bin"] == first["files"]["openvino_model.bin"]
    assert again["calibration"] == first["calibration"]
    assert again["training"] == first["training"]


def test_a_deberta_of_ones_own_is_fine_tuned_on_the_labels_alone(tmp_path: Path, shop: Shop) -> None:
    base = tiny_deberta(share_att_key=True, position_buckets=8)
    given = job(tmp_path, base, own_base=True, options=OPTIONS)
    card = train_relevance(tmp_path / "home", shop, given, Told())
    assert (card["data"]["pairs"]["unlabelled"], list(card["training"])) == (0, ["deberta"])
    assert load_cross_encoder(tmp_path / "out").name == card["model"]


def test_a_source_that_is_no_model_or_of_another_kind_writes_nothing(tmp_path: Path, shop: Shop) -> None:
    with pytest.raises(ModelsError, match="not bert"):
        train_relevance(tmp_path / "home", shop, job(tmp_path, tiny_deberta()), Told())
    (tmp_path / "source" / "tokenizer.json").write_text("{")
    with pytest.raises(ModelsError, match="no tokenizer"):
        train_relevance(tmp_path / "home", shop, Job(tmp_path / "source", "t", tmp_path / "out", "c", OPTIONS), Told())
    assert not (tmp_path / "out").exists()


def test_a_failed_run_overwrites_nothing(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_fits(split: str, catalog: object) -> list[LabelledPair]:
        return [replace(pair, label=0) if split == "dev" else pair for pair in toy(split, catalog)]

    monkeypatch.setattr(relevance_recipe, "labelled_pairs", none_fits)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / FILES[1]).write_text("of before")
    with pytest.raises(ModelsError, match="lower --precision"):
        train_relevance(tmp_path / "home", shop, job(tmp_path, tiny_bert()), Told())
    assert [(file.name, file.read_text()) for file in (tmp_path / "out").iterdir()] == [(FILES[1], "of before")]


def test_labels_of_another_shop_are_told(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(split: str, catalog: object) -> Sequence[LabelledPair]:
        return []

    monkeypatch.setattr(relevance_recipe, "labelled_pairs", nothing)
    with pytest.raises(ModelsError, match="labels are of the demo shop"):
        train_relevance(tmp_path / "home", shop, job(tmp_path, tiny_bert()), Told())
