"""Answering requests against a real server: pace, retries, resume, what is written."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from support.chat_server import chat_server

from training.answer_file import AnswerFile
from training.datasets import DatasetError
from training.pacing import MAX_WAIT_S, Pace, backoff_s, retry_after_s
from training.requests import BatchRequest
from training.running import Endpoint, RunCount, answer_requests

GOOD = '{"persona":"x"}'


def requests(count: int) -> list[BatchRequest]:
    messages = [{"role": "user", "content": "hello"}]
    return [
        BatchRequest(custom_id=f"design-{number}", body={"model": "asked", "messages": messages})
        for number in range(count)
    ]


def endpoint(base_url: str, **changes: Any) -> Endpoint:
    return Endpoint(**{"base_url": base_url, "concurrency": 1, "first_wait_s": 0.01, "timeout_s": 5.0, **changes})


def run(path: Path, count: int, server: Any, **changes: Any) -> RunCount:
    address = server if isinstance(server, str) else server.base_url
    return asyncio.run(answer_requests(requests(count), AnswerFile.open(path), endpoint(address, **changes)))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.service
def test_answers_are_written_as_batch_output_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with chat_server(GOOD) as server:
        priced = endpoint(server.base_url, api_key="sk-1", model="served", usd_per_mtok_in=2, usd_per_mtok_out=30)
        count = asyncio.run(answer_requests(requests(3), AnswerFile.open(path), priced))
    assert [line["custom_id"] for line in lines(path)] == ["design-0", "design-1", "design-2"]
    assert lines(path)[0]["response"]["body"]["choices"][0]["message"]["content"] == GOOD
    assert [sent["model"] for sent in server.requests] == ["served"] * 3
    assert server.keys == ["Bearer sk-1"] * 3
    assert (count.answered, count.tokens_in, count.tokens_out) == (3, 300, 30)
    assert count.cost_usd(priced) == pytest.approx((300 * 2 + 30 * 30) / 1e6)
    assert "sk-1" not in path.read_text()


@pytest.mark.service
def test_what_is_answered_is_not_asked_again_and_what_failed_is(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with chat_server(GOOD, 400, GOOD) as server:
        first = run(path, 3, server)
        assert (first.answered, first.failed) == (2, 1)
        with path.open("a") as file:
            file.write('{"custom_id": "design-9", "resp')
        again = run(path, 4, server)
    assert (again.skipped, again.answered, again.failed) == (2, 2, 0)
    assert sorted(line["custom_id"] for line in lines(path)) == [f"design-{number}" for number in range(4)]
    assert len(server.requests) == 5


@pytest.mark.service
@pytest.mark.parametrize("step", [429, 500, 503, 408, {"hello": "world"}])
def test_overload_and_server_faults_are_tried_again(tmp_path: Path, step: Any) -> None:
    with chat_server(step, step, GOOD) as server:
        count = run(tmp_path / "a.jsonl", 1, server)
    assert (count.answered, count.retries) == (1, 2)


@pytest.mark.service
def test_tries_end_and_the_failure_is_written_with_its_cause(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with chat_server(503) as server:
        count = run(path, 1, server, attempts=3)
    assert (count.failed, len(server.requests)) == (1, 3)
    [line] = lines(path)
    assert line["response"]["status_code"] == 503
    assert "scripted 503" in line["error"]["message"]


@pytest.mark.service
@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_is_not_tried_again_and_the_next_request_is_asked(tmp_path: Path, status: int) -> None:
    with chat_server(status, GOOD) as server:
        count = run(tmp_path / "a.jsonl", 2, server)
    assert (count.failed, count.answered, count.retries, count.stopped) == (1, 1, 0, None)


@pytest.mark.service
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_ends_the_run(tmp_path: Path, status: int) -> None:
    with chat_server(status) as server:
        count = run(tmp_path / "a.jsonl", 5, server)
    assert len(server.requests) == 1
    assert str(status) in (count.stopped or "")


@pytest.mark.service
def test_a_request_without_an_answer_in_time_is_tried_again(tmp_path: Path) -> None:
    with chat_server(1.0, GOOD) as server:
        count = run(tmp_path / "a.jsonl", 1, server, timeout_s=0.2)
    assert (count.answered, count.retries) == (1, 1)


@pytest.mark.service
def test_no_server_is_a_failure_that_names_the_address(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    count = run(path, 1, "http://127.0.0.1:9/v1", attempts=2)
    assert count.failed == 1
    assert "127.0.0.1:9" in lines(path)[0]["error"]["message"]
    assert lines(path)[0]["response"] is None


@pytest.mark.service
def test_requests_go_out_side_by_side_up_to_the_limit(tmp_path: Path) -> None:
    with chat_server(0.3) as server:
        count = run(tmp_path / "a.jsonl", 12, server, concurrency=6)
    assert count.answered == 12
    assert 1 < server.at_once <= 6


@pytest.mark.service
def test_requests_per_minute_hold(tmp_path: Path) -> None:
    with chat_server(GOOD) as server:
        started = time.monotonic()
        run(tmp_path / "a.jsonl", 4, server, concurrency=4, per_minute=600)
        assert time.monotonic() - started >= 0.3


async def test_a_pause_that_the_endpoint_asks_for_holds_back_everyone() -> None:
    pace = Pace(None)
    pace.pause(0.2)
    started = time.monotonic()
    await asyncio.gather(pace.turn(), pace.turn())
    assert time.monotonic() - started >= 0.19


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0", 0.0), ("-5", 0.0), ("1e9", MAX_WAIT_S), ("nan", None), ("soon", None), ("", None), (None, None)],
)
def test_retry_after_is_bounded_and_nonsense_ignored(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds


def test_retry_after_may_be_a_date() -> None:
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after_s("Wed, 21 Oct 2099 07:28:00 GMT") == MAX_WAIT_S


def test_waits_double_up_to_a_bound() -> None:
    assert [backoff_s(attempt, 1.0) for attempt in (1, 2, 3)] == [1.0, 2.0, 4.0]
    assert backoff_s(50, 1.0) == MAX_WAIT_S


@pytest.mark.parametrize("content", ['{"title": "my notes"}\n', "notes\nmore\n"])
def test_a_file_that_is_something_else_is_refused_and_stays(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(content)
    with pytest.raises(DatasetError, match="another output file"):
        AnswerFile.open(path)
    assert path.read_text() == content


def test_an_answer_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    answers = AnswerFile.open(tmp_path / "gone" / "a.jsonl")
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(DatasetError, match="so far are kept"):
        answers.append("design-1", 200, {})
