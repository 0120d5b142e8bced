"""The relevance model on labelled pairs, against its baselines: ``python benchmarks/relevance_model.py --split test``.

Quality: every scorer is calibrated on dev and given the lowest threshold that keeps to the precision there, then
measured on the split, with marginal pairs as misfits (strict) and left out (lenient). Intervals are 95 % bootstrap over
themes. Speed: the same pairs through each form of the network in one run. Cost: an LLM labels a sample of the same
pairs with the teacher's prompt. ``--run`` is the folder that ``shelfwise train relevance`` left below <home>/training;
without it only the shipped files and the embedding baseline are measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from catalog.warehouse import Warehouse
from engines.cross_encoder import CrossEncoderScorer, load_cross_encoder
from engines.embedder import load_embedder
from engines.scorer import EmbeddingSimilarityScorer
from evaluation.bootstrap import Interval, statistic_interval
from state.relevance import theme_text
from state.settings import Settings, load_settings
from training.relevance_calibration import fit_logistic
from training.relevance_pairs import LabelledPair, labelled_pairs
from training.relevance_scores import READINGS, Reading, auc, judge_scores, threshold_for_precision
from training.splits import Split

RESAMPLES = 1000
Logits = Callable[[Sequence[LabelledPair]], np.ndarray]
FIGURES = ("precision", "recall", "f1", "macro_f1", "auc", "ece", "fitting_lost", "marginal_kept")


def main(
    split: Annotated[str, typer.Option(help="dev or test.")] = "test",
    run: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Folder of a training run.")] = None,
    precision: Annotated[float, typer.Option(help="What the thresholds keep to on dev.")] = 0.95,
    speed_pairs: Annotated[int, typer.Option(help="Pairs of the speed table, 0 for none.")] = 1024,
    judged: Annotated[int, typer.Option(help="Pairs that the LLM labels, 0 for none.")] = 30,
) -> None:
    """Print the tables."""
    console, settings = Console(width=150), load_settings()
    warehouse = Warehouse.open(settings)
    dev, pairs = labelled_pairs("dev", warehouse), labelled_pairs(_split(split), warehouse)
    shipped = load_cross_encoder(settings.scorer.path, settings.threads)
    scored = {name: (score(dev), score(pairs)) for name, score in _contenders(settings, shipped, run).items()}
    for reading in READINGS:
        console.print(_quality(scored, dev, pairs, split, reading, precision, shipped))
    console.print(_texts(settings, shipped, dev, "dev"))
    if speed_pairs:
        console.print(_speed(settings, shipped, run, pairs[:speed_pairs]))
    if judged:
        console.print(asyncio.run(_cost(settings, shipped, pairs, judged)))


def _split(name: str) -> Split:
    if name == "dev" or name == "test":
        return name
    raise typer.BadParameter("split is dev or test")


def _contenders(settings: Settings, shipped: CrossEncoderScorer, run: Path | None) -> dict[str, Logits]:
    """Return what is compared, each as a function to scores of any scale."""
    similarity = EmbeddingSimilarityScorer(load_embedder(settings))
    found: dict[str, Logits] = {"embedding similarity": lambda pairs: similarity.score([p.texts for p in pairs])}
    if run:
        for name, network in _networks(run).items():
            found[name] = _by_torch(network, run)
    found["DeBERTa int8, shipped"] = lambda pairs: shipped.logits([pair.texts for pair in pairs])
    return found


def _networks(run: Path) -> dict[str, Any]:
    """Return the networks of a training run by name."""
    from transformers import BertForSequenceClassification, DebertaV2ForSequenceClassification

    from training.relevance_lean import LeanDeberta, LogitsOf

    found: dict[str, Any] = {}
    if (run / "first").is_dir():
        found["MiniLM cross-encoder, fp32"] = LogitsOf(BertForSequenceClassification.from_pretrained(run / "first"))
    found["DeBERTa fp32"] = LeanDeberta(DebertaV2ForSequenceClassification.from_pretrained(run / "deberta"), 96)
    return found


def _by_torch(network: Any, run: Path) -> Logits:
    from tokenizers import Tokenizer

    from training.relevance_fit import encode, logits_of

    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    return lambda pairs: logits_of(network, encode(tokenizer, [p.texts for p in pairs], [0.0] * len(pairs), 96))


def _quality(
    scored: dict[str, tuple[np.ndarray, np.ndarray]],
    dev: Sequence[LabelledPair],
    pairs: Sequence[LabelledPair],
    split: str,
    reading: Reading,
    precision: float,
    shipped: CrossEncoderScorer,
) -> Table:
    how = "marginal counts as not fitting" if reading == "strict" else "marginal left out"
    table = Table("scorer", "threshold", *FIGURES, title=f"{split}: {len(pairs)} pairs, {reading} ({how})")
    dev_labels, labels = _labels(dev), _labels(pairs)
    themes = [pair.theme.id for pair in pairs]
    for name, (on_dev, logits) in scored.items():
        calibration = fit_logistic(on_dev, dev_labels)
        threshold = threshold_for_precision(calibration(on_dev), dev_labels, precision, "lenient")
        if name.endswith("shipped"):
            threshold = shipped.threshold
            probabilities = shipped.probabilities(logits).astype(np.float64)
        else:
            probabilities = calibration(logits)
        found = _intervals(probabilities, labels, themes, threshold, reading)
        table.add_row(name, f"{threshold:.3f}", *(_shown(found[figure]) for figure in FIGURES))
    return table


def _labels(pairs: Sequence[LabelledPair]) -> np.ndarray:
    return np.array([pair.label for pair in pairs])


def _intervals(
    scores: np.ndarray, labels: np.ndarray, themes: Sequence[str], threshold: float, reading: Reading
) -> dict[str, Interval]:
    names = list(dict.fromkeys(themes))
    rows = [np.flatnonzero(np.asarray(themes) == name) for name in names]
    cached: dict[bytes, dict[str, float]] = {}

    def figure(name: str) -> Callable[[np.ndarray], float]:
        def of(drawn: np.ndarray) -> float:
            key = drawn.tobytes()
            if key not in cached:
                held = np.concatenate([rows[at] for at in drawn])
                cached[key] = judge_scores(scores[held], labels[held], threshold, reading)
            return cached[key][name]

        return of

    return {name: statistic_interval(figure(name), len(names), resamples=RESAMPLES) for name in FIGURES}


def _shown(found: Interval) -> str:
    return f"{found.estimate:.3f}\n{found.low:.3f}-{found.high:.3f}"


def _texts(settings: Settings, shipped: CrossEncoderScorer, pairs: Sequence[LabelledPair], split: str) -> Table:
    """Return how well pairs are told apart by what the theme's side says; nothing is trained anew for it."""
    similarity = EmbeddingSimilarityScorer(load_embedder(settings))
    labels = _labels(pairs)
    forms: dict[str, Callable[[LabelledPair], str]] = {
        "title": lambda pair: theme_text(pair.theme.title),
        "title, rationale": lambda pair: theme_text(pair.theme.title, (), pair.theme.rationale),
        "title, concepts": lambda pair: theme_text(pair.theme.title, pair.theme.concepts),
        "title, rationale, concepts": lambda p: theme_text(p.theme.title, p.theme.concepts, p.theme.rationale),
    }
    table = Table("theme's text", "DeBERTa", "embedding similarity", title=f"AUC on {split}, marginal left out")
    for name, form in forms.items():
        texts = [(form(pair), pair.texts[1]) for pair in pairs]
        found = (auc(scores, labels, "lenient") for scores in (shipped.logits(texts), similarity.score(texts)))
        table.add_row(name, *(f"{value:.3f}" for value in found))
    return table


