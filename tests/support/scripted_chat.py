"""A chat that answers from a script: no model, but the real schemas, usage and failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from state.llm import Answer, Message
from state.usage import CallUsage

SchemaT = TypeVar("SchemaT", bound=BaseModel)
Script = list[Any] | Callable[[Sequence[Message], type[BaseModel]], Any] | BaseException
"""What a role answers: values one after the other, a function of what is asked, or the same failure every time."""


@dataclass(frozen=True)
class Asked:
    """One call as it was made."""

    role: str
    messages: list[Message]
    schema: type[BaseModel]
    phase: str


class ScriptedChat:
    """Answers each role from its script; a role without a script, or a script used up, fails the test."""

    def __init__(self, **scripts: Script) -> None:
        self._scripts = {role: list(script) if isinstance(script, list) else script for role, script in scripts.items()}
        self.asked: list[Asked] = []

    async def ask(
        self, role: str, messages: Sequence[Message], schema: type[SchemaT], *, phase: str
    ) -> Answer[SchemaT]:
        """Return the next scripted answer, validated against ``schema``; raise it if it is an exception."""
        self.asked.append(Asked(role, list(messages), schema, phase))
        answer = self._next(role, messages, schema)
        if isinstance(answer, BaseException):
            raise answer
        value = answer if isinstance(answer, schema) else schema.model_validate(answer)
        text = value.model_dump_json()
        usage = CallUsage(
            phase=phase,
            role=role,
            model="scripted",
            tokens_in=sum(len(message["content"].split()) for message in messages),
            tokens_out=len(text.split(",")),
        )
        return Answer(value=value, usage=usage, raw=text)

    def _next(self, role: str, messages: Sequence[Message], schema: type[BaseModel]) -> Any:
        assert role in self._scripts, f"no script for role {role!r}"
        script = self._scripts[role]
        if isinstance(script, list):
            assert script, f"the script of role {role!r} is used up"
            return script.pop(0)
        return script if isinstance(script, BaseException) else script(messages, schema)
