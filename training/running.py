"""Answers requests against an OpenAI-compatible endpoint: paced, retried by class of failure, resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.answer_file import AnswerFile
from training.pacing import Pace, backoff_s, retry_after_s
from training.requests import BatchRequest

if TYPE_CHECKING:
    import httpx

_OVERLOADED = {408, 409, 429}
# Every further request would be refused alike: asking them all only costs time.
_HOPELESS = {401, 403, 404}


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and how hard. Prices are in US dollars per million tokens; ``per_minute`` counts requests sent."""

    base_url: str
    model: str | None = None
    api_key: str | None = None
    concurrency: int = 4
    per_minute: float | None = None
    timeout_s: float = 120.0
    attempts: int = 5
    first_wait_s: float = 1.0
    usd_per_mtok_in: float = 0.0
    usd_per_mtok_out: float = 0.0


@dataclass
class RunCount:
    """What a run did. ``skipped`` were answered before; ``stopped`` says why the rest was not asked, if so."""

    answered: int = 0
    failed: int = 0
    skipped: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    stopped: str | None = None

    def cost_usd(self, endpoint: Endpoint) -> float:
        """Return what the tokens of this run cost."""
        spent = self.tokens_in * endpoint.usd_per_mtok_in + self.tokens_out * endpoint.usd_per_mtok_out
        return spent / 1e6


@dataclass(frozen=True)
class _Reply:
    """The outcome of one try: a status with a body, or none and what went wrong."""

    status: int | None
    body: Any
    fault: str | None
    wait_s: float | None = None

    @property
    def worth_a_retry(self) -> bool:
        return self.status is None or self.status in _OVERLOADED or self.status >= 500


async def answer_requests(
    requests: Sequence[BatchRequest],
    answers: AnswerFile,
    endpoint: Endpoint,
    on_done: Callable[[], object] = lambda: None,
) -> RunCount:
    """Ask what ``answers`` does not hold yet and append each answer as it comes.

    Overload (408, 409, 429), server faults (5xx), time-outs and lost connections are tried again, after Retry-After
    where the endpoint names it; other refusals are not. A key or model that is refused ends the run. ``on_done`` is
    called once for each request that needs no more asking.

    Raises:
        DatasetError: an answer cannot be written.
    """
    import httpx

    todo = [request for request in requests if request.custom_id not in answers.answered]
    count = RunCount(skipped=len(requests) - len(todo))
    for _ in range(count.skipped):
        on_done()
    headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    pace, waiting = Pace(endpoint.per_minute), iter(todo)
    limits = httpx.Limits(max_connections=endpoint.concurrency)
    async with httpx.AsyncClient(headers=headers, timeout=endpoint.timeout_s, limits=limits) as client:

        async def work() -> None:
            for request in waiting:
                if count.stopped:
                    return
                reply = await _answer(client, request, endpoint, pace, count)
                _record(request, reply, answers, count)
                on_done()

        # A failure to write ends every worker: nothing may be asked (and paid) that cannot be kept.
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(endpoint.concurrency, len(todo))):
                workers.create_task(work())
    return count


async def _answer(
    client: httpx.AsyncClient, request: BatchRequest, endpoint: Endpoint, pace: Pace, count: RunCount
) -> _Reply:
    for attempt in range(1, endpoint.attempts):
        await pace.turn()
        reply = await _try(client, request, endpoint)
        if reply.fault is None or not reply.worth_a_retry:
            return reply
        count.retries += 1
        wait_s = backoff_s(attempt, endpoint.first_wait_s)
        if reply.wait_s is not None:
            pace.pause(reply.wait_s)
            wait_s = reply.wait_s
        await asyncio.sleep(wait_s)
    await pace.turn()
    return await _try(client, request, endpoint)


async def _try(client: httpx.AsyncClient, request: BatchRequest, endpoint: Endpoint) -> _Reply:
    import httpx

    body = {**request.body, "model": endpoint.model or request.body.get("model")}
    try:
        async with asyncio.timeout(endpoint.timeout_s):
            response = await client.post(f"{endpoint.base_url.rstrip('/')}/chat/completions", json=body)
    except (TimeoutError, httpx.TimeoutException):
        return _Reply(None, None, f"no answer in {endpoint.timeout_s:g} s")
    except httpx.HTTPError as error:
        return _Reply(None, None, f"cannot reach {endpoint.base_url} ({type(error).__name__})")
    try:
        content = response.json()
    except ValueError:
        content = None
    status = response.status_code
    if status == 200 and isinstance(content, dict) and content.get("choices"):
        return _Reply(status, content, None)
    if status == 200:
        return _Reply(502, content, "answered with what is no chat completion")
    wait_s = retry_after_s(response.headers.get("retry-after"))
    return _Reply(status, content, f"answered {status}{_said(content)}", wait_s)


def _record(request: BatchRequest, reply: _Reply, answers: AnswerFile, count: RunCount) -> None:
    answers.append(request.custom_id, reply.status, reply.body, reply.fault)
    if reply.fault is not None:
        count.failed += 1
        if reply.status in _HOPELESS:
            count.stopped = reply.fault
        return
    count.answered += 1
    usage = reply.body.get("usage") or {}
    count.tokens_in += int(usage.get("prompt_tokens") or 0)
    count.tokens_out += int(usage.get("completion_tokens") or 0)


def _said(content: Any) -> str:
    """Return the endpoint's own message, cut."""
    error = content.get("error") if isinstance(content, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return f" ({str(message)[:200]})" if message else ""
