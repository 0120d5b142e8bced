"""What guards that measure share: a theme in words, and a check that a model returned numbers."""

from __future__ import annotations

import numpy as np


def theme_text(title: str, concepts: list[str]) -> str:
    """Return the whole theme as one text."""
    return f"{title}: {', '.join(concepts)}" if concepts else title


def finite(values: np.ndarray, shape: tuple[int, ...], source: str) -> np.ndarray:
    """Return ``values`` if they have ``shape`` and are all numbers.

    ``shape`` may say -1 for any length. Raises ValueError: a broken model must not pass for a low or high score.
    """
    values = np.asarray(values, dtype=np.float64)
    wanted = tuple(length if length >= 0 else actual for length, actual in zip(shape, values.shape, strict=False))
    if values.shape != wanted or len(shape) != values.ndim:
        raise ValueError(f"{source} returned an array of shape {values.shape} instead of {shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{source} returned values that are not finite")
    return values
