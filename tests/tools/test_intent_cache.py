"""The head cache keeps its promises on every store: right answer or none, never an error, never a stale category."""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import PutOp
from support.cached_pages import Time
from support.labelled import TEA, YOGURT, plain, small_taxonomy, tea
from support.stores import ON_SERVERS, store_settings

from state.intent_settings import IntentSettings
from state.settings import Settings
from tools.intent_cache import INTENTS, IntentCache
from tools.intent_entries import Taxonomy
from tools.labelled_queries import query_key, read_labelled
from tools.page_backends import Backend, memory_backend, open_backend
from tools.page_entries import label
from training.datasets import load_examples
from training.examples import Task
from training.head_answers import write_labelled

HOSTILE = [
    "a.b",
    "../../etc/passwd",
    "x'; DROP TABLE store; --",
    "牛乳 1l",
    "50%",
    "milk\x00",
    "🍎",
    "\udcff",
    "  Milk  ",
]


@pytest.fixture(params=ON_SERVERS)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    async with open_backend(store_settings(request.param, request, tmp_path)) as opened:
        yield opened


def cache_on(backend: Backend, time: Time | None = None, *, version: str = "small-1", **intent: Any) -> IntentCache:
    time = time or Time()
    settings = Settings(intent=IntentSettings(**intent))
    return IntentCache(settings, backend, small_taxonomy(version), clock=time.clock, ticks=time.ticks)


@pytest.mark.parametrize("query", HOSTILE, ids=ascii)
async def test_any_query_finds_its_own_answer_whatever_its_case_and_spacing(backend: Backend, query: str) -> None:
    cache = cache_on(backend, local_entries=0)
    if query == "\udcff":
        assert await cache.get(query) is None, "what cannot be stored is a miss, not an error"
        return
    answer = plain(query, categories=[TEA])
    await cache.put([answer, tea()], source="labelled")
    assert await cache.get(query) == answer
    assert await cache.get(f" {query.upper()} ".replace(" ", "  ")) == answer
    assert await cache.get("something else") is None
    counts = cache.stats()
    assert (counts.hits, counts.misses) == (2, 1)


async def test_an_answer_that_names_what_does_not_exist_is_not_kept(backend: Backend) -> None:
    cache = cache_on(backend)
    change = await cache.put(
        [
            tea("lavender tea", attributes=[], categories=["beverages > moon tea"]),
            tea("green leaves", product="tea", attributes=[]),
            tea("mint tea", attributes=[{"type": "colour", "value": "mint"}]),
            plain("x" * 201),
            plain(" "),
        ],
        source="teacher",
    )
    assert change.kept == 0
    assert change.dropped == {
        "a category that does not exist": 1,
        "a role that is not in the query": 1,
        "an attribute of an unknown type": 1,
        "its query is empty or too long": 2,
    }
    assert (await cache.content()).answers == 0


async def test_an_answer_expires(backend: Backend) -> None:
    time = Time()
    cache = cache_on(backend, time, cache_ttl_hours=2)
    await cache.put([tea()], source="labelled")
    time.pass_(hours=1)
    assert await cache.get("organic mint tea") is not None
    time.pass_(hours=1)
    assert await cache.get("organic mint tea") is None
    assert cache.stats().expired == 1
    assert (await cache.refresh()).dropped == {"expired": 1}


