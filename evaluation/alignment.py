"""The judge held to people's labels: agreement per question, and the gate for questions that may decide."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.agreement import pair_agreement
from evaluation.annotations import QUESTIONS, AnnotationError
from evaluation.bootstrap import Interval

Labels = Mapping[tuple[str, str], bool]
"""Yes or no by item and question."""


@dataclass(frozen=True)
class AlignmentGate:
    """What a question must reach to decide: kappa with people of at least ``min_kappa``, an interval above 0, and at
    least ``min_items`` items, ``min_no`` of them answered "no" by people (a question never failed says nothing).

    Landis and Koch (1977) call 0.41 to 0.60 moderate and 0.61 to 0.80 substantial agreement.
    """

    min_kappa: float = 0.6
    min_items: int = 50
    min_no: int = 10


class Bounds(BaseModel):
    """An estimate with its interval; None where it is undefined."""

    model_config = ConfigDict(frozen=True)

    estimate: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, interval: Interval) -> Bounds:
        known = (value if value == value else None for value in (interval.estimate, interval.low, interval.high))
        return cls(**dict(zip(("estimate", "low", "high"), known, strict=True)))


class QuestionAlignment(BaseModel):
    """The judge against people on one question.

    ``items`` were answered by both; ``unread`` are items that people answered and the judge did not (an unreadable
    answer is no "no"). ``leniency`` is the judge's share of "yes" less that of people: above 0 the judge is lenient.
    ``caught`` is the share of people's "no" that the judge answers "no" as well. ``decides`` is the gate's word,
    ``why_not`` what is missing.
    """

    model_config = ConfigDict(frozen=True)

    question: str
    items: int
    unread: int
    people_no: int
    accuracy: Bounds
    kappa: Bounds
    leniency: float | None
    caught: float | None
    decides: bool
    why_not: str = ""


class AlignmentReport(BaseModel):
    """What one judge model may decide, by question. Valid for this model and these prompts alone."""

    model_config = ConfigDict(extra="forbid")

    judge: str
    prompts: str
    people: str = Field(description="Digest or name of the annotations.")
    questions: list[QuestionAlignment]

    def deciding(self, judge: str, prompts: str) -> list[str]:
        """Return the questions whose "no" may take a placement off the page; none for another judge or prompt."""
        if (judge, prompts) != (self.judge, self.prompts):
            return []
        return [question.question for question in self.questions if question.decides]


def align(
    judge: Labels, people: Labels, gate: AlignmentGate | None = None, *, seed: int = 0
) -> list[QuestionAlignment]:
    """Return the alignment on each of the seven questions, in their order; those nobody answered do not decide.

    ``people`` is the consensus of the annotators (:func:`evaluation.annotations.consensus`), ``judge`` what the judge
    answered on the same items. Intervals by resampling the items.
    """
    chosen = gate or AlignmentGate()
    order = [question for level in QUESTIONS.values() for question in level]
    return [_align(question, judge, people, chosen, seed) for question in order]


def _align(question: str, judge: Labels, people: Labels, gate: AlignmentGate, seed: int) -> QuestionAlignment:
    asked = sorted(key for key in people if key[1] == question)
    both = [key for key in asked if key in judge]
    said, true = [judge[key] for key in both], [people[key] for key in both]
    agreement = pair_agreement(said, true, seed=seed)
    noes = true.count(False)
    why_not = _why_not(agreement.kappa, len(both), noes, gate)
    return QuestionAlignment(
        question=question,
        items=len(both),
        unread=len(asked) - len(both),
        people_no=noes,
        accuracy=Bounds.of(agreement.accuracy),
        kappa=Bounds.of(agreement.kappa),
        leniency=(said.count(True) - true.count(True)) / len(both) if both else None,
        caught=sum(not s for s, t in zip(said, true, strict=True) if not t) / noes if noes else None,
        decides=not why_not,
        why_not=why_not,
    )


def _why_not(kappa: Interval, items: int, noes: int, gate: AlignmentGate) -> str:
    if items < gate.min_items:
        return f"{items} items, {gate.min_items} needed"
    if noes < gate.min_no:
        return f"people answered no {noes} times, {gate.min_no} needed"
    if not kappa.estimate >= gate.min_kappa:
        return f"kappa {kappa.estimate:.2f} is under {gate.min_kappa:.2f}"
    return "" if kappa.low > 0 else "the interval of kappa holds 0"


def write_report(path: Path, report: AlignmentReport) -> None:
    """Write the report whole or not at all."""
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps(report.model_dump(), indent=2) + "\n", encoding="utf-8")
    os.replace(scratch, path)


def read_report(path: Path) -> AlignmentReport:
    """Return a stored report.

    Raises:
        AnnotationError: it cannot be read: no question of the judge may decide.
    """
    try:
        return AlignmentReport.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise AnnotationError(
            f"the judge's alignment cannot be read from {path} ({type(error).__name__}). Align the judge again."
        ) from error
