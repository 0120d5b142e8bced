"""The runner fails closed: whatever a guard does, each placement gets one verdict, and never a pass by accident."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support.fakes import context, placement, product

from graph.guards import run_guard
from state.errors import EngineUnavailable, SettingsError
from state.guard import Guard, GuardConfig, GuardContext
from state.placement import Placement
from state.verdict import Action, Outcome, Verdict

Check = Callable[[Guard, Sequence[Placement], GuardContext], Any]
PLACEMENTS = [placement(id="7-0"), placement("Bread", id="7-1", position=1, attempts=2)]


class Config(GuardConfig):
    on_error: Action = Action.REPAIR


def guard_that(does: Check, **config: Any) -> Guard:
    class Scripted(Guard):
        name = "scripted"
        level = "placement"
        order = 1
        version = "3"

        def check(self, placements: Sequence[Placement], context: GuardContext) -> Any:
            return does(self, placements, context)

    Scripted.Config = Config
    return Scripted(Config(**config))


def passing(guard: Guard, placements: Sequence[Placement], _context: GuardContext) -> list[Verdict]:
    return [guard.passed(placement) for placement in placements]


def raising(error: BaseException) -> Check:
    def check(*_: Any) -> Any:
        raise error

    return check


async def verdicts_of(does: Check, **config: Any) -> list[Verdict]:
    return await run_guard(guard_that(does, **config), PLACEMENTS, context(PLACEMENTS))


async def test_each_placement_gets_its_verdict_with_version_attempt_and_time() -> None:
    verdicts = await verdicts_of(passing)
    assert [(v.placement_id, v.outcome, v.guard_version, v.attempt) for v in verdicts] == [
        ("7-0", Outcome.PASS, "3", 1),
        ("7-1", Outcome.PASS, "3", 2),
    ]
    assert all(v.seconds > 0 for v in verdicts)


async def test_no_placements_means_no_call() -> None:
    assert await run_guard(guard_that(raising(AssertionError())), [], context()) == []


async def test_a_switched_off_guard_passes_and_says_so() -> None:
    verdicts = await verdicts_of(raising(AssertionError()), enabled=False)
    assert {(v.outcome, v.reasons) for v in verdicts} == {(Outcome.PASS, ("switched off by settings",))}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("key sk-123"),
        KeyError("sk-123"),
        TimeoutError("sk-123"),
        StopIteration("sk-123"),
        SystemExit("sk-123"),
        EngineUnavailable("http://user:sk-123@host"),
        asyncio.CancelledError("sk-123"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_any_exception_is_an_error_with_the_declared_action_and_quotes_nothing(error: BaseException) -> None:
    verdicts = await verdicts_of(raising(error))
    assert {(v.outcome, v.action) for v in verdicts} == {(Outcome.ERROR, Action.REPAIR)}
    for verdict in verdicts:
        assert type(error).__name__ in verdict.reasons[0]
        assert "sk-123" not in verdict.reasons[0]


async def test_an_async_check_that_raises_is_an_error_too() -> None:
    async def check(*_: Any) -> Any:
        raise ValueError("sk-123")

    assert "ValueError" in (await verdicts_of(check))[0].reasons[0]
    assert "sk-123" not in (await verdicts_of(check))[0].reasons[0]


async def test_an_error_of_our_own_keeps_its_message_because_it_names_the_fix() -> None:
    verdicts = await verdicts_of(raising(SettingsError("rules file is wrong. Mend line 3.")))
    assert "Mend line 3." in verdicts[0].reasons[0]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_check_past_its_time_limit_is_an_error_and_does_not_hold_the_run(asynchronous: bool) -> None:
    release = threading.Event()

    async def slow(*_: Any) -> Any:
        await asyncio.sleep(30)

    started = time.perf_counter()
    verdicts = await verdicts_of(slow if asynchronous else lambda *_: release.wait(30), timeout_s=0.05)
    release.set()
    assert time.perf_counter() - started < 5
    assert {v.outcome for v in verdicts} == {Outcome.ERROR}
    assert "no verdict within 0.05 s" in verdicts[0].reasons[0]


async def test_hung_checks_do_not_use_up_the_threads_of_others() -> None:
    release = threading.Event()
    await asyncio.gather(*(verdicts_of(lambda *_: release.wait(30), timeout_s=0.05) for _ in range(40)))
    try:
        assert {v.outcome for v in await verdicts_of(passing, timeout_s=5)} == {Outcome.PASS}
        assert await asyncio.to_thread(lambda: True)
    finally:
        release.set()


def _signed(name: str) -> Check:
    return lambda g, ps, c: [v.model_copy(update={"guard": name}) for v in passing(g, ps, c)]


@pytest.mark.parametrize(
    "does",
    [
        lambda *_: None,
        lambda *_: "pass",
        lambda *_: [True, True],
        lambda g, ps, c: passing(g, ps, c)[:1],
        lambda g, ps, c: passing(g, ps, c) * 2,
        lambda g, ps, c: passing(g, ps, c)[::-1],
        lambda g, ps, c: iter(passing(g, ps, c)),
        _signed("another"),
        lambda g, ps, c: [g.verdict(p, Outcome.FAIL, Action.PRUNE, "off", pruned=["not there"]) for p in ps],
    ],
    ids=["none", "text", "bools", "too few", "too many", "order", "iterator", "name", "foreign product"],
)
async def test_an_answer_outside_the_contract_is_an_error_for_all(does: Check) -> None:
    verdicts = await verdicts_of(does)
    assert [v.placement_id for v in verdicts] == ["7-0", "7-1"]
    assert {(v.outcome, v.action, v.guard) for v in verdicts} == {(Outcome.ERROR, Action.REPAIR, "scripted")}


async def test_a_guard_that_changes_its_input_changes_nothing() -> None:
    def meddling(guard: Guard, placements: Sequence[Placement], ctx: GuardContext) -> list[Verdict]:
        for given in placements:
            given.title = "hacked"
            given.products.append(product("smuggled"))
        return passing(guard, placements, ctx)

    before = [p.model_copy(deep=True) for p in PLACEMENTS]
    await verdicts_of(meddling)
    assert before == PLACEMENTS


async def test_cancelling_the_run_cancels_it() -> None:
    async def slow(*_: Any) -> Any:
        await asyncio.sleep(30)

    run = asyncio.create_task(verdicts_of(slow))
    await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_a_prune_on_error_that_slipped_through_drops_since_it_names_no_products() -> None:
    verdicts = await verdicts_of(raising(RuntimeError()), on_error=Action.PRUNE)
    assert {v.action for v in verdicts} == {Action.DROP}
