"""Thresholds as data: a JSON file beside the guard that names the model and the run it was chosen in."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from state.errors import SettingsError


class Calibration(BaseModel):
    """A threshold for the scores of ``model`` and the run that chose it; further fields record what was measured."""

    model_config = ConfigDict(extra="allow")

    model: str
    threshold: float = Field(ge=0, le=1)
    chosen_on: str
    command: str


def calibrated_threshold(path: Path, model: str, setting: str) -> float:
    """Return the threshold recorded in ``path`` for the scores of ``model``.

    Raises:
        SettingsError: the file cannot be used, or its threshold is of another model: scores of one model mean nothing
            on the scale of another. ``setting`` is the way around that the message names.
    """
    try:
        recorded = Calibration.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise SettingsError(
            f"{path.name} cannot be used ({type(error).__name__}): write it with benchmarks/{path.stem}.py --write"
        ) from error
    if recorded.model != model:
        raise SettingsError(
            f"{path.name} was calibrated for '{recorded.model}', the model is '{model}'. Run benchmarks/{path.stem}.py "
            f"for this model, or set {setting}."
        )
    return recorded.threshold
