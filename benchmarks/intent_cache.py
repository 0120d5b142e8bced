"""Latency of the head cache: reads from a process's own copies, and from the store, validation included.

``PYTHONPATH=. python benchmarks/intent_cache.py`` fills a cache in a folder of its own with the labelled queries that
ship, and reads them in random order. ``--store`` names the address of an empty Postgres or Redis; SQLite without.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from state.intent_settings import IntentSettings
from state.settings import Settings, StoreSettings
from tools.intent_cache import IntentCache
from tools.intent_entries import Taxonomy
from tools.intent_store import IntentStore
from tools.labelled_queries import read_labelled
from tools.page_backends import open_backend


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="postgresql:// or redis:// address of an empty store. Default: SQLite.")
    parser.add_argument("--reads", type=int, default=5000)
    given = parser.parse_args()
    rows = read_labelled(IntentSettings().labelled)
    taxonomy = Taxonomy("benchmark", frozenset(path for row in rows for path in row.categories))
    queries = random.Random(7).choices([row.query for row in rows], k=given.reads)
    print("| read | p50 ms | p99 ms | reads |\n|---|---|---|---|")
    with TemporaryDirectory() as folder:
        for label, local_s in (("from the store", 0.0), ("from the process's copies", 3600.0)):
            store = StoreSettings(**({"url": given.store} if given.store else {}))
            settings = Settings(home=Path(folder), store=store, intent=IntentSettings(local_s=local_s))
            asyncio.run(_fill(settings, taxonomy, rows))
            asyncio.run(_read(settings, taxonomy, queries, label))
            opened = IntentStore(settings, taxonomy)
            _print(f"{label}, any thread", [_timed(opened.get, query) for query in queries])
            opened.close()


async def _fill(settings: Settings, taxonomy: Taxonomy, rows: Any) -> None:
    async with open_backend(settings) as backend:
        await IntentCache(settings, backend, taxonomy).put(rows, source="benchmark")


async def _read(settings: Settings, taxonomy: Taxonomy, queries: list[str], label: str) -> None:
    async with open_backend(settings) as backend:
        cache = IntentCache(settings, backend, taxonomy)
        _print(label, [await _timed_async(cache.get, query) for query in queries])


def _timed(get: Callable[[str], object], query: str) -> float:
    begun = time.perf_counter()
    assert get(query) is not None
    return 1000 * (time.perf_counter() - begun)


async def _timed_async(get: Callable[[str], Awaitable[object]], query: str) -> float:
    begun = time.perf_counter()
    assert await get(query) is not None
    return 1000 * (time.perf_counter() - begun)


def _print(label: str, ms: list[float]) -> None:
    ordered = sorted(ms)
    print(f"| {label} | {ordered[len(ms) // 2]:.3f} | {ordered[int(len(ms) * 0.99)]:.3f} | {len(ms)} |")


if __name__ == "__main__":
    main()
