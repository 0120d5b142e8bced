"""Every branch of the routers."""

from __future__ import annotations

import pytest

from graph.routes import after_guards, after_settle, settle
from state.placement import Need, Placement, Status


def placement(status: Status, attempts: int = 1, position: int = 0) -> Placement:
    return Placement(
        id=f"7-{position}",
        position=position,
        title="Fruit bowl",
        need=Need.EXPLORE,
        rationale="",
        concepts=["apple"],
        status=status,
        attempts=attempts,
    )


@pytest.mark.parametrize(
    ("status", "attempts", "max_attempts", "route"),
    [
        (Status.DRAFT, 1, 2, "keep"),
        (Status.DRAFT, 2, 2, "keep"),
        (Status.REPAIR, 1, 2, "retry"),
        (Status.REPAIR, 2, 2, "drop"),
        (Status.REPAIR, 3, 2, "drop"),
        (Status.REPAIR, 1, 1, "drop"),
        (Status.DROPPED, 1, 5, "drop"),
    ],
)
def test_after_guards(status: Status, attempts: int, max_attempts: int, route: str) -> None:
    assert after_guards(placement(status, attempts), max_attempts) == route


@pytest.mark.parametrize(
    ("statuses", "least", "route"),
    [
        ([Status.KEPT, Status.KEPT], 2, "publish"),
        ([Status.KEPT, Status.DROPPED], 2, "fall_back"),
        ([Status.KEPT, Status.DROPPED], 1, "publish"),
        ([Status.KEPT, Status.KEPT, Status.REPAIR], 2, "repair"),
        ([Status.DROPPED, Status.REPAIR], 2, "repair"),
        ([Status.DROPPED], 1, "fall_back"),
        ([], 1, "fall_back"),
    ],
)
def test_after_settle(statuses: list[Status], least: int, route: str) -> None:
    assert after_settle([placement(s, position=i) for i, s in enumerate(statuses)], least) == route


@pytest.mark.parametrize(
    ("repairs", "max_repairs", "status"),
    [(0, 1, Status.REPAIR), (1, 1, Status.DROPPED), (0, 0, Status.DROPPED), (1, 2, Status.REPAIR)],
)
def test_settle_turns_repairs_into_drops_when_the_budget_is_spent(
    repairs: int, max_repairs: int, status: Status
) -> None:
    kept, repaired = settle([placement(Status.KEPT), placement(Status.REPAIR)], repairs, max_repairs)
    assert kept.status is Status.KEPT
    assert repaired.status is status
