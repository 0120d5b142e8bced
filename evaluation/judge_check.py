"""Checks of the judge itself on the frozen set: does it stand by its answers, does order sway it, did it drift."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from evaluation.asking import Said, ask_about, ask_side_by_side
from evaluation.bootstrap import Interval, mean_interval
from evaluation.frozen_set import Baseline, FrozenItem
from state.annotation import QUESTIONS
from state.errors import SettingsError
from state.guard import Chat
from state.usage import CallUsage, PhaseUsage, usage_by_phase
from tools.line_file import LineFile

Variant = Literal["plain", "again", "reversed"]
"""``plain`` as in production; ``again`` at a temperature and with another seed; ``reversed`` with the placements of a
page, the products of a placement, in reverse order."""
VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)
_AT_A_TIME = 16
Answers = Mapping[tuple[Variant, str], Said]


class Asked(BaseModel):
    """A line of the file of answers. ``basis`` tells judge, prompt, set and temperature: others are asked again."""

    model_config = ConfigDict(extra="forbid")

    item: str
    variant: Variant
    basis: str
    answers: dict[str, bool] | None
    usage: CallUsage | None = None


@dataclass(frozen=True)
class QuestionCheck:
    """One question on ``items`` items. Shares with 95 % intervals by resampling items; None where nothing was compared.

    ``stands``: the same answer when asked again; ``unswayed``: the same in reverse order, ``sway`` the share of "yes"
    in reverse less that as shown. ``leniency``: share of "yes" less that which is true. Only answers that could be
    read in both are compared; ``unread`` is the share of plain answers that could not. ``kept``: as in the baseline.
    """

    question: str
    items: int
    unread: float
    accuracy: Interval
    leniency: float
    stands: Interval
    unswayed: Interval
    sway: float
    kept: Interval | None


def basis_of(*parts: object) -> str:
    """Return a digest of what answers rest on."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


async def ask_all(
    chats: Mapping[Variant, Chat],
    items: Sequence[FrozenItem],
    basis: str,
    out: Path,
    *,
    on_done: Callable[[], object] = lambda: None,
) -> tuple[dict[tuple[Variant, str], Said], PhaseUsage]:
    """Ask about every item in every variant; what ``out`` holds is not asked again. Returns answers and their cost.

    Raises:
        SettingsError: ``out`` is something else, or cannot be written.
        EngineError: the judge cannot be reached; answers so far are kept.
    """

    def key_of(record: object) -> str | None:
        known = Asked.model_validate(record)
        return f"{known.variant}/{known.item}" if known.basis == basis else None

    file = LineFile.open(out, key_of, holds="an answer of 'judge-check'", error=SettingsError)
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def one(variant: Variant, item: FrozenItem) -> None:
        async with turns:
            said, usage = await _ask(chats[variant], item, backwards=variant == "reversed")
        line = Asked(item=item.id, variant=variant, basis=basis, answers=said, usage=usage)
        file.append(f"{variant}/{item.id}", line.model_dump_json())
        on_done()

    wanted = [(variant, item) for variant in VARIANTS for item in items]
    missing = [(variant, item) for variant, item in wanted if f"{variant}/{item.id}" not in file.keys]
    await ask_side_by_side(one(variant, item) for variant, item in missing)
    lines = [Asked.model_validate_json(file.line(f"{variant}/{item.id}") or "") for variant, item in wanted]
    spent = usage_by_phase(line.usage for line in lines if line.usage is not None)
    return {(line.variant, line.item): line.answers for line in lines}, spent.get("judge", PhaseUsage())


async def _ask(chat: Chat, item: FrozenItem, *, backwards: bool) -> tuple[Said, CallUsage | None]:
    shown = item.placements
    if backwards and item.page:
        shown = shown[::-1]
    elif backwards:
        shown = [placement.model_copy(update={"products": placement.products[::-1]}) for placement in shown]
    return await ask_about(chat, item.shopper, shown, page=item.page, min_products=item.min_products)


def check_questions(items: Sequence[FrozenItem], answers: Answers, baseline: Baseline | None) -> list[QuestionCheck]:
    """Return the figures of every question that the items ask, in the order of the questions."""
    order = [question for level in QUESTIONS.values() for question in level]
    return [
        _check(question, asked, answers, baseline)
        for question in order
        if (asked := [item for item in items if question in item.truth])
    ]


def drift(items: Sequence[FrozenItem], answers: Answers, baseline: Baseline) -> Interval:
    """Return the share of answers that are as in the baseline, over all items and questions; intervals by items.

    An answer that can be read now and could not then, or the other way round, is another answer.
    """
    shares = []
    for item in items:
        now, then = answers["plain", item.id], baseline.answers.get(item.id)
        shares.append(sum(_said(now, name) == _said(then, name) for name in item.truth) / len(item.truth))
    return mean_interval(shares)


def _check(question: str, asked: Sequence[FrozenItem], answers: Answers, baseline: Baseline | None) -> QuestionCheck:
    plain, again, turned = ([_said(answers[variant, item.id], question) for item in asked] for variant in VARIANTS)
    truth = [item.truth[question] for item in asked]
    read = [(said, true) for said, true in zip(plain, truth, strict=True) if said is not None]
    swayed = [(here, there) for here, there in zip(plain, turned, strict=True) if None not in (here, there)]
    then = None if baseline is None else [_said(baseline.answers.get(item.id), question) for item in asked]
    return QuestionCheck(
        question=question,
        items=len(asked),
        unread=1 - len(read) / len(asked),
        accuracy=mean_interval([float(said == true) for said, true in zip(plain, truth, strict=True)]),
        leniency=_yes(said for said, _ in read) - _yes(true for _, true in read),
        stands=_equal(plain, again),
        unswayed=_equal(plain, turned),
        sway=_yes(there for _, there in swayed) - _yes(here for here, _ in swayed),
        kept=None if then is None else mean_interval([float(a == b) for a, b in zip(plain, then, strict=True)]),
    )


def _said(answers: Said, question: str) -> bool | None:
    return None if answers is None else answers.get(question)


def _equal(first: Sequence[bool | None], second: Sequence[bool | None]) -> Interval:
    """Return the share of equal answers among those that could be read in both."""
    return mean_interval([float(a == b) for a, b in zip(first, second, strict=True) if None not in (a, b)])


def _yes(said: Iterable[bool | None]) -> float:
    given = [bool(one) for one in said]
    return sum(given) / len(given) if given else 0.0
