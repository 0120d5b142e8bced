"""Logistic regression and folds, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

FOLDS = 5
CONSTANT = 1e-9
"""Spread below which a feature is taken to be the same everywhere: rounding leaves a little."""


def fit_logistic(features: np.ndarray, wanted: np.ndarray, *, strength: float) -> tuple[tuple[float, ...], float]:
    """Return weights and offset for features ``[rows, features]``; ``strength`` is the inverse of regularisation.

    Features are brought to unit variance for the fit, and the weights back: the penalty treats them alike.
    """
    from sklearn.linear_model import LogisticRegression

    scale = features.std(axis=0)
    scale[scale < CONSTANT] = 1.0
    found = LogisticRegression(C=strength, max_iter=5000, tol=1e-8).fit(features / scale, wanted)
    weights = found.coef_[0] / scale
    return tuple(round(float(weight), 6) for weight in weights), round(float(found.intercept_[0]), 6)


def folds(keys: Sequence[str]) -> Iterator[tuple[list[int], list[int]]]:
    """Yield for each fold the rows inside (to fit on) and outside (to measure on), drawn by a hash of the key."""
    fold = [int.from_bytes(hashlib.sha256(f"fold:{key}".encode()).digest()[:8]) % FOLDS for key in keys]
    for number in range(FOLDS):
        inside = [at for at, of in enumerate(fold) if of != number]
        yield inside, [at for at, of in enumerate(fold) if of == number]
