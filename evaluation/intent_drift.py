"""Drift of the student: how far its answers agree with the teacher's, window by window over samples of the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from evaluation.bootstrap import Interval, mean_interval
from evaluation.intent_scores import role_scores
from state.errors import AnnotationError
from state.intent import Attribute, LabelledQuery, Rewrites
from tools.labelled_queries import query_key


class TimedAnswer(BaseModel):
    """The student's answer to a query at a time: a line of ``shelfwise intents`` with ``at``."""

    model_config = ConfigDict(extra="ignore")

    query: str
    at: AwareDatetime
    corrected: str
    product: str | None = None
    brand: str | None = None
    attributes: list[Attribute] = []
    categories: list[str] = []
    rewrites: Rewrites = Rewrites()


@dataclass(frozen=True)
class DriftBounds:
    """Agreement under which a window raises the alarm; a window of fewer than ``least`` queries tells nothing."""

    roles: float = 0.8
    category: float = 0.7
    least: int = 30


@dataclass(frozen=True)
class DriftWindow:
    """Agreement of one window. ``roles`` is the span F1 against the teacher's, ``category`` the share of queries whose
    best category is the teacher's (no answer counts as another one; queries without one in the teacher's answer are
    left out); both with bootstrap intervals over queries."""

    start: datetime
    end: datetime
    queries: int
    roles: Interval
    category: Interval
    alarms: tuple[str, ...]


@dataclass(frozen=True)
class DriftReport:
    """The windows in order of time, and how many answers the teacher has not answered."""

    windows: list[DriftWindow]
    without_teacher: int

    @property
    def alarm(self) -> bool:
        """Whether the latest window that tells anything raises one."""
        return bool(self.windows and self.windows[-1].alarms)


def drift_report(
    answers: Sequence[TimedAnswer],
    teacher: Mapping[str, LabelledQuery],
    window: timedelta,
    bounds: DriftBounds | None = None,
) -> DriftReport:
    """Return the agreement of ``answers`` with ``teacher`` (by query key) in windows of ``window`` from the first on.

    Windows are aligned to the epoch, so that the same answers always fall into the same ones. Those with fewer than
    ``bounds.least`` queries are left out. A query that was answered twice in a window counts twice.
    """
    bounds = bounds or DriftBounds()
    if window <= timedelta(0):
        raise ValueError("a window has a length.")
    by_window: dict[int, list[tuple[LabelledQuery, TimedAnswer]]] = {}
    missing = 0
    for answer in answers:
        gold = teacher.get(query_key(answer.query))
        if gold is None:
            missing += 1
        else:
            number = int(answer.at.timestamp() // window.total_seconds())
            by_window.setdefault(number, []).append((gold, answer))
    windows = [
        _window(datetime.fromtimestamp(number * window.total_seconds(), UTC), window, pairs, bounds)
        for number, pairs in sorted(by_window.items())
        if len(pairs) >= bounds.least
    ]
    return DriftReport(windows, missing)


def read_timed(path: Path) -> list[TimedAnswer]:
    """Return the student's answers of a JSON lines file; lines of failed queries (``error``) are passed over.

    Raises:
        AnnotationError: the file cannot be read, or a line is no answer with a time and its zone.
    """
    answers = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"cannot read {path}: {error}. Name a file of answers.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or '"error":' in line:
            continue
        try:
            answers.append(TimedAnswer.model_validate_json(line))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, fault["loc"])) or "line"
            raise AnnotationError(
                f"{path}, line {number} is no answer with its time ({place}: {fault['msg']})."
            ) from None
    return answers


def _window(
    start: datetime, length: timedelta, pairs: Sequence[tuple[LabelledQuery, TimedAnswer]], bounds: DriftBounds
) -> DriftWindow:
    compared: list[tuple[Any, Any]] = [*pairs]
    roles = role_scores(compared).f1
    category = mean_interval(
        [float(answer.categories[:1] == gold.categories[:1]) for gold, answer in pairs if gold.categories]
    )
    alarms = [
        f"{name} {interval.estimate:.3f} is under {bound:g}"
        for name, interval, bound in (("roles F1", roles, bounds.roles), ("category@1", category, bounds.category))
        if interval.estimate < bound
    ]
    return DriftWindow(start, start + length, len(pairs), roles, category, tuple(alarms))
