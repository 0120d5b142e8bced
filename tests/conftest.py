"""Servers that several packages' tests share: started once a run, when a test first asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.servers import Server, postgres_server, redis_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server