def _speed(settings: Settings, shipped: CrossEncoderScorer, run: Path | None, pairs: Sequence[LabelledPair]) -> Table:
    """Return pairs a second of each form, fastest of three passes, tokenising included."""
    forms: dict[str, Callable[[], object]] = {}
    texts = [pair.texts for pair in pairs]
    if run:
        forms |= _torch_forms(run, pairs)
    similarity = EmbeddingSimilarityScorer(load_embedder(settings))
    forms["embedding similarity, nothing cached"] = lambda: similarity.score(texts)
    forms["OpenVINO int8, shipped"] = lambda: shipped.score(texts)
    seconds: dict[str, float] = {}
    for _ in range(3):
        for name, form in forms.items():
            started = time.perf_counter()
            form()
            seconds[name] = min(seconds.get(name, np.inf), time.perf_counter() - started)
    slowest = max(seconds.values())
    table = Table("form", "pairs/s", "x slowest", title=f"speed: {len(pairs)} pairs, fastest of 3 passes")
    for name, took in seconds.items():
        table.add_row(name, f"{len(pairs) / took:,.0f}", f"{slowest / took:.1f}")
    return table


def _torch_forms(run: Path, pairs: Sequence[LabelledPair]) -> dict[str, Callable[[], object]]:
    from tokenizers import Tokenizer
    from transformers import DebertaV2ForSequenceClassification

    from training.relevance_export import answers_of, quantised, to_openvino
    from training.relevance_fit import encode, logits_of
    from training.relevance_lean import LeanDeberta, LogitsOf

    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    data = encode(tokenizer, [pair.texts for pair in pairs], [0.0] * len(pairs), 96)
    model = DebertaV2ForSequenceClassification.from_pretrained(run / "deberta")
    library, lean = LogitsOf(model), LeanDeberta(model, 96)
    plain = to_openvino(lean)
    weights = quantised(plain, data, "int8-weights")
    return {
        "torch fp32, the library's forward": lambda: logits_of(library, data),
        "torch fp32, lean forward": lambda: logits_of(lean, data),
        "OpenVINO fp32": lambda: answers_of(plain, data),
        "OpenVINO int8 weights": lambda: answers_of(weights, data),
    }


