"""How sure the answer on a query is: a calibrated estimate of the share of its roles that are right."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from state.errors import ModelsError
from state.settings import PROJECT_ROOT

CONFIDENCE_FILE = PROJECT_ROOT / "models" / "intents" / "confidence.json"
FLOOR = -10.0
UNTOLD = -1.0
"""Stands for the log probability of an engine that tells none: about the median of the student's."""


@dataclass(frozen=True)
class RoleSigns:
    """What speaks for the roles of an answer: the log probability of the tagging, and whether both taggers agree."""

    logprob: float
    agree: bool


class ConfidenceModel(BaseModel):
    """A logistic model over four signs of a query, fitted by ``shelfwise train query-confidence`` (docs/intents.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    intercept: float
    logprob: float
    agree: float
    likeness: float
    category: float
    examples: int
    split: str

    @classmethod
    def open(cls, path: Path = CONFIDENCE_FILE) -> Self:
        """Read the fitted model.

        Raises:
            ModelsError: it is missing or damaged.
        """
        try:
            return cls.model_validate(json.loads(path.read_bytes()))
        except (OSError, ValueError, ValidationError) as error:
            fault = str(error).splitlines()[0]
            raise ModelsError(f"the confidence model {path} cannot be read ({fault}). Restore the file.") from None

    @classmethod
    def always(cls) -> Self:
        """Return the model that is always sure."""
        return cls(intercept=50.0, logprob=0, agree=0, likeness=0, category=0, examples=0, split="none")

    def of(self, signs: RoleSigns, *, likeness: float, category: float) -> float:
        """Return the expected share in [0, 1] of the answer's roles that are right.

        ``likeness`` is the cosine of the nearest labelled query, ``category`` the probability of the best category.
        """
        total = self.intercept + self.logprob * max(signs.logprob, FLOOR) + self.agree * signs.agree
        total += self.likeness * likeness + self.category * category
        return 1 / (1 + math.exp(-total))