@pytest.mark.parametrize(
    "damage",
    [
        {"answer": "no JSON"},
        {"answer": '{"query":"another","corrected":"another"}'},
        {"key": "another"},
        {"expires_at": "soon"},
        {"answer": tea(categories=["beverages > moon tea"]).model_dump_json()},
    ],
    ids=["answer", "another's answer", "another's place", "envelope", "category"],
)
async def test_a_damaged_entry_is_a_miss_and_is_dropped_and_logged_without_the_query(
    backend: Backend, damage: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    cache = cache_on(backend, local_entries=0)
    await cache.put([tea()], source="labelled")
    place, key = (INTENTS, small_taxonomy().entries_version), label("organic mint tea")
    stored = await backend.store.aget(place, key)
    assert stored is not None
    await backend.store.abatch([PutOp(place, key, {**stored.value, **damage}, index=False)])
    with caplog.at_level(logging.WARNING):
        assert await cache.get("organic mint tea") is None
    assert "dropped" in caplog.text
    assert "mint" not in caplog.text
    assert cache.stats().damaged == 1
    assert await backend.store.aget(place, key) is None


async def test_after_the_categories_changed_answers_are_found_again_once_validated(backend: Backend) -> None:
    await cache_on(backend).put(
        [tea(), tea("tea", attributes=[], categories=[YOGURT, TEA]), plain("yogurt", categories=[YOGURT])],
        source="labelled",
    )
    fewer = Taxonomy("small-2", frozenset([TEA]))
    cache = IntentCache(Settings(), backend, fewer, clock=Time().clock)
    assert await cache.get("tea") is None
    assert (await cache.content()).other_version == 3
    await cache.put([plain("organic mint tea")], source="teacher")
    change = await cache.refresh()
    assert change.kept == 2
    assert change.dropped == {"none of its categories exists any more": 1, "answered anew since": 1}
    moved, newer = await cache.get("tea"), await cache.get("organic mint tea")
    assert moved is not None
    assert moved.categories == [TEA]
    assert newer == plain("organic mint tea"), "what was answered under the new categories stays"
    assert (await cache.content()).by_source == {"labelled": 1, "teacher": 1}
    assert (await cache.refresh()).kept == 2, "a second refresh changes nothing"


async def test_a_query_that_was_forgotten_is_a_miss(backend: Backend) -> None:
    cache = cache_on(backend)
    await cache.put([tea()], source="labelled")
    assert await cache.get("organic mint tea") is not None
    await cache.delete("Organic Mint Tea")
    assert await cache.get("organic mint tea") is None


async def test_a_copy_of_the_process_is_given_for_no_longer_than_it_may_be_old() -> None:
    backend, time = memory_backend(), Time()
    reader, writer = cache_on(backend, time, local_s=30), cache_on(backend, time)
    await writer.put([tea()], source="labelled")
    assert await reader.get("organic mint tea") == tea()
    await writer.put([tea(categories=[])], source="teacher")
    time.pass_(seconds=29)
    assert await reader.get("organic mint tea") == tea()
    assert reader.stats().local == 1
    time.pass_(seconds=2)
    assert await reader.get("organic mint tea") == tea(categories=[])


async def test_copies_are_bounded_and_are_the_callers_own() -> None:
    backend = memory_backend()
    cache = cache_on(backend, local_entries=2)
    await cache.put([plain(word) for word in ("a1", "b1", "c1")], source="labelled")
    for word in ("a1", "b1", "c1"):
        answer = await cache.get(word)
        assert answer is not None
        answer.categories.append("changed by the caller")
    assert await cache.get("c1") == plain("c1")
    assert await cache.get("a1") == plain("a1")
    assert cache.stats().local == 1


async def test_a_store_that_is_down_costs_answers_but_raises_nothing() -> None:
    backend, time = memory_backend(), Time()
    cache = cache_on(backend, time, local_s=0)
    await cache.put([tea(), plain("milk")], source="labelled")
    assert await cache.get("milk") is not None

    class Down:
        supports_ttl = False

        async def abatch(self, ops: object) -> None:
            raise ConnectionError("refused")

    cache = cache_on(backend, time, local_s=0)
    assert await cache.get("milk") is not None
    object.__setattr__(cache, "_store", Down())
    assert await cache.get("milk") == plain("milk"), "the last known answer"
    assert await cache.get("organic mint tea") is None
    assert cache.stats().down == 2


async def test_an_empty_query_asks_nothing() -> None:
    cache = cache_on(replace(memory_backend(), store=None))  # type: ignore[arg-type]
    assert await cache.get("  ") is None


def test_the_shipped_labelled_queries_are_the_ones_that_the_command_writes(tmp_path: Path) -> None:
    shipped = Settings().intent.labelled
    sums = (shipped.parent / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    digests = {name: digest for digest, name in (line.split() for line in sums)}
    assert hashlib.sha256(shipped.read_bytes()).hexdigest() == digests[shipped.name]
    count, _ = write_labelled(tmp_path / "again.jsonl.gz")
    assert gzip.decompress((tmp_path / "again.jsonl.gz").read_bytes()) == gzip.decompress(shipped.read_bytes())
    assert count == len(read_labelled(shipped)) == len(load_examples(Task.INTENTS, "train"))


def test_no_shipped_labelled_query_answers_one_of_dev_or_test() -> None:
    held_out = {
        query_key(text)
        for split in ("dev", "test")
        for row in load_examples(Task.INTENTS, split)  # type: ignore[arg-type]
        for text in (row.query, row.corrected)
    }
    rows = read_labelled(Settings().intent.labelled)
    assert not {query_key(text) for row in rows for text in (row.query, row.corrected)} & held_out
