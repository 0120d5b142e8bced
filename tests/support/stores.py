"""Page stores of every kind for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from state.settings import Settings, StoreSettings

BACKENDS = ["sqlite", "postgres", "redis"]
ON_SERVERS = [
    pytest.param("sqlite"),
    pytest.param("postgres", marks=pytest.mark.service),
    pytest.param("redis", marks=pytest.mark.service),
]


def store_settings(backend: str, request: pytest.FixtureRequest, home: Path, **store: Any) -> Settings:
    """Return settings whose page store is of this kind, and empty."""
    url = None
    if backend != "sqlite":
        url = request.getfixturevalue(backend).url
        _empty(backend, url)
    # A busy machine keeps this time limit.
    return Settings(home=home, store=StoreSettings(**{"url": url, "timeout_s": 60.0, **store}))


def _empty(backend: str, url: str) -> None:
    if backend == "redis":
        from redis import Redis

        with Redis.from_url(url) as client:
            client.flushall()
    else:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
