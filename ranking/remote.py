"""An external ranking service over HTTP, with the local ranker behind it.

The service is sent ``{"shopper_id", "now", "candidates": [{"product_id", "placement_id", "relevance"}]}`` and answers
``{"version", "scores": [...]}``: one number in [0, 1] for each candidate, in their order.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from datetime import datetime
from typing import Any

import httpx
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ranking.breaker import CircuitBreaker
from ranking.protocol import Candidates, ProductRanker, ProductScores
from ranking.shopper import ShopperFeatures

MAX_ANSWER_BYTES = 1_000_000
log = logging.getLogger(__name__)


class RemoteFault(Exception):
    """The service gave no answer that can be used; never leaves this module."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)

    version: str = Field(min_length=1, max_length=64)
    scores: list[float]


class RemoteRanker:
    """Asks the service within a budget of time; whatever goes wrong, the local ranker answers and the fault is named.

    The budget covers the whole exchange, however slowly bytes drip in. Calls run on an event loop of their own, so that
    one that takes too long is cancelled and holds nothing.
    """

    name = "external"

    def __init__(
        self,
        url: str,
        local: ProductRanker,
        *,
        timeout_s: float,
        breaker: CircuitBreaker,
        api_key: str | None = None,
    ) -> None:
        self._url = url
        self._local = local
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="external-ranker", daemon=True)
        self._thread.start()
        self._client = self._wait(self._open(), 10.0)

    def score(self, candidates: Candidates, shopper: ShopperFeatures, now: datetime | None = None) -> ProductScores:
        """Return the service's scores, or the local ranker's with the fault."""
        if not len(candidates):
            return self._local.score(candidates, shopper, now)
        if not self._breaker.may_call():
            return self._fall_back(candidates, shopper, now, "left alone after faults")
        try:
            answer = self._wait(self._ask(_request(candidates, shopper, now), len(candidates)), self._timeout_s + 1.0)
        except RemoteFault as fault:
            self._breaker.failed()
            log.warning("external ranker: %s", fault)
            return self._fall_back(candidates, shopper, now, str(fault))
        except BaseException:
            self._breaker.failed()
            raise
        self._breaker.worked()
        return ProductScores(np.array(answer.scores, dtype=np.float64), self.name, answer.version)

    def close(self) -> None:
        """Close the connections and end the thread. The ranker cannot be used afterwards."""
        if not self._loop.is_running():
            return
        self._wait(self._client.aclose(), 5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    async def _open(self) -> httpx.AsyncClient:
        # No proxies and no netrc from the environment; a redirect is no answer.
        return httpx.AsyncClient(timeout=self._timeout_s, headers=self._headers, trust_env=False)

    async def _ask(self, request: dict[str, Any], count: int) -> _Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._exchange(request)
        except (TimeoutError, httpx.TimeoutException):
            raise RemoteFault(f"no answer within {self._timeout_s:g} s") from None
        except httpx.HTTPError as error:
            raise RemoteFault(f"no connection ({type(error).__name__})") from error
        return _validated(body, count)

    async def _exchange(self, request: dict[str, Any]) -> bytes:
        async with self._client.stream("POST", self._url, json=request) as response:
            if response.status_code != httpx.codes.OK:
                raise RemoteFault(f"status {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise RemoteFault(f"answer over {MAX_ANSWER_BYTES:,} bytes")
            return bytes(body)

    def _wait(self, coroutine: Any, limit_s: float) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(limit_s)
        except TimeoutError:
            future.cancel()
            raise RemoteFault("the event loop is stuck") from None

    def _fall_back(
        self, candidates: Candidates, shopper: ShopperFeatures, now: datetime | None, fault: str
    ) -> ProductScores:
        local = self._local.score(candidates, shopper, now)
        return ProductScores(local.values, local.ranker, local.version, fault=f"external ranker: {fault}")


def _request(candidates: Candidates, shopper: ShopperFeatures, now: datetime | None) -> dict[str, Any]:
    listed = zip(candidates.product_ids, candidates.placement_ids, candidates.relevance.tolist(), strict=True)
    return {
        "shopper_id": shopper.shopper_id,
        "now": now.isoformat() if now else None,
        "candidates": [
            {"product_id": product_id, "placement_id": placement_id, "relevance": relevance}
            for product_id, placement_id, relevance in listed
        ],
    }


def _validated(body: bytes, count: int) -> _Answer:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        raise RemoteFault(f"the answer breaks the schema ({error.error_count()} problems)") from error
    if len(answer.scores) != count:
        raise RemoteFault(f"{len(answer.scores)} scores for {count} candidates")
    if not all(0.0 <= score <= 1.0 for score in answer.scores):
        raise RemoteFault("scores outside [0, 1]")
    return answer
