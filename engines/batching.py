"""One model's continuous batching pipeline on a thread of its own; concurrent requests share its batch."""

from __future__ import annotations

import atexit
import itertools
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from engines.runtime import KV_CACHE_GB, ModelSpec, Prompt, context_length, first_line, generation_config, load_runtime
from state.errors import EngineError, EngineUnavailable, ModelsError


@dataclass(frozen=True)
class Completion:
    """What the model wrote. ``complete`` is False when it was cut at ``max_tokens``.

    ``logprobs`` holds the log probability of each token of the answer, as the model gave it before the grammar.
    """

    text: str
    tokens_in: int
    tokens_out: int
    complete: bool
    logprobs: tuple[float, ...] = ()


@dataclass
class _Running:
    handle: Any
    tokens_in: int
    answer: Future[Completion]


class BatchingPipeline:
    """Answers prompts in one shared batch. Loads at the first prompt; safe to call from any thread or event loop.

    Cancel the future of :meth:`submit` to drop a request: it leaves the batch before the next step.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._inbox: queue.SimpleQueue[tuple[Prompt, Future[Completion]] | None] = queue.SimpleQueue()
        self._ids = itertools.count()
        self._running: list[_Running] = []
        self._pipeline: Any = None
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()

    def submit(self, prompt: Prompt) -> Future[Completion]:
        """Queue a prompt. The future fails with ModelsError (weights, adapter) or EngineError (prompt, runtime)."""
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, name="shelfwise-batching", daemon=True)
                self._thread.start()
        answer: Future[Completion] = Future()
        self._inbox.put((prompt, answer))
        return answer

    def retire(self) -> None:
        """End as :meth:`close` does, without waiting for it."""
        with self._start:
            self._inbox.put(None)

    def close(self) -> None:
        """Finish what runs, end the thread and free the model. A later prompt loads it again."""
        with self._start:
            if self._thread is not None and self._thread.is_alive():
                self._inbox.put(None)
                self._thread.join()
            self._thread = None

    def _serve(self) -> None:
        open_for_more = True
        while open_for_more or self._running:
            open_for_more = self._take_in() and open_for_more
            if self._running:
                self._step()
        self._pipeline = None

    def _take_in(self) -> bool:
        """Admit what waits, blocking while nothing runs; return False when told to end."""
        block = not self._running
        while True:
            try:
                queued = self._inbox.get(block=block)
            except queue.Empty:
                return True
            if queued is None:
                return False
            block = False
            self._admit(*queued)

    def _admit(self, prompt: Prompt, answer: Future[Completion]) -> None:
        if answer.cancelled():
            return
        try:
            if self._pipeline is None:
                self._pipeline = load_runtime(self._spec)
            tokens = self._encode(prompt)
            handle = self._pipeline.add_request(next(self._ids), tokens, generation_config(prompt))
            self._running.append(_Running(handle, tokens.shape[1], answer))
        except (ModelsError, EngineError) as error:
            _fail(answer, error)
        except Exception as error:
            _fail(answer, EngineError(f"the embedded engine refused a prompt: {first_line(error)}."))

    def _encode(self, prompt: Prompt) -> Any:
        tokenizer = self._pipeline.get_tokenizer()
        text = tokenizer.apply_chat_template(list(prompt.messages), add_generation_prompt=True)
        tokens = tokenizer.encode(text, add_special_tokens=False).input_ids
        limit = context_length(self._spec.folder)
        if tokens.shape[1] + prompt.max_tokens > limit:
            raise EngineError(
                f"a prompt of {tokens.shape[1]} tokens and an answer of {prompt.max_tokens} exceed the {limit} tokens "
                "of the model. Lower max_tokens or the number of candidates, or choose a model with a longer context."
            )
        return tokens

    def _step(self) -> None:
        from openvino_genai import GenerationStatus

        for request in self._running:
            if request.answer.cancelled():
                request.handle.cancel()
        try:
            self._pipeline.step()
            still: list[_Running] = []
            for request in self._running:
                status = request.handle.get_status()
                if status == GenerationStatus.RUNNING:
                    still.append(request)
                elif not request.answer.cancelled():
                    self._finish(request, ignored=status == GenerationStatus.IGNORED)
            self._running = still
        except Exception as error:
            self._drop_all(error)

    def _finish(self, request: _Running, *, ignored: bool) -> None:
        from openvino_genai import GenerationFinishReason

        if ignored:
            _fail(
                request.answer,
                EngineError(
                    f"a prompt of {request.tokens_in} tokens does not fit the {KV_CACHE_GB} GB cache. Shorten it."
                ),
            )
            return
        output = request.handle.read_all()[0]
        completion = Completion(
            text=self._pipeline.get_tokenizer().decode(output.generated_ids),
            tokens_in=request.tokens_in,
            tokens_out=len(output.generated_ids),
            complete=output.finish_reason != GenerationFinishReason.LENGTH,
            logprobs=tuple(map(float, output.generated_log_probs)),
        )
        _resolve(request.answer, completion)

    def _drop_all(self, error: Exception) -> None:
        """Fail what runs and forget the pipeline: after an error of a step it cannot be trusted."""
        for request in self._running:
            _fail(request.answer, EngineUnavailable(f"the embedded engine stopped: {first_line(error)}. Try again."))
        self._running, self._pipeline = [], None


def _resolve(answer: Future[Completion], completion: Completion) -> None:
    if answer.set_running_or_notify_cancel():
        answer.set_result(completion)


def _fail(answer: Future[Completion], error: Exception) -> None:
    if answer.set_running_or_notify_cancel():
        answer.set_exception(error)


_pipelines: dict[ModelSpec, BatchingPipeline] = {}
_pipelines_lock = threading.Lock()


def shared_pipeline(spec: ModelSpec) -> BatchingPipeline:
    """Return the process's only pipeline of ``spec``, not loaded before its first prompt.

    One of the same files with other content is let go of: they were replaced since it was loaded.
    """
    with _pipelines_lock:
        for other in [known for known in _pipelines if known != spec and replace(known, content=spec.content) == spec]:
            _pipelines.pop(other).retire()
        return _pipelines.setdefault(spec, BatchingPipeline(spec))


@atexit.register
def close_pipelines() -> None:
    """End the threads of all pipelines: the runtime must not be stepping when the interpreter goes down."""
    with _pipelines_lock:
        for pipeline in _pipelines.values():
            pipeline.close()
        _pipelines.clear()
