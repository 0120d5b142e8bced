"""The cross-encoder scores pairs in their order, names its content, and loads whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.tiny_relevance import record_of, tiny_cross_encoder

from engines.cross_encoder import FILES, RECORD, load_cross_encoder, read_cross_encoder_record
from state.errors import ModelsError, ModelsMissing

PAIRS = [
    ("yogurt week: greek yogurt, vanilla yogurt", "berry yogurt, dairy"),
    ("bread", "rye bread, bakery"),
    ("yogurt for the week: " + "greek yogurt, " * 20, "soap, household"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cross_encoder(tmp_path_factory.mktemp("models") / "tiny", threshold=0.4)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_scores_are_probabilities_in_the_order_of_the_pairs_whatever_their_length(folder: Path) -> None:
    scorer = load_cross_encoder(folder, threads=1)
    scores = scorer.score(PAIRS)
    assert scores.dtype == np.float32
    assert ((scores > 0) & (scores < 1)).all()
    assert np.ptp(scores) > 1e-3
    assert scores == pytest.approx([scorer.score([pair])[0] for pair in PAIRS], abs=1e-5)
    assert scorer.score(PAIRS[::-1]) == pytest.approx(scores[::-1], abs=1e-5)
    assert scorer.score([]).shape == (0,)


def test_scores_are_the_calibrated_logits(folder: Path) -> None:
    scorer = load_cross_encoder(folder)
    assert scorer.score(PAIRS) == pytest.approx(1 / (1 + np.exp(-(2.0 * scorer.logits(PAIRS) - 0.5))), abs=1e-6)


def test_more_pairs_than_a_batch_are_scored_alike(folder: Path) -> None:
    scorer = load_cross_encoder(folder)
    assert scorer.score(PAIRS * 70).reshape(70, 3) == pytest.approx(np.tile(scorer.score(PAIRS), (70, 1)), abs=1e-5)


def test_the_scorer_carries_its_threshold_and_a_name_of_its_content(folder: Path) -> None:
    scorer = load_cross_encoder(folder)
    record = read_cross_encoder_record(folder)
    assert (scorer.threshold, scorer.name) == (0.4, record.name)
    assert record.name.startswith("cross-encoder/")
    for changed in ({"threshold": 0.5}, {"scale": 1.5}, {"files": {**record.files, FILES[1]: "0" * 64}}):
        assert record.model_copy(update=changed).name != record.name
    assert record.model_copy(update={"command": "another"}).name == record.name


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_told(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelsError, match=f"not whole: .*{name} is missing"):
        load_cross_encoder(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_not_calibrated_is_refused(copy: Path, name: str) -> None:
    with (copy / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelsError, match="not the file that the threshold was calibrated for"):
        load_cross_encoder(copy)


def test_a_folder_without_a_record_is_a_missing_model(tmp_path: Path) -> None:
    with pytest.raises(ModelsMissing, match="no relevance model"):
        load_cross_encoder(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": {}}'])
def test_a_broken_record_is_told(copy: Path, text: str) -> None:
    (copy / RECORD).write_text(text, encoding="utf-8")
    with pytest.raises(ModelsError, match="cannot be read"):
        load_cross_encoder(copy)


def test_weights_that_are_none_are_told(copy: Path) -> None:
    import hashlib

    (copy / FILES[0]).write_text("<net/>", encoding="utf-8")
    record = record_of(copy)
    record["files"][FILES[0]] = hashlib.sha256(b"<net/>").hexdigest()
    (copy / RECORD).write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ModelsError, match="cannot be loaded"):
        load_cross_encoder(copy)
