"""One pipeline for all: shared batches, dropped requests, recovery. On a stand-in for the runtime, without weights."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from openvino_genai import GenerationFinishReason, GenerationStatus

import engines.batching
from engines.batching import BatchingPipeline
from engines.runtime import ModelSpec, Prompt
from state.errors import EngineError, EngineUnavailable, ModelsError


class Handle:
    def __init__(self, prompt: str, tokens: int) -> None:
        self.prompt, self.left, self.status = prompt, tokens, GenerationStatus.RUNNING

    def get_status(self) -> Any:
        return self.status

    def cancel(self) -> None:
        self.status = GenerationStatus.CANCEL

    def read_all(self) -> list[Any]:
        ids = [ord(c) for c in self.prompt]
        stop = GenerationFinishReason.STOP
        return [SimpleNamespace(generated_ids=ids, generated_log_probs=[-0.1] * len(ids), finish_reason=stop)]


class Runtime:
    """Ends each request after ``max_tokens`` steps, echoing the prompt; keeps the sizes of its batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.active: list[Handle] = []
        self.added: list[Handle] = []
        self.gate = threading.Event()
        self.gate.set()
        self.fails = 0

    def get_tokenizer(self) -> Any:
        return SimpleNamespace(
            apply_chat_template=lambda messages, add_generation_prompt: messages[-1]["content"],
            encode=lambda text, add_special_tokens: SimpleNamespace(input_ids=np.array([[ord(c) for c in text]])),
            decode=lambda ids: "".join(map(chr, ids)),
        )

    def add_request(self, number: int, tokens: np.ndarray, config: Any) -> Handle:
        handle = Handle("".join(map(chr, tokens[0])), config.max_new_tokens)
        if handle.prompt == "too big for the cache":
            handle.status = GenerationStatus.IGNORED
        self.active.append(handle)
        self.added.append(handle)
        return handle

    def step(self) -> None:
        self.gate.wait(5)
        if self.fails:
            self.fails -= 1
            raise RuntimeError("file.cpp:1\nout of memory")
        self.active = [handle for handle in self.active if handle.status == GenerationStatus.RUNNING]
        self.batches.append(len(self.active))
        for handle in self.active:
            handle.left -= 1
            if handle.left <= 0:
                handle.status = GenerationStatus.FINISHED


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch) -> list[Runtime]:
    """Every runtime loaded, the next one prepared in front."""
    loaded: list[Runtime] = []
    monkeypatch.setattr(engines.batching, "load_runtime", lambda spec: loaded.append(Runtime()) or loaded[-1])
    return loaded


@pytest.fixture
def pipeline(tmp_path: Path, runtimes: list[Runtime]) -> Iterator[BatchingPipeline]:
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 100}))
    pipeline = BatchingPipeline(ModelSpec(tmp_path))
    yield pipeline
    pipeline.close()


def prompt(text: str, tokens: int = 3) -> Prompt:
    return Prompt([{"role": "user", "content": text}], tokens)


def test_nothing_is_loaded_before_the_first_prompt(pipeline: BatchingPipeline, runtimes: list[Runtime]) -> None:
    assert runtimes == []
    assert pipeline.submit(prompt("hello")).result(5).text == "hello"
    assert len(runtimes) == 1


def test_prompts_from_many_threads_share_one_pipeline_and_its_batch(
    pipeline: BatchingPipeline, runtimes: list[Runtime]
) -> None:
    pipeline.submit(prompt("warm")).result(5)
    runtimes[0].gate.clear()
    answers = [pipeline.submit(prompt(f"p{number}", 5)) for number in range(8)]
    runtimes[0].gate.set()
    assert [answer.result(5).text for answer in answers] == [f"p{number}" for number in range(8)]
    assert len(runtimes) == 1
    assert max(runtimes[0].batches) >= 7


def test_callers_in_different_event_loops_are_answered(pipeline: BatchingPipeline, runtimes: list[Runtime]) -> None:
    async def ask(text: str) -> str:
        return (await asyncio.wrap_future(pipeline.submit(prompt(text)))).text

    said: list[str] = []
    threads = [threading.Thread(target=lambda t=text: said.append(asyncio.run(ask(t)))) for text in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert sorted(said) == ["a", "b", "c", "d"]


async def test_a_cancelled_request_leaves_the_batch_and_the_others_stay(
    pipeline: BatchingPipeline, runtimes: list[Runtime]
) -> None:
    pipeline.submit(prompt("warm")).result(5)
    runtimes[0].gate.clear()
    endless, short = pipeline.submit(prompt("endless", 80)), pipeline.submit(prompt("short"))
    waiting = asyncio.ensure_future(asyncio.wrap_future(endless))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0.01)
    runtimes[0].gate.set()
    assert (await asyncio.wrap_future(short)).text == "short"
    await asyncio.wrap_future(pipeline.submit(prompt("later")))
    dropped = [handle for handle in runtimes[0].added if handle.prompt == "endless"]
    assert endless.cancelled()
    assert all(handle.status == GenerationStatus.CANCEL for handle in dropped)


def test_a_fault_of_a_step_fails_what_ran_and_the_next_prompt_loads_anew(
    pipeline: BatchingPipeline, runtimes: list[Runtime]
) -> None:
    pipeline.submit(prompt("warm")).result(5)
    runtimes[0].fails = 1
    with pytest.raises(EngineUnavailable, match="out of memory"):
        pipeline.submit(prompt("unlucky")).result(5)
    assert pipeline.submit(prompt("next")).result(5).text == "next"
    assert len(runtimes) == 2


def test_a_prompt_longer_than_the_context_is_refused_with_the_numbers(
    pipeline: BatchingPipeline, runtimes: list[Runtime]
) -> None:
    with pytest.raises(EngineError, match=r"90 tokens and an answer of 11 exceed the 100 tokens") as refused:
        pipeline.submit(prompt("x" * 90, 11)).result(5)
    assert not refused.value.retryable


def test_a_prompt_that_the_cache_cannot_hold_is_refused(pipeline: BatchingPipeline, runtimes: list[Runtime]) -> None:
    with pytest.raises(EngineError, match="does not fit"):
        pipeline.submit(prompt("too big for the cache")).result(5)


def test_a_model_that_cannot_be_loaded_fails_each_prompt_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    pipeline = BatchingPipeline(ModelSpec(tmp_path))

    def broken(spec: ModelSpec) -> Any:
        raise ModelsError("the model cannot be loaded")

    monkeypatch.setattr(engines.batching, "load_runtime", broken)
    for _ in range(2):
        with pytest.raises(ModelsError, match="cannot be loaded"):
            pipeline.submit(prompt("hello")).result(5)
    monkeypatch.setattr(engines.batching, "load_runtime", lambda spec: Runtime())
    assert pipeline.submit(prompt("hello")).result(5).text == "hello"
    pipeline.close()


def test_a_closed_pipeline_finishes_what_runs_and_opens_again(
    pipeline: BatchingPipeline, runtimes: list[Runtime]
) -> None:
    answer = pipeline.submit(prompt("first", 20))
    pipeline.close()
    assert answer.result(0).text == "first"
    assert pipeline.submit(prompt("second")).result(5).text == "second"
    assert len(runtimes) == 2
