"""The report of a run: what ``report.json`` holds and ``report.html`` shows (docs/evaluation.md)."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from evaluation.bootstrap import Interval
from state.errors import StoreError
from state.usage import PhaseUsage

SCHEMA_VERSION: Final = 1
Trust = Literal["decides", "better than chance", "no better than chance", "not measured"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Estimate(_Part):
    """A value with its 95 % bootstrap interval over ``n`` shoppers; None where it is undefined or has no interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0

    @classmethod
    def of(cls, interval: Interval) -> Estimate:
        value, low, high = (_known(part) for part in (interval.estimate, interval.low, interval.high))
        return cls(value=value, low=low, high=high, n=interval.n)

    @classmethod
    def plain(cls, value: float, n: int) -> Estimate:
        return cls(value=_known(value), n=n)


class GuardFigures(_Part):
    """What one guard said of the designed placements: shares of its verdicts; ``pruned`` counts products."""

    judged: int
    failed: float
    errors: float
    repaired: float
    dropped: float
    pruned: int
    seconds: float


class RelevanceFigures(_Part):
    """The cross-encoder over every product of every placement. ``histogram``: products by equal parts of [0, 1]."""

    scorer: str
    threshold: float
    severe_below: float
    products: int
    severe: int
    under_threshold: int
    histogram: list[int]


class ThemeFigures(_Part):
    """One placement of the run: its products' probabilities. ``severe`` counts those under ``severe_below``."""

    shopper_id: str
    placement_id: str
    title: str
    need: str
    fallback: bool
    products: int
    mean: float | None
    least: float | None
    severe: int


class NeedFigures(_Part):
    """The placements of one need together; ``mean`` is over their products."""

    need: str
    placements: int
    products: int
    mean: float | None
    severe: int


class QuestionFigures(_Part):
    """The judge on one question. An unreadable answer is neither a yes nor a no.

    ``yes_share`` is of the readable answers, resampled by shopper. ``trust`` says what this very judge was measured
    to be worth on this question (guardrails/judge_calibration.json); kappa is None where it was not measured,
    ``measured_against`` says whose answers it was held to.
    """

    question: str
    level: Literal["page", "placement", "product"]
    yes: int
    no: int
    unreadable: int
    yes_share: Estimate
    trust: Trust
    kappa: float | None = None
    kappa_low: float | None = None
    kappa_high: float | None = None
    measured_against: Literal["people", "made-up faults"] | None = None


class JudgeFigures(_Part):
    """All that the judge said. ``usage`` is what asking cost, pages that were kept from an earlier run included."""

    model: str
    pages: int
    share: float
    questions: list[QuestionFigures]
    usage: PhaseUsage


class ShownProduct(_Part):
    name: str
    aisle: str
    probability: float


class JudgeWord(_Part):
    """One answer of the judge on a placement; ``answer`` is None where it could not be read."""

    question: str
    answer: Literal["yes", "no"] | None
    reason: str
    trust: Trust


class ShownVerdict(_Part):
    guard: str
    outcome: str
    action: str
    score: float | None
    threshold: float | None
    reasons: list[str]


class WorstPlacement(_Part):
    """A placement in full, products with their probabilities."""

    shopper_id: str
    placement_id: str
    title: str
    need: str
    rationale: str
    fallback: bool
    mean: float | None
    severe: int
    products: list[ShownProduct]
    verdicts: list[ShownVerdict]
    policy: list[str] = Field(description="what the policy guard says against it")
    judge: list[JudgeWord]


class Arm(_Part):
    """One configuration: what it made and how good that is.

    ``figures`` by metric; ``values`` the metrics of each page, by metric and shopper (None: undefined there);
    ``failed`` says why shoppers have no page. ``drops``: share of designed placements that each guard ended.
    """

    name: str
    digest: str
    settings: dict[str, str]
    pages: int
    failed: dict[str, str]
    figures: dict[str, Estimate]
    values: dict[str, dict[str, float | None]]
    guards: dict[str, GuardFigures]
    drops: dict[str, float]
    phases: dict[str, PhaseUsage]
    latency: list[float] = Field(description="wall seconds of each page, sorted")
    relevance: RelevanceFigures
    needs: list[NeedFigures]
    themes: list[ThemeFigures]
    worst: list[WorstPlacement]
    judge: JudgeFigures | None


class Difference(_Part):
    """The second configuration less the first, paired by shopper. ``detected``: its interval leaves 0 out."""

    metric: str
    decides: bool
    difference: Estimate
    detected: bool


class FloorLine(_Part):
    """One bound of the floor, and whether the figure keeps it. An undefined figure breaks it."""

    metric: str
    bound: Literal["min", "max"]
    limit: float
    value: float | None
    held: bool


class FloorResult(_Part):
    file: str
    configuration: str
    held: bool
    lines: list[FloorLine]


class Report(_Part):
    """The whole run. ``settings_differences``: name, value in the first and in the second configuration."""

    schema_version: Literal[1] = SCHEMA_VERSION
    made_at: datetime
    shoppers: list[str]
    drawn: str = Field(description="how the shoppers were chosen")
    seed: int
    arms: list[Arm] = Field(min_length=1, max_length=2)
    settings_differences: list[tuple[str, str, str]]
    differences: list[Difference]
    floor: FloorResult | None


def _known(value: float) -> float | None:
    return value if abs(value) != float("inf") and value == value else None


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        # Names may hold half a character that no encoding writes.
        partial.write_text(text, encoding="utf-8", errors="replace")
        os.replace(partial, path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error}. Name another folder.") from error


def as_json(report: Report) -> str:
    """Return ``report.json``: one document, indented."""
    return json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
