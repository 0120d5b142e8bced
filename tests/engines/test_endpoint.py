"""The endpoint engine against a real HTTP server: what is sent, what comes back, what is raised."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from support.chat_server import chat_server

from engines.chat import ChatClient
from engines.endpoint import portable, strict_fits
from state.errors import AnswerRejected, EngineError, EngineTimeout, EngineUnavailable, SettingsError
from state.llm import Message
from state.settings import RoleSettings, Settings

pytestmark = pytest.mark.service
ASKED: list[Message] = [{"role": "system", "content": "Judge."}, {"role": "user", "content": "{% raw %} {{ tea }}?"}]
GOOD = '{"answer":"yes","picks":["tea"]}'
BROKEN = '{"answer":"maybe","picks":["tea"]}'


class Judged(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answer: Literal["yes", "no"]
    picks: list[Literal["tea", "milk"]] = Field(max_length=2, json_schema_extra={"uniqueItems": True})


Asking = Callable[..., Any]


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Asking]:
    clients: list[ChatClient] = []

    async def asking(base_url: str, schema: type[BaseModel] = Judged, **role: Any) -> Any:
        options = {"model": "served", "api_key": "sk-secret", "timeout_s": 5, **role}
        judge = RoleSettings(engine="openai", base_url=base_url, **options)
        clients.append(ChatClient(Settings(home=tmp_path, roles={"judge": judge})))
        return await clients[-1].ask("judge", ASKED, schema, phase="judge")

    yield asking
    for client in clients:
        await client.aclose()


async def test_the_request_carries_model_messages_schema_sampling_and_key(ask: Asking) -> None:
    with chat_server(GOOD) as server:
        await ask(server.base_url, temperature=0.3, max_tokens=77, seed=11)
    (sent,) = server.requests
    assert (sent["model"], sent["messages"]) == ("served", ASKED)
    assert (sent["temperature"], sent["max_tokens"], sent["seed"]) == (0.3, 77, 11)
    asked = sent["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["name"] == "Judged"
    assert asked["json_schema"]["strict"] is True
    assert asked["json_schema"]["schema"]["properties"]["answer"]["enum"] == ["yes", "no"]
    assert "uniqueItems" not in str(sent)
    assert server.keys == ["Bearer sk-secret"]


async def test_a_good_answer_comes_back_validated_with_its_usage_and_cost(ask: Asking) -> None:
    with chat_server(GOOD) as server:
        answer = await ask(server.base_url, usd_per_mtok_in=2, usd_per_mtok_out=30)
    assert answer.value == Judged(answer="yes", picks=["tea"])
    assert answer.raw == GOOD
    usage = answer.usage
    assert (usage.phase, usage.role, usage.model, usage.calls) == ("judge", "judge", "served", 1)
    assert (usage.tokens_in, usage.tokens_out) == (100, 10)
    assert usage.cost_usd == pytest.approx((100 * 2 + 10 * 30) / 1e6)
    assert usage.seconds > 0


async def test_a_broken_answer_is_asked_for_again_with_what_was_wrong(ask: Asking) -> None:
    with chat_server(BROKEN, GOOD) as server:
        answer = await ask(server.base_url, max_reasks=1)
    first, second = server.requests
    assert second["messages"][: len(ASKED)] == first["messages"] == ASKED
    assert "maybe" in str(second["messages"][len(ASKED) :])
    assert "Input should be 'yes' or 'no'" in str(second["messages"])
    assert second["response_format"] == first["response_format"]
    assert (answer.usage.calls, answer.usage.tokens_in, answer.usage.tokens_out) == (2, 200, 20)


@pytest.mark.parametrize("step", [BROKEN, "no json at all", "", ("length", '{"answer":"yes","pi')])
async def test_an_answer_broken_to_the_end_is_rejected_after_every_reask(ask: Asking, step: Any) -> None:
    with chat_server(step) as server, pytest.raises(AnswerRejected, match="Judged in 3 answers"):
        await ask(server.base_url, max_reasks=2)
    assert len(server.requests) == 3


async def test_a_cut_answer_is_asked_for_again(ask: Asking) -> None:
    with chat_server(("length", '{"answer":"yes","pi'), GOOD) as server:
        answer = await ask(server.base_url, max_reasks=1)
    assert answer.value.picks == ["tea"]
    assert answer.usage.calls == 2


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_overload_and_server_faults_are_tried_once_more_and_then_worth_a_retry(ask: Asking, status: int) -> None:
    with (
        chat_server(status) as server,
        pytest.raises(EngineUnavailable, match=f"{status}.*scripted {status}") as raised,
    ):
        await ask(server.base_url, max_reasks=3)
    assert raised.value.retryable
    assert len(server.requests) == 2


async def test_a_fault_that_passes_is_not_noticed(ask: Asking) -> None:
    with chat_server(503, GOOD) as server:
        assert (await ask(server.base_url)).value.answer == "yes"


@pytest.mark.parametrize(
    ("status", "fix"), [(400, "Correct model"), (401, "Set api_key"), (403, "key"), (404, "'served'")]
)
async def test_a_refusal_is_final_and_names_the_fix(ask: Asking, status: int, fix: str) -> None:
    with chat_server(status) as server, pytest.raises(EngineError, match=fix) as raised:
        await ask(server.base_url, max_reasks=3)
    assert not raised.value.retryable
    assert len(server.requests) == 1
    assert "sk-secret" not in str(raised.value)


async def test_no_answer_in_time_is_a_timeout(ask: Asking) -> None:
    with chat_server(1.5) as server:
        started = time.monotonic()
        with pytest.raises(EngineTimeout, match=r"0\.3 s") as raised:
            await ask(server.base_url, timeout_s=0.3)
        assert time.monotonic() - started < 1.2
    assert raised.value.retryable


async def test_a_refused_connection_is_unavailable(ask: Asking) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EngineUnavailable, match="cannot reach"):
        await ask(address)


@pytest.mark.parametrize("body", [{"hello": "world"}, {"choices": []}])
async def test_what_is_no_chat_completion_is_refused(ask: Asking, body: dict[str, Any]) -> None:
    with chat_server(body) as server, pytest.raises(EngineError, match="without a choice"):
        await ask(server.base_url)


async def test_cancelling_the_question_ends_it(ask: Asking) -> None:
    with chat_server(1.0) as server:
        question = asyncio.create_task(ask(server.base_url))
        await asyncio.wait([question], timeout=0.5)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
    assert len(server.requests) == 1


async def test_the_key_is_never_logged(ask: Asking, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with chat_server(BROKEN, 401) as server, pytest.raises(EngineError):
        await ask(server.base_url)
    assert "sk-secret" not in caplog.text


def test_one_client_serves_several_event_loops(tmp_path: Path) -> None:
    with chat_server(GOOD) as server:
        role = RoleSettings(engine="openai", base_url=server.base_url, model="served")
        client = ChatClient(Settings(home=tmp_path, roles={"judge": role}))

        async def once() -> str:
            answer = await client.ask("judge", ASKED, Judged, phase="judge")
            await client.aclose()
            return answer.value.answer

        assert [asyncio.run(once()) for _ in range(2)] == ["yes", "yes"]
    assert len(server.requests) == 2


async def test_an_unknown_role_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no chat role 'poet'.*designer"):
        await ChatClient(Settings(home=tmp_path)).ask("poet", ASKED, Judged, phase="x")


def test_the_strict_mode_is_asked_for_only_where_the_schema_allows_it() -> None:
    closed = Judged.model_json_schema()
    assert strict_fits(portable(closed))
    assert not strict_fits({**closed, "required": ["answer"]})
    assert not strict_fits({**closed, "additionalProperties": True})
    assert not strict_fits({"type": "string", "maxLength": 5})
    assert strict_fits({"type": "array", "items": {"type": "string"}, "maxItems": 5})
