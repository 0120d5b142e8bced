"""Recording chat calls, and answering them again from the record: what makes a page's trace replayable."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import TypeVar

from pydantic import BaseModel

from state.errors import EngineError
from state.guard import Chat
from state.llm import Answer, CallRecord, Message

SchemaT = TypeVar("SchemaT", bound=BaseModel)


def request_digest(role: str, messages: Sequence[Message], schema: type[BaseModel]) -> str:
    """Return the digest of what a role is asked: messages and answer schema."""
    asked = json.dumps([role, list(messages), schema.model_json_schema()], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


class RecordingChat:
    """Passes calls on to ``chat`` and keeps a record of each answered one in ``records``."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.records: list[CallRecord] = []

    async def ask(
        self, role: str, messages: Sequence[Message], schema: type[SchemaT], *, phase: str
    ) -> Answer[SchemaT]:
        """Ask the wrapped chat; what escapes from it escapes from here, unrecorded."""
        answer = await self._chat.ask(role, messages, schema, phase=phase)
        self.records.append(
            CallRecord(
                request=request_digest(role, messages, schema),
                role=role,
                messages=list(messages),
                answer=answer.value.model_dump_json(),
                usage=answer.usage,
            )
        )
        return answer


class ReplayChat:
    """Answers from records: the same request gets the recorded answers in their order, the last one again and again."""

    def __init__(self, records: Iterable[CallRecord]) -> None:
        self._answers: dict[str, deque[CallRecord]] = defaultdict(deque)
        for record in records:
            self._answers[record.request].append(record)

    async def ask(
        self, role: str, messages: Sequence[Message], schema: type[SchemaT], *, phase: str
    ) -> Answer[SchemaT]:
        """Return the recorded answer.

        Raises:
            EngineError: nothing was recorded for this request: prompts, catalogue or settings have changed since.
        """
        queue = self._answers.get(request_digest(role, messages, schema))
        if not queue:
            raise EngineError(
                f"no recorded answer for this {role} call: the prompt, the catalogue or the settings differ from those "
                "that made the page. Generate the page anew."
            )
        record = queue.popleft() if len(queue) > 1 else queue[0]
        return Answer(value=schema.model_validate_json(record.answer), usage=record.usage, raw=record.answer)
