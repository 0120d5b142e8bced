"""Pages over HTTP: what is cached is served at once, what is missing is made by rules and generated behind."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from support.http_app import SmallSite, small_page, small_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        yield site


async def test_a_stored_page_is_served_as_ranked_and_starts_nothing(site: SmallSite, client: httpx.AsyncClient) -> None:
    await site.store(small_page())
    answer = await client.get("/v1/pages/7")
    page = answer.json()
    assert answer.status_code == 200
    assert answer.headers["x-shelfwise-state"] == page["state"] == "fresh"
    assert {row["title"] for row in page["placements"]} == {"Fruit bowl", "Yogurt and toast"}
    tile = page["placements"][0]["products"][0]
    assert tile["price_range"] == "2 to 4"
    assert tile["score"] is not None
    assert tile["relevance"] == 0.9
    assert (page["fallback"], page["provisional"], page["regenerating"]) == (False, False, False)
    assert page["versions"]["catalog"] == "small-1"
    assert site.maker.made == []


async def test_a_missing_page_is_made_by_rules_at_once_and_generated_behind(
    site: SmallSite, client: httpx.AsyncClient
) -> None:
    site.maker.go.clear()
    answer = await client.get("/v1/pages/7")
    page = answer.json()
    assert answer.headers["x-shelfwise-state"] == "provisional"
    assert (page["fallback"], page["provisional"], page["regenerating"]) == (True, True, True)
    assert page["placements"][0]["title"] == "Buy it again"
    site.maker.go.set()
    await site.settle()
    after = (await client.get("/v1/pages/7")).json()
    assert (after["state"], after["fallback"], after["provisional"]) == ("fresh", False, False)
    assert site.maker.made == ["7"]


async def test_an_unknown_shopper_gets_a_page_of_what_is_popular(client: httpx.AsyncClient) -> None:
    page = (await client.get("/v1/pages/nobody-knows-me")).json()
    assert page["cold"]
    assert page["placements"]


async def test_age_restricted_goods_are_not_on_a_page(client: httpx.AsyncClient) -> None:
    page = (await client.get("/v1/pages/nobody")).json()
    departments = {tile["department"] for row in page["placements"] for tile in row["products"]}
    assert departments
    assert "alcohol" not in departments


async def test_a_stale_page_is_served_and_made_again(site: SmallSite, client: httpx.AsyncClient) -> None:
    await site.store(small_page(created_at=datetime.now(UTC) - timedelta(days=2)))
    answer = await client.get("/v1/pages/7")
    assert answer.headers["x-shelfwise-state"] == "stale"
    assert answer.json()["age_s"] > 100_000
    await site.settle()
    assert site.maker.made == ["7"]
    assert (await client.get("/v1/pages/7")).headers["x-shelfwise-state"] == "fresh"


async def test_a_page_that_cannot_be_generated_stays_rule_made_and_is_not_tried_at_every_request(
    site: SmallSite, client: httpx.AsyncClient
) -> None:
    site.maker.failure = RuntimeError("model at http://10.0.0.1 key sk-123 is down")
    await client.get("/v1/pages/7")
    await site.settle()
    for _ in range(3):
        answer = await client.get("/v1/pages/7")
    assert answer.headers["x-shelfwise-state"] == "negative"
    page = answer.json()
    assert page["fallback"]
    assert not page["regenerating"]
    assert "sk-123" not in answer.text
    assert site.maker.made == ["7"]


async def test_a_cached_page_is_served_while_models_are_down(site: SmallSite, client: httpx.AsyncClient) -> None:
    await site.store(small_page(created_at=datetime.now(UTC) - timedelta(days=2)))
    site.maker.failure = RuntimeError("no model")
    for _ in range(3):
        answer = await client.get("/v1/pages/7")
        await site.settle()
    assert answer.headers["x-shelfwise-state"] == "stale"
    assert answer.json()["placements"][0]["products"]
    assert site.maker.made == ["7"]


async def test_products_taken_off_sale_leave_the_page_at_once(site: SmallSite, client: httpx.AsyncClient) -> None:
    await site.store(small_page())
    before = {tile["id"] for row in (await client.get("/v1/pages/7")).json()["placements"] for tile in row["products"]}
    changed = await client.put("/v1/catalog/availability", json={"products": {"1": False, "zzz": False}})
    assert changed.json() == {"changed": 1, "unknown": ["zzz"]}
    after = {tile["id"] for row in (await client.get("/v1/pages/7")).json()["placements"] for tile in row["products"]}
    assert before - after == {"1"}
    await client.put("/v1/catalog/availability", json={"products": {"1": True}})
    again = {tile["id"] for row in (await client.get("/v1/pages/7")).json()["placements"] for tile in row["products"]}
    assert again == before


async def test_two_regenerations_of_a_shopper_are_one_run(site: SmallSite, client: httpx.AsyncClient) -> None:
    site.maker.go.clear()
    first = await client.post("/v1/pages/7/regenerate")
    second = await client.post("/v1/pages/7/regenerate")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["run_id"] == second.json()["run_id"]
    assert (first.json()["already_running"], second.json()["already_running"]) == (False, True)
    assert first.json()["events"] == "/v1/pages/7/events"
    site.maker.go.set()
    await site.settle()
    assert site.maker.made == ["7"]


async def test_no_more_shoppers_wait_than_may(tmp_path: Path) -> None:
    async with small_site(tmp_path, generations_at_once=1, generation_queue=1) as site, site.client() as client:
        site.maker.go.clear()
        answers = [await client.post(f"/v1/pages/{shopper}/regenerate") for shopper in "abc"]
        assert [answer.status_code for answer in answers] == [202, 202, 503]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert (await client.get("/v1/pages/d")).json()["regenerating"] is False
        site.maker.go.set()


def told(text: str) -> list[tuple[str, dict[str, object]]]:
    """Return the events of a stream."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


