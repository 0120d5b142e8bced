"""Faults over HTTP: hostile and broken input, a store that is down, damaged entries. Clear answers, nothing leaked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from langgraph.store.memory import InMemoryStore
from support.http_app import VERSIONS, SmallSite, small_page, small_site

from ranking.protocol import Candidates, ProductScores
from ranking.shopper import ShopperFeatures
from serving.present import Present
from state.settings import PROJECT_ROOT
from tools.page_backends import Backend, memory_backend
from tools.page_entries import label

LEAKS = ("Traceback", 'File "', str(PROJECT_ROOT), "site-packages", "sqlite", "duckdb", "SELECT", "secret-")


def assert_problem(answer: httpx.Response, status: int, kind: str | None = None) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(body)
    assert kind is None or body["type"].endswith(f":{kind}")
    assert not [leak for leak in LEAKS if leak in answer.text]
    return body


async def test_a_body_of_five_megabytes_is_refused_unread(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post("/v1/feedback", content=b"x" * 5_000_000), 413, "too-large")


async def test_a_body_that_hides_its_length_is_refused_too(client: httpx.AsyncClient) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(80):
            sent += 65536
            yield b" " * 65536

    answer = await client.post("/v1/feedback", content=chunks(), headers={"Content-Type": "application/json"})
    assert_problem(answer, 413, "too-large")


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"[" * 100_000, b'{"shopper_id": "7", "events": NaN}'])
async def test_malformed_json_is_a_clear_refusal(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/feedback", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert_problem(answer, answer.status_code)


async def test_a_body_of_another_type_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/feedback", content=b"a=b", headers={"Content-Type": "text/plain"})
    assert_problem(answer, 422, "invalid")


@pytest.mark.parametrize(
    "batch",
    [
        {"shopper_id": "7", "events": []},
        {"shopper_id": "7", "events": [{"kind": "steal", "placement_id": "x"}]},
        {"shopper_id": "7", "events": [{"kind": "click", "placement_id": "x"}] * 201},
        {"shopper_id": "7", "events": [{"kind": "click", "placement_id": "x", "more": "<script>"}]},
        {"shopper_id": "", "events": [{"kind": "click", "placement_id": "x"}]},
        {"shopper_id": "a\u0000b", "events": [{"kind": "click", "placement_id": "x"}]},
        {"shopper_id": "x" * 129, "events": [{"kind": "click", "placement_id": "x"}]},
        {"events": [{"kind": "click", "placement_id": "x"}]},
        [],
        None,
    ],
)
async def test_wrong_fields_are_named_and_not_repeated(client: httpx.AsyncClient, batch: Any) -> None:
    answer = await client.post("/v1/feedback", json=batch)
    body = assert_problem(answer, 422, "invalid")
    assert body["errors"][0]["field"].startswith("body")
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "query", ["", "?q=", f"?q={'a' * 201}", "?q=tea&limit=0", "?q=tea&limit=x", "?q=tea&limit=999"]
)
async def test_wrong_queries_are_refused(client: httpx.AsyncClient, query: str) -> None:
    assert_problem(await client.get(f"/v1/search{query}"), 422, "invalid")


async def test_a_huge_address_is_refused(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get(f"/v1/search?q={'a' * 10_000}"), 414, "long-address")
    assert_problem(await client.get(f"/v1/pages/{'a' * 10_000}"), 414, "long-address")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/pages/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/pages/../../etc/passwd",
        "/static/../../../pyproject.toml",
        "/static/..%2f..%2f..%2fpyproject.toml",
        "/static/%2e%2e/%2e%2e/pyproject.toml",
        "/v1/nothing",
        "/docs",
    ],
)
async def test_paths_lead_nowhere_else(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.send(client.build_request("GET", httpx.URL("http://localhost", raw_path=path.encode())))
    assert_problem(answer, 404, "not-found")


@pytest.mark.parametrize("method", ["DELETE", "POST", "PATCH"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    assert_problem(await client.request(method, "/v1/pages/7"), 405, "method-not-allowed")


@pytest.mark.parametrize(
    "shopper",
    ["x' OR 1=1 --", "'; DROP TABLE orders; --", "<script>alert(1)</script>", "a.b", "50%", "日本", "..", "7 "],
)
async def test_any_id_is_only_ever_an_id(site: SmallSite, client: httpx.AsyncClient, shopper: str) -> None:
    from urllib.parse import quote

    answer = await client.get(f"/v1/pages/{quote(shopper, safe='')}".replace("/..", "/%2E%2E"))
    if "/" in shopper:
        assert_problem(answer, 404)
        return
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["shopper_id"] == shopper
    assert answer.json()["cold"]
    assert (await client.get("/v1/pages/7")).json()["state"] == "fresh"


@pytest.mark.parametrize("shopper", ["a%00b", "a%0Ab", "%E2%80%AE7", "a" * 129])
async def test_ids_that_cannot_be_are_refused(client: httpx.AsyncClient, shopper: str) -> None:
    assert_problem(await client.get(f"/v1/pages/{shopper}"), 422, "invalid")
    assert_problem(await client.post(f"/v1/pages/{shopper}/regenerate"), 422, "invalid")


@pytest.mark.parametrize("query", ["' OR 1=1 --", "<img src=x onerror=alert(1)>", "\u202etea", "%", "tea" * 60])
async def test_any_query_is_only_ever_words(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get("/v1/search", params={"q": query})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["query"] == query


async def test_a_title_with_html_stays_text(site: SmallSite, client: httpx.AsyncClient) -> None:
    page = small_page("7")
    page.placements[0].title = "<script>alert(1)</script>"
    await site.store(page)
    answer = await client.get("/v1/pages/7")
    assert "<script>alert(1)</script>" in {row["title"] for row in answer.json()["placements"]}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


class Switch:
    """A store in memory that can be turned off."""

    def __init__(self) -> None:
        self.down = False
        inner = memory_backend()
        self.backend: Backend = replace(inner, store=self._guarded(), errors=(ConnectionError,))

    def _guarded(self) -> InMemoryStore:
        switch = self

        class Guarded(InMemoryStore):
            async def abatch(self, ops: Any) -> Any:
                if switch.down:
                    raise ConnectionError("secret-host:5432 refused")
                return await super().abatch(ops)

        return Guarded()


@pytest.fixture
async def switched(tmp_path: Path) -> AsyncIterator[tuple[SmallSite, Switch, httpx.AsyncClient]]:
    switch = Switch()
    async with small_site(tmp_path, backend=switch.backend) as site, site.client() as client:
        await site.store(small_page("7"))
        yield site, switch, client


async def test_a_store_that_is_down_costs_no_page_seen_before(
    switched: tuple[SmallSite, Switch, httpx.AsyncClient],
) -> None:
    _, switch, client = switched
    before = (await client.get("/v1/pages/7")).json()
    switch.down = True
    answer = await client.get("/v1/pages/7")
    assert answer.headers["x-shelfwise-state"] == "degraded"
    assert answer.json()["placements"] == before["placements"]
    switch.down = False
    await asyncio.sleep(0.25)
    assert (await client.get("/v1/pages/7")).headers["x-shelfwise-state"] == "fresh"


async def test_a_store_that_is_down_is_a_503_that_says_when_to_come_back(
    switched: tuple[SmallSite, Switch, httpx.AsyncClient],
) -> None:
    _, switch, client = switched
    switch.down = True
    event = {"kind": "click", "placement_id": "7-0"}
    for answer in (
        await client.get("/v1/pages/8"),
        await client.post("/v1/feedback", json={"shopper_id": "7", "events": [event]}),
        await client.put("/v1/catalog/availability", json={"products": {"1": False}}),
        await client.get("/v1/operator/runs"),
        await client.get("/health/ready"),
    ):
        assert_problem(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1
    assert (await client.get("/health/live")).status_code == 200
    assert (await client.get("/metrics")).status_code == 200
    assert (await client.get("/v1/operator/stats")).status_code == 200


async def test_a_damaged_entry_is_dropped_and_made_again(site: SmallSite, client: httpx.AsyncClient) -> None:
    await site.backend.store.aput(("page", label("7")), "newest", {"page": "no page", "secret": "secret-x"})
    site.site.cache.forget("7")
    answer = await client.get("/v1/pages/7")
    assert answer.status_code == 200
    assert answer.json()["fallback"]
    await site.settle()
    assert (await client.get("/v1/pages/7")).headers["x-shelfwise-state"] == "fresh"


async def test_an_unforeseen_failure_tells_nothing(
    site: SmallSite, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(shopper_id: str) -> Any:
        raise RuntimeError(f"secret-password in {PROJECT_ROOT}")

    monkeypatch.setattr(site.site.cache, "read", broken)
    answer = await client.get("/v1/pages/7")
    body = assert_problem(answer, 500, "internal")
    assert "secret-password" not in json.dumps(body)
    assert len(answer.headers["x-request-id"]) == 32


class FaultyRanker:
    """Says that it stood in for another one, as the external ranker's adapter does when that does not answer."""

    def score(self, candidates: Candidates, shopper: ShopperFeatures, now: Any = None) -> ProductScores:
        return ProductScores(np.full(len(candidates), 0.5), "stand-in", "1", fault="no answer in 50 ms")


