"""The chat engine of a role served elsewhere: vLLM or any OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from state.errors import EngineError, EngineTimeout, EngineUnavailable
from state.llm import Message
from state.settings import RoleSettings

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.chat import ChatCompletion

TRANSPORT_RETRIES = 1
"""Within one completion, by the client; what is still down after it is the graph's retry policy's business."""

# OpenAI's strict mode refuses a schema with these, guided decoders of other servers refuse the first.
_NOT_EVERYWHERE = {"uniqueItems"}
_NOT_STRICT = {"minLength", "maxLength"}
_OVERLOADED = {408, 409, 429}


class EndpointEngine:
    """Completes chats at ``base_url``. One HTTP client per event loop, opened at its first call."""

    def __init__(self, role: RoleSettings) -> None:
        self._role = role
        self.model = role.model
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = weakref.WeakKeyDictionary()

    async def complete(self, messages: Sequence[Message], schema: dict[str, Any], name: str) -> ChatCompletion:
        """Return the endpoint's completion, asked for with ``response_format`` json_schema.

        Raises:
            EngineUnavailable: no connection, overload (408, 409, 429) or 5xx, after one retry.
            EngineTimeout: no answer within the role's ``timeout_s``.
            EngineError: the endpoint refuses the request (key, model, parameters) or answers without a choice.
        """
        import openai

        role = self._role
        sent: dict[str, Any] = {
            "model": role.model,
            "messages": list(messages),
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": name, "schema": portable(schema), "strict": strict_fits(schema)},
            },
            "temperature": role.temperature,
            "max_tokens": role.max_tokens,
            "seed": role.seed,
        }
        try:
            async with asyncio.timeout(role.timeout_s):
                completion: ChatCompletion = await self._client().chat.completions.create(**sent)
        except (TimeoutError, openai.APITimeoutError):
            raise EngineTimeout(
                f"{role.base_url} did not answer in {role.timeout_s:g} s. Raise timeout_s or look at the server's load."
            ) from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise EngineUnavailable(
                f"cannot reach {role.base_url} ({cause}). Start the server or correct base_url."
            ) from None
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except openai.OpenAIError as error:
            raise EngineError(f"{role.base_url} answered with what is no chat completion ({error}).") from None
        if not getattr(completion, "choices", None):
            raise EngineError(f"{role.base_url} answered without a choice. Is it an OpenAI-compatible chat endpoint?")
        return completion

    def _client(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            key = self._role.api_key.get_secret_value() if self._role.api_key else "none"
            client = AsyncOpenAI(
                base_url=self._role.base_url,
                api_key=key,
                timeout=self._role.timeout_s,
                max_retries=TRANSPORT_RETRIES,
            )
            self._clients[loop] = client
        return client

    def _refusal(self, error: APIStatusError) -> EngineError:
        status, said = error.status_code, _said(error)
        where = f"{self._role.base_url} answered {status}{said}"
        if status in _OVERLOADED or status >= 500:
            return EngineUnavailable(f"{where}. It is overloaded or failing: try again later, or lower the load.")
        fixes = {
            401: "Set api_key of the role (SHELFWISE_ROLES__<ROLE>__API_KEY).",
            403: "The key may not use this model: use another key or model.",
            404: f"It does not serve '{self.model}': correct model or base_url of the role.",
        }
        return EngineError(f"{where}. {fixes.get(status, 'Correct model, max_tokens or the schema of the role.')}")

    async def aclose(self) -> None:
        """Close the client of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()


def _said(error: APIStatusError) -> str:
    """Return the server's own message, cut; never headers, which hold the key."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return f" ({str(message)[:200]})" if message else ""


def portable(schema: Any) -> Any:
    """Return ``schema`` without the keywords that servers refuse; the answer is validated against all of it anyway."""
    if isinstance(schema, dict):
        return {key: portable(value) for key, value in schema.items() if key not in _NOT_EVERYWHERE}
    return [portable(item) for item in schema] if isinstance(schema, list) else schema


def strict_fits(schema: Any) -> bool:
    """Tell whether OpenAI's strict mode takes the schema: objects closed, all properties required, no text lengths."""
    if isinstance(schema, list):
        return all(strict_fits(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    if _NOT_STRICT & set(schema) and schema.get("type") == "string":
        return False
    if schema.get("type") == "object" and (
        schema.get("additionalProperties") is not False
        or set(schema.get("required", ())) != set(schema.get("properties", ()))
    ):
        return False
    return all(strict_fits(value) for value in schema.values())
