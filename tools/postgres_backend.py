"""The page store in Postgres, which processes of several machines share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
from langgraph.store.postgres.aio import AsyncPostgresStore
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from state.errors import StoreError
from tools.page_backends import Backend, StoreSize, address, swept, without_secrets
from tools.page_store import NEWEST, PAGE

Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]
CONNECTIONS = 8
_OPENING_S = 10.0
_SETUP_LOCK = 7_431_095
_LEASES = "CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until TIMESTAMPTZ NOT NULL)"
_DOWN = (psycopg.Error, PoolClosed, PoolTimeout)


class PostgresLeases:
    """Leases in a table; the server's clock decides."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        return await self._changed(
            "INSERT INTO leases VALUES (%(name)s, %(holder)s, now() + %(seconds)s * interval '1 second')"
            " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
            " WHERE leases.until <= now()",
            name=name,
            holder=holder,
            seconds=seconds,
        )

    async def renew(self, name: str, holder: str, seconds: float) -> bool:
        return await self._changed(
            "UPDATE leases SET until = now() + %(seconds)s * interval '1 second'"
            " WHERE name = %(name)s AND holder = %(holder)s AND until > now()",
            name=name,
            holder=holder,
            seconds=seconds,
        )

    async def release(self, name: str, holder: str) -> None:
        await self._changed(
            "DELETE FROM leases WHERE name = %(name)s AND holder = %(holder)s", name=name, holder=holder
        )

    async def _changed(self, sql: str, **values: Any) -> bool:
        async with self._pool.connection() as connection:
            return (await connection.execute(sql, values)).rowcount > 0


@asynccontextmanager
async def open_postgres(url: str, timeout_s: float) -> AsyncIterator[Backend]:
    """Connect, and make the tables when they are not there.

    Raises:
        StoreError: no connection, or the database refuses; the message holds no password.
    """
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=CONNECTIONS,
        open=False,
        timeout=timeout_s,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row, "connect_timeout": 5},
        name="shelfwise",
    )
    async with AsyncExitStack() as stack:
        try:
            # A connection of its own first: the pool would try again in the background and hide the cause.
            async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as connection:
                await stack.enter_async_context(pool)
                await pool.wait(_OPENING_S)
                store = AsyncPostgresStore(pool)
                await _prepare(connection, store)
        except (psycopg.Error, OSError) as error:
            raise StoreError(
                f"cannot open the page store {address(url)}: {without_secrets(str(error), url)}. "
                "Check store.url, and that the server runs and knows the user and the database."
            ) from None

        async def size() -> StoreSize:
            async with pool.connection() as connection:
                found = await connection.execute(
                    "SELECT count(*) AS pages, pg_total_relation_size('store') AS bytes FROM store"
                    " WHERE prefix LIKE %s AND key = %s",
                    (f"{PAGE}.%", NEWEST),
                )
                row = await found.fetchone()
            return StoreSize(row["pages"], row["bytes"]) if row else StoreSize(0, 0)

        async with swept(store.sweep_ttl, _DOWN):
            yield Backend("postgres", store, PostgresLeases(pool), size, _DOWN)


async def _prepare(connection: psycopg.AsyncConnection[Any], store: AsyncPostgresStore) -> None:
    # Asking again and again, not waiting: the store makes indexes "concurrently", which waits for all that wait.
    while not await _locked(connection):  # noqa: ASYNC110 - the other one is another process
        await asyncio.sleep(0.1)
    try:
        await store.setup()
        await connection.execute(_LEASES)
    finally:
        await connection.execute("SELECT pg_advisory_unlock(%s)", (_SETUP_LOCK,))
    await store.sweep_ttl()
    await connection.execute("DELETE FROM leases WHERE until <= now()")


async def _locked(connection: psycopg.AsyncConnection[Any]) -> bool:
    found = await connection.execute("SELECT pg_try_advisory_lock(%s)", (_SETUP_LOCK,))
    row = await found.fetchone()
    return bool(row and row[0])
