"""A LangGraph ``BaseStore`` on a plain Redis server: strings, sorted sets and expiry by Redis itself, no modules.

An item is a string under its namespace and key. A sorted set per namespace, and per start of it, lists the items below
it by time of writing, so that a search reads only what it returns; one more lists the items that expire.
It offers what the page store uses: get, put, delete and search by namespace.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from langgraph.store.base import GetOp, Item, Op, PutOp, Result, SearchItem, SearchOp
from langgraph.store.base.batch import AsyncBatchedBaseStore
from redis.asyncio import Redis

PREFIX = "shelfwise:"
_SWEPT_AT_ONCE = 20
# One step on the server: an item that is written again at this moment must not lose its place in the lists.
_UNLIST = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  for index = 3, #KEYS do redis.call('ZREM', KEYS[index], ARGV[1]) end
end
redis.call('ZREM', KEYS[2], ARGV[1])
"""


def _member(namespace: Sequence[str], key: str) -> str:
    return orjson.dumps([*namespace, key]).decode()


def _item_key(member: str) -> str:
    return f"{PREFIX}item:{member}"


def index_key(namespace: Sequence[str]) -> str:
    """Return the key of the sorted set that lists the items below ``namespace``."""
    return f"{PREFIX}index:{orjson.dumps(list(namespace)).decode()}"


def _indexes(namespace: Sequence[str]) -> list[str]:
    return [index_key(namespace[:depth]) for depth in range(1, len(namespace) + 1)]


_EXPIRING = f"{PREFIX}expiring"


class RedisStore(AsyncBatchedBaseStore):
    """Keeps items in Redis. ``ttl`` is in minutes, as in every LangGraph store. Not for a Redis cluster."""

    supports_ttl = True
    ttl_config = None

    def __init__(self, redis: Redis) -> None:
        """Use a client made with ``decode_responses=False``."""
        super().__init__()
        self._redis: Any = redis  # its answers depend on how it was made, which its types cannot tell

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations. Reads see the store as it was before the writes of the same batch.

        Raises:
            NotImplementedError: a search by filter or meaning, or a listing of namespaces.
            redis.exceptions.RedisError: the server does not answer.
            ValueError: a stored value is no JSON.
        """
        listed = list(ops)
        results: list[Result] = [None] * len(listed)
        gets = [(place, op) for place, op in enumerate(listed) if isinstance(op, GetOp)]
        if gets:
            found = await self._items([_member(op.namespace, op.key) for _, op in gets])
            for (place, get), document in zip(gets, found, strict=True):
                results[place] = _item(get.namespace, get.key, document) if document else None
        for place, op in enumerate(listed):
            if isinstance(op, SearchOp):
                results[place] = await self._search(op)
            elif not isinstance(op, GetOp | PutOp):
                raise NotImplementedError(f"the Redis store offers no {type(op).__name__}")
        # Of several writes to one place the last counts.
        writes = {(op.namespace, op.key): op for op in listed if isinstance(op, PutOp)}
        if writes:
            await self._write(list(writes.values()))
        return results

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        raise NotImplementedError("the Redis store is asynchronous: use abatch")

    async def sweep(self, limit: int = 10_000) -> int:
        """Take expired items off the lists (Redis deleted the items themselves). Returns how many were looked at."""
        gone = await self._redis.zrangebyscore(_EXPIRING, "-inf", _now_ms(), start=0, num=limit)
        async with self._redis.pipeline(transaction=False) as pipe:
            for raw in gone:
                member = raw.decode()
                *namespace, _key = orjson.loads(member)
                keys = [_item_key(member), _EXPIRING, *_indexes(namespace)]
                pipe.eval(_UNLIST, len(keys), *keys, member)
            await pipe.execute()
        return len(gone)

    async def _items(self, members: Sequence[str]) -> list[dict[str, Any] | None]:
        raw = await self._redis.mget([_item_key(member) for member in members])
        return [orjson.loads(document) if document is not None else None for document in raw]

    async def _search(self, op: SearchOp) -> list[SearchItem]:
        if op.filter or op.query:
            raise NotImplementedError("the Redis store searches by namespace alone")
        if not op.namespace_prefix:
            raise NotImplementedError("the Redis store searches below a namespace")
        last = op.offset + op.limit - 1
        if last < op.offset:
            return []
        raw = await self._redis.zrange(index_key(op.namespace_prefix), op.offset, last, desc=True)
        members = [member.decode() for member in raw]
        found = await self._items(members) if members else []
        items = []
        for member, document in zip(members, found, strict=True):
            if document is not None:
                *namespace, key = orjson.loads(member)
                item = _item(tuple(namespace), key, document)
                items.append(SearchItem(item.namespace, item.key, item.value, item.created_at, item.updated_at))
        return items

    async def _write(self, ops: Sequence[PutOp]) -> None:
        members = [_member(op.namespace, op.key) for op in ops]
        standing = await self._redis.mget([_item_key(member) for member in members])
        now = datetime.now(UTC).isoformat()
        async with self._redis.pipeline(transaction=True) as pipe:
            for op, member, before in zip(ops, members, standing, strict=True):
                if op.value is None:
                    _delete(pipe, op, member)
                else:
                    _put(pipe, op, member, _created(before) or now, now)
            await pipe.execute()
        await self.sweep(_SWEPT_AT_ONCE)


def _put(pipe: Any, op: PutOp, member: str, created_at: str, updated_at: str) -> None:
    document = orjson.dumps({"value": op.value, "created_at": created_at, "updated_at": updated_at})
    milliseconds = max(int(op.ttl * 60_000), 1) if op.ttl is not None else None
    pipe.set(_item_key(member), document, px=milliseconds)
    for index in _indexes(op.namespace):
        pipe.zadd(index, {member: _now_ms()})
    if milliseconds is None:
        pipe.zrem(_EXPIRING, member)
    else:
        pipe.zadd(_EXPIRING, {member: _now_ms() + milliseconds})


def _delete(pipe: Any, op: PutOp, member: str) -> None:
    pipe.delete(_item_key(member))
    for index in (*_indexes(op.namespace), _EXPIRING):
        pipe.zrem(index, member)


def _created(document: bytes | None) -> str | None:
    try:
        return str(orjson.loads(document)["created_at"]) if document is not None else None
    except (ValueError, KeyError, TypeError):
        return None


def _item(namespace: tuple[str, ...], key: str, document: dict[str, Any]) -> Item:
    try:
        return Item(
            value=document["value"],
            key=key,
            namespace=namespace,
            created_at=datetime.fromisoformat(document["created_at"]),
            updated_at=datetime.fromisoformat(document["updated_at"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("a stored value is not as it was written") from error


def _now_ms() -> float:
    return time.time() * 1000
