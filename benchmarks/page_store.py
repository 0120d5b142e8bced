"""Page store and cache, get and put, per backend: ``python benchmarks/page_store.py``.

Starts its own Postgres and Redis (Debian packages postgresql and redis-server) unless ``--backends`` leaves them out.
Prints milliseconds: putting a page, one store get, and reads through the page cache: the first one of a page, later
ones (a store get, no decoding), ones within ``check_interval_s`` (no store), and reads at a steady rate.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from serving.page_cache import PageCache
from serving.present import Present, PresentVersions
from state.placement import Need, Page, PlacedProduct, Placement, Status, Versions
from state.settings import Settings, StoreSettings
from state.verdict import Action, Outcome, Verdict
from tools.page_backends import open_backend

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support.servers import postgres_server, redis_server

VERSIONS = Versions(catalog="c", taxonomy="t", corpus="k", prompts="p", models="m", guards="g", settings="s")
GUARDS = ("policy", "taxonomy", "relevance", "duplicates", "judge")


def made_page(shopper_id: str) -> Page:
    """Return a page of the size of a real one: six placements of twelve products, with their verdicts."""
    placements = []
    for row in range(6):
        key = f"{shopper_id}-{row}"
        products = [
            PlacedProduct(
                id=f"{row}{n:04}", name=f"Organic Whole Grain Product {n}", aisle="breakfast bakery",
                department="bakery", price=3.5, score=0.8, matched=["whole grain", "organic breakfast"],
            )
            for n in range(12)
        ]  # fmt: skip
        verdicts = [
            Verdict(guard=guard, placement_id=key, outcome=Outcome.PASS, action=Action.KEEP, score=0.7, threshold=0.5)
            for guard in GUARDS
        ]
        placements.append(
            Placement(
                id=key, position=row, title=f"Breakfast for the week {row}", need=Need.REPLENISH, status=Status.KEPT,
                rationale="Bought in most orders of the last months.", concepts=["granola", "bread", "muesli"],
                keywords=["whole grain", "organic breakfast"], products=products, verdicts=verdicts, attempts=1,
            )
        )  # fmt: skip
    return Page(
        shopper_id=shopper_id,
        persona="Shops bakery, breakfast, fruit",
        placements=placements,
        versions=VERSIONS,
        created_at=datetime.now(UTC),
    )


async def timed(calls: Sequence[Callable[[], Awaitable[object]]]) -> np.ndarray:
    """Run calls one after the other. Returns their milliseconds."""
    spent = []
    for call in calls:
        began = time.perf_counter()
        await call()
        spent.append((time.perf_counter() - began) * 1000)
    return np.array(spent)


async def at_rate(call: Callable[[int], Awaitable[object]], rate: int, seconds: float) -> np.ndarray:
    """Start ``rate`` calls a second whatever those before do. Returns milliseconds from when each was due."""
    began, spent = time.perf_counter(), []

    async def one(number: int) -> None:
        due = began + number / rate
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        await call(number)
        spent.append((time.perf_counter() - due) * 1000)

    await asyncio.gather(*(one(number) for number in range(int(rate * seconds))))
    return np.array(spent)


async def measure(settings: Settings, pages: int, rate: int, seconds: float) -> dict[str, np.ndarray]:
    """Return the milliseconds of each kind of call on the store of ``settings``."""
    async with open_backend(settings) as backend:
        present = PresentVersions(settings, look=lambda settings: Present(VERSIONS.model_dump()))
        cache = PageCache(settings, backend, present=present)
        every = PageCache(
            settings.model_copy(update={"store": settings.store.model_copy(update={"check_interval_s": 0.0})}),
            backend,
            present=present,
        )
        ids = [str(number) for number in range(pages)]
        made = [made_page(shopper) for shopper in ids]
        found = {"put": await timed([lambda p=page: cache.pages.put(p, []) for page in made])}
        found["store get"] = await timed([lambda i=shopper: cache.pages.newest(i) for shopper in ids])
        found["read, first"] = await timed([lambda i=shopper: every.read(i) for shopper in ids])
        found["read, later"] = await timed([lambda i=shopper: every.read(i) for shopper in ids])
        await cache.read(ids[0])
        found["read, in memory"] = await timed([lambda: cache.read(ids[0])] * 200)
        name = f"read at {rate}/s"
        found[name] = await at_rate(lambda n: cache.read(ids[n * 7919 % pages]), rate, seconds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--backends", nargs="+", default=["sqlite", "postgres", "redis"])
    args = parser.parse_args()
    print(f"{args.pages} pages of {len(made_page('1').model_dump_json()) // 1000} KB; {args.seconds:g} s at the rate\n")
    print("| backend | call | p50 ms | p99 ms | calls |\n|---|---|---|---|---|")
    for backend in args.backends:
        with ExitStack() as stack:
            home = Path(stack.enter_context(TemporaryDirectory()))
            url = None
            if backend != "sqlite":
                server = postgres_server() if backend == "postgres" else redis_server(home)
                url = stack.enter_context(server).url
            settings = Settings(home=home, store=StoreSettings(url=url, hot_pages=max(args.pages, 1)))
            for call, spent in asyncio.run(measure(settings, args.pages, args.rate, args.seconds)).items():
                p50, p99 = np.percentile(spent, [50, 99])
                print(f"| {backend} | {call} | {p50:.2f} | {p99:.2f} | {len(spent)} |", flush=True)


if __name__ == "__main__":
    main()
