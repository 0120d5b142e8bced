"""The recipe of the relevance model: from labels to shipped files, in stages that a stopped run goes on from."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from state.errors import ModelsError
from state.guard import Embedder
from training.datasets import FILES, checksums, write_whole
from training.examples import Task
from training.relevance_export import answers_of, quantised, to_openvino
from training.relevance_fit import Encoded, FitLog, FitOptions, encode, fit, logits_of
from training.relevance_pairs import (
    LabelledPair,
    ProductLookup,
    Shelves,
    labelled_pairs,
    soft_targets,
    training_themes,
    unlabelled_pairs,
)
from training.relevance_scores import judge_scores
from training.relevance_similarity import similarity_features, similarity_logits

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

_TEMPER = 0.6
"""Times the sum of the teachers' logits: their mean, a little surer."""
Advance = Callable[[str, int, int, float | None], None]
"""Told the stage, what is done of it, how much there is, and the loss while a network is trained."""


@dataclass(frozen=True)
class RecipeOptions:
    """What is trained on what. The defaults are those of the shipped model.

    ``first`` is how MiniLM, or a DeBERTa of one's own, is trained on labels. ``layers`` are the layers of MiniLM that
    the new DeBERTa keeps; ``second`` is how it is trained, on all labelled pairs (``repeats`` times) and on the share
    ``unlabelled`` of the others. ``marginal`` is the target of marginal labels, ``own_targets`` the share that labels
    have in the targets of labelled pairs beside the teachers' answer. ``limit`` cuts the labelled pairs, for a trial.
    """

    layers: tuple[int, ...] = (0, 2, 4)
    first: FitOptions = FitOptions(epochs=3.0, learning_rate=1.5e-4)  # noqa: RUF009 - it is frozen
    second: FitOptions = FitOptions(epochs=1.0, learning_rate=4e-4)  # noqa: RUF009
    unlabelled: float = 0.6
    marginal: float = 0.3
    own_targets: float = 0.5
    repeats: int = 2
    themes: int = 10_000
    precision: float = 0.95
    seed: int = 7
    limit: int | None = None


@dataclass(frozen=True)
class Shop:
    """What pairs are made of beside the labels."""

    catalog: ProductLookup
    shelves: Shelves
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

    pairs = unlabelled_pairs(train, themes, shop.shelves, shop.embedder, seed=options.seed, advance=step)
    used = random.Random(options.seed).sample(range(len(pairs)), int(len(pairs) * options.unlabelled))
    pairs = [pairs[row] for row in sorted(used)]
    write_whole(kept, json.dumps([[pair.theme.id, pair.product.id] for pair in pairs]).encode())
    return Material(train, dev, pairs)


class Trainer:
    """Trains networks on the pairs of one run; checkpoints and logs lie in ``folder``."""

    def __init__(
        self, material: Material, tokenizer: Tokenizer, options: RecipeOptions, folder: Path, advance: Advance
    ) -> None:
        self.options, self.folder, self._advance = options, folder, advance
        self._tokenizer, self._material = tokenizer, material
        self.train = self._encoded(material.train, soft_targets(material.train, options.marginal))
        self.unlabelled = self._encoded(material.unlabelled, [0.0] * len(material.unlabelled))
        self.dev = self._encoded(material.dev, soft_targets(material.dev, options.marginal))
        self.dev_labels = np.array([pair.label for pair in material.dev])

    def _encoded(self, pairs: Sequence[LabelledPair], targets: Sequence[float]) -> Encoded:
        return encode(self._tokenizer, [pair.texts for pair in pairs], targets, self.options.first.max_tokens)

    def on_labels(self, network: nn.Module, stage: str, options: FitOptions) -> FitLog:
        """Train ``network`` on the labels alone."""
        return self._fit(network, self.train, stage, options)

    def on_answers(self, network: nn.Module, stage: str, first: nn.Module, embedder: Embedder) -> FitLog:
        """Train ``network`` on labels mixed with the teachers' answers, and on their answers to unlabelled pairs.

        The teachers are ``first`` and the similarity of embeddings, their logits averaged: on dev the two together
        rank better than either (docs/relevance.md).
        """
        kept = self.folder / "answers.npz"
        if not kept.is_file():
            np.savez(kept, **self._answers(first, embedder))  # type: ignore[arg-type]
        with np.load(kept) as held:
            own, repeats = self.options.own_targets, self.options.repeats
            labelled = own * self.train.targets + (1 - own) * held["train"]
            targets = np.concatenate([labelled] * repeats + [held["unlabelled"]]).astype(np.float32)
        data = Encoded(
            self.train.ids * repeats + self.unlabelled.ids, self.train.types * repeats + self.unlabelled.types, targets
        )
        return self._fit(network, data, stage, self.options.second)

    def _answers(self, first: nn.Module, embedder: Embedder) -> dict[str, np.ndarray]:
        """Return the teachers' probability of each labelled and each unlabelled pair."""
        pairs = self._material.train + self._material.unlabelled
        self._advance("asking the teachers", 0, len(pairs), None)
        from scipy.special import expit

        model = quantised(to_openvino(first), self.train, "int8")
        features, count = similarity_features(pairs, embedder), len(self.train)
        labels = np.array([pair.label for pair in self._material.train])
        similar = similarity_logits(features[:count], labels, features[count:])
        found = {}
        for name, data, logits in (("train", self.train, similar[0]), ("unlabelled", self.unlabelled, similar[1])):
            found[name] = expit(_TEMPER * (answers_of(model, data) + logits))
            self._advance("asking the teachers", len(data) if name == "train" else len(pairs), len(pairs), None)
        return found

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
        from scipy.special import expit

        logits = logits_of(network, self.dev).astype(np.float64)
        found = judge_scores(expit(logits), self.dev_labels, 0.5, "lenient")
        return {name: round(found[name], 4) for name in ("auc", "f1")}


def run_folder(home: Path, options: RecipeOptions, base: str) -> Path:
    """Return where a run keeps its stages: another recipe, base or data set has another folder."""
    told = json.dumps([asdict(options), base, data_versions()], sort_keys=True)
    return home / "training" / "relevance" / hashlib.sha256(told.encode()).hexdigest()[:12]


def data_versions() -> dict[str, str]:
    """Return the SHA-256 of each data set that the recipe reads."""
    held = checksums()
    return {FILES[task]: held[FILES[task]] for task in (Task.RELEVANCE, Task.DESIGN)}
