"""The page store: versions, order, failures, runs and damage, on stores in memory and in a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from langgraph.store.memory import InMemoryStore
from support.sample_pages import VERSIONS, sample_page

from state.cached import Failure
from state.errors import PageUnreadable, StoreError
from state.placement import Page
from state.settings import Settings
from tools.page_backends import open_backend
from tools.page_entries import label, page_key
from tools.page_store import CALLS, NEWEST, PAGE, PageStore, next_failure

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


def page_at(now: datetime, shopper: str = "7", **changes: object) -> Page:
    return sample_page(shopper, created_at=now, **changes)


async def test_a_page_survives_closing_the_store(tmp_path: Path) -> None:
    settings, page = Settings(home=tmp_path), sample_page("7")
    async with open_backend(settings) as backend:
        await PageStore(backend.store).put(page, [])
    async with open_backend(settings) as backend:
        assert await PageStore(backend.store).get("7") == page


async def test_other_versions_are_another_page_and_the_newest_is_the_default() -> None:
    pages = PageStore(InMemoryStore())
    old = sample_page("7")
    other = VERSIONS.model_copy(update={"guards": "g2"})
    new = old.model_copy(update={"versions": other, "created_at": old.created_at + timedelta(seconds=1)})
    for order in ([new, old], [old, new]):
        for page in order:
            await pages.put(page, [])
        assert await pages.get("7") == new
        assert await pages.get("7", other) == new
        assert await pages.get("7", VERSIONS) == old
        await pages.drop("7")
    assert await pages.get("8") is None


async def test_the_newest_page_is_one_read_of_one_key() -> None:
    class Counting(InMemoryStore):
        asked: list[object] = []  # noqa: RUF012

        async def abatch(self, ops):  # type: ignore[no-untyped-def]
            listed = list(ops)
            self.asked += listed
            return await super().abatch(listed)

    store = Counting()
    pages = PageStore(store)
    await pages.put(sample_page("7"), [])
    store.asked.clear()
    assert await pages.newest("7") is not None
    assert len(store.asked) == 1


async def test_an_expired_page_is_gone_whatever_the_store_still_holds(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_backend(Settings(home=tmp_path)) as backend:
        pages = PageStore(backend.store, ttl_hours=24, clock=clock)
        await pages.put(page_at(clock.now), [])
        clock.pass_(hours=23.9)
        assert await pages.get("7") is not None
        clock.pass_(hours=0.2)
        assert await pages.get("7") is None
        assert await pages.get("7", VERSIONS) is None


async def test_a_page_made_by_rules_does_not_push_out_a_generated_one_that_can_be_served() -> None:
    clock = FakeClock()
    pages = PageStore(InMemoryStore(), ttl_hours=24, clock=clock)
    good = page_at(clock.now)
    await pages.put(good, [])
    clock.pass_(hours=1)
    by_rules = page_at(clock.now, fallback=True, fallback_reason="engine down")
    await pages.put(by_rules, [])
    newest, waiting = await pages.newest("7"), await pages.standin("7")
    assert newest is not None
    assert waiting is not None
    assert (newest.page(), waiting.page()) == (good, by_rules)
    assert await pages.get("7") == by_rules, "the trace tells of the page made last"
    clock.pass_(hours=24)
    later = page_at(clock.now, fallback=True)
    await pages.put(later, [])
    newest = await pages.newest("7")
    assert newest is not None
    assert newest.page() == later, "an expired page is no reason to hold another back"
    assert await pages.standin("7") is None


@pytest.mark.parametrize(
    "damage",
    [
        {},
        {"page": None},
        {"page": "{"},
        {"page": '{"shopper_id": "7"}'},
        {"made_at": "yesterday"},
        {"made_at": "2026-01-01T10:00:00"},
        {"shopper": "8"},
        {"versions": {"catalog": "c"}},
    ],
    ids=str,
)
async def test_an_entry_that_is_no_page_is_a_clear_error(damage: dict[str, object]) -> None:
    store = InMemoryStore()
    pages = PageStore(store)
    await pages.put(sample_page("7"), [])
    item = await store.aget((PAGE, "7"), NEWEST)
    assert item is not None
    await store.aput((PAGE, "7"), NEWEST, {**item.value, **damage} if damage else {})
    with pytest.raises(PageUnreadable, match="shelfwise page 7"):
        await pages.get("7")


async def test_a_page_is_never_taken_for_another_shoppers() -> None:
    store = InMemoryStore()
    pages = PageStore(store)
    await pages.put(sample_page("7"), [])
    item = await store.aget((PAGE, "7"), NEWEST)
    assert item is not None
    await store.aput((PAGE, "8"), NEWEST, item.value)
    await store.aput((PAGE, "9"), NEWEST, {**item.value, "shopper": "9"})
    for other in ("8", "9"):
        with pytest.raises(PageUnreadable, match="another shopper"):
            await pages.get(other)


async def test_damaged_calls_are_a_clear_error() -> None:
    store = InMemoryStore()
    pages = PageStore(store)
    page = sample_page("7")
    await pages.put(page, [])
    await store.aput((CALLS, "7"), page_key(page.versions), {"calls": ["{"]})
    with pytest.raises(PageUnreadable, match="calls"):
        await pages.calls(page)


async def test_a_damaged_entry_is_replaced_by_the_next_page() -> None:
    store = InMemoryStore()
    pages = PageStore(store)
    await store.aput((PAGE, "7"), NEWEST, {"nothing": 1})
    page = sample_page("7")
    await pages.put(page, [])
    assert await pages.get("7") == page


def test_labels_keep_any_two_ids_apart_and_are_safe_to_use() -> None:
    hostile = ["7", "a.b", "a%2Eb", "", ".", "..", "../../etc/passwd", "x' OR 1=1 --", "%", "日本", "\x00", "\ud800"]
    hostile += [
        "x" * 5000,
        "y" * 5000,
        "=" + "0" * 64,
        label("x" * 5000),
        "langgraph",
        "a\x1fb",
        "💣" * 128,
        "💣" * 127,
    ]
    labels = [label(one) for one in hostile]
    assert len({*labels}) == len(hostile)
    assert all(
        0 < len(found) <= 200 and "." not in found and found.isascii() and found.isprintable() for found in labels
    )


async def test_pauses_double_up_to_the_most_and_a_page_ends_them() -> None:
    pages, now = PageStore(InMemoryStore()), NOON
    first, most = timedelta(minutes=1), timedelta(minutes=5)
    failure: Failure | None = None
    pauses = []
    for _ in range(5):
        failure = next_failure("7", "engine down", failure, now, first, most)
        pauses.append((failure.retry_at - now).total_seconds() / 60)
        await pages.put_failure(failure)
    assert pauses == [1, 2, 4, 5, 5]
    assert (await pages.failure("7")) == failure
    await pages.put(sample_page("7"), [])
    assert await pages.failure("7") is None


async def test_runs_are_listed_newest_first_and_no_more_are_kept_than_asked_for() -> None:
    store = InMemoryStore()
    pages = PageStore(store, runs_kept=3)
    for minute in range(6):
        await pages.put(page_at(NOON + timedelta(minutes=minute), str(minute)), [])
    await pages.put_failure(next_failure("8", "no page", None, NOON + timedelta(minutes=9), timedelta(1), timedelta(1)))
    runs = await pages.recent(10)
    assert [run.shopper_id for run in runs] == ["8", "5", "4"]
    assert runs[0].error == "no page"
    assert (runs[1].kept, runs[1].dropped, runs[1].drop_reasons) == (1, 1, {"duplicates": 1})
    assert runs[1].drops == ["More fruit: the same idea"]
    assert len(await store.asearch(("runs",), limit=100)) == 3
    assert await pages.recent(1) == runs[:1]


async def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "pages.sqlite").write_text("not a database " * 100)
    with pytest.raises(StoreError, match="page store"):
        async with open_backend(Settings(home=tmp_path)):
            pass
