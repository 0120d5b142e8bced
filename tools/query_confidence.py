"""How sure the answer on a query is: a calibrated estimate of the share of its roles that are right."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from state.errors import ModelsError


class ConfidenceModel(BaseModel):
    """A logistic model over four signs of a query; ``examples`` is what it was fitted on (docs/intents.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    intercept: float
    logprob: float
    likeness: float
    category: float
    words: float
    examples: int
    split: str

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the fitted model.

        Raises:
            ModelsError: it is missing or damaged.
        """
        try:
            return cls.model_validate(json.loads(path.read_bytes()))
        except (OSError, ValueError, ValidationError) as error:
            fault = str(error).splitlines()[0]
            raise ModelsError(f"the confidence model {path} cannot be read ({fault}). Restore it from the project.") from None

    def of(self, *, logprob: float | None, likeness: float, category: float, words: int) -> float:
        """Return the expected share in [0, 1] of the answer's roles that are right.

    X
        ``likeness`` is the cosine of the nearest labelled query, ``category`` the score of the best category.
        """
        told = UNTOLD if logprob is None else max(logprob, FLOOR)
        signs = self.intercept + self.logprob * told + self.likeness * likeness
        return 1 / (1 + math.exp(-(signs + self.category * category + self.words * words)))


FLOOR = -20.0
UNTOLD = -2.0
"""Stands for the log probability of an engine that tells none: about the median of the student's."""
