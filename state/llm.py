"""The one call shape of every chat role: messages and a schema in, a validated object and its usage out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypedDict, TypeVar

from pydantic import BaseModel

from state.usage import CallUsage

SchemaT = TypeVar("SchemaT", bound=BaseModel)


class Message(TypedDict):
    """One chat message in the OpenAI shape."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Answer(Generic[SchemaT]):
    """A validated answer, what it cost, and the text the model wrote (kept for the trace)."""

    value: SchemaT
    usage: CallUsage
    raw: str = ""
