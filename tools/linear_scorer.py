"""Small fitted scorers as data: a JSON file with named weights, the threshold chosen for them and the run it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from state.errors import ModelsError


class LinearScorer(BaseModel):
    """Logistic regression over named features. ``threshold`` is the probability from which on to act."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[str, ...]
    weights: tuple[float, ...]
    offset: float
    threshold: float = Field(ge=0, le=1)
    fitted_on: str
    command: str
    measured: dict[str, Any] = Field(default_factory=dict, description="What the run found; nothing reads it.")

    @model_validator(mode="after")
    def _a_weight_for_each(self) -> Self:
        if len(self.features) != len(self.weights):
            raise ValueError(f"{len(self.features)} features have {len(self.weights)} weights")
        return self

    @classmethod
    def open(cls, path: Path, features: Sequence[str]) -> Self:
        """Read ``path``, whose features must be ``features``, in this order.

        Raises:
            ModelsError: the file cannot be read or is of other features.
        """
        try:
            found = cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            cause = str(error).splitlines()[0]
            raise ModelsError(f"the weights {path} cannot be used ({cause}). Restore the file.") from error
        if found.features != tuple(features):
            raise ModelsError(f"{path} weighs other features than the code has. Fit it again: {found.command}")
        return found

    def probabilities(self, rows: Sequence[Sequence[float]]) -> np.ndarray:
        """Return float64 ``[rows]`` in [0, 1] for rows of feature values."""
        if not len(rows):
            return np.zeros(0)
        sums = np.asarray(rows, dtype=np.float64) @ np.asarray(self.weights) + self.offset
        return 1 / (1 + np.exp(-np.clip(sums, -500, 500)))
