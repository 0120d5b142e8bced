"""The relevance model on labelled pairs, against its baselines: ``python benchmarks/relevance_model.py --split test``.

Quality: every scorer is calibrated on dev and given the lowest threshold that keeps to the precision there, then
measured on the split, with marginal pairs as misfits (strict) and left out (lenient). Intervals are 95 % bootstrap over
themes; so are those of the differences to the mix, on the same draws. What ships comes with a calibration and threshold
of its own. ``--run`` is the folder that ``shelfwise train relevance`` left below <home>/training; without it only what
ships and the embedding baseline are measured. Speed and cost: ``benchmarks/relevance_speed.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from tools.mixed_scorer import MixedScorer, load_mixed_scorer
from training.relevance_calibration import fit_logistic
from training.relevance_pairs import LabelledPair, labelled_pairs
from training.relevance_scores import READINGS, Reading, judge_scores, threshold_for_precision
from training.splits import Split

RESAMPLES = 1000
Logits = Callable[[Sequence[LabelledPair]], np.ndarray]
Figures = Callable[[np.ndarray], dict[str, float]]
"""From drawn themes (their places, int64) to the figures on their pairs."""
CROSS_ENCODER, SIMILARITY, MIX = "cross-encoder int8, shipped", "embedding similarity", "mix, shipped"
COMPARED = ("precision", "recall", "macro_f1", "auc", "ece")


@dataclass(frozen=True)
class Scored:
    """One scorer on the split: probabilities ``[pairs]``, and from where on a product is kept."""

    probabilities: np.ndarray
    threshold: float


FIGURES = ("precision", "recall", "f1", "macro_f1", "auc", "ece", "fitting_lost", "marginal_kept")


def main(
    split: Annotated[str, typer.Option(help="dev or test.")] = "test",
    run: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Folder of a training run.")] = None,
    precision: Annotated[float, typer.Option(help="What the thresholds keep to on dev.")] = 0.95,
    texts_too: Annotated[bool, typer.Option("--texts/--no-texts", help="Themes told otherwise, on dev.")] = True,
) -> None:
    """Print the tables."""
    console, settings = Console(width=150), load_settings()
    warehouse = Warehouse.open(settings)
    dev, pairs = labelled_pairs("dev", warehouse), labelled_pairs(_split(split), warehouse)
    shipped = load_cross_encoder(settings.scorer.path, settings.threads)
    mix = load_mixed_scorer(settings.scorer.path, load_embedder(settings), settings.threads)
    scored = {
        name: _calibrated(score(dev), _labels(dev), score(pairs), precision)
        for name, score in _contenders(settings, run).items()
    }
    texts = [pair.texts for pair in pairs]
    logits = shipped.logits(texts)
    scored[CROSS_ENCODER] = Scored(shipped.probabilities(logits).astype(np.float64), shipped.threshold)
    scored[MIX] = Scored(mix.probabilities(texts, logits).astype(np.float64), mix.threshold)
    for reading in READINGS:
        figures = {name: _figures(one, pairs, reading) for name, one in scored.items()}
        title = _title(pairs, split, reading)
        console.print(_quality(scored, figures, pairs, title))
        console.print(_differences(figures, pairs, title))
    if texts_too:
        console.print(_texts(settings, shipped, mix, dev, "dev"))


def _split(name: str) -> Split:
    if name == "dev" or name == "test":
        return name
    raise typer.BadParameter("split is dev or test")


def _contenders(settings: Settings, run: Path | None) -> dict[str, Logits]:
    """Return what has no calibration of its own, each as a function to scores of any scale."""
    similarity = EmbeddingSimilarityScorer(load_embedder(settings))
    found: dict[str, Logits] = {SIMILARITY: lambda pairs: similarity.score([p.texts for p in pairs])}
    if run:
        for name, network in _networks(run).items():
            found[name] = _by_torch(network, run)
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


def _calibrated(on_dev: np.ndarray, dev_labels: np.ndarray, logits: np.ndarray, precision: float) -> Scored:
    calibration = fit_logistic(on_dev, dev_labels)
    threshold = threshold_for_precision(calibration(on_dev), dev_labels, precision, "lenient")
    return Scored(calibration(logits), threshold)


def _quality(
    scored: dict[str, Scored], figures: dict[str, Figures], pairs: Sequence[LabelledPair], title: str
) -> Table:
    table = Table("scorer", "threshold", *FIGURES, title=title)
    for name, one in scored.items():
        found = _intervals(FIGURES, figures[name], pairs)
        table.add_row(name, f"{one.threshold:.3f}", *(_shown(found[figure]) for figure in FIGURES))
    return table


def _differences(figures: dict[str, Figures], pairs: Sequence[LabelledPair], title: str) -> Table:
    """Return how much higher the mix is than each other scorer, theme by theme in the same draws."""
    table = Table("mix minus", *COMPARED, title=f"differences, {title}")
    for name in [name for name in figures if name != MIX]:
        found = _intervals(COMPARED, _difference(figures[MIX], figures[name]), pairs)
        cells = (f"{one.estimate:+.3f}\n{one.low:+.3f} to {one.high:+.3f}" for one in found.values())
        table.add_row(name, *cells)
    return table


def _difference(one: Figures, other: Figures) -> Figures:
    return lambda drawn: {name: value - other(drawn)[name] for name, value in one(drawn).items()}


def _title(pairs: Sequence[LabelledPair], split: str, reading: Reading) -> str:
    how = "marginal counts as not fitting" if reading == "strict" else "marginal left out"
    return f"{split}: {len(pairs)} pairs, {reading} ({how})"


def _labels(pairs: Sequence[LabelledPair]) -> np.ndarray:
    return np.array([pair.label for pair in pairs])


def _figures(scored: Scored, pairs: Sequence[LabelledPair], reading: Reading) -> Figures:
    """Return a function from drawn themes (their places) to the figures on the pairs of these."""
    rows, labels, cached = _rows(pairs), _labels(pairs), dict[bytes, dict[str, float]]()

    def of(drawn: np.ndarray) -> dict[str, float]:
        key = drawn.tobytes()
        if key not in cached:
            held = np.concatenate([rows[at] for at in drawn])
            cached[key] = judge_scores(scored.probabilities[held], labels[held], scored.threshold, reading)
        return cached[key]

    return of


def _rows(pairs: Sequence[LabelledPair]) -> list[np.ndarray]:
    themes = np.array([pair.theme.id for pair in pairs])
    return [np.flatnonzero(themes == name) for name in dict.fromkeys(themes.tolist())]


def _intervals(names: Sequence[str], of: Figures, pairs: Sequence[LabelledPair]) -> dict[str, Interval]:
    def figure(name: str) -> Callable[[np.ndarray], float]:
        return lambda drawn: of(drawn)[name]

    themes = len(_rows(pairs))
    return {name: statistic_interval(figure(name), themes, resamples=RESAMPLES) for name in names}


def _shown(found: Interval) -> str:
    return f"{found.estimate:.3f}\n{found.low:.3f}-{found.high:.3f}"


def _texts(
    settings: Settings, shipped: CrossEncoderScorer, mix: MixedScorer, pairs: Sequence[LabelledPair], split: str
) -> Table:
    """Return how scorers bear themes told otherwise than in training; nothing is trained anew for it.

    A plain title is what an untuned model writes: the first concept. Thresholds are the shipped ones, marginal pairs
    are left out, labels are those of the whole theme.
    """
    similarity = EmbeddingSimilarityScorer(load_embedder(settings))
    labels = _labels(pairs)
    forms: dict[str, Callable[[LabelledPair], str]] = {
        "title, concepts (as trained)": lambda pair: theme_text(pair.theme.title, pair.theme.concepts),
        "plain title, concepts": lambda pair: theme_text(pair.theme.concepts[0], pair.theme.concepts),
        "title, first three concepts": lambda pair: theme_text(pair.theme.title, pair.theme.concepts[:3]),
        "title, rationale, concepts": lambda p: theme_text(p.theme.title, p.theme.concepts, p.theme.rationale),
        "title alone": lambda pair: theme_text(pair.theme.title),
    }
    names = ("cross-encoder", "mix", "embedding similarity")
    table = Table("theme's text", *names, title=f"AUC (precision, recall) on {split}, marginal left out")
    for name, form in forms.items():
        texts = [(form(pair), pair.texts[1]) for pair in pairs]
        logits = shipped.logits(texts)
        scores = (shipped.probabilities(logits), mix.probabilities(texts, logits), similarity.score(texts))
        cells = []
        for one, threshold in zip(scores, (shipped.threshold, mix.threshold, None), strict=True):
            found = judge_scores(one, labels, threshold or 0.0, "lenient")
            kept = f" ({found['precision']:.2f}, {found['recall']:.2f})" if threshold else ""
            cells.append(f"{found['auc']:.3f}{kept}")
        table.add_row(name, *cells)
    return table


if __name__ == "__main__":
    typer.run(main)
