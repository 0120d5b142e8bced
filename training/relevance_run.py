"""One training run of the relevance model, whole: networks, quantisation, calibration, threshold, run card."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.cross_encoder import CrossEncoderRecord, CrossEncoderScorer, compile_cross_encoder
from state.errors import ModelsError
from training.datasets import write_whole
from training.relevance_calibration import compared, fit_logistic
from training.relevance_export import megabytes, quantised, to_openvino, write_files, write_record
from training.relevance_fit import FitLog
from training.relevance_lean import LeanDeberta, LogitsOf
from training.relevance_model import (
    deberta_base,
    deberta_of_bert,
    freeze_words,
    minilm_cross_encoder,
    parameters_in_millions,
)
from training.relevance_pairs import LabelledPair
from training.relevance_recipe import Advance, RecipeOptions, Shop, Trainer, data_versions, gather, run_folder
from training.relevance_scores import READINGS, judge_scores, threshold_for_precision

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

CARD = "run_card.json"
THRESHOLD_READING = "lenient"


def train_relevance(
    home: Path,
    shop: Shop,
    source: Path,
    out: Path,
    options: RecipeOptions,
    command: str,
    advance: Advance,
    *,
    own_base: bool = False,
) -> dict[str, Any]:
    """Train the relevance model and write it into ``out``; return its run card.

    ``source`` is a Hugging Face folder: MiniLM, out of which the first network and then the DeBERTa is made, or with
    ``own_base`` a DeBERTa that is fine-tuned on the labels as it is. What was trained so far is taken up from ``home``.

    Raises:
        ModelsError: ``source`` holds no such network, or the labels do not belong to the catalogue.
    """
    import torch

    started = time.perf_counter()
    folder = run_folder(home, options, str(source))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = fast_tokenizer(source, folder)
    material = gather(shop, options, folder, advance, unlabelled=not own_base)
    trainer = Trainer(material, tokenizer, options, folder, advance)
    torch.manual_seed(options.seed)
    if own_base:
        model = deberta_base(source, options.seed)
        network = lean_or_plain(model, options.first.max_tokens)
        logs = {"deberta": trainer.on_labels(network, "deberta", options.second)}
    else:
        bert = minilm_cross_encoder(source, options.seed)
        freeze_words(bert)
        logs = {"first": trainer.on_labels(LogitsOf(bert), "first", options.first)}
        first = LeanDeberta(deberta_of_bert(bert), options.first.max_tokens)
        model = deberta_of_bert(bert, list(options.layers))
        freeze_words(model)
        network = LeanDeberta(model, options.first.max_tokens)
        logs["deberta"] = trainer.on_answers(network, "deberta", first, options.second)
    model.save_pretrained(folder / "deberta")
    record, figures = _export(network, trainer, material.dev, folder, out, command)
    card = {
        "model": record.name,
        "command": command,
        "base": source.name,
        "options": asdict(options),
        "millions_of_parameters": parameters_in_millions(model),
        "data": {
            "files": data_versions(),
            "catalogue": getattr(shop.catalog, "version", ""),
            "pairs": {name: len(getattr(material, name)) for name in ("train", "dev", "unlabelled")},
        },
        "training": {stage: _summary(log) for stage, log in logs.items()},
        "files": record.files,
        "megabytes": megabytes(out),
        **figures,
        "seconds": round(time.perf_counter() - started),
        "machine": {"cores": torch.get_num_threads(), "torch": torch.__version__, "python": platform.python_version()},
    }
    write_whole(out / CARD, (json.dumps(card, indent=2) + "\n").encode())
    return card


def lean_or_plain(model: Any, max_tokens: int) -> nn.Module:
    """Return the lean form of a DeBERTa, the library's own where it has none."""
    try:
        return LeanDeberta(model, max_tokens)
    except ValueError:
        return LogitsOf(model)


def fast_tokenizer(source: Path, folder: Path) -> Tokenizer:
    """Return the tokenizer of ``source``, its file written into ``folder``.

    Raises:
        ModelsError: there is none that can be read.
    """
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    try:
        path = source / "tokenizer.json"
        if not path.is_file():
            AutoTokenizer.from_pretrained(source, local_files_only=True).save_pretrained(folder)
            path = folder / "tokenizer.json"
        tokenizer: Tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the libraries raise bare Exception, too
        raise ModelsError(f"no tokenizer can be read from {source} ({type(error).__name__}).") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def _export(
    network: nn.Module, trainer: Trainer, dev: Sequence[LabelledPair], folder: Path, out: Path, command: str
) -> tuple[CrossEncoderRecord, dict[str, Any]]:
    """Write the int8 model and its record; the logits that are calibrated are those of the written files."""
    options = trainer.options
    model = quantised(to_openvino(network), trainer.train, "int8")
    files = write_files(model, folder / "tokenizer.json", out)
    record = CrossEncoderRecord(
        files=files,
        max_tokens=options.first.max_tokens,
        scale=1.0,
        shift=0.0,
        threshold=0.5,
        chosen_on=f"dev split, {len(dev)} pairs, {', '.join(f'{k} {v[:12]}' for k, v in data_versions().items())}",
        command=command,
    )
    from engines.cross_encoder import read_tokenizer

    scorer = CrossEncoderScorer(record, compile_cross_encoder(out / "openvino_model.xml"), read_tokenizer(out, record))
    logits = scorer.logits([pair.texts for pair in dev])
    themes, labels = [pair.theme.id for pair in dev], trainer.dev_labels
    calibration = fit_logistic(logits, labels)
    scores = calibration(logits)
    threshold = threshold_for_precision(scores, labels, options.precision, THRESHOLD_READING)
    record = record.model_copy(update={"scale": calibration.scale, "shift": calibration.shift, "threshold": threshold})
    write_record(out, record)
    figures = {
        "calibration": {"scale": calibration.scale, "shift": calibration.shift},
        "calibration_log_loss": compared(logits, labels, themes),
        "threshold": threshold,
        "threshold_for": f"precision of at least {options.precision} on dev, marginal pairs {THRESHOLD_READING}",
        "dev": {
            reading: {name: round(value, 4) for name, value in judge_scores(scores, labels, threshold, reading).items()}
            for reading in READINGS
        },
    }
    return record, figures


def _summary(log: FitLog) -> dict[str, Any]:
    """Return a training in short: the mean loss of each tenth of its steps, and the figures on dev."""
    losses = [loss for _, loss in log.losses]
    tenths = [part for part in np.array_split(losses, 10) if len(part)]
    return {
        "steps": log.step,
        "seconds": round(log.seconds),
        "loss": [round(float(part.mean()), 4) for part in tenths],
        "dev": log.dev,
    }
