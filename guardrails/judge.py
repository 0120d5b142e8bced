"""Judge guard: an LLM answers seven yes/no questions on the pages of a sampled share of shoppers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import Field

from agents.fencing import fence
from agents.judge import JudgeReport, judge_page
from agents.judge_calibration import deciding_questions, read_calibration
from state.answers_judge import PageAnswers, PlacementAnswers, PlacementQuestion
from state.guard import Guard, GuardConfig, GuardContext, register_guard
from state.placement import Placement
from state.verdict import Action, Outcome, Verdict

_ON_NO: dict[str, Action] = {
    "title_on_brand": Action.DROP,
    "fits_shopper": Action.DROP,
    "enough_products": Action.REPAIR,
    "products_match": Action.REPAIR,
}
"""The title and the theme are not written again in a placement's loop; keywords and so products are."""


class JudgeConfig(GuardConfig):
    """``decides`` names the questions whose "no" counts; every other "no" is recorded and changes nothing.

    Unset, they are those that judge_calibration.json shows this very model, adapter and prompt to answer well. What is
    named here decides only where that file has the evidence: aligned with people, or better than chance. A judge that
    was not measured decides nothing. Questions on the page as a whole never decide, since their "no" names no
    placement.
    """

    on_error: Action = Action.DROP
    timeout_s: float = Field(default=180.0, gt=0)
    decides: list[PlacementQuestion] | None = None


@register_guard
class JudgeGuard(Guard):
    """Asks the ``judge`` role. The score is the share of "yes" among the placement's four answers.

    An unreadable answer is an ERROR, never a pass or a zero. A shopper outside the sample passes without a score or a
    model, and the verdict says so.
    """

    name = "judge"
    level = "page"
    order = 90
    version = "2"
    Config = JudgeConfig
    config: JudgeConfig

    async def check(self, placements: Sequence[Placement], context: GuardContext) -> list[Verdict]:
        if not placements:
            return []
        if not in_sample(context.shopper.shopper_id, context.judge_share):
            reason = f"not sampled (share {context.judge_share:g})"
            return [self.verdict(placement, Outcome.PASS, Action.KEEP, reason) for placement in placements]
        report = await judge_page(context.chat, context.shopper, placements, min_products=context.min_products)
        calibration = await asyncio.to_thread(read_calibration, Path(__file__).parent)
        deciding = await asyncio.to_thread(deciding_questions, calibration, report.model, self.config.decides)
        return [self._judge(placement, report, deciding) for placement in placements]

    def _judge(self, placement: Placement, report: JudgeReport, deciding: Collection[str]) -> Verdict:
        answers = report.placements[placement.id]
        if answers is None or report.page is None:
            what = "placement" if answers is None else "page"
            reason = f"the judge's answer on the {what} could not be read"
            return self.verdict(placement, Outcome.ERROR, self.config.on_error, reason, model=report.model)
        failed = _said_no(answers)
        reasons = [f"{question}: {why}" for question, why in failed.items()]
        reasons += [f"page {question}: {why}" for question, why in _said_no(report.page).items()]
        score = 1 - len(failed) / len(PlacementAnswers.model_fields)
        if not reasons:
            return self.passed(placement, score=score, model=report.model)
        actions = [_ON_NO[question] for question in failed if question in deciding]
        action = Action.DROP if Action.DROP in actions else actions[0] if actions else Action.KEEP
        return self.verdict(placement, Outcome.FAIL, action, *reasons, score=score, model=report.model)


def in_sample(shopper_id: str, share: float) -> bool:
    """Tell whether a shopper's pages are judged: the same answer in every run, and still in for any larger share."""
    digest = hashlib.sha256(f"judge:{shopper_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def _said_no(answers: PageAnswers | PlacementAnswers) -> dict[str, str]:
    return {name: fence(item.reason, 160) for name, item in answers if item.answer == "no"}
