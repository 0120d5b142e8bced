"""The learned ranker: a LightGBM LambdaMART model, run in process."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ranking.features import FEATURES, build_features
from ranking.protocol import Candidates, ProductScores
from ranking.shopper import ShopperFeatures
from state.errors import ModelsError, ModelsMissing

if TYPE_CHECKING:
    import lightgbm

MODEL_FILE, RUN_FILE = "model.txt", "run.json"


class Calibration(BaseModel):
    """Turns a model score into a chance: ``1 / (1 + exp(-(slope * score + offset)))`` (Platt, 1999)."""

    model_config = ConfigDict(frozen=True)

    slope: float = Field(gt=0)
    offset: float

    def chance(self, scores: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(-np.clip(self.slope * scores + self.offset, -50, 50)))


class RankerRun(BaseModel):
    """The run card: how a model came to be. ``sha256`` is the model file's."""

    model_config = ConfigDict(extra="ignore")

    sha256: str
    features: list[str]
    calibration: Calibration


class LearnedRanker:
    """Scores candidates with the model of a folder (``model.txt`` and ``run.json``)."""

    name = "lambdamart"

    def __init__(self, booster: lightgbm.Booster, run: RankerRun) -> None:
        self._booster = booster
        self._calibration = run.calibration
        self.version = run.sha256[:12]
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load and check the model of ``folder`` (LightGBM takes a second or two to import, the model little).

        Raises:
            ModelsMissing: there is no model in ``folder``.
            ModelsError: the files do not belong together, are damaged, or are of other features.
        """
        try:
            text = (folder / MODEL_FILE).read_bytes()
            run = RankerRun.model_validate_json((folder / RUN_FILE).read_bytes())
        except FileNotFoundError as error:
            raise ModelsMissing(f"no ranker in {folder}. Train one: shelfwise train ranker --out {folder}") from error
        except (OSError, ValidationError) as error:
            raise ModelsError(
                f"the ranker in {folder} cannot be read ({type(error).__name__}). Restore it, or train it again: "
                "shelfwise train ranker"
            ) from error
        if hashlib.sha256(text).hexdigest() != run.sha256:
            raise ModelsError(
                f"{folder / MODEL_FILE} is not the file that {RUN_FILE} describes (checksums differ). Restore both, or "
                "train again: shelfwise train ranker"
            )
        if tuple(run.features) != FEATURES:
            raise ModelsError(
                f"the ranker in {folder} was trained on other features than this version makes. Train it again: "
                "shelfwise train ranker"
            )
        return cls(_booster(text.decode(), folder), run)

    def score(self, candidates: Candidates, shopper: ShopperFeatures, now: datetime | None = None) -> ProductScores:
        """Return the chance of each candidate to be in the shopper's next order, as far as the order of scores goes."""
        if not len(candidates):
            return ProductScores(np.zeros(0), self.name, self.version)
        features = build_features(candidates, shopper, now)
        with self._lock:
            scores = np.asarray(self._booster.predict(features, raw_score=True, num_threads=1))
        return ProductScores(self._calibration.chance(scores), self.name, self.version)


def _booster(text: str, folder: Path) -> lightgbm.Booster:
    import lightgbm

    try:
        return lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ModelsError(f"LightGBM cannot read the ranker in {folder}: {error}. Train it again.") from error
