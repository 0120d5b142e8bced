"""What the phases answer on one line: keywords of a theme, the design of a page, the judge's word on a page."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from agents.judge import JudgeReport, judge_page
from agents.judge_calibration import adapter_digest, answering_model, deciding_questions, read_calibration
from agents.keyword_writer import write_keywords
from agents.prompting import prompts_version
from agents.recording import RecordingChat
from agents.retrying import RetryingChat
from graph.designing import design_themes
from graph.services import Services, ShopperLoader
from serving.phase_files import AnswerLine, InputLine, LineRejected, read_record
from state.answers_judge import PageAnswers, PlacementAnswers, PlacementQuestion
from state.guard import Chat, Embedder
from state.options import PageOptions
from state.placement import Need, Placement, Theme
from state.settings import RoleSettings
from state.vocabulary import Vocabulary
from tools.keyword_selector import KeywordSelector
from tools.vocabulary import nearest_first

Text = Annotated[str, Field(min_length=1)]


class KeywordLine(BaseModel):
    """A theme and what may be chosen for it."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    title: Text
    rationale: str = ""
    concepts: list[Text] = Field(min_length=1)
    candidates: list[Text]
    categories: list[Text]
    filters: list[Text] = Field(default_factory=list)


class ShopperLine(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True, str_strip_whitespace=True)

    shopper_id: str = Field(min_length=1, max_length=128)


class JudgedLine(ShopperLine):
    """A page, or as much of one as the judge is shown: titles, needs, rationales and products by name."""

    placements: list[Placement] = Field(min_length=1)

    @field_validator("placements", mode="before")
    @classmethod
    def _fill(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [_filled(position, item) if isinstance(item, dict) else item for position, item in enumerate(value)]

    @field_validator("placements")
    @classmethod
    def _ids_differ(cls, placements: list[Placement]) -> list[Placement]:
        if len({placement.id for placement in placements}) < len(placements):
            raise ValueError("two placements have the same id")
        return placements


def keyword_answerer(chat: Chat, embedder: Embedder, selector: KeywordSelector, shown: int | None) -> AnswerLine:
    """Return what answers a :class:`KeywordLine`.

    Candidates are put nearest first and cut to ``shown`` of them (None for all), as the page graph does.
    """

    async def answer(line: InputLine) -> dict[str, Any]:
        asked = read_record(line, KeywordLine)
        nearest = await asyncio.to_thread(nearest_first, embedder, asked.concepts, asked.candidates)
        vocabulary = Vocabulary(
            keywords=nearest, categories=_distinct(asked.categories), filters=_distinct(asked.filters)
        )
        theme = Theme(
            id=f"line-{line.number}",
            position=0,
            title=asked.title,
            need=Need.EXPLORE,
            rationale=asked.rationale,
            concepts=asked.concepts,
        )
        if shown:
            vocabulary = await asyncio.to_thread(selector.cut, theme, vocabulary, shown)
        recording = RecordingChat(RetryingChat(chat))
        chosen = await write_keywords(recording, Placement.of_theme(theme), vocabulary)
        return {"title": asked.title, **chosen.model_dump(), "model": _model(recording)}

    return answer


def design_answerer(services: Services, options: PageOptions) -> AnswerLine:
    """Return what answers a :class:`ShopperLine` with phase 1 alone; an unknown shopper is cold, not an error."""

    async def answer(line: InputLine) -> dict[str, Any]:
        shopper_id = read_record(line, ShopperLine).shopper_id
        shopper = await asyncio.to_thread(services.shoppers.load, shopper_id, hold_out_last=options.hold_out_last)
        recording = RecordingChat(RetryingChat(services.chat))
        design = await design_themes(recording, services, shopper, options)
        if not design.themes:
            raise LineRejected("the designer found no theme for this history")
        kept = {"title", "need", "rationale", "concepts"}
        return {
            "shopper_id": shopper_id,
            "cold": shopper.cold,
            "persona": design.persona,
            "themes": [theme.model_dump(mode="json", include=kept) for theme in design.themes],
            "model": _model(recording),
        }

    return answer


def judge_answerer(
    chat: Chat,
    shoppers: ShopperLoader,
    guards_dir: Path,
    decides: Sequence[PlacementQuestion] | None,
    min_products: int,
) -> AnswerLine:
    """Return what answers a :class:`JudgedLine`. ``decides`` is the judge guard's setting of that name."""
    calibration = read_calibration(guards_dir)

    async def answer(line: InputLine) -> dict[str, Any]:
        if line.record and "error" in line.record and "placements" not in line.record:
            raise LineRejected(f"there is no page: {line.record['error']}")
        asked = read_record(line, JudgedLine)
        shopper = await asyncio.to_thread(shoppers.load, asked.shopper_id)
        report = await judge_page(RetryingChat(chat), shopper, asked.placements, min_products=min_products)
        deciding = await asyncio.to_thread(deciding_questions, calibration, report.model, decides)
        return {"shopper_id": asked.shopper_id, "model": report.model, **_verdicts(asked, report, deciding)}

    return answer


def _verdicts(asked: JudgedLine, report: JudgeReport, deciding: Collection[str]) -> dict[str, Any]:
    parts = [report.page, *report.placements.values()]
    unread = sum(part is None for part in parts)
    shown: dict[str, Any] = {
        "page": _answers(report.page, ()),
        "placements": [
            {"id": placement.id, "title": placement.title, **_answers(report.placements[placement.id], deciding)}
            for placement in asked.placements
        ],
    }
    if unread:
        shown["error"] = f"{unread} of {len(parts)} answers could not be read"
    return shown


def _answers(answers: PageAnswers | PlacementAnswers | None, deciding: Collection[str]) -> dict[str, Any]:
    if answers is None:
        return {"error": "the answer could not be read"}
    return {name: {"reason": item.reason, "answer": item.answer, "decides": name in deciding} for name, item in answers}


def _filled(position: int, item: dict[str, Any]) -> dict[str, Any]:
    """Return the placement with what the judge is not shown filled in."""
    products = [{"name": one} if isinstance(one, str) else one for one in item.get("products") or []]
    unseen = {"aisle": "", "department": "", "score": 0.0}
    named = {"id": f"placement-{position}", "rationale": "", "concepts": []}
    return {
        **named,
        **{name: value for name, value in item.items() if name in Placement.model_fields and value is not None},
        "position": position,
        "verdicts": [],
        "products": [
            {"id": str(one.get("name")), **unseen, **one} if isinstance(one, dict) else one for one in products
        ],
    }


def basis_of(role: RoleSettings, *more: Any) -> str:
    """Return a digest of what an answer rests on besides its line: the role's model, the prompts, and ``more``."""
    named = answering_model(role)
    model = [role.engine, named, adapter_digest(named), role.temperature, role.max_tokens]
    content = json.dumps([model, prompts_version(), *more], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _distinct(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _model(recording: RecordingChat) -> str | None:
    return recording.records[0].usage.model if recording.records else None
