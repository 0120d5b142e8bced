"""The judge held to people's labels: agreement per question, and the gate for questions that may decide."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.judge_calibration import AlignmentReport, Bounds, QuestionAlignment
from evaluation.agreement import pair_agreement
from evaluation.bootstrap import Interval
from state.annotation import QUESTIONS

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
        accuracy=_bounds(agreement.accuracy),
        kappa=_bounds(agreement.kappa),
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


def _bounds(interval: Interval) -> Bounds:
    known = [None if math.isnan(value) else value for value in (interval.estimate, interval.low, interval.high)]
    return Bounds(estimate=known[0], low=known[1], high=known[2])


def write_report(path: Path, report: AlignmentReport) -> None:
    """Write the report whole or not at all."""
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps(report.model_dump(), indent=2) + "\n", encoding="utf-8")
    os.replace(scratch, path)
