"""The LLM judge over the pages of a run: sampled or all, each answer kept as it comes, unreadable ones counted."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.judge import JudgeReport, judge_page, page_messages, placement_messages
from agents.judge_calibration import adapter_digest, answering_model
from agents.retrying import RetryingChat
from graph.services import ShopperLoader
from state.answers_judge import PageAnswers, PlacementAnswers
from state.errors import EngineError
from state.guard import Chat
from state.placement import Page
from state.settings import RoleSettings
from state.shopper import ShopperContext
from state.usage import PhaseUsage, usage_by_phase
from tools.line_file import LineFile

AT_A_TIME = 2
"""Pages asked about at once, seven calls each: the embedded engine batches them."""


class JudgedPage(BaseModel):
    """What the judge answered on one page; None where an answer could not be read after every re-ask.

    ``request`` is a digest of the judge and of all it was asked: an answer to anything else is not used.
    """

    model_config = ConfigDict(extra="forbid")

    shopper_id: str
    request: str
    model: str | None
    page: PageAnswers | None
    placements: dict[str, PlacementAnswers | None]
    usage: PhaseUsage

    @property
    def unreadable(self) -> int:
        return sum(answer is None for answer in (self.page, *self.placements.values()))


def judged_shoppers(shoppers: Sequence[str], share: float) -> list[str]:
    """Return a share of ``shoppers`` (rounded, at least one if the share is above 0), those of a larger one included.

    Which ones depends on their ids alone, so that two configurations are judged on the same.
    """
    count = min(len(shoppers), max(round(share * len(shoppers)), 1 if share > 0 else 0))
    by_hash = sorted(shoppers, key=lambda shopper: hashlib.sha256(f"judge:{shopper}".encode()).digest())
    chosen = set(by_hash[:count])
    return [shopper for shopper in shoppers if shopper in chosen]


async def judge_pages(
    pages: Sequence[Page],
    chat: Chat,
    role: RoleSettings,
    shoppers: ShopperLoader,
    path: Path,
    *,
    min_products: int,
    at_a_time: int = AT_A_TIME,
    on_done: Callable[[], object] = lambda: None,
) -> dict[str, JudgedPage]:
    """Ask the judge about ``pages`` and return its answers by shopper; pages without placements are left out.

    The judge sees of the shopper what the designer saw. Answers that ``path`` holds to the very same questions of the
    same judge are not asked for again: those it could not give in a form that can be read count as unreadable.

    Raises:
        EngineError: the judge does not answer; what it answered so far is kept.
        StoreError: ``path`` holds something else.
    """
    asked = {
        page.shopper_id: (page, shoppers.load(page.shopper_id, hold_out_last=True)) for page in pages if page.placements
    }
    requests = {key: _request(role, shopper, page, min_products) for key, (page, shopper) in asked.items()}
    file = LineFile.open(path, lambda record: _key(record, requests), holds="an answer of the judge")
    found = {key: JudgedPage.model_validate_json(line) for key in asked if (line := file.line(key)) is not None}
    for _ in found:
        on_done()
    turns, patient = asyncio.Semaphore(at_a_time), RetryingChat(chat)

    async def one(key: str) -> None:
        async with turns:
            page, shopper = asked[key]
            report = await judge_page(patient, shopper, page.placements, min_products=min_products)
            found[key] = _judged(key, requests[key], report)
            file.append(key, found[key].model_dump_json())
        on_done()

    try:
        async with asyncio.TaskGroup() as group:
            for key in asked:
                if key not in found:
                    group.create_task(one(key))
    except* EngineError as errors:
        raise EngineError(
            f"the judge ({answering_model(role)}) does not answer: {errors.exceptions[0]} "
            f"{len(found)} of {len(asked)} pages are judged and kept: run again to go on, or with --judge-share 0."
        ) from None
    return {key: found[key] for key in asked}


def _judged(key: str, request: str, report: JudgeReport) -> JudgedPage:
    usage = usage_by_phase(report.usage)
    return JudgedPage(
        shopper_id=key,
        request=request,
        model=report.model,
        page=report.page,
        placements=report.placements,
        usage=next(iter(usage.values()), PhaseUsage()),
    )


def _request(role: RoleSettings, shopper: ShopperContext, page: Page, min_products: int) -> str:
    name = answering_model(role)
    asked = [page_messages(shopper, page.placements)]
    asked += [placement_messages(shopper, row, min_products) for row in page.placements]
    model = [role.engine, name, adapter_digest(name), role.temperature, role.seed, role.max_tokens]
    content = json.dumps([model, asked, [row.id for row in page.placements]], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _key(record: Any, requests: dict[str, str]) -> str | None:
    try:
        judged = JudgedPage.model_validate(record)
    except ValidationError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    key = judged.shopper_id
    return key if requests.get(key, judged.request) == judged.request else None
