"""What the judge said of a run, question by question, beside what it was measured to be worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from agents.judge_calibration import JudgeCalibration, QuestionRecord
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

Trusts = Mapping[str, tuple[Trust, QuestionRecord | None]]
"""By question: whether its answers carry, and the measurement that says so."""


def trusts_of(calibration: JudgeCalibration, model: str | None) -> dict[str, tuple[Trust, QuestionRecord | None]]:
    """Return what the judge that answers as ``model`` was measured to be worth on each of the seven questions.

    Questions on the page never decide (their "no" names no placement), but may be better than chance.
    """
    record = calibration.record_of(model)
    found: dict[str, tuple[Trust, QuestionRecord | None]] = {}
    for question in LEVELS:
        measured = record.questions.get(question) if record else None
        if record is None or measured is None:
            found[question] = "not measured", None
        elif question in record.deciding:
            found[question] = "decides", measured
        else:
            found[question] = "better than chance" if measured.kappa_low > 0 else "no better than chance", measured
    return found


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
    trust, measured = trusts[name]
    readable = [a + b for a, b in zip(yes, no, strict=True)]
    return QuestionFigures(
        question=name,
        level=LEVELS[name],
        yes=sum(yes),
        no=sum(no),
        unreadable=sum(own.count(None) for own in answers),
        yes_share=Estimate.of(ratio_interval(yes, readable, seed=seed)),
        trust=trust,
        kappa=measured.kappa if measured else None,
        kappa_low=measured.kappa_low if measured else None,
        kappa_high=measured.kappa_high if measured else None,
    )


def _answers(name: str, page: JudgedPage) -> list[str | None]:
    parts = [page.page] if name in _OF_PAGE else list(page.placements.values())
    return [None if part is None else str(getattr(part, name).answer) for part in parts]
