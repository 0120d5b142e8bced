"""Feedback over HTTP: stored event by event, counted by theme, moving placements; metrics and limits beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st
from langgraph.store.memory import InMemoryStore
from support.http_app import SmallSite, small_page

from serving.feedback import FeedbackStore
from serving.http.rates import RateLimit
from state.settings import StoreSettings
from tools.engagement import KEPT_DAYS, Event, count_events, theme_key
from tools.page_backends import memory_backend
from tools.store_access import StoreAccess


def batch(kind: str, placement: str, times: int = 1, **more: Any) -> dict[str, Any]:
    return {"shopper_id": "7", "events": [{"kind": kind, "placement_id": placement}] * times, **more}


async def titles(client: httpx.AsyncClient) -> list[str]:
    return [row["title"] for row in (await client.get("/v1/pages/7")).json()["placements"]]


async def test_a_placement_that_is_used_moves_up_at_once(client: httpx.AsyncClient) -> None:
    first, second = await titles(client)
    last = "7-1" if second == "Yogurt and toast" else "7-0"
    assert (await client.post("/v1/feedback", json=batch("impression", last, 40))).json() == {"stored": 40}
    other = "7-0" if last == "7-1" else "7-1"
    assert (await client.post("/v1/feedback", json=batch("impression", other, 200))).is_success
    assert (await client.post("/v1/feedback", json=batch("add_to_cart", last, 30))).status_code == 202
    assert await titles(client) == [second, first]


async def test_feedback_outlives_the_page_it_was_given_on(site: SmallSite, client: httpx.AsyncClient) -> None:
    await client.post("/v1/feedback", json=batch("click", "7-1", 3))
    page = small_page("7")
    swapped = [
        page.placements[1].model_copy(update={"id": "7-0", "position": 0}),
        page.placements[0].model_copy(update={"id": "7-1", "position": 1}),
    ]
    counted = (await site.site.pages.feedback.of_shopper("7")).of_page(page.model_copy(update={"placements": swapped}))
    assert {key: item.clicks for key, item in counted.items()} == {"7-0": 3}


async def test_a_batch_sent_twice_counts_once(site: SmallSite, client: httpx.AsyncClient) -> None:
    sent = batch("click", "7-0", 2, batch_id="batch-0001")
    assert (await client.post("/v1/feedback", json=sent)).json() == {"stored": 2}
    assert (await client.post("/v1/feedback", json=sent)).json() == {"stored": 0}
    counted = (await site.site.pages.feedback.of_shopper("7")).of_page(small_page("7"))
    assert counted["7-0"].clicks == 2


async def test_feedback_on_products_is_counted_by_product(site: SmallSite, client: httpx.AsyncClient) -> None:
    event = {"kind": "add_to_cart", "placement_id": "7-0", "product_id": "1", "at": "2026-01-01T00:00:00Z"}
    await client.post("/v1/feedback", json={"shopper_id": "7", "events": [event]})
    counted = await site.site.pages.feedback.of_shopper("7")
    assert counted.products["1"].adds == 1


async def test_feedback_of_one_shopper_is_not_anothers(site: SmallSite, client: httpx.AsyncClient) -> None:
    await client.post("/v1/feedback", json=batch("click", "7-0"))
    assert (await site.site.pages.feedback.of_shopper("77")).themes == {}


def feedback_store(**more: Any) -> FeedbackStore:
    backend = memory_backend()
    return FeedbackStore(InMemoryStore(), StoreAccess(backend, StoreSettings()), **more)


async def test_old_feedback_counts_no_more() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    store = feedback_store(clock=lambda: now, ticks=lambda: float("inf"))
    await store.add("7", [Event("click", "7-0", "replenish:fruit", None, now)])
    assert (await store.of_shopper("7")).themes["replenish:fruit"].clicks == 1
    now += timedelta(days=KEPT_DAYS + 1)
    assert (await store.of_shopper("7")).themes == {}


async def test_what_cannot_be_read_is_left_out() -> None:
    good = ["click", "7-0", "replenish:fruit", None, "2026-01-01"]
    assert count_events("r", [good, [], ["steal", "a", "b", None, ""], ["click"]]).themes["replenish:fruit"].clicks == 1


def test_a_theme_is_known_by_need_and_words() -> None:
    page = small_page("7")
    again = page.placements[0].model_copy(update={"id": "7-5", "title": "FRUIT  bowl!"})
    assert theme_key(page.placements[0]) == theme_key(again) == "replenish:fruit bowl"


async def test_metrics_count_requests_by_route_and_never_by_shopper(site: SmallSite, client: httpx.AsyncClient) -> None:
    await client.get("/v1/pages/7")
    await client.get("/v1/pages/secret-shopper")
    await client.get("/v1/nothing/secret-shopper")
    await client.post("/v1/feedback", json=batch("click", "7-0", 2))
    text = (await client.get("/metrics")).text
    assert 'shelfwise_http_requests_total{method="GET",route="/v1/pages/{shopper_id}",status="200"} 2.0' in text
    assert 'shelfwise_pages_served_total{state="fresh"} 1.0' in text
    assert 'shelfwise_feedback_events_total{kind="click"} 2.0' in text
    assert 'route="unmatched"' in text
    assert "secret-shopper" not in text


async def test_the_operator_sees_counts_and_runs(site: SmallSite, client: httpx.AsyncClient) -> None:
    await client.get("/v1/pages/7")
    await client.post("/v1/pages/7/regenerate")
    await site.settle()
    stats = (await client.get("/v1/operator/stats")).json()
    assert stats["store"]["backend"] == "memory"
    assert stats["hit_rate"] == 1.0
    assert stats["generated"] == {"done": 1}
    assert stats["latency"]["count"] == 1
    runs = (await client.get("/v1/operator/runs?limit=1")).json()["runs"]
    assert [(run["shopper_id"], run["kept"]) for run in runs] == [("7", 2)]


@given(
    burst=st.integers(1, 20),
    per_second=st.floats(0.1, 50),
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=60),
)
def test_a_rate_limit_never_lets_more_through_than_it_says(burst: int, per_second: float, gaps: list[float]) -> None:
    now, passed = 0.0, []
    limit = RateLimit(per_second, burst, clock=lambda: now)
    for gap in gaps:
        now += gap
        if (wait := limit.wait_s("a")) == 0:
            passed.append(now)
        else:
            assert 0 < wait <= 1 / per_second + 1e-6
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + per_second * (passed[last] - passed[first]) + 1e-6


def test_a_rate_limit_forgets_callers_before_it_fills_memory() -> None:
    limit = RateLimit(1, 1, callers=10, clock=lambda: 0.0)
    for caller in range(100):
        limit.wait_s(str(caller))
    assert len(limit._due) == 10
