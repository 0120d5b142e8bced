"""The seam between the chat client and its engines: one completion in the OpenAI shape, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from state.llm import Message

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion


class Engine(Protocol):
    """Completes chats for one role."""

    @property
    def model(self) -> str: ...

    async def complete(self, messages: Sequence[Message], schema: dict[str, Any], name: str) -> ChatCompletion:
        """Return one completion meant to follow the JSON ``schema`` called ``name``.

        Raises:
            EngineUnavailable, EngineTimeout: worth another try.
            EngineError: not worth one.
            ModelsError: weights or adapter cannot be used.
        """
        ...

    async def aclose(self) -> None:
        """Release what the engine holds in the running event loop."""
        ...


@dataclass
class Tally:
    """Sums the completions of one question, re-asks included."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    raw: str = ""
    logprob: float | None = None
    """Of the last answer: the sum over its tokens, None where the engine does not tell."""

    def count(self, completion: ChatCompletion) -> ChatCompletion:
        """Add ``completion`` and return it as one whose validity the schema alone decides.

        An answer cut at its length is invalid JSON like any other, so that it is asked for again; instructor would
        give up on it instead.
        """
        self.calls += 1
        if completion.usage:
            self.tokens_in += completion.usage.prompt_tokens
            self.tokens_out += completion.usage.completion_tokens
        choice = completion.choices[0]
        self.raw = choice.message.content or ""
        tokens = choice.logprobs.content if choice.logprobs else None
        self.logprob = sum(token.logprob for token in tokens) if tokens else None
        choice.message.content = self.raw
        if choice.finish_reason == "length":
            choice.finish_reason = "stop"
        return completion
