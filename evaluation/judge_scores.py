"""How well a judge answers its questions: agreement beyond chance, and the ways in which it errs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.judge import ask_page, ask_placement
from agents.judge_calibration import QuestionRecord
from evaluation.agreement import pair_agreement
from graph.services import ShopperLoader
from state.answers_judge import PageAnswers, PlacementAnswers
from state.guard import Chat
from state.placement import Placement

_AT_A_TIME = 16


class Known(Protocol):
    """A page (``placement_id`` None) or its one placement with the true answers: a row of judge data."""

    @property
    def shopper_id(self) -> str: ...
    @property
    def placement_id(self) -> str | None: ...
    @property
    def placements(self) -> list[Placement]: ...
    @property
    def min_products(self) -> int: ...
    @property
    def answers(self) -> PageAnswers | PlacementAnswers: ...


Answers = PageAnswers | PlacementAnswers | None


@dataclass(frozen=True)
class Judged:
    """True answers and the judge's, None where those could not be read; ``reversed``: of the page back to front."""

    truth: PageAnswers | PlacementAnswers
    answers: Answers
    reversed: Answers = None


async def judge_all(
    chat: Chat, shoppers: ShopperLoader, examples: Sequence[Known], *, on_done: Callable[[], object] = lambda: None
) -> list[Judged]:
    """Ask the judge about every example, pages in both orders; returned in the order of ``examples``.

    Raises:
        EngineError: the judge cannot be reached.
    """
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def judged(example: Known) -> Judged:
        async with turns:
            shopper = await asyncio.to_thread(shoppers.load, example.shopper_id)
            shown = example.placements
            if example.placement_id is not None:
                one = await ask_placement(chat, shopper, shown[0], example.min_products)
                found = Judged(example.answers, one.value if one else None)
            else:
                forth, back = await asyncio.gather(ask_page(chat, shopper, shown), ask_page(chat, shopper, shown[::-1]))
                found = Judged(example.answers, forth.value if forth else None, back.value if back else None)
        on_done()
        return found

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(judged(example)) for example in examples]
    return [task.result() for task in tasks]


def score_questions(judged: Sequence[Judged]) -> dict[str, QuestionRecord]:
    """Return the record of every question that was asked; intervals by resampling examples, the same every time."""
    records: dict[str, QuestionRecord] = {}
    for kind in (PlacementAnswers, PageAnswers):
        asked = [item for item in judged if isinstance(item.truth, kind)]
        if asked:
            records |= {question: _record(asked, question) for question in kind.model_fields}
    return records


def _record(asked: Sequence[Judged], question: str) -> QuestionRecord:
    truth, given = ([_said(part, question) for part in parts] for parts in zip(*map(_pair, asked), strict=True))
    agreement = pair_agreement(truth, given)
    good = [said for true, said in zip(truth, given, strict=True) if true == "yes"]
    turned = [
        _said(item.answers, question) != _said(item.reversed, question)
        for item in asked
        if item.answers is not None and item.reversed is not None
    ]
    kappa = agreement.kappa
    return QuestionRecord(
        examples=len(asked),
        unreadable=_share([said == "" for said in given]),
        accuracy=round(agreement.accuracy.estimate, 3),
        kappa=_number(kappa.estimate),
        kappa_low=_number(kappa.low),
        kappa_high=_number(kappa.high),
        leniency=round(_share([said == "yes" for said in given]) - _share([true == "yes" for true in truth]), 3),
        false_no=_share([said == "no" for said in good]) if good else 0.0,
        flips=_share(turned) if turned else None,
    )


def _pair(item: Judged) -> tuple[Answers, Answers]:
    return item.truth, item.answers


def _said(answers: Answers, question: str) -> str:
    """Return "yes" or "no", and nothing where the answer could not be read: it agrees with neither."""
    return "" if answers is None else str(getattr(answers, question).answer)


def _share(flags: Sequence[bool]) -> float:
    return round(sum(flags) / len(flags), 3)


def _number(kappa: float) -> float:
    """Return kappa, 0 where it is undefined: one answer to everything shows no skill."""
    return 0.0 if math.isnan(kappa) else round(kappa, 3)
