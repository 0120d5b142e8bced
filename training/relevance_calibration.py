"""Turns logits into probabilities that mean what they say, by what dev labels tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.relevance_pairs import FITS

_FOLDS = 5


@dataclass(frozen=True)
class Logistic:
    """probability = 1 / (1 + exp(-(scale * logit + shift))). A temperature is 1 / scale with no shift."""

    scale: float
    shift: float

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        """Return float64 probabilities of ``logits``."""
        from scipy.special import expit

        probabilities: np.ndarray = expit(self.scale * logits.astype(np.float64) + self.shift)
        return probabilities


def fit_logistic(logits: np.ndarray, labels: np.ndarray, *, shifted: bool = True) -> Logistic:
    """Return the calibration with the least log loss (Platt scaling; plain temperature when not ``shifted``).

    A marginal product counts as not fitting: the probability is that of fitting well.
    """
    from scipy.optimize import minimize

    fits = (labels == FITS).astype(np.float64)
    held = logits.astype(np.float64)

    def loss(parameters: np.ndarray) -> float:
        values = np.exp(parameters[0]) * held + (parameters[1] if shifted else 0.0)
        return float(np.mean(np.logaddexp(0, values) - fits * values))

    found = minimize(loss, np.zeros(2 if shifted else 1), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-9})
    return Logistic(float(np.exp(found.x[0])), float(found.x[1]) if shifted else 0.0)


def compared(logits: np.ndarray, labels: np.ndarray, themes: Sequence[str]) -> dict[str, float]:
    """Return the log loss of three ways to calibrate, fitted on 4 of 5 parts of the themes, measured on the fifth."""
    from sklearn.isotonic import IsotonicRegression

    order = {theme: at for at, theme in enumerate(dict.fromkeys(themes))}
    folds = np.array([order[theme] % _FOLDS for theme in themes])
    fits = (labels == FITS).astype(np.float64)
    losses: dict[str, list[np.ndarray]] = {"temperature": [], "platt": [], "isotonic": []}
    for fold in range(_FOLDS):
        train, rest = folds != fold, folds == fold
        isotonic = IsotonicRegression(out_of_bounds="clip").fit(logits[train], fits[train])
        guesses = {
            "temperature": fit_logistic(logits[train], labels[train], shifted=False)(logits[rest]),
            "platt": fit_logistic(logits[train], labels[train])(logits[rest]),
            "isotonic": isotonic.predict(logits[rest]),
        }
        for name, guess in guesses.items():
            safe = np.clip(guess, 1e-3, 1 - 1e-3)
            losses[name].append(-(fits[rest] * np.log(safe) + (1 - fits[rest]) * np.log(1 - safe)))
    return {name: round(float(np.concatenate(parts).mean()), 4) for name, parts in losses.items()}