async def test_a_page_ranked_by_a_stand_in_is_served_and_counted(tmp_path: Path) -> None:
    async with small_site(tmp_path, ranker=FaultyRanker()) as site, site.client() as client:
        await site.store(small_page("7"))
        page = (await client.get("/v1/pages/7")).json()
        assert page["ranker"] == "stand-in"
        assert "shelfwise_ranker_faults_total 1.0" in (await client.get("/metrics")).text


async def test_a_shop_that_cannot_be_opened_is_a_503(tmp_path: Path) -> None:
    from serving.http.app import create_app
    from serving.http.site import Parts
    from state.errors import CatalogMissing
    from state.settings import Settings

    def no_shop(settings: Settings) -> Any:
        raise CatalogMissing("no catalogue in /secret-path")

    parts = Parts(open_shop=no_shop, look=lambda settings: Present(), backend=memory_backend())
    app = create_app(Settings(home=tmp_path), parts)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("127.0.0.1", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as c,
    ):
        assert_problem(await c.get("/v1/pages/7"), 503, "shop-closed")
        body = assert_problem(await c.get("/health/ready"), 503, "not-ready")
        assert body["checks"]["shop"] == "CatalogMissing"


async def test_while_the_guards_cannot_be_loaded_nothing_is_shown(tmp_path: Path) -> None:
    broken = Present(VERSIONS.model_dump(), error="a guard file is broken: secret-path")
    async with small_site(tmp_path, present=broken) as site, site.client() as client:
        await site.store(small_page("7"))
        for shopper in ("7", "nobody"):
            answer = await client.get(f"/v1/pages/{shopper}")
            assert answer.status_code == 200
            assert answer.json()["placements"] == []
            assert "secret-path" not in answer.text
