"""Verdicts change placements in one way each, and the placement given stays as it was."""

from __future__ import annotations

import pytest
from support.fakes import placement

from graph.verdicts import apply_verdict
from state.placement import Placement, Status
from state.verdict import Action, Outcome, Verdict


def verdict(action: Action, *, pruned: tuple[str, ...] = (), reasons: tuple[str, ...] = ("why",)) -> Verdict:
    outcome = Outcome.PASS if action is Action.KEEP else Outcome.FAIL
    return Verdict(guard="g", placement_id="7-0", outcome=outcome, action=action, pruned=pruned, reasons=reasons)


def test_a_verdict_is_recorded_and_the_input_is_unchanged() -> None:
    given = placement()
    before = given.model_copy(deep=True)
    after = apply_verdict(given, verdict(Action.KEEP))
    assert after.verdicts == [verdict(Action.KEEP)]
    assert (after.status, after.products, given) == (Status.DRAFT, given.products, before)


def test_pruned_products_go_and_the_others_keep_their_order() -> None:
    given = placement()
    gone = given.products[1].id
    after = apply_verdict(given, verdict(Action.PRUNE, pruned=(gone,)))
    assert [p.id for p in after.products] == [p.id for p in given.products if p.id != gone]
    assert after.status is Status.DRAFT


def test_repair_sets_the_status_and_tells_the_next_attempt_each_reason_once() -> None:
    after = apply_verdict(placement(feedback=["old"]), verdict(Action.REPAIR, reasons=("new", "old", "new")))
    assert (after.status, after.feedback) == (Status.REPAIR, ["old", "new"])


def test_drop_wins_over_a_later_repair() -> None:
    dropped = apply_verdict(placement(), verdict(Action.DROP))
    assert apply_verdict(dropped, verdict(Action.REPAIR)).status is Status.DROPPED


def test_an_advisory_fail_changes_nothing_but_the_record() -> None:
    advisory = Verdict(guard="g", placement_id="7-0", outcome=Outcome.FAIL, action=Action.KEEP, reasons=("no",))
    after = apply_verdict(placement(), advisory)
    assert after == Placement(**{**placement().model_dump(), "verdicts": [advisory]})


def test_a_verdict_on_another_placement_is_refused() -> None:
    with pytest.raises(ValueError, match="applied to other"):
        apply_verdict(placement(id="other"), verdict(Action.KEEP))