async def _cost(settings: Settings, shipped: CrossEncoderScorer, pairs: Sequence[LabelledPair], count: int) -> Table:
    """Return what 1,000 pairs take by LLM (the judge role, teacher's prompt, one request a theme) and by the model."""
    from engines.chat import ChatClient
    from state.errors import AnswerRejected
    from training.relevance_answer import ShownProduct, relevance_messages, relevance_schema

    sample = pairs[:count]
    by_theme: dict[str, list[LabelledPair]] = {}
    for pair in sample:
        by_theme.setdefault(pair.theme.id, []).append(pair)
    chat, tokens, unread = ChatClient(settings), 0, 0
    started = time.perf_counter()
    right = 0
    for group in by_theme.values():
        shown = [ShownProduct(id=p.product.id, name=p.product.name, aisle=p.product.aisle) for p in group]
        schema = relevance_schema([product.id for product in shown])
        try:
            answer = await chat.ask("judge", relevance_messages(group[0].theme, shown), schema, phase="benchmark")
        except AnswerRejected:
            unread += len(group)
            continue
        tokens += answer.usage.tokens_in + answer.usage.tokens_out
        told = {label.product_id: label.label for label in answer.value.labels}
        right += sum(told.get(pair.product.id) == pair.label for pair in group)
    llm = time.perf_counter() - started
    texts = [pair.texts for pair in (list(sample) * (1024 // count + 1))[:1024]]
    shipped.score(texts)
    started = time.perf_counter()
    shipped.score(texts)
    model = (time.perf_counter() - started) * 1000 / len(texts)
    per_thousand = 1000 / count
    table = Table("", "seconds", "LLM tokens", "less", title=f"1,000 pairs, from {count} pairs in one run")
    name = settings.roles["judge"].model
    table.add_row(
        f"{name} ({right} of {count} labels right, {unread} unread)",
        f"{llm * per_thousand:,.0f}",
        f"{tokens * per_thousand:,.0f}",
        "",
    )
    table.add_row("DeBERTa int8, shipped", f"{model:.2f}", "0", f"{1 - model / (llm * per_thousand):.2%}")
    return table


if __name__ == "__main__":
    typer.run(main)