async def test_progress_is_streamed_to_the_end(site: SmallSite, client: httpx.AsyncClient) -> None:
    await client.post("/v1/pages/7/regenerate")
    answer = await client.get("/v1/pages/7/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = told(answer.text)
    assert [kind for kind, _ in events] == ["progress", "progress", "done"]
    assert [body.get("event") for _, body in events[:2]] == ["shopper_loaded", "published"]
    assert events[-1][1]["fallback"] is False


async def test_a_failed_run_ends_its_stream_without_telling_secrets(site: SmallSite, client: httpx.AsyncClient) -> None:
    site.maker.failure = RuntimeError("key sk-123 refused by http://10.0.0.1")
    await client.post("/v1/pages/7/regenerate")
    answer = await client.get("/v1/pages/7/events")
    assert told(answer.text)[-1][0] == "failed"
    assert "sk-123" not in answer.text


async def test_a_client_that_comes_back_goes_on_where_it_was(site: SmallSite, client: httpx.AsyncClient) -> None:
    run = (await client.post("/v1/pages/7/regenerate")).json()["run_id"]
    await client.get("/v1/pages/7/events")
    rest = await client.get("/v1/pages/7/events", headers={"Last-Event-ID": f"{run}:1"})
    assert [kind for kind, _ in told(rest.text)] == ["done"]
    end = await client.get("/v1/pages/7/events", headers={"Last-Event-ID": f"{run}:2"})
    assert end.status_code == 204


async def test_there_is_nothing_to_follow_where_nothing_runs(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/pages/7/events")).status_code == 204


async def test_the_trace_tells_the_way_of_every_theme(site: SmallSite, client: httpx.AsyncClient) -> None:
    from support.sample_pages import sample_page

    await site.store(small_page(dropped=sample_page().dropped))
    trace = (await client.get("/v1/pages/7/trace")).json()
    assert trace["funnel"]["themes"] == 3
    assert trace["funnel"]["placements_kept"] == 2
    assert trace["funnel"]["candidates"] == 80
    assert [row["kept"] for row in trace["placements"]] == [True, True, False]
    assert trace["placements"][2]["dropped_by"] == "duplicates"
    assert trace["placements"][0]["products"][0]["matched"] == ["banana"]


async def test_a_shopper_without_a_page_has_no_trace(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/pages/7/trace")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
