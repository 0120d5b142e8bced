"""Tries a chat call again after a transport failure, for callers that no retry policy of the graph covers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel

from state.errors import ShelfwiseError
from state.guard import Chat
from state.llm import Answer, Message

SchemaT = TypeVar("SchemaT", bound=BaseModel)


class RetryingChat:
    """Passes calls on to ``chat``; after a retryable failure tries again, ``attempts`` times in all, waiting longer.

    Guards need it: their runner turns every exception into a verdict, so none reaches the graph's retry policy.
    """

    def __init__(self, chat: Chat, *, attempts: int = 3, wait_s: float = 0.2) -> None:
        self._chat = chat
        self._attempts = attempts
        self._wait_s = wait_s

    async def ask(
        self, role: str, messages: Sequence[Message], schema: type[SchemaT], *, phase: str
    ) -> Answer[SchemaT]:
        """Ask the wrapped chat; the last failure escapes, and at once one that is not retryable."""
        for attempt in range(1, self._attempts):
            try:
                return await self._chat.ask(role, messages, schema, phase=phase)
            except ShelfwiseError as error:
                if not error.retryable:
                    raise
                await asyncio.sleep(self._wait_s * 2 ** (attempt - 1))
        return await self._chat.ask(role, messages, schema, phase=phase)
