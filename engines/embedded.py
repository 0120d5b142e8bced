"""The embedded chat engine of a role: OpenVINO GenAI in this process, answers held to the schema by a grammar."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from engines.batching import shared_pipeline
from engines.fit import fit_lengths
from engines.grammar import json_grammar
from engines.installed import adapter_path, model_path
from engines.merged import merged_path
from engines.runtime import ModelSpec, Prompt
from engines.versions import role_version
from state.errors import EngineTimeout
from state.llm import Message
from state.settings import RoleSettings, Settings

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion


class EmbeddedEngine:
    """Completes chats with the process's shared pipeline of the role's model and adapter."""

    def __init__(self, settings: Settings, role: RoleSettings) -> None:
        self._settings = settings
        self._role = role
        self.model = f"{role.model}+{role.adapter}" if role.adapter else role.model

    async def complete(self, messages: Sequence[Message], schema: dict[str, Any], name: str) -> ChatCompletion:
        """Return a completion that the grammar of ``schema`` allows; cancelling the caller drops it from the batch.

        Raises:
            ModelsMissing, ModelsError: weights or adapter are not there or cannot be used.
            EngineTimeout: it took longer than the role's ``timeout_s``; the request is dropped.
            EngineError: the prompt is too long or the schema cannot be held.
        """
        from openai.types import CompletionUsage
        from openai.types.chat import ChatCompletion, ChatCompletionMessage
        from openai.types.chat.chat_completion import Choice, ChoiceLogprobs
        from openai.types.chat.chat_completion_token_logprob import ChatCompletionTokenLogprob

        role = self._role
        prompt = Prompt(
            messages=messages,
            max_tokens=role.max_tokens,
            grammar=_grammar(json.dumps(schema)),
            temperature=role.temperature,
            repetition_penalty=role.repetition_penalty,
            seed=role.seed,
        )
        answer = shared_pipeline(self._spec()).submit(prompt)
        try:
            async with asyncio.timeout(role.timeout_s):
                completion = await asyncio.wrap_future(answer)
        except TimeoutError:
            raise EngineTimeout(
                f"'{self.model}' did not answer in {role.timeout_s:g} s. Raise timeout_s or ask for less at once."
            ) from None
        usage = CompletionUsage(
            prompt_tokens=completion.tokens_in,
            completion_tokens=completion.tokens_out,
            total_tokens=completion.tokens_in + completion.tokens_out,
        )
        message = ChatCompletionMessage(role="assistant", content=fit_lengths(completion.text, schema))
        tokens = [ChatCompletionTokenLogprob(token="", logprob=value, top_logprobs=[]) for value in completion.logprobs]
        finish: Literal["stop", "length"] = "stop" if completion.complete else "length"
        choice = Choice(index=0, finish_reason=finish, message=message, logprobs=ChoiceLogprobs(content=tokens))
        return ChatCompletion(
            id=uuid.uuid4().hex,
            object="chat.completion",
            created=int(time.time()),
            model=self.model,
            choices=[choice],
            usage=usage,
        )

    def _spec(self) -> ModelSpec:
        settings, role = self._settings, self._role
        merged = merged_path(settings, role.model, role.adapter) if role.adapter and settings.merged else None
        laid_over = role.adapter if merged is None else None
        return ModelSpec(
            folder=merged or model_path(settings, role.model, kind="chat"),
            adapter=adapter_path(laid_over) if laid_over else None,
            content=role_version(settings, role),
            threads=settings.threads,
            exact=settings.exact,
        )

    async def aclose(self) -> None:
        """Nothing to release: the pipeline is the process's, and ends with it."""


@lru_cache(maxsize=256)
def _grammar(schema: str) -> str:
    return json_grammar(json.loads(schema))
