"""Training goes through every pair once an epoch, learns, and goes on where it was stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tiny_relevance import tiny_deberta, tiny_tokenizer

from training.relevance_fit import Encoded, FitOptions, batches, collate, encode, fit, logits_of
from training.relevance_lean import LogitsOf

OPTIONS = FitOptions(epochs=6, batch_size=8, learning_rate=1e-2, max_tokens=24, checkpoint_every=5)


def toy() -> Encoded:
    """Yogurt goes with dairy and bread with bakery."""
    pairs = [("yogurt week", "greek yogurt, dairy"), ("bread week", "rye bread, bakery")] * 12
    swapped = [("yogurt week", "rye bread, bakery"), ("bread week", "greek yogurt, dairy")] * 12
    return encode(tiny_tokenizer(), pairs + swapped, [1.0] * 24 + [0.0] * 24, 24)


def network() -> Any:
    return LogitsOf(tiny_deberta(spread=0.1, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))


def test_a_batch_is_padded_to_its_longest_pair_with_the_product_as_second_segment() -> None:
    data = encode(tiny_tokenizer(), [("yogurt", "rye bread"), ("greek yogurt week", "milk")], [1, 0], 24)
    batch = {name: tensor.tolist() for name, tensor in collate(data, [0, 1]).items()}
    assert [len(ids) for ids in batch["input_ids"]] == [7, 7]
    assert batch["attention_mask"][0] == [1, 1, 1, 1, 1, 1, 0]
    assert batch["token_type_ids"][0] == [0, 0, 0, 1, 1, 1, 0]


def test_a_pair_too_long_is_cut_on_its_longer_side() -> None:
    data = encode(tiny_tokenizer(), [("yogurt " * 40, "rye bread")], [1], 12)
    assert len(data.ids[0]) == 12
    assert sum(data.types[0]) == 3


def test_an_epoch_holds_every_row_once_in_batches_of_like_length() -> None:
    lengths = [at % 40 + 3 for at in range(1000)]
    found = list(batches(lengths, 16, seed=7, epoch=0))
    assert sorted(row for rows in found for row in rows) == list(range(1000))
    assert np.mean([max(lengths[r] for r in rows) - min(lengths[r] for r in rows) for rows in found]) < 3
    assert found == list(batches(lengths, 16, seed=7, epoch=0))
    assert found != list(batches(lengths, 16, seed=7, epoch=1))


def test_training_learns_which_pairs_belong_together(tmp_path: Path) -> None:
    data, model = toy(), network()
    log = fit(model, data, replace(OPTIONS, epochs=25), tmp_path / "at.pt")
    logits = logits_of(model, data)
    assert logits[:24].min() > 0 > logits[24:].max()
    assert log.losses[-1][1] < log.losses[0][1] / 2


def test_a_stopped_training_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    data, whole, stopped = toy(), network(), network()
    fit(whole, data, OPTIONS, tmp_path / "whole.pt")

    class PulledPlug(Exception):
        pass

    def stop(step: int, steps: int, loss: float) -> None:
        if step == 17:
            raise PulledPlug

    with pytest.raises(PulledPlug):
        fit(stopped, data, OPTIONS, tmp_path / "stopped.pt", advance=stop)
    again, told = network(), []
    log = fit(again, data, OPTIONS, tmp_path / "stopped.pt", advance=lambda step, steps, loss: told.append(step))
    assert told[0] == 16
    assert [step for step, _ in log.losses] == list(range(1, log.steps + 1))
    assert logits_of(again, data) == pytest.approx(logits_of(whole, data), abs=1e-5)


def test_a_checkpoint_of_other_options_is_not_gone_on_from(tmp_path: Path) -> None:
    data = toy()
    fit(network(), data, OPTIONS, tmp_path / "at.pt")
    told: list[int] = []
    fit(network(), data, replace(OPTIONS, seed=8), tmp_path / "at.pt", advance=lambda step, *_: told.append(step))
    assert told[0] == 1


def test_logits_come_in_the_order_of_the_pairs_whatever_their_length() -> None:
    texts = [("yogurt week", "milk"), ("bread " * 9, "rye bread, bakery"), ("fruit", "apple")]
    model = network()
    together = logits_of(model, encode(tiny_tokenizer(), texts, [0.0] * 3, 24), batch_size=2)
    alone = [logits_of(model, encode(tiny_tokenizer(), [pair], [0.0], 24))[0] for pair in texts]
    assert together == pytest.approx(alone, abs=1e-5)
