"""The one call shape of every chat role: messages and a schema in, a validated object and its usage out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict  # pydantic refuses typing.TypedDict below Python 3.12

from state.usage import CallUsage

SchemaT = TypeVar("SchemaT", bound=BaseModel)


class Message(TypedDict):
    """One chat message in the OpenAI shape."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Answer(Generic[SchemaT]):
    """A validated answer, what it cost, and the text the model wrote (kept for the trace).

    ``logprob`` is the log probability of that text, None where the engine does not tell.
    """

    value: SchemaT
    usage: CallUsage
    raw: str = ""
    logprob: float | None = None


class CallRecord(BaseModel):
    """One chat call as it was asked and answered: enough to replay a page without a model.

    ``request`` is the digest of role, messages and answer schema by which a replay finds the answer.
    """

    model_config = ConfigDict(frozen=True)

    request: str
    role: str
    messages: list[Message]
    answer: str
    usage: CallUsage
