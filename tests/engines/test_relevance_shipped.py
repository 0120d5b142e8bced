"""The shipped relevance model is the one of its run card and tells fitting products from misfits."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from engines.cross_encoder import CrossEncoderScorer, load_cross_encoder, read_cross_encoder_record
from engines.embedder import load_embedder
from state.relevance import product_text, theme_text
from state.settings import PROJECT_ROOT, Settings, load_settings
from tools.mixed_scorer import MixedScorer, load_mixed_scorer, read_mix_record

FOLDER = PROJECT_ROOT / "models" / "relevance"


@pytest.fixture(scope="module")
def scorer() -> CrossEncoderScorer:
    return load_cross_encoder(FOLDER)


def test_shipped_files_are_those_of_the_run_card() -> None:
    card = json.loads((FOLDER / "run_card.json").read_text("utf-8"))
    record = read_cross_encoder_record(FOLDER)
    assert (card["files"], card["model"]) == (record.files, record.name)
    for name, expected in card["files"].items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == expected
    mix = read_mix_record(FOLDER)
    told = card["mix"]
    assert (told["model"], told["weights"], told["threshold"]) == (mix.name, mix.weights, mix.threshold)
    assert (mix.cross_encoder, mix.embedder) == (record.name, Settings().embedder.model)
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 25e6


@pytest.fixture(scope="module")
def mixed() -> MixedScorer:
    return load_mixed_scorer(FOLDER, load_embedder(load_settings()))


@pytest.mark.model
@pytest.mark.parametrize("name", ["scorer", "mixed"])
@pytest.mark.parametrize(
    ("title", "concepts", "fits", "misfit"),
    [
        ("Pasta night", ["spaghetti", "marinara sauce"], ("Spaghetti", "dry pasta"), ("Dish Soap", "dish detergents")),
        ("Berry bowls", ["blueberries", "yogurt"], ("Blueberries", "fresh fruits"), ("Cat Litter", "cat food care")),
        ("Clean kitchen", ["dish soap", "sponges"], ("Dish Soap", "dish detergents"), ("Ground Beef", "meat counter")),
    ],
)
def test_an_obvious_fit_scores_well_above_an_obvious_misfit_which_is_pruned(
    name: str,
    request: pytest.FixtureRequest,
    title: str,
    concepts: list[str],
    fits: tuple[str, str],
    misfit: tuple[str, str],
) -> None:
    scorer = request.getfixturevalue(name)
    theme = theme_text(title, concepts)
    good, bad = scorer.score([(theme, product_text(*fits)), (theme, product_text(*misfit))])
    assert bad < scorer.threshold
    assert good - bad > 0.1


@pytest.mark.model
def test_equal_pairs_score_alike_whatever_stands_beside_them(scorer: CrossEncoderScorer) -> None:
    pair = (theme_text("Pasta night", ["spaghetti"]), product_text("Spaghetti", "dry pasta"))
    long = (theme_text("A very long theme", [f"concept number {n}" for n in range(20)]), "Something, somewhere")
    assert scorer.score([pair, long])[0] == pytest.approx(scorer.score([pair])[0], abs=0.05)
    assert np.isfinite(scorer.score([long])).all()
