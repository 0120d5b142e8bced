"""Cuts retrieved keywords to the few that a small keyword writer is shown: from few it chooses better."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines.versions import SELECTOR_CARD
from state.errors import ModelsError, ModelsMissing
from state.guard import Embedder
from state.placement import Theme
from state.settings import Settings
from state.vocabulary import Vocabulary
from tools.keyword_features import FEATURES, keyword_features
from tools.keywords import readable_concepts

if TYPE_CHECKING:
    import lightgbm

MODEL_FILE, CARD_FILE = "model.txt", SELECTOR_CARD
LEAST = 3
"""Terms shown at least, where there are as many: "none fits" is the writer's to say."""


class KeywordSelector(Protocol):
    """Chooses the terms that the keyword writer is shown."""

    def cut(self, theme: Theme, vocabulary: Vocabulary, most: int) -> Vocabulary:
        """Return ``vocabulary`` with at most ``most`` of its keywords, in their order; aisles and filters stay."""
        ...


class NearestKeywords:
    """Shows the nearest terms: needs no model."""

    def cut(self, theme: Theme, vocabulary: Vocabulary, most: int) -> Vocabulary:
        return vocabulary.model_copy(update={"keywords": vocabulary.keywords[:most]})


class SelectorCard(BaseModel):
    """The part of the run card that the model is loaded by. ``sha256`` is the model file's.

    Terms under ``floor``, a chance to be chosen, are not shown even where there is room.
    """

    model_config = ConfigDict(extra="ignore")

    sha256: str
    features: list[str]
    embedder: str
    floor: float = Field(ge=0, le=1)


class LearnedKeywords:
    """Shows the terms that a LightGBM model of a large model's choices finds likeliest to be chosen.

    The model (``model.txt`` and ``run_card.json`` in ``folder``) is loaded when first asked; threads may share it.
    """

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._folder, self._embedder = folder, embedder
        self._lock = threading.Lock()
        self._loaded: tuple[SelectorCard, lightgbm.Booster] | None = None

    def cut(self, theme: Theme, vocabulary: Vocabulary, most: int) -> Vocabulary:
        """Return ``vocabulary`` with the likeliest of its keywords, which come nearest first and keep their order.

        Raises:
            ModelsMissing: there is no model in the folder.
            ModelsError: it is damaged, of other features, or of another embedder.
        """
        chances = self.chances(theme.title, theme.rationale, theme.concepts, vocabulary.keywords)
        floor = self._model()[0].floor
        likeliest = np.argsort(-chances, kind="stable")[:most]
        kept = {row for place, row in enumerate(likeliest.tolist()) if place < LEAST or chances[row] >= floor}
        shown = [text for row, text in enumerate(vocabulary.keywords) if row in kept]
        return vocabulary.model_copy(update={"keywords": shown})

    def chances(self, title: str, rationale: str, concepts: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
        """Return float64 ``[len(candidates)]``: the chance of each to be chosen. ``candidates`` come nearest first.

        Raises as :meth:`cut` does.
        """
        _, booster = self._model()
        if not candidates or not readable_concepts(concepts):
            return np.linspace(1.0, 0.0, len(candidates))
        features = keyword_features(self._embedder, title, rationale, concepts, candidates)
        with self._lock:
            return np.asarray(booster.predict(features, num_threads=1), dtype=np.float64)

    def _model(self) -> tuple[SelectorCard, lightgbm.Booster]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self._folder, self._embedder.name)
            return self._loaded


def load_selector(settings: Settings, embedder: Embedder) -> KeywordSelector:
    """Return the selector that the settings name; the learned one reads its files when first asked."""
    if isinstance(settings.keyword_selector, Path):
        return LearnedKeywords(settings.keyword_selector, embedder)
    return NearestKeywords()


def _load(folder: Path, embedder: str) -> tuple[SelectorCard, lightgbm.Booster]:
    import lightgbm

    again = "Train it: shelfwise train keywords. Or leave page.keywords_shown out of shelfwise.toml."
    try:
        text = (folder / MODEL_FILE).read_bytes()
        card = SelectorCard.model_validate_json((folder / CARD_FILE).read_bytes())
    except FileNotFoundError as error:
        raise ModelsMissing(f"no keyword selector in {folder}. {again}") from error
    except (OSError, ValidationError) as error:
        raise ModelsError(
            f"the keyword selector in {folder} cannot be read ({type(error).__name__}). {again}"
        ) from error
    if hashlib.sha256(text).hexdigest() != card.sha256:
        raise ModelsError(f"{folder / MODEL_FILE} is not the file that {CARD_FILE} describes. Restore both. {again}")
    if tuple(card.features) != FEATURES:
        raise ModelsError(f"the keyword selector in {folder} was trained on other features than are made now. {again}")
    if card.embedder != embedder:
        raise ModelsError(
            f"the keyword selector in {folder} was trained with embedder '{card.embedder}', the settings name "
            f"'{embedder}'. {again}"
        )
    try:
        return card, lightgbm.Booster(model_str=text.decode())
    except lightgbm.basic.LightGBMError as error:
        raise ModelsError(f"LightGBM cannot read the keyword selector in {folder}: {error}. {again}") from error
