"""Who may call what: keys, scopes, shopper tokens, the open mode, rates, other origins."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from pydantic import SecretStr, ValidationError
from support.http_app import SmallSite, small_page, small_site

from serving.http.tokens import issue_token
from state.errors import SettingsError
from state.http import HttpSettings, is_loopback

SECRET = "s" * 40
KEYS = {"reader": ["read"], "writer": ["read", "write"], "boss": ["read", "write", "admin"]}


def bearer(proof: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {proof}"}


def keyed(**more: Any) -> dict[str, Any]:
    keys = [
        {"name": name, "sha256": hashlib.sha256(f"key-of-{name}".encode()).hexdigest(), "scopes": scopes}
        for name, scopes in KEYS.items()
    ]
    return {"keys": keys, "token_secret": SECRET, **more}


def token(shopper: str = "7", hours: float = 1, **more: Any) -> str:
    return issue_token(SecretStr(SECRET), shopper, timedelta(hours=hours), **more)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path, **keyed()) as site:
        await site.store(small_page("7"))
        await site.store(small_page("8"))
        yield site


@pytest.fixture
async def client(site: SmallSite) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client("203.0.113.9", "http://shop.example") as client:
        yield client


def assert_problem(answer: httpx.Response, status: int, kind: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) >= {"type", "title", "status", "detail", "instance"}
    assert body["type"] == f"urn:shelfwise:problem:{kind}"
    assert body["status"] == status


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    [
        ("GET", "/v1/pages/7", None, {"reader", "writer", "boss"}),
        ("GET", "/v1/pages/7/trace", None, {"reader", "writer", "boss"}),
        ("GET", "/v1/pages/7/events", None, {"reader", "writer", "boss"}),
        ("GET", "/v1/search?q=tea", None, {"reader", "writer", "boss"}),
        ("GET", "/v1/intent?q=tea", None, {"reader", "writer", "boss"}),
        ("GET", "/metrics", None, {"reader", "writer", "boss"}),
        ("POST", "/v1/pages/7/regenerate", None, {"writer", "boss"}),
        (
            "POST",
            "/v1/feedback",
            {"shopper_id": "7", "events": [{"kind": "click", "placement_id": "7-0"}]},
            {"writer", "boss"},
        ),
        ("PUT", "/v1/catalog/availability", {"products": {"1": True}}, {"boss"}),
        ("GET", "/v1/operator/runs", None, {"boss"}),
        ("GET", "/v1/operator/stats", None, {"boss"}),
    ],
)
async def test_a_key_opens_what_its_scopes_say(
    client: httpx.AsyncClient, method: str, path: str, body: Any, allowed: set[str]
) -> None:
    for name in KEYS:
        answer = await client.request(method, path, json=body, headers=bearer(f"key-of-{name}"))
        if name in allowed:
            assert answer.is_success, (name, answer.text)
        else:
            assert_problem(answer, 403, "scope")
    assert_problem(await client.request(method, path, json=body), 401, "not-authenticated")


async def test_health_is_open_to_everybody(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).json() == {"status": "live"}
    assert (await client.get("/health/ready")).json()["status"] == "ready"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic a2V5", "Bearer nope", "Bearer a.b.c", "Bearer \xff"]
)
async def test_a_wrong_key_is_refused_in_the_same_words_wherever_it_knocks(
    client: httpx.AsyncClient, header: str
) -> None:
    raw = [(b"Authorization", header.encode("latin-1"))]
    there = await client.get("/v1/pages/7", headers=raw)
    nowhere = await client.get("/v1/pages/no-such", headers=raw)
    assert_problem(there, 401, "not-authenticated")
    assert there.headers["www-authenticate"] == "Bearer"
    assert there.json()["detail"] == nowhere.json()["detail"]


async def test_a_shopper_token_reaches_that_shopper_alone(client: httpx.AsyncClient) -> None:
    mine = bearer(token("7"))
    assert (await client.get("/v1/pages/7", headers=mine)).is_success
    assert (await client.get("/v1/pages/7/trace", headers=mine)).is_success
    event = {"kind": "click", "placement_id": "8-0"}
    for answer in (
        await client.get("/v1/pages/8", headers=mine),
        await client.get("/v1/pages/8/trace", headers=mine),
        await client.get("/v1/pages/8/events", headers=mine),
        await client.post("/v1/pages/8/regenerate", headers=mine),
        await client.get("/v1/search?q=tea&shopper_id=8", headers=mine),
        await client.post("/v1/feedback", json={"shopper_id": "8", "events": [event]}, headers=mine),
        await client.get("/v1/pages/nobody", headers=mine),
    ):
        assert_problem(answer, 403, "other-shopper")
    for path in ("/v1/operator/runs", "/v1/operator/stats"):
        assert_problem(await client.get(path, headers=mine), 403, "scope")
    assert_problem(await client.get("/metrics", headers=mine), 403, "shopper-token")


async def test_a_read_token_does_not_write(client: httpx.AsyncClient) -> None:
    mine = bearer(token("7", scopes=["read"]))
    assert_problem(await client.post("/v1/pages/7/regenerate", headers=mine), 403, "scope")


def forged() -> dict[str, str]:
    """Return tokens that are none of ours, by what is wrong with them."""
    now = datetime.now(UTC)
    good = {"sub": "7", "aud": "shelfwise", "iat": now, "exp": now + timedelta(hours=1), "scope": "read write"}
    head, body, signature = token().split(".")
    return {
        "other secret": jwt.encode(good, "x" * 40, algorithm="HS256"),
        "unsigned": jwt.encode(good, None, algorithm="none"),
        "other algorithm": jwt.encode(good, SECRET * 2, algorithm="HS512"),
        "expired": token(hours=1, now=now - timedelta(hours=2)),
        "other audience": jwt.encode({**good, "aud": "other"}, SECRET, algorithm="HS256"),
        "no end": jwt.encode({k: v for k, v in good.items() if k != "exp"}, SECRET, algorithm="HS256"),
        "no shopper": jwt.encode({**good, "sub": ""}, SECRET, algorithm="HS256"),
        "far end": jwt.encode({**good, "exp": now + timedelta(days=400)}, SECRET, algorithm="HS256"),
        "admin": jwt.encode({**good, "scope": "read admin"}, SECRET, algorithm="HS256"),
        "body changed": f"{head}.{body[:-2]}AA.{signature}",
        "no signature": f"{head}.{body}.",
    }


@pytest.mark.parametrize("wrong", list(forged()))
async def test_a_token_that_is_not_ours_is_refused(client: httpx.AsyncClient, wrong: str) -> None:
    answer = await client.get("/v1/pages/7", headers=bearer(forged()[wrong]))
    assert_problem(answer, 401, "not-authenticated")
    assert SECRET not in answer.text


def test_tokens_are_bounded_when_they_are_issued() -> None:
    with pytest.raises(SettingsError, match="TOKEN_SECRET"):
        issue_token(None, "7", timedelta(hours=1))
    with pytest.raises(SettingsError, match="31 days"):
        issue_token(SecretStr(SECRET), "7", timedelta(days=32))
    with pytest.raises(SettingsError, match="read and write"):
        issue_token(SecretStr(SECRET), "7", timedelta(hours=1), scopes=["admin"])


def test_settings_refuse_what_would_open_a_door() -> None:
    key = {"name": "a", "sha256": "0" * 64, "scopes": ["read"]}
    for wrong in (
        {"token_secret": "short"},
        {"keys": [{**key, "sha256": "plain-text-key"}]},
        {"keys": [{**key, "scopes": []}]},
        {"keys": [{**key, "scopes": ["root"]}]},
        {"keys": [key, {**key, "name": "b"}]},
        {"cors_origins": ["*"]},
    ):
        with pytest.raises(ValidationError):
            HttpSettings(**wrong)  # type: ignore[arg-type]


async def test_without_keys_only_this_machine_is_answered(tmp_path: Path) -> None:
    async with small_site(tmp_path) as site:
        async with site.client("192.0.2.5") as far:
            assert_problem(await far.get("/v1/pages/7"), 403, "open-mode")
        async with site.client(base_url="http://evil.example") as rebound:
            assert_problem(await rebound.get("/v1/pages/7"), 403, "open-mode")
        async with site.client() as near:
            assert (await near.get("/v1/operator/stats")).is_success
            foreign = await near.post("/v1/pages/7/regenerate", headers={"Origin": "http://evil.example"})
            assert_problem(foreign, 403, "foreign-origin")
            own = await near.post("/v1/pages/7/regenerate", headers={"Origin": "http://localhost"})
            assert own.status_code == 202


async def test_shoppers_are_listed_in_the_demo_alone(tmp_path: Path) -> None:
    async with small_site(tmp_path / "keyed", **keyed()) as site, site.client() as client:
        assert_problem(await client.get("/v1/shoppers", headers=bearer("key-of-boss")), 404, "not-found")
    async with small_site(tmp_path / "demo", **keyed(demo=True)) as site, site.client() as client:
        assert (await client.get("/v1/shoppers", headers=bearer("key-of-reader"))).is_success
        assert_problem(await client.get("/v1/shoppers", headers=bearer(token())), 403, "shopper-token")
    async with small_site(tmp_path / "open") as site, site.client() as client:
        listed = (await client.get("/v1/shoppers")).json()["shoppers"]
        assert [(row["id"], row["new"]) for row in listed] == [("7", False), ("new-shopper", True)]
        assert listed[0]["top_aisles"] == ["fresh fruits"]


async def test_a_caller_beyond_its_rate_waits_and_others_do_not(tmp_path: Path) -> None:
    limits = keyed(requests_per_s=0.5, burst=3)
    async with small_site(tmp_path, **limits) as site, site.client() as client:
        answers = [await client.get("/v1/pages/7", headers=bearer("key-of-reader")) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert_problem(answers[-1], 429, "too-often")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 2
        assert (await client.get("/v1/pages/7", headers=bearer("key-of-boss"))).is_success


async def test_regenerations_are_rationed(tmp_path: Path) -> None:
    async with small_site(tmp_path, regenerations_per_minute=2) as site, site.client() as client:
        codes = []
        for shopper in "abc":
            codes.append((await client.post(f"/v1/pages/{shopper}/regenerate")).status_code)
            await site.settle()
        assert codes == [202, 202, 429]


async def test_guessing_keys_is_slowed_down_and_right_keys_from_there_too(tmp_path: Path) -> None:
    async with small_site(tmp_path, **keyed(refusals_per_minute=3)) as site, site.client("198.51.100.1") as client:
        codes = [(await client.get("/v1/pages/7", headers=bearer(f"guess-{n}"))).status_code for n in range(5)]
        assert codes == [401, 401, 401, 429, 429]
        async with site.client("198.51.100.2") as other:
            assert (await other.get("/v1/pages/7", headers=bearer("key-of-reader"))).is_success


async def test_other_origins_get_no_leave_unless_named(tmp_path: Path) -> None:
    ask = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    async with small_site(tmp_path / "off", **keyed()) as site, site.client() as client:
        preflight = await client.options("/v1/pages/7", headers=ask)
        assert "access-control-allow-origin" not in preflight.headers
        plain = await client.get("/v1/pages/7", headers={"Origin": "https://shop.example", **bearer("key-of-reader")})
        assert "access-control-allow-origin" not in plain.headers
    named = keyed(cors_origins=["https://shop.example"])
    async with small_site(tmp_path / "on", **named) as site, site.client() as client:
        preflight = await client.options("/v1/pages/7", headers=ask)
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
        evil = await client.options("/v1/pages/7", headers={**ask, "Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in evil.headers


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"])
def test_this_machine_is_recognised(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", ""])
def test_other_machines_are_not_taken_for_this_one(host: str) -> None:
    assert not is_loopback(host)
