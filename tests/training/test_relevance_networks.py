"""MiniLM becomes a DeBERTa without a change of its answers, and the lean form answers as the library's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tiny_relevance import save_base, tiny_bert, tiny_deberta, tiny_inputs

from state.errors import ModelsError
from training.relevance_lean import LeanDeberta, LogitsOf
from training.relevance_model import deberta_base, deberta_of_bert, freeze_words, minilm_cross_encoder


def answers(network: Any, inputs: dict[str, Any] | None = None) -> np.ndarray:
    import torch

    with torch.inference_mode():
        found: np.ndarray = network(**(inputs or tiny_inputs()))[:, 0].numpy()
    return found


def test_a_deberta_made_of_a_bert_answers_as_the_bert_before_any_training() -> None:
    bert = tiny_bert()
    before, after = answers(LogitsOf(bert)), answers(LogitsOf(deberta_of_bert(bert).eval()))
    assert np.ptp(before) > 0.005
    assert after == pytest.approx(before, abs=1e-5)


def test_its_relative_positions_start_without_effect_and_can_learn() -> None:
    import torch

    model = deberta_of_bert(tiny_bert()).eval()
    rows = model.deberta.encoder.rel_embeddings.weight
    assert not rows.any()
    LeanDeberta(model, 24)(**tiny_inputs()).sum().backward()
    assert torch.count_nonzero(rows.grad)


def test_only_the_layers_asked_for_are_kept() -> None:
    bert = tiny_bert(layers=3)
    model = deberta_of_bert(bert, [0, 2])
    kept = [layer.intermediate.dense.weight for layer in model.deberta.encoder.layer]
    assert [
        bool((kept[at] == bert.bert.encoder.layer[of].intermediate.dense.weight).all()) for at, of in ((0, 0), (1, 2))
    ]
    assert len(kept) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"share_att_key": True, "position_buckets": 8, "norm_rel_ebd": "none", "type_vocab_size": 2},
        {"share_att_key": True, "position_buckets": 256, "norm_rel_ebd": "layer_norm", "position_biased_input": False},
        {"share_att_key": False, "position_buckets": -1},
        {"num_hidden_layers": 1, "position_buckets": 4},
    ],
    ids=["shipped", "deberta-v3", "own-keys", "one-layer"],
)
def test_the_lean_form_answers_as_the_library(changed: dict[str, Any]) -> None:
    model = tiny_deberta(**changed)
    library = answers(LogitsOf(model))
    assert np.ptp(library) > 0.001
    assert answers(LeanDeberta(model, 24).eval()) == pytest.approx(library, abs=1e-5)


@pytest.mark.parametrize("changed", [{"pos_att_type": ["c2p"]}, {"relative_attention": False}])
def test_a_deberta_of_another_attention_has_no_lean_form(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="lean form"):
        LeanDeberta(tiny_deberta(**changed), 24)


def test_a_base_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    bert, deberta = save_base(tmp_path / "bert", tiny_bert()), save_base(tmp_path / "deberta", tiny_deberta())
    assert minilm_cross_encoder(bert, 7).config.num_labels == 1
    assert deberta_base(deberta, 7).config.num_labels == 1
    with pytest.raises(ModelsError, match="holds a deberta-v2 model, not bert"):
        minilm_cross_encoder(deberta, 7)
    with pytest.raises(ModelsError, match="holds a bert model, not deberta-v2"):
        deberta_base(bert, 7)
    with pytest.raises(ModelsError, match="no model can be loaded"):
        deberta_base(tmp_path / "nothing", 7)


def test_frozen_words_take_no_gradient() -> None:
    model = tiny_deberta()
    freeze_words(model)
    LogitsOf(model)(**tiny_inputs()).sum().backward()
    assert model.get_input_embeddings().weight.grad is None
    assert model.classifier.weight.grad is not None
