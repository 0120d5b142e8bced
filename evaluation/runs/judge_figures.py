"""What the judge said of a run, question by question, beside what it was measured to be worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from agents.judge_calibration import JudgeCalibration, JudgeRecord
from evaluation.bootstrap import ratio_interval
from evaluation.runs.judging import JudgedPage
from evaluation.runs.report import Estimate, JudgeFigures, QuestionFigures, Trust
from state.answers_judge import PageQuestion
from state.usage import PhaseUsage

LEVELS: Final[dict[str, Literal["page", "placement", "product"]]] = {
    "cohesive": "page",
    "diverse": "page",
    "covers_needs": "page",
    "title_on_brand": "placement",
    "fits_shopper": "placement",
    "enough_products": "product",
    "products_match": "product",
}
"""What each question is about: the page, a placement's words, or its products."""
_OF_PAGE: Final = frozenset(get_args(PageQuestion))


@dataclass(frozen=True)
class Worth:
    """What a judge's answers to one question carry, its kappa with interval, and whose answers it was held to."""

    trust: Trust = "not measured"
    kappa: float | None = None
    low: float | None = None
    high: float | None = None
    against: Literal["people", "made-up faults"] | None = None


Trusts = Mapping[str, Worth]
"""By question."""


def trusts_of(calibration: JudgeCalibration, model: str | None) -> dict[str, Worth]:
    """Return what the judge that answers as ``model`` was measured to be worth on each of the seven questions.

    People's answers count before made-up faults. Questions on the page never decide (their "no" names no placement),
    but may be better than chance.
    """
    record = calibration.record_of(model)
    return {question: Worth() if record is None else _worth(record, question) for question in LEVELS}


def _worth(record: JudgeRecord, question: str) -> Worth:
    found = _kappa(record, question)
    if found is None:
        return Worth()
    kappa, low, high, against = found
    if question in record.deciding:
        return Worth("decides", kappa, low, high, against)
    better = low is not None and low > 0
    return Worth("better than chance" if better else "no better than chance", kappa, low, high, against)


def _kappa(
    record: JudgeRecord, question: str
) -> tuple[float | None, float | None, float | None, Literal["people", "made-up faults"]] | None:
    if record.people is not None:
        for found in record.people.questions:
            if found.question == question and found.items:
                return found.kappa.estimate, found.kappa.low, found.kappa.high, "people"
        return None
    measured = record.questions.get(question)
    return (measured.kappa, measured.kappa_low, measured.kappa_high, "made-up faults") if measured else None


def judge_figures(
    judged: Mapping[str, JudgedPage], model: str, trusts: Trusts, share: float, seed: int
) -> JudgeFigures | None:
    """Return the counts of every question over ``judged`` (by shopper), and the cost; None when nothing was judged."""
    if not judged:
        return None
    pages = list(judged.values())
    fields = PhaseUsage.model_fields
    usage = PhaseUsage(**{field: sum(getattr(page.usage, field) for page in pages) for field in fields})
    questions = [_question(name, pages, trusts, seed) for name in LEVELS]
    return JudgeFigures(model=model, pages=len(pages), share=share, questions=questions, usage=usage)


def _question(name: str, pages: Sequence[JudgedPage], trusts: Trusts, seed: int) -> QuestionFigures:
    answers = [_answers(name, page) for page in pages]
    yes = [own.count("yes") for own in answers]
    no = [own.count("no") for own in answers]
    worth = trusts[name]
    readable = [a + b for a, b in zip(yes, no, strict=True)]
    return QuestionFigures(
        question=name,
        level=LEVELS[name],
        yes=sum(yes),
        no=sum(no),
        unreadable=sum(own.count(None) for own in answers),
        yes_share=Estimate.of(ratio_interval(yes, readable, seed=seed)),
        trust=worth.trust,
        kappa=worth.kappa,
        kappa_low=worth.low,
        kappa_high=worth.high,
        measured_against=worth.against,
    )


def _answers(name: str, page: JudgedPage) -> list[str | None]:
    parts = [page.page] if name in _OF_PAGE else list(page.placements.values())
    return [None if part is None else str(getattr(part, name).answer) for part in parts]
