"""The chat client: one call for every role, whichever engine answers it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from engines.completing import Engine, Tally
from engines.embedded import EmbeddedEngine
from engines.endpoint import EndpointEngine
from state.errors import AnswerRejected, SettingsError, ShelfwiseError
from state.llm import Answer, Message
from state.settings import RoleSettings, Settings
from state.usage import CallUsage

SchemaT = TypeVar("SchemaT", bound=BaseModel)
_SHOWN_OF_FAULT = 400


class ChatClient:
    """Asks the model that the settings name for a role. Nothing is loaded or connected before the first question.

    Safe to use from several event loops and threads at once.
    """

    def __init__(self, settings: Settings) -> None:
        self._roles: dict[str, RoleSettings] = {str(name): role for name, role in settings.roles.items()}
        self._engines: dict[str, Engine] = {
            name: EndpointEngine(role) if role.engine == "openai" else EmbeddedEngine(settings, role)
            for name, role in self._roles.items()
        }

    async def ask(
        self, role: str, messages: Sequence[Message], schema: type[SchemaT], *, phase: str
    ) -> Answer[SchemaT]:
        """Return the role's answer as an instance of ``schema``, and its usage with re-asks included.

        An answer that breaks the schema is asked for again, with the validation message, ``max_reasks`` times.

        Raises:
            AnswerRejected: every answer broke the schema.
            EngineUnavailable, EngineTimeout: the engine did not answer; worth another try.
            EngineError: it refuses; not worth one.
            ModelsError: its weights or adapter cannot be used.
            SettingsError: there is no such role.
        """
        if role not in self._roles:
            raise SettingsError(f"no chat role '{role}'. Roles are: {', '.join(self._roles)}.")
        config, engine, tally = self._roles[role], self._engines[role], Tally()
        started = time.perf_counter()
        value = await _validated(engine, config, messages, schema, tally, role)
        cost = tally.tokens_in * config.usd_per_mtok_in + tally.tokens_out * config.usd_per_mtok_out
        usage = CallUsage(
            phase=phase,
            role=role,
            model=engine.model,
            calls=tally.calls,
            tokens_in=tally.tokens_in,
            tokens_out=tally.tokens_out,
            seconds=time.perf_counter() - started,
            cost_usd=cost / 1e6,
        )
        return Answer(value=value, usage=usage, raw=tally.raw, logprob=tally.logprob)

    async def aclose(self) -> None:
        """Close the connections of the running event loop; embedded models stay loaded for the process."""
        for engine in self._engines.values():
            await engine.aclose()


async def _validated(
    engine: Engine,
    config: RoleSettings,
    messages: Sequence[Message],
    schema: type[SchemaT],
    tally: Tally,
    role: str,
) -> SchemaT:
    """Return a validated answer; instructor asks again with the validation message while answers break the schema."""
    import instructor
    from instructor.core import InstructorRetryException

    logging.getLogger("instructor").setLevel(logging.CRITICAL)  # it logs as errors what is raised and handled here
    json_schema = schema.model_json_schema()

    async def complete(*, messages: Sequence[Message], **_: Any) -> Any:
        return tally.count(await engine.complete(messages, json_schema, schema.__name__))

    mode = instructor.Mode.JSON_SCHEMA
    client = instructor.AsyncInstructor(client=None, create=instructor.patch(create=complete, mode=mode), mode=mode)
    asked: list[Any] = list(messages)
    try:
        value = await client.create(response_model=schema, messages=asked, max_retries=config.max_reasks)
    except InstructorRetryException as error:
        cause = error.__cause__
        if isinstance(cause, ShelfwiseError):
            raise cause from None
        fault = " ".join(str(cause or error).split())[:_SHOWN_OF_FAULT]
        raise AnswerRejected(
            f"'{engine.model}' broke the schema {schema.__name__} in {tally.calls} answers, the last time: {fault}. "
            f"Raise max_tokens or max_reasks of role '{role}', or give it a stronger model."
        ) from None
    # instructor returns a subclass that carries the completion; callers get what they asked for, comparable by value.
    return schema.model_validate(value.model_dump(by_alias=True))
