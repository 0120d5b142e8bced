"""State of the page graph and of its placement subgraph: TypedDicts with reducers over pydantic values."""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import Annotated

from typing_extensions import TypedDict

from state.llm import CallRecord
from state.placement import Page, PageDesign, Placement
from state.shopper import ShopperContext


def merge_placements(old: Sequence[Placement], new: Sequence[Placement]) -> list[Placement]:
    """Replace placements by id and keep page order, so that a repaired placement takes its old place."""
    merged = {placement.id: placement for placement in map(Placement.model_validate, old)}
    merged.update({placement.id: placement for placement in map(Placement.model_validate, new)})
    return sorted(merged.values(), key=lambda placement: (placement.position, placement.id))


class PageInput(TypedDict):
    """What a page is asked for with."""

    shopper_id: str


class PageOutput(TypedDict):
    """What a page run returns."""

    page: Page


class PageState(TypedDict, total=False):
    """State of the page graph.

    ``placements`` are merged by id; ``calls`` grows by every chat call; ``repairs`` counts the rounds of repair done;
    ``candidates`` maps a placement id to the texts that its keywords may be chosen from; ``guards`` is the version of
    the guards when the run began.
    """

    shopper_id: str
    shopper: ShopperContext
    design: PageDesign
    design_error: str
    placements: Annotated[list[Placement], merge_placements]
    candidates: Annotated[dict[str, list[str]], lambda old, new: {**old, **new}]
    calls: Annotated[list[CallRecord], add]
    repairs: int
    started_at: float
    guards: str
    page: Page


class PlacementInput(TypedDict):
    """What one placement is built from: sent by the fan-out, once per theme and round."""

    shopper: ShopperContext
    placement: Placement


class PlacementState(TypedDict, total=False):
    """State of the placement subgraph."""

    shopper: ShopperContext
    placement: Placement
    candidates: Annotated[dict[str, list[str]], lambda old, new: {**old, **new}]
    calls: Annotated[list[CallRecord], add]
    placements: list[Placement]


class PlacementOutput(TypedDict):
    """What the placement subgraph hands back to the page graph's reducers."""

    placements: list[Placement]
    candidates: dict[str, list[str]]
    calls: list[CallRecord]
