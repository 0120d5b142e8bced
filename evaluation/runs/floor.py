"""The quality floor: the least that each metric of a run must reach, kept in a file, for CI to hold."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, model_validator

from evaluation.runs.metrics import METRICS
from evaluation.runs.report import Arm, FloorLine, FloorResult
from state.errors import SettingsError

DEFAULT_FLOOR: Final = Path(__file__).parent / "quality_floor.toml"


class Bounds(BaseModel):
    """The least and the most that a metric may be."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    min: float | None = Field(default=None)
    max: float | None = Field(default=None)

    @model_validator(mode="after")
    def _bounds_something(self) -> Bounds:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        return self


class Floor(RootModel[dict[str, Bounds]]):
    """Bounds by metric."""

    @model_validator(mode="after")
    def _knows_its_metrics(self) -> Floor:
        unknown = sorted(self.root.keys() - METRICS.keys())
        if unknown:
            raise ValueError(f"no metric {', '.join(unknown)}. Metrics are: {', '.join(METRICS)}")
        if not self.root:
            raise ValueError("it bounds nothing")
        return self


def read_floor(path: Path) -> Floor:
    """Return the floor in ``path``.

    Raises:
        SettingsError: it cannot be read, names no metric, or bounds nothing.
    """
    try:
        return Floor.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"the floor {path} cannot be read: {error}. Correct the path or the file.") from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'floor'}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"the floor {path} is wrong:\n" + "\n".join(lines)) from None


def hold(arm: Arm, floor: Floor, file: Path) -> FloorResult:
    """Return whether ``arm`` keeps ``floor``.

    The estimate itself is held to the bound. An end of its interval would let a small sample, with its wide interval,
    pass or fail anything; the same shoppers every time make estimates comparable. A metric that could not be
    measured breaks the floor.
    """
    lines = [
        FloorLine(
            metric=metric,
            bound="min" if least else "max",
            limit=limit,
            value=arm.figures[metric].value,
            held=_held(arm.figures[metric].value, limit, least=least),
        )
        for metric, bounds in floor.root.items()
        for limit, least in ((bounds.min, True), (bounds.max, False))
        if limit is not None
    ]
    return FloorResult(file=file.name, configuration=arm.name, held=all(line.held for line in lines), lines=lines)


def broken(result: FloorResult) -> list[str]:
    """Return a sentence for every bound that is broken: metric, value, floor."""
    return [_sentence(line) for line in result.lines if not line.held]


def _sentence(line: FloorLine) -> str:
    value = "could not be measured" if line.value is None else f"is {line.value:.4g}"
    side = "at least" if line.bound == "min" else "at most"
    return f"{line.metric} ({METRICS[line.metric].label}) {value}, the floor is {side} {line.limit:g}"


def _held(value: float | None, limit: float, *, least: bool) -> bool:
    if value is None or math.isnan(value):
        return False
    return value >= limit if least else value <= limit
