"""What the judge answers on the items of a study: asked once each, kept in a file that is continued."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agents.judge import prompt_version
from agents.judge_calibration import adapter_digest
from evaluation.asking import ask_about, ask_side_by_side
from evaluation.sampling import ItemSource, read_rows
from state.annotation import Level
from state.errors import AnnotationError
from state.guard import Chat
from state.usage import CallUsage
from tools.line_file import LineFile

_AT_A_TIME = 16


class JudgeAnswer(BaseModel):
    """A judge's answers on one item (True is yes), None where they could not be read, and who it was."""

    model_config = ConfigDict(extra="forbid")

    item: str
    judge: str
    adapter_sha256: str | None = None
    prompt: str
    answers: dict[str, bool] | None
    usage: CallUsage | None = None

    @property
    def asked(self) -> tuple[str, str | None, str]:
        """Who answered: model, adapter and prompt."""
        return self.judge, self.adapter_sha256, self.prompt


async def ask_judge(
    chat: Chat,
    model: str,
    sources: Sequence[ItemSource],
    level: Level,
    min_products: int,
    out: Path,
    *,
    on_done: Callable[[], object] = lambda: None,
) -> list[JudgeAnswer]:
    """Return the answers of the judge (which answers as ``model``) on ``sources``, those in ``out`` not asked again.

    Answers of another judge, adapter or prompt in ``out`` are asked for again.

    Raises:
        AnnotationError: ``out`` is something else, or cannot be written.
        EngineError: the judge cannot be reached.
    """
    who = {"judge": model, "adapter_sha256": adapter_digest(model), "prompt": prompt_version()}
    same = (who["judge"], who["adapter_sha256"], who["prompt"])

    def key_of(record: object) -> str | None:
        known = JudgeAnswer.model_validate(record)
        return known.item if known.asked == same else None

    file = LineFile.open(out, key_of, holds="an answer of a judge", error=AnnotationError)
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def asked(source: ItemSource) -> None:
        async with turns:
            said, usage = await ask_about(
                chat, source.shopper, source.placements, page=level == "page", min_products=min_products
            )
        line = JudgeAnswer.model_validate({**who, "item": source.id, "answers": said, "usage": usage})
        file.append(source.id, line.model_dump_json())
        on_done()

    missing = [source for source in sources if source.id not in file.keys]
    await ask_side_by_side(asked(source) for source in missing)
    return [JudgeAnswer.model_validate_json(file.line(source.id) or "") for source in sources]


def read_judge_answers(path: Path, items: Collection[str]) -> list[JudgeAnswer]:
    """Return the answers of ``path`` on ``items``.

    Raises:
        AnnotationError: the file cannot be read, holds none on these items, or answers of several judges.
    """
    found = [answer for answer in read_rows(path, JudgeAnswer) if answer.item in items]
    if not found:
        raise AnnotationError(f"{path} holds no answer on an item of this study. Leave it out to ask the judge.")
    judges = {answer.asked for answer in found}
    if len(judges) > 1:
        names = "; ".join(sorted(f"{judge}, prompt {prompt}" for judge, _, prompt in judges))
        raise AnnotationError(f"{path} holds answers of several judges ({names}). Give one file for each.")
    return found


def labels_of(answers: Sequence[JudgeAnswer]) -> dict[tuple[str, str], bool]:
    """Return yes or no by item and question; what could not be read is not there."""
    return {(one.item, question): said for one in answers for question, said in (one.answers or {}).items()}
