"""The mixed scorer: a logistic regression over the cross-encoder, embedding similarity and shared words of a pair."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from catalog.surface import stems
from engines.cross_encoder import CrossEncoderScorer, load_cross_encoder, read_cross_encoder_record
from state.errors import ModelsError, ModelsMissing
from state.guard import Embedder
from state.relevance import product_name, theme_parts

MIX_RECORD = "mix.json"
FEATURES = ("logit", "similarity", "words", "last_word")
"""Of the cross-encoder; best cosine of the product to title or a concept; best share of a concept's words in the name;
1 when a concept ends in the word that the name ends in ("greek yogurt", "Vanilla Yogurt")."""


class MixRecord(BaseModel):
    """The weights of a mix and what they were fitted with: they mean nothing beside other models.

    probability = 1 / (1 + exp(-(sum of weight * feature + intercept))).
    """

    model_config = ConfigDict(extra="forbid")

    cross_encoder: str
    embedder: str
    weights: dict[str, float]
    intercept: float
    threshold: float = Field(ge=0, le=1)
    chosen_on: str
    command: str

    @field_validator("weights")
    @classmethod
    def _one_a_feature(cls, weights: dict[str, float]) -> dict[str, float]:
        if set(weights) != set(FEATURES):
            raise ValueError(f"weights are of {', '.join(FEATURES)}")
        return weights

    @property
    def name(self) -> str:
        """The scorer's name: it changes with the models behind it, the weights and the threshold."""
        parts = [self.cross_encoder, self.embedder, *(f"{name} {self.weights[name]}" for name in FEATURES)]
        parts.append(f"{self.intercept} {self.threshold}")
        return f"mix/{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"


class MixedScorer:
    """Scores pairs with the cross-encoder and what similarity and words add to it. Safe to call from several threads.

    Give an ``embedder`` that knows the vectors of the products' texts (``tools.known_vectors``): then only the parts
    of the themes are embedded.
    """

    def __init__(self, record: MixRecord, cross_encoder: CrossEncoderScorer, embedder: Embedder) -> None:
        self._record, self._cross_encoder, self._embedder = record, cross_encoder, embedder
        self._weights = np.array([record.weights[name] for name in FEATURES])
        self._name = record.name

    @property
    def name(self) -> str:
        return self._name

    @property
    def threshold(self) -> float:
        return self._record.threshold

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Return float32 ``[len(pairs)]``: the probability that the product text fits the theme text."""
        return self.probabilities(pairs, self._cross_encoder.logits(pairs))

    def probabilities(self, pairs: Sequence[tuple[str, str]], logits: np.ndarray) -> np.ndarray:
        """Return what :meth:`score` does, given the cross-encoder's ``logits`` of the pairs."""
        features = pair_features(pairs, logits, self._embedder)
        values = features @ self._weights + self._record.intercept
        # Beyond 500 the exponential overflows, and the probability is 0 or 1 in any case.
        return (1 / (1 + np.exp(-np.clip(values, -500, 500)))).astype(np.float32)


def pair_features(pairs: Sequence[tuple[str, str]], logits: np.ndarray, embedder: Embedder) -> np.ndarray:
    """Return float64 ``[len(pairs), 4]``, the :data:`FEATURES` of (theme text, product text) pairs.

    ``logits`` are the cross-encoder's. Words are compared with the concepts, with the title where there are none.
    """
    found = np.zeros((len(pairs), len(FEATURES)))
    found[:, 0] = logits
    parts = {theme: theme_parts(theme) for theme, _ in pairs}
    texts = list(dict.fromkeys([*(part for of in parts.values() for part in of), *(product for _, product in pairs)]))
    row = {text: at for at, text in enumerate(texts)}
    vectors = embedder.embed(texts)
    rows_of: dict[str, list[int]] = defaultdict(list)
    for at, (theme, _) in enumerate(pairs):
        rows_of[theme].append(at)
    for theme, rows in rows_of.items():
        products = [pairs[at][1] for at in rows]
        cosines = vectors[[row[product] for product in products]] @ vectors[[row[part] for part in parts[theme]]].T
        found[rows, 1] = cosines.max(axis=1)
        concepts = [stems(part) for part in parts[theme][1:] or parts[theme]]
        found[rows, 2:] = [_shared_words(concepts, stems(product_name(product))) for product in products]
    return found


def _shared_words(concepts: Sequence[list[str]], name: list[str]) -> tuple[float, float]:
    held = set(name)
    share = max((len(held.intersection(words)) / len(set(words)) for words in concepts if words), default=0.0)
    return share, float(bool(name) and any(words and words[-1] == name[-1] for words in concepts))


def read_mix_record(folder: Path) -> MixRecord:
    """Return what is recorded about the mix in ``folder``, checked to be of the cross-encoder there.

    Raises:
        ModelsMissing: there is no mix, or no cross-encoder.
        ModelsError: a record cannot be understood, or the mix is of other weights.
    """
    path, beside = folder / MIX_RECORD, read_cross_encoder_record(folder).name
    refit = f"Fit it with 'shelfwise train relevance --mix-only --out {folder}', or set scorer.kind = 'cross-encoder'."
    try:
        record = MixRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ModelsMissing(f"no mix in {folder}: {MIX_RECORD} is missing. {refit}") from None
    except (OSError, ValidationError) as error:
        raise ModelsError(f"{path} cannot be used ({type(error).__name__}). {refit}") from error
    if record.cross_encoder != beside:
        raise ModelsError(
            f"{path} was fitted with '{record.cross_encoder}', the weights beside are '{beside}'. {refit}"
        )
    return record


def check_mix_embedder(record: MixRecord, embedder: str, folder: Path) -> None:
    """Raise :class:`ModelsError` unless ``record`` was fitted with the named embedder."""
    if record.embedder != embedder:
        raise ModelsError(
            f"{folder / MIX_RECORD} was fitted with embedder '{record.embedder}', the settings name '{embedder}'. "
            f"Fit it with 'shelfwise train relevance --mix-only --out {folder}', or set scorer.kind = 'cross-encoder'."
        )


def load_mixed_scorer(folder: Path, embedder: Embedder, threads: int | None = None) -> MixedScorer:
    """Load the mix and the cross-encoder of ``folder``.

    Raises:
        ModelsMissing: one of them is not there.
        ModelsError: files are damaged, or were fitted with something else.
    """
    record = read_mix_record(folder)
    check_mix_embedder(record, embedder.name, folder)
    return MixedScorer(record, load_cross_encoder(folder, threads), embedder)
