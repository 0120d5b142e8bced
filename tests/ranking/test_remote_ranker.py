"""Whatever the external ranking service does, a page is ranked within the budget, and the fault is named."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from support.ranked_shop import TableRanker, open_shop, row

from ranking.breaker import CircuitBreaker
from ranking.history import read_history
from ranking.page import candidates_of
from ranking.protocol import Candidates, ProductScores
from ranking.remote import RemoteRanker
from ranking.shopper import ShopperFeatures
from ranking.statistics import read_statistics

pytestmark = pytest.mark.service

Answer = Callable[[BaseHTTPRequestHandler], None]
BUDGET_S = 5.0
"""Generous where the service answers, so that a busy machine decides nothing; slow services get a short one."""


class Service:
    """A real HTTP server; ``answer`` writes the response, ``asked`` and ``keys`` keep what came in."""

    def __init__(self) -> None:
        self.answer: Answer = scores(0.2, 0.7)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                service.keys.append(self.headers.get("authorization"))
                with contextlib.suppress(OSError):  # the ranker hung up, as it should
                    service.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/rank"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def body(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content-length": str(len(content)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def scores(*values: object, version: object = "v7") -> Answer:
    return body(json.dumps({"version": version, "scores": values}).encode())


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then, each well before any read would time out."""
    handler.send_response(200)
    handler.send_header("content-length", "100000")
    handler.end_headers()
    for _ in range(400):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(10)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Candidates, ShopperFeatures]:
    warehouse = open_shop(tmp_path_factory.mktemp("shop"))
    shop = read_statistics(warehouse)
    candidates = candidates_of([row(0, [1, 2])], shop)
    return candidates, ShopperFeatures.of(read_history(warehouse, shop, "ann"), shop)


Open = Callable[..., RemoteRanker]


@pytest.fixture
def open_ranker(service: Service) -> Iterator[Open]:
    opened = []

    def make(timeout_s: float = BUDGET_S, **more: Any) -> RemoteRanker:
        given: dict[str, Any] = {"breaker": CircuitBreaker(max_faults=100, pause_s=60), "url": service.url, **more}
        ranker = RemoteRanker(given.pop("url"), TableRanker({"1": 0.9}), timeout_s=timeout_s, **given)
        opened.append(ranker)
        return ranker

    yield make
    for ranker in opened:
        ranker.close()


Asked = tuple[Candidates, ShopperFeatures]


def is_local(found: ProductScores) -> bool:
    return found.ranker == "table" and found.values.tolist() == [0.9, 0.1]


def test_the_service_is_asked_and_its_scores_are_taken(service: Service, open_ranker: Open, asked: Asked) -> None:
    found = open_ranker(api_key="secret").score(*asked)
    assert (found.values.tolist(), found.ranker, found.version, found.fault) == ([0.2, 0.7], "external", "v7", None)
    assert service.asked == [
        {
            "shopper_id": "ann",
            "now": None,
            "candidates": [
                {"product_id": "1", "placement_id": "ann-0", "relevance": 0.5},
                {"product_id": "2", "placement_id": "ann-0", "relevance": 0.5},
            ],
        }
    ]
    assert service.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (scores(0.2), "1 scores for 2 candidates"),
        (scores(0.2, 0.7, 0.9), "3 scores for 2 candidates"),
        (scores(0.2, 1.7), "outside"),
        (scores(-0.1, 0.5), "outside"),
        (scores(0.2, "0.7"), "schema"),
        (scores(0.2, None), "schema"),
        (scores(0.2, 0.7, version=""), "schema"),
        (body(b'{"version": "v", "scores": [NaN, 0.1]}'), "schema"),
        (body(b'{"version": "v", "scores": [1e999, 0.1]}'), "schema"),
        (body(b"<html>welcome</html>"), "schema"),
        (body(b""), "schema"),
        (body(b"{}", status=500), "status 500"),
        (body(b"", status=302, headers={"location": "http://127.0.0.1:1/"}), "status 302"),
        (body(b" " * 1_500_000), "1,000,000 bytes"),
        (hang_up, "no connection"),
    ],
)
def test_an_answer_that_is_no_answer_gives_the_local_scores(
    service: Service, open_ranker: Open, asked: Asked, answer: Answer, fault: str
) -> None:
    service.answer = answer
    found = open_ranker().score(*asked)
    assert is_local(found)
    assert found.fault
    assert fault in found.fault


@pytest.mark.parametrize("answer", [hang, drip])
def test_a_slow_service_is_not_waited_for(service: Service, open_ranker: Open, asked: Asked, answer: Answer) -> None:
    service.answer = answer
    ranker = open_ranker(timeout_s=0.2)
    started = time.monotonic()
    found = ranker.score(*asked)
    assert time.monotonic() - started < 8, "the service takes 10 s and more"
    assert is_local(found)
    assert found.fault == "external ranker: no answer within 0.2 s"


def test_a_service_that_is_not_there_gives_the_local_scores(open_ranker: Open, asked: Asked) -> None:
    found = open_ranker(url="http://127.0.0.1:9/rank").score(*asked)
    assert is_local(found)
    assert "no connection" in (found.fault or "")


def test_after_faults_in_a_row_the_service_is_left_alone_then_tried_again(
    service: Service, open_ranker: Open, asked: Asked
) -> None:
    now = [0.0]
    ranker = open_ranker(breaker=CircuitBreaker(max_faults=2, pause_s=30, clock=lambda: now[0]))
    service.answer = body(b"", status=503)
    faults = [ranker.score(*asked).fault for _ in range(4)]
    assert [("left alone" in (fault or "")) for fault in faults] == [False, False, True, True]
    assert len(service.asked) == 2
    now[0] = 31
    ranker.score(*asked)
    assert len(service.asked) == 3, "one trial, which fails: left alone again"
    ranker.score(*asked)
    assert len(service.asked) == 3
    now[0] = 62
    service.answer = scores(0.2, 0.7)
    assert ranker.score(*asked).fault is None
    assert ranker.score(*asked).fault is None
    assert len(service.asked) == 5


def test_only_one_trial_call_goes_through_a_breaker_that_was_open() -> None:
    now = [0.0]
    breaker = CircuitBreaker(max_faults=1, pause_s=10, clock=lambda: now[0])
    assert breaker.may_call()
    breaker.failed()
    assert not breaker.may_call()
    now[0] = 10
    assert [breaker.may_call() for _ in range(3)] == [True, False, False]
    breaker.worked()
    assert [breaker.may_call() for _ in range(2)] == [True, True]


def test_no_candidates_are_no_reason_to_ask(service: Service, open_ranker: Open, asked: Asked) -> None:
    nothing = candidates_of([], asked[1].shop)
    assert open_ranker().score(nothing, asked[1]).values.shape == (0,)
    assert service.asked == []


def test_a_closed_ranker_leaves_no_thread_behind(service: Service, asked: Asked) -> None:
    ranker = RemoteRanker(
        service.url, TableRanker(), timeout_s=BUDGET_S, breaker=CircuitBreaker(max_faults=1, pause_s=1)
    )
    np.testing.assert_array_equal(ranker.score(*asked).values, [0.2, 0.7])
    ranker.close()
    ranker.close()
    assert "external-ranker" not in [thread.name for thread in threading.enumerate()]
