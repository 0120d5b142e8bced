"""The page store in a SQLite file, which processes of one machine share."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiosqlite
from langgraph.store.sqlite.aio import AsyncSqliteStore

from state.errors import StoreError
from tools.page_backends import Backend, StoreSize, swept
from tools.page_store import NEWEST, PAGE

_LEASES = "CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL)"
_DOWN = (sqlite3.Error,)


class SqliteLeases:
    """Leases in a table of the file. Each statement is one transaction."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        now = time.time()
        return await self._changed(
            "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE leases.until <= ?",
            (name, holder, now + seconds, now),
        )

    async def renew(self, name: str, holder: str, seconds: float) -> bool:
        now = time.time()
        return await self._changed(
            "UPDATE leases SET until = ? WHERE name = ? AND holder = ? AND until > ?",
            (now + seconds, name, holder, now),
        )

    async def release(self, name: str, holder: str) -> None:
        await self._changed("DELETE FROM leases WHERE name = ? AND holder = ?", (name, holder))

    async def _changed(self, sql: str, values: tuple[object, ...]) -> bool:
        async with self._connection.execute(sql, values) as cursor:
            return cursor.rowcount > 0


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[Backend]:
    """Open the file, making it when it is not there.

    Raises:
        StoreError: the file cannot be opened or is not a store.
    """
    async with AsyncExitStack() as stack:
        try:
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            store = await stack.enter_async_context(AsyncSqliteStore.from_conn_string(str(path)))
            beside = await stack.enter_async_context(aiosqlite.connect(path, isolation_level=None))
            await _prepare(store, beside)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"cannot open the page store {path}: {error}. Check the path, or move the file away."
            ) from error

        async def size() -> StoreSize:
            sql = (
                "SELECT count(*), (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)"
                " FROM store WHERE prefix >= ? AND prefix < ? AND key = ?"
            )
            async with beside.execute(sql, (f"{PAGE}.", f"{PAGE}/", NEWEST)) as cursor:
                row = await cursor.fetchone()
            return StoreSize(row[0], row[1]) if row else StoreSize(0, 0)

        async with swept(store.sweep_ttl, _DOWN):
            yield Backend("sqlite", store, SqliteLeases(beside), size, _DOWN)


async def _prepare(store: AsyncSqliteStore, beside: aiosqlite.Connection) -> None:
    for connection in (store.conn, beside):
        await connection.execute("PRAGMA busy_timeout = 5000")
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = NORMAL")
    for last in (False, False, False, False, True):
        try:
            await store.setup()
            break
        except (sqlite3.IntegrityError, sqlite3.OperationalError):
            # Another process may be making the same tables right now; then the next try finds them made.
            if last:
                raise
            await asyncio.sleep(0.1)
    await store.sweep_ttl()
    await beside.execute(_LEASES)
    await beside.execute("DELETE FROM leases WHERE until <= ?", (time.time(),))
