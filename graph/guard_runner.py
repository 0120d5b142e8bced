"""Runs one guard over placements: time limit, checks of its answer, and every failure turned into an ERROR verdict."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from state.errors import EngineError, ShelfwiseError
from state.guard import Guard, GuardContext
from state.placement import Placement
from state.verdict import Action, Outcome, Verdict

log = logging.getLogger(__name__)

_REASON_LIMIT = 300


class _BadAnswer(Exception):
    """The guard returned something that the contract does not allow."""


async def run_guard(guard: Guard, placements: Sequence[Placement], context: GuardContext) -> list[Verdict]:
    """Return one verdict of ``guard`` per placement, in their order.

    A time limit passed, an exception or an answer outside the contract gives every placement an ERROR verdict with the
    guard's ``on_error`` action. ``seconds`` is each placement's share of the wall time. A guard that is switched off
    passes everything and says so.

    Raises:
        asyncio.CancelledError: the run itself was cancelled; nothing else escapes.
    """
    if not placements:
        return []
    if not guard.config.enabled:
        return [guard.verdict(p, Outcome.PASS, Action.KEEP, "switched off by settings") for p in placements]
    started = time.perf_counter()
    try:
        verdicts = await _checked(guard, placements, context)
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        log.warning("guard %s failed on %d placements: %s", guard.name, len(placements), type(error).__name__)
        log.debug("guard %s", guard.name, exc_info=error)
        verdicts = [_error_verdict(guard, placement, _reason(guard, error)) for placement in placements]
    seconds = (time.perf_counter() - started) / len(placements)
    return [
        verdict.model_copy(
            update={"guard_version": guard.version, "attempt": max(placement.attempts, 1), "seconds": seconds}
        )
        for verdict, placement in zip(verdicts, placements, strict=True)
    ]


async def _checked(guard: Guard, placements: Sequence[Placement], context: GuardContext) -> list[Verdict]:
    limit = asyncio.timeout(guard.config.timeout_s)
    # Guards get copies: one that changes its input must not change the page behind the verdicts' back.
    given = [placement.model_copy(deep=True) for placement in placements]
    try:
        async with limit:
            if inspect.iscoroutinefunction(guard.check):
                answer: Any = await guard.check(given, context)
            else:
                answer = await _in_thread(guard, given, context)
                if inspect.isawaitable(answer):
                    answer = await answer
    except TimeoutError as error:
        if limit.expired():
            raise _BadAnswer(f"no verdict within {guard.config.timeout_s:g} s") from error
        raise
    _refuse_bad_answer(guard, placements, answer)
    return list(answer)


async def _in_thread(guard: Guard, placements: Sequence[Placement], context: GuardContext) -> Any:
    """Run a sync check in a thread of its own.

    Not the loop's pool: a check that hangs would hold a slot of it for good, and the process at exit.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        elif isinstance(error, Exception) and not isinstance(error, StopIteration):
            done.set_exception(error)
        else:
            done.set_exception(_BadAnswer(f"the guard raised {type(error).__name__}"))

    def work() -> None:
        result, failure = None, None
        try:
            result = run.run(guard.check, placements, context)
        except BaseException as error:
            failure = error
        # The loop may be closed by the time that a late check ends.
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failure)

    run = contextvars.copy_context()
    threading.Thread(target=work, name=f"guard-{guard.name}", daemon=True).start()
    return await done


def _refuse_bad_answer(guard: Guard, placements: Sequence[Placement], answer: Any) -> None:
    if not isinstance(answer, Sequence) or not all(isinstance(verdict, Verdict) for verdict in answer):
        raise _BadAnswer("the guard did not return a sequence of verdicts")
    if len(answer) != len(placements):
        raise _BadAnswer(f"the guard returned {len(answer)} verdicts for {len(placements)} placements")
    for verdict, placement in zip(answer, placements, strict=True):
        if verdict.placement_id != placement.id:
            raise _BadAnswer("the guard's verdicts are not in the order of the placements")
        if verdict.guard != guard.name:
            raise _BadAnswer("the guard signed a verdict with another name")
        if not {*verdict.pruned} <= {product.id for product in placement.products}:
            raise _BadAnswer("the guard pruned a product that the placement does not hold")


def _error_verdict(guard: Guard, placement: Placement, reason: str) -> Verdict:
    # PRUNE names no products here, so that it would change nothing: the placement is dropped instead.
    action = Action.DROP if guard.config.on_error is Action.PRUNE else guard.config.on_error
    return guard.verdict(placement, Outcome.ERROR, action, reason)


def _reason(guard: Guard, error: BaseException) -> str:
    """Name the failure without quoting it: foreign messages may carry keys, addresses or shopper text."""
    if isinstance(error, _BadAnswer):
        return f"{guard.name} could not judge: {error}"
    if isinstance(error, ShelfwiseError) and not isinstance(error, EngineError):
        return f"{guard.name} could not judge: {type(error).__name__}: {error}"[:_REASON_LIMIT]
    return f"{guard.name} could not judge: {type(error).__name__}"
