"""One training run of the relevance model, whole: networks, quantisation, calibration, threshold, run card."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.cross_encoder import (
    FILES,
    RECORD,
    CrossEncoderRecord,
    CrossEncoderScorer,
    compile_cross_encoder,
    read_tokenizer,
)
from state.errors import ModelsError
from state.guard import Embedder
from tools.mixed_scorer import MIX_RECORD, pair_features
from training.datasets import write_whole
from training.relevance_calibration import compared, fit_logistic
from training.relevance_export import megabytes, quantised, to_openvino, write_files, write_record
from training.relevance_fit import FitLog
from training.relevance_lean import LeanDeberta, LogitsOf
from training.relevance_mix import fit_mix, write_mix
from training.relevance_model import (
    deberta_base,
    deberta_of_bert,
    freeze_words,
    minilm_cross_encoder,
    parameters_in_millions,
)
from training.relevance_pairs import LabelledPair
from training.relevance_recipe import Advance, RecipeOptions, Shop, Trainer, data_versions, gather, run_folder
from training.relevance_scores import READINGS, Reading, judge_scores, threshold_for_precision

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

CARD = "run_card.json"
THRESHOLD_READING: Reading = "lenient"


@dataclass(frozen=True)
class Job:
    """One run: what is trained, from what, where to.

    ``source`` is a Hugging Face folder: MiniLM, out of which the first network and then the DeBERTa is made, or with
    ``own_base`` a DeBERTa that is fine-tuned on the labels as it is. ``base`` is its name in the run card, ``command``
    what the run card gives as the way to do it again.
    """

    source: Path
    base: str
    out: Path
    command: str
    options: RecipeOptions
    own_base: bool = False


def train_relevance(home: Path, shop: Shop, job: Job, advance: Advance) -> dict[str, Any]:
    """Train the relevance model and write it into ``job.out``; return its run card.

    Every stage leaves its outcome below ``home``, and is taken up from there by the next run of the same job.

    Raises:
        ModelsError: the source holds no such network, the labels do not belong to the catalogue, or no threshold
            reaches the precision that was asked for.
    """
    import torch

    folder = run_folder(home, job.options, job.base)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = fast_tokenizer(job.source, folder)
    material = gather(shop, job.options, folder, advance, unlabelled=not job.own_base)
    trainer = Trainer(material, tokenizer, job.options, folder, advance)
    torch.manual_seed(job.options.seed)
    model, network, logs = _fine_tuned(trainer, job) if job.own_base else _taught(trainer, job, shop.embedder)
    model.save_pretrained(folder / "deberta")
    written = folder / "export"
    record, figures = _export(network, trainer, material.dev, shop.embedder, job, written)
    card = {
        "model": record.name,
        "base": job.base,
        "command": job.command,
        "options": asdict(job.options),
        "millions_of_parameters": parameters_in_millions(model),
        "data": {
            "files": data_versions(),
            "catalogue": getattr(shop.catalog, "version", ""),
            "pairs": {name: len(getattr(material, name)) for name in ("train", "dev", "unlabelled")},
        },
        "training": {stage: _summary(log) for stage, log in logs.items()},
        "seconds_of_training": round(sum(log.seconds for log in logs.values())),
        "machine": {"threads": torch.get_num_threads(), "torch": torch.__version__},
        "files": record.files,
        "megabytes": megabytes(written),
        **figures,
    }
    write_whole(written / CARD, (json.dumps(card, indent=2) + "\n").encode())
    _publish(written, job.out)
    return card


def _publish(written: Path, out: Path) -> None:
    """Put the files of a finished run in place of those in ``out``; others there stay."""
    out.mkdir(parents=True, exist_ok=True)
    for name in (*FILES, CARD, MIX_RECORD, RECORD):  # the record last: it vouches for the rest
        partial = out / f".{name}.partial"
        shutil.copyfile(written / name, partial)
        os.replace(partial, out / name)


def _fine_tuned(trainer: Trainer, job: Job) -> tuple[Any, nn.Module, dict[str, FitLog]]:
    """Return a pretrained DeBERTa fine-tuned on the labels, the network to run it by, and the log."""
    model = deberta_base(job.source, job.options.seed)
    try:
        network = LeanDeberta(model, job.options.first.max_tokens)
    except ValueError as error:
        raise ModelsError(f"{job.base} cannot be exported: {error}. Use a deberta-v3 as base.") from error
    return model, network, {"deberta": trainer.on_labels(network, "deberta", job.options.first)}


def _taught(trainer: Trainer, job: Job, embedder: Embedder) -> tuple[Any, nn.Module, dict[str, FitLog]]:
    """Return the DeBERTa that MiniLM becomes and teaches, the network to run it by, and the logs of both."""
    options = job.options
    bert = minilm_cross_encoder(job.source, options.seed)
    freeze_words(bert)
    logs = {"first": trainer.on_labels(LogitsOf(bert), "first", options.first)}
    bert.save_pretrained(trainer.folder / "first")
    first = LeanDeberta(deberta_of_bert(bert), options.first.max_tokens)
    model = deberta_of_bert(bert, list(options.layers))
    freeze_words(model)
    network = LeanDeberta(model, options.first.max_tokens)
    logs["deberta"] = trainer.on_answers(network, "deberta", first, embedder)
    return model, network, logs


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
    network: nn.Module, trainer: Trainer, dev: Sequence[LabelledPair], embedder: Embedder, job: Job, out: Path
) -> tuple[CrossEncoderRecord, dict[str, Any]]:
    """Write the int8 model, its record and the mix into ``out``; calibrated are the logits of the written files."""
    options, labels = job.options, trainer.dev_labels
    model = quantised(to_openvino(network), trainer.train, "int8")
    record = CrossEncoderRecord(
        files=write_files(model, trainer.folder / "tokenizer.json", out),
        max_tokens=options.first.max_tokens,
        scale=1.0,
        shift=0.0,
        threshold=0.5,
        chosen_on=chosen_on(dev),
        command=job.command,
    )
    scorer = CrossEncoderScorer(record, compile_cross_encoder(out / FILES[0]), read_tokenizer(out, record))
    logits = scorer.logits([pair.texts for pair in dev])
    calibration = fit_logistic(logits, labels)
    scores = calibration(logits)
    try:
        threshold = threshold_for_precision(scores, labels, options.precision, THRESHOLD_READING)
    except ValueError as error:
        raise ModelsError(f"{error} on dev: train for more epochs, or ask for a lower --precision.") from error
    calibrated = {"scale": calibration.scale, "shift": calibration.shift, "threshold": threshold}
    record = record.model_copy(update=calibrated)
    write_record(out, record)
    return record, {
        "calibration": calibrated,
        "calibration_log_loss": compared(logits, labels, [pair.theme.id for pair in dev]),
        "threshold_for": f"precision of at least {options.precision} on dev, marginal pairs {THRESHOLD_READING}",
        "dev": {
            reading: {name: round(value, 4) for name, value in judge_scores(scores, labels, threshold, reading).items()}
            for reading in READINGS
        },
        "mix": _mix(dev, logits, record, embedder, job, out),
    }


def _mix(
    dev: Sequence[LabelledPair],
    logits: np.ndarray,
    beside: CrossEncoderRecord,
    embedder: Embedder,
    job: Job,
    out: Path,
) -> dict[str, Any]:
    """Write the mix for the cross-encoder ``beside`` into ``out``; return its part of the run card."""
    mix, figures = fit_mix(
        dev,
        pair_features([pair.texts for pair in dev], logits, embedder),
        cross_encoder=beside.name,
        embedder=embedder.name,
        precision=job.options.precision,
        chosen_on=beside.chosen_on,
        command=job.command,
    )
    write_mix(out, mix)
    return figures


def chosen_on(dev: Sequence[LabelledPair]) -> str:
    """Return what a record says of the pairs that its threshold was chosen on."""
    return f"dev split, {len(dev)} pairs: {', '.join(f'{name} {sha[:12]}' for name, sha in data_versions().items())}"


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
