"""What every page store keeps to: SQLite in a file, Postgres and Redis as real servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langgraph.store.base import GetOp, PutOp
from support.sample_pages import VERSIONS, sample_page
from support.servers import PASSWORD, Server, free_port
from support.stores import ON_SERVERS, store_settings

from state.errors import SettingsError, StoreError
from state.llm import CallRecord
from state.settings import Settings, StoreSettings, load_settings
from state.usage import CallUsage
from tools.availability import StoredAvailability
from tools.leases import Lease
from tools.page_backends import Backend, address, open_backend, without_secrets
from tools.page_store import PageStore

HOSTILE = [
    "7",
    "a.b",
    "../../etc/passwd",
    "x' OR 1=1 --",
    "x'; DROP TABLE store; --",
    "page",
    "日本",
    "50%",
    "\x00",
    "a*b?[c]",
]
CALL = CallRecord(
    request="r",
    role="judge",
    messages=[{"role": "user", "content": "\x00 NUL and \ud7ff"}],
    answer="yes\x00",
    usage=CallUsage(phase="judge", role="judge", model="m"),
)


@pytest.fixture(params=ON_SERVERS)
async def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return store_settings(request.param, request, tmp_path)


@pytest.fixture
async def backend(settings: Settings) -> AsyncIterator[Backend]:
    async with open_backend(settings) as backend:
        yield backend


@pytest.mark.parametrize("shopper", [*HOSTILE, "x" * 5000, "💣" * 128], ids=lambda shopper: ascii(shopper)[:20])
async def test_any_shopper_id_gets_its_own_page_and_calls_back(backend: Backend, shopper: str) -> None:
    pages = PageStore(backend.store, ttl_hours=1)
    page = sample_page(shopper, title="Fruit \x00 <b>'\"")
    await pages.put(page, [CALL])
    await pages.put(sample_page("other"), [])
    assert await pages.get(shopper) == page
    assert await pages.get(shopper, VERSIONS) == page
    assert await pages.calls(page) == [CALL]


async def test_pages_outlive_the_connection_and_are_counted(settings: Settings) -> None:
    async with open_backend(settings) as backend:
        for shopper in HOSTILE:
            await PageStore(backend.store, ttl_hours=1).put(sample_page(shopper), [CALL])
    async with open_backend(settings) as backend:
        for shopper in HOSTILE:
            page = await PageStore(backend.store).get(shopper)
            assert page is not None
            assert page.shopper_id == shopper
        size = await backend.size()
    assert size.pages == len(HOSTILE)
    assert size.bytes > 1000


@pytest.mark.service
async def test_redis_lets_entries_expire_and_its_lists_follow(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    async with open_backend(store_settings("redis", request, tmp_path)) as backend:
        await backend.store.abatch([PutOp(("page", "7"), "newest", {"a": 1}, index=False, ttl=0.05 / 60)])
        item: object = "there"
        while item is not None:  # the test's own time limit ends this
            await asyncio.sleep(0.02)
            [item] = await backend.store.abatch([GetOp(("page", "7"), "newest", refresh_ttl=False)])
        await backend.store.abatch([PutOp(("page", "8"), "newest", {"a": 1}, index=False)])
        assert [found.namespace for found in await backend.store.asearch(("page",))] == [("page", "8")]
        assert (await backend.size()).pages == 1


async def test_a_lease_is_held_by_one_and_can_be_renewed_and_given_back(backend: Backend) -> None:
    first = await Lease.take(backend.leases, "page:7", 60)
    assert first is not None
    assert await Lease.take(backend.leases, "page:7", 60) is None
    assert await Lease.take(backend.leases, "page:8", 60) is not None
    assert await first.renew()
    await first.release()
    assert await Lease.take(backend.leases, "page:7", 60) is not None


async def test_a_lease_expires_by_itself_and_its_late_holder_disturbs_nobody(backend: Backend) -> None:
    first = await Lease.take(backend.leases, "page:7", 0.05)
    assert first is not None
    second = None
    while second is None:  # the test's own time limit ends this
        await asyncio.sleep(0.02)
        second = await Lease.take(backend.leases, "page:7", 60)
    assert not await first.renew()
    await first.release()
    assert await Lease.take(backend.leases, "page:7", 60) is None
    assert await second.renew()


async def test_of_many_processes_that_ask_at_once_one_gets_the_lease(settings: Settings) -> None:
    async with (
        open_backend(settings) as one,
        open_backend(settings) as two,
        open_backend(settings) as three,
    ):
        taken = await asyncio.gather(
            *(Lease.take(backend.leases, "page:7", 30) for backend in (one, two, three) for _ in range(5))
        )
    assert len([lease for lease in taken if lease]) == 1


async def test_two_processes_may_open_an_empty_store_at_once(settings: Settings) -> None:
    async def use(shopper: str) -> None:
        async with open_backend(settings) as backend:
            await PageStore(backend.store).put(sample_page(shopper), [])

    await asyncio.gather(*(use(str(number)) for number in range(4)))
    async with open_backend(settings) as backend:
        assert (await backend.size()).pages == 4


async def test_availability_is_seen_by_other_processes_and_can_be_taken_back(settings: Settings) -> None:
    async with open_backend(settings) as one, open_backend(settings) as two:
        here, there = StoredAvailability(one.store, 0), StoredAvailability(two.store, 0)
        assert (await there.snapshot()).states == {}
        many = [f"p.{number}" for number in range(1200)]
        revision = await here.set([*many, "x' --", "\x00"], "delisted")
        seen = await there.snapshot()
        assert seen.revision == revision
        assert {*seen.states} == {*many, "x' --", "\x00"}
        await there.set(many, "available")
        await there.set(["\x00"], "out_of_stock")
        assert (await here.snapshot()).states == {"x' --": "delisted", "\x00": "out_of_stock"}


async def test_runs_are_listed_newest_first_and_bounded(backend: Backend) -> None:
    pages = PageStore(backend.store, ttl_hours=1, runs_kept=5)
    for number in range(8):
        await pages.put(sample_page(str(number)), [])
        await asyncio.sleep(0.002)
    runs = await pages.recent(3)
    assert [run.shopper_id for run in runs] == ["7", "6", "5"]
    assert len(await pages.recent(100)) == 5


async def test_reads_and_writes_side_by_side_lose_nothing(backend: Backend) -> None:
    pages = PageStore(backend.store, ttl_hours=1)
    await asyncio.gather(*(pages.put(sample_page(str(number)), [CALL]) for number in range(30)))
    found = await asyncio.gather(*(pages.get(str(number)) for number in range(30)))
    assert [page.shopper_id for page in found if page] == [str(number) for number in range(30)]


@pytest.mark.parametrize(
    "backend_name",
    [pytest.param("postgres", marks=pytest.mark.service), pytest.param("redis", marks=pytest.mark.service)],
)
async def test_a_wrong_password_is_refused_without_showing_it(
    request: pytest.FixtureRequest, tmp_path: Path, backend_name: str
) -> None:
    server: Server = request.getfixturevalue(backend_name)
    url = server.url.replace(server.url.split(":", 2)[2].partition("@")[0], "wr0ng-secret")
    with pytest.raises(StoreError, match="cannot open the page store") as caught:
        async with open_backend(Settings(home=tmp_path, store=StoreSettings(url=url))):
            pass
    assert "wr0ng-secret" not in str(caught.value)
    assert f"127.0.0.1:{server.port}" in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "redis"])
async def test_a_server_that_is_not_there_is_a_clear_error_soon(tmp_path: Path, scheme: str) -> None:
    url = f"{scheme}://user:{PASSWORD}@127.0.0.1:{free_port()}/0"
    began = time.monotonic()
    with pytest.raises(StoreError, match="cannot open the page store") as caught:
        async with open_backend(Settings(home=tmp_path, store=StoreSettings(url=url))):
            pass
    assert time.monotonic() - began < 15
    assert PASSWORD not in str(caught.value)


def test_addresses_and_causes_show_no_password() -> None:
    url = "postgresql://shop:p%40ss@db.example:5432/pages?sslmode=require"
    assert address(url) == "postgresql://db.example:5432/pages"
    assert without_secrets(f"bad {url}", url) == "bad postgresql://db.example:5432/pages"
    assert without_secrets("p@ss and p%40ss refused\nmore", url) == "*** and *** refused"


def test_the_address_is_a_secret_in_settings_and_of_a_known_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = StoreSettings(url="redis://:hush@127.0.0.1/0")
    assert "hush" not in repr(settings)
    assert "hush" not in settings.model_dump_json()
    monkeypatch.setenv("SHELFWISE_STORE__URL", "mysql://user:hush@host/db")
    load_settings.cache_clear()
    with pytest.raises(SettingsError, match=r"store\.url starts with") as caught:
        load_settings()
    load_settings.cache_clear()
    assert "hush" not in str(caught.value)
