"""The teacher's queue: each query once, counted, bounded, nothing personal; and the store that any thread may ask."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.cached_pages import Time
from support.labelled import small_taxonomy, tea
from support.stores import ON_SERVERS, store_settings

from state.intent_settings import IntentSettings
from state.settings import Settings
from tools.intent_cache import IntentCache
from tools.intent_store import IntentStore
from tools.page_backends import Backend, memory_backend, open_backend
from tools.teacher_queue import TeacherQueue, looks_personal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=ON_SERVERS)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    async with open_backend(store_settings(request.param, request, tmp_path)) as opened:
        yield opened


def queue_on(backend: Backend, time: Time | None = None, **intent: Any) -> TeacherQueue:
    return TeacherQueue(Settings(intent=IntentSettings(**intent)), backend, clock=(time or Time()).clock)


async def test_a_query_is_queued_once_and_counted(backend: Backend) -> None:
    queue = queue_on(backend)
    for query, confidence in (("moon tea", 0.4), ("Moon  Tea", 0.2), ("牛乳 \x00", 0.1), ("moon tea", 0.3)):
        assert await queue.add(query, confidence)
    first, second = await queue.entries()
    assert (first.query, first.count, first.confidence) == ("moon tea", 3, 0.2)
    assert (second.query, second.count) == ("牛乳 \x00", 1)
    assert [entry.query for entry in await queue.entries(limit=1)] == ["moon tea"]
    await queue.remove(["MOON TEA", "never asked"])
    assert [entry.query for entry in await queue.entries()] == ["牛乳 \x00"]


async def test_the_queue_is_bounded_and_those_asked_least_go(backend: Backend) -> None:
    time = Time()
    queue = queue_on(backend, time, queue_limit=2)
    for query in ("often", "often", "old", "new"):
        await queue.add(query, 0.1)
        time.pass_(minutes=1)
    assert await queue.trim() == 1
    assert [entry.query for entry in await queue.entries()] == ["often", "new"]


async def test_a_query_that_waited_too_long_is_forgotten() -> None:
    backend, time = memory_backend(), Time()
    queue = queue_on(backend, time, queue_days=2)
    await queue.add("old", 0.1)
    time.pass_(days=1.5)
    await queue.add("young", 0.1)
    time.pass_(days=1)
    assert [entry.query for entry in await queue.entries()] == ["young"]
    assert await queue.trim() == 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "x" * 201,
        "mail jane.doe@example.org",
        "call +1 (555) 010-9999",
        "4111 1111 1111 1111",
        "https://x.y/z",
    ],
)
async def test_what_is_no_query_or_looks_personal_is_not_kept(query: str) -> None:
    queue = queue_on(memory_backend())
    assert not await queue.add(query, 0.1)
    assert await queue.entries() == []


@pytest.mark.parametrize("query", ["7up 12 oz 24 ct", "100% juice 1.75 l", "m&m's 2 for 10", "00 flour"])
def test_amounts_are_not_personal(query: str) -> None:
    assert not looks_personal(query)


async def test_nothing_but_text_counts_and_times_is_stored() -> None:
    backend = memory_backend()
    await queue_on(backend).add("moon tea", 0.4)
    [item] = await backend.store.asearch(("unsure",))
    assert set(item.value) == {"query", "count", "confidence", "first_at", "last_at"}


async def test_a_store_that_is_down_loses_the_query_and_raises_nothing() -> None:
    class Down:
        supports_ttl = False

        async def abatch(self, ops: object) -> None:
            raise ConnectionError("refused")

    backend = memory_backend()
    object.__setattr__(backend, "store", Down())
    queue = queue_on(backend)
    assert not await queue.add("tea", 0.1)
    assert queue.lost == 1


def test_any_thread_may_ask_the_store(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    store = IntentStore(settings, small_taxonomy())
    try:
        store._run(store._cache.put([tea()], source="labelled")).result()
        found: list[Any] = []
        asking = [threading.Thread(target=lambda: found.append(store.get("organic mint tea"))) for _ in range(8)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert found == [tea()] * 8
        assert store.get("moon tea") is None
        store.add("moon tea", 0.2)
        assert store.stats().hits == 8
    finally:
        store.close()
    store.close()


async def test_an_open_event_loop_is_not_the_stores(tmp_path: Path) -> None:
    store = IntentStore(Settings(home=tmp_path), small_taxonomy())
    assert store.get("tea") is None
    store.close()


def test_a_process_with_an_open_store_ends(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from state.settings import Settings\n"
        "from tools.intent_entries import Taxonomy; from tools.intent_store import IntentStore\n"
        "store = IntentStore(Settings(home=Path(sys.argv[1])), Taxonomy('t', frozenset()))\n"
        "store.add('moon tea', 0.1); print(store.get('tea'))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    assert ended.stdout.strip() == "None"
    assert ended.stderr == ""


async def test_an_answer_published_elsewhere_is_found(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    store = IntentStore(settings, small_taxonomy())
    try:
        async with open_backend(settings) as backend:
            await IntentCache(settings, backend, small_taxonomy()).put([tea()], source="teacher")
        assert store.get("organic mint tea") == tea()
    finally:
        store.close()
