"""The page store in Redis, which processes of several machines share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from state.errors import StoreError
from tools.page_backends import Backend, StoreSize, address, swept, without_secrets
from tools.page_store import PAGE
from tools.redis_store import PREFIX, RedisStore, index_key

_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_DOWN = (RedisError,)


class RedisLeases:
    """Leases as keys that Redis lets expire."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        return bool(await self._redis.set(_key(name), holder, nx=True, px=int(seconds * 1000)))

    async def renew(self, name: str, holder: str, seconds: float) -> bool:
        return bool(await self._redis.eval(_RENEW, 1, _key(name), holder, int(seconds * 1000)))

    async def release(self, name: str, holder: str) -> None:
        await self._redis.eval(_RELEASE, 1, _key(name), holder)


def _key(name: str) -> str:
    return f"{PREFIX}lease:{name}"


@asynccontextmanager
async def open_redis(url: str, timeout_s: float) -> AsyncIterator[Backend]:
    """Connect.

    Raises:
        StoreError: no connection, or the server refuses; the message holds no password.
    """
    try:
        redis = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            # Once more at once: a server that was restarted has closed the connections of the pool.
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError as error:
        raise StoreError(f"store.url is no Redis address: {without_secrets(str(error), url)}") from None
    async with redis:
        store = RedisStore(redis)
        try:
            await store.sweep()
        except (RedisError, OSError) as error:
            raise StoreError(
                f"cannot open the page store {address(url)}: {without_secrets(str(error), url)}. "
                "Check store.url, and that the server runs."
            ) from None

        async def size() -> StoreSize:
            memory = await redis.info("memory")
            return StoreSize(await redis.zcard(index_key((PAGE,))), memory["used_memory"])

        async with swept(store.sweep, _DOWN):
            yield Backend("redis", store, RedisLeases(redis), size, _DOWN)
