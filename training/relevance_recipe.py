"""The recipe of the relevance model: from labels to shipped files, in stages that a stopped run goes on from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from state.catalog import Product
from state.errors import ModelsError
from state.guard import Embedder
from training.datasets import FILES, checksums, write_whole
from training.examples import Task
from training.relevance_fit import Encoded, FitLog, FitOptions, encode, fit, logits_of
from training.relevance_pairs import (
    LabelledPair,
    ProductLookup,
    labelled_pairs,
    soft_targets,
    training_themes,
    unlabelled_pairs,
)
from training.relevance_pool import ProductFinder
from training.relevance_scores import judge_scores

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

Advance = Callable[[str, int, int, float | None], None]
"""Told the stage, what is done of it, how much there is, and the loss while a network is trained."""


@dataclass(frozen=True)
class RecipeOptions:
    """What is trained on what. The defaults are those of the shipped model.

    ``layers`` are the layers of the first network that the DeBERTa keeps; ``own_targets`` is the share that labels have
    in the targets of labelled pairs beside the first network's answer; ``limit`` cuts the labelled pairs, for a trial.
    """

    layers: tuple[int, ...] = (0, 2, 4)
    first: FitOptions = field(default_factory=lambda: FitOptions(epochs=3, learning_rate=1.5e-4))
    second: FitOptions = field(default_factory=lambda: FitOptions(epochs=4, learning_rate=2e-4))
    marginal: float = 0.3
    own_targets: float = 0.5
    themes: int = 1200
    precision: float = 0.95
    seed: int = 7
    limit: int | None = None


@dataclass(frozen=True)
class Shop:
    """What pairs are made of beside the labels."""

    catalog: ProductLookup
    products: Sequence[Product]
    search: ProductFinder
    embedder: Embedder


@dataclass(frozen=True)
class Material:
    """The pairs of a run. ``unlabelled`` get their targets from the first network."""

    train: list[LabelledPair]
    dev: list[LabelledPair]
    unlabelled: list[LabelledPair]


def gather(shop: Shop, options: RecipeOptions, folder: Path, advance: Advance, *, unlabelled: bool) -> Material:
    """Return the pairs of a run; unlabelled ones are drawn once and kept in ``folder``."""
    train, dev = labelled_pairs("train", shop.catalog), labelled_pairs("dev", shop.catalog)
    if options.limit:
        train, dev = train[: options.limit], dev[: options.limit]
    if not train or not dev:
        raise ModelsError("no labelled product is in the catalogue: labels are of the demo shop ('shelfwise demo').")
    if not unlabelled:
        return Material(train, dev, [])
    themes = training_themes(options.themes, options.seed)
    kept = folder / "unlabelled.json"
    if kept.is_file():
        by_id = {theme.id: theme for theme in themes}
        ids = json.loads(kept.read_text("utf-8"))
        found = shop.catalog.products(sorted({product for _, product in ids}))
        return Material(train, dev, [LabelledPair(by_id[theme], found[product]) for theme, product in ids])
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        advance("drawing unlabelled pairs", done, len(themes), None)

    pairs = unlabelled_pairs(train, themes, shop.search, shop.products, shop.embedder, seed=options.seed, advance=step)
    write_whole(kept, json.dumps([[pair.theme.id, pair.product.id] for pair in pairs]).encode())
    return Material(train, dev, pairs)


class Trainer:
    """Trains networks on the pairs of one run; checkpoints and logs lie in ``folder``."""

    def __init__(
        self, material: Material, tokenizer: Tokenizer, options: RecipeOptions, folder: Path, advance: Advance
    ) -> None:
        self.options, self.folder, self._advance = options, folder, advance
        self._tokenizer = tokenizer
        self.train = self._encoded(material.train, soft_targets(material.train, options.marginal))
        self.unlabelled = self._encoded(material.unlabelled, [0.0] * len(material.unlabelled))
        self.dev = self._encoded(material.dev, soft_targets(material.dev, options.marginal))
        self.dev_labels = np.array([pair.label for pair in material.dev])

    def _encoded(self, pairs: Sequence[LabelledPair], targets: Sequence[float]) -> Encoded:
        return encode(self._tokenizer, [pair.texts for pair in pairs], targets, self.options.first.max_tokens)

    def on_labels(self, network: nn.Module, stage: str, options: FitOptions) -> FitLog:
        """Train ``network`` on the labels alone."""
        return self._fit(network, self.train, stage, options)

    def on_answers(self, network: nn.Module, stage: str, first: nn.Module, options: FitOptions) -> FitLog:
        """Train ``network`` on labels mixed with the answers of ``first``, and on its answers to unlabelled pairs."""
        kept = self.folder / "answers.npz"
        if not kept.is_file():
            answers = {name: self._answers(first, name) for name in ("train", "unlabelled")}
            np.savez(kept, **answers)  # type: ignore[arg-type]
        with np.load(kept) as held:
            own = self.options.own_targets
            targets = np.concatenate([own * self.train.targets + (1 - own) * held["train"], held["unlabelled"]])
        everything = Encoded(
            self.train.ids + self.unlabelled.ids,
            self.train.types + self.unlabelled.types,
            targets.astype(np.float32),
        )
        return self._fit(network, everything, stage, options)

    def _answers(self, network: nn.Module, part: str) -> np.ndarray:
        data: Encoded = getattr(self, part)
        self._advance(f"asking the first network ({part})", 0, len(data), None)
        return 1 / (1 + np.exp(-logits_of(network, data)))

    def _fit(self, network: nn.Module, data: Encoded, stage: str, options: FitOptions) -> FitLog:
        log = fit(
            network,
            data,
            options,
            self.folder / f"{stage}.checkpoint.pt",
            measure=self.measure,
            advance=lambda step, steps, loss: self._advance(f"training {stage}", step, steps, loss),
        )
        write_whole(self.folder / f"{stage}.log.json", json.dumps(asdict(log)).encode())
        return log

    def measure(self, network: nn.Module) -> dict[str, float]:
        """Return the figures of ``network`` on dev, at probability one half."""
        logits = logits_of(network, self.dev).astype(np.float64)
        found = judge_scores(1 / (1 + np.exp(-logits)), self.dev_labels, 0.5, "lenient")
        return {name: round(found[name], 4) for name in ("auc", "f1")}


def run_folder(home: Path, options: RecipeOptions, base: str) -> Path:
    """Return where a run keeps its stages: another recipe, base or data set has another folder."""
    told = json.dumps([asdict(options), base, data_versions()], sort_keys=True)
    return home / "training" / "relevance" / hashlib.sha256(told.encode()).hexdigest()[:12]


def data_versions() -> dict[str, str]:
    """Return the SHA-256 of each data set that the recipe reads."""
    held = checksums()
    return {FILES[task]: held[FILES[task]] for task in (Task.RELEVANCE, Task.DESIGN)}
